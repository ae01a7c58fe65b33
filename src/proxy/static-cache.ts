import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import { combinedFieldValue, type Fields, fieldCount, fieldValue } from '../core/fields.ts';
import type { Inquiry } from '../decide/inquiry.ts';

/** A file of a module changes when Odoo is upgraded; nobody should wait for a week until it is seen. */
const maxFreshMs = 300_000;
/** One whose name tells its content. */
const maxImmutableMs = 86_400_000;
/** Larger ones would push many small ones out. */
export const maxCachedBytes = 1024 * 1024;
/** What an entry takes beside its content. */
const entryBytes = 1024;

export interface CachedAnswer {
  /** Flat list as Odoo gave it, names in lower case. */
  readonly fields: readonly string[];
  readonly body: Buffer;
  readonly storedMs: number;
  readonly freshMs: number;
}

export interface FoundAnswer {
  answer: CachedAnswer;
  /** For how many seconds it has been here. */
  ageS: number;
}

/**
 * Static files of Odoo's modules and its asset bundles, in memory, so that they take no worker's time (RFC 9111). Bounded in
 * bytes; the one that was not asked for for longest leaves first. Kept apart by tenant and host: two databases may have
 * other modules, or other bundles.
 */
export class StaticCache {
  readonly #clock: Clock;
  readonly #answers: LRUCache<string, CachedAnswer>;
  readonly maxBytes: number;

  constructor({ maxBytes, clock }: { maxBytes: number; clock: Clock }) {
    this.#clock = clock;
    this.maxBytes = maxBytes;
    this.#answers = new LRUCache({
      maxSize: maxBytes,
      maxEntrySize: maxCachedBytes + entryBytes,
      sizeCalculation: ({ body }) => body.length + entryBytes,
    });
  }

  get bytes(): number {
    return this.#answers.calculatedSize;
  }

  /** A fresh answer. */
  find(key: string): FoundAnswer | undefined {
    const answer = this.#answers.get(key);
    if (answer === undefined) return undefined;
    const ageMs = this.#clock.monoMs() - answer.storedMs;
    if (ageMs < answer.freshMs) return { answer, ageS: Math.floor(ageMs / 1000) };
    this.#answers.delete(key);
    return undefined;
  }

  store(key: string, { fields, body, freshMs }: Omit<CachedAnswer, 'storedMs'>): void {
    this.#answers.set(key, { fields, body, freshMs, storedMs: this.#clock.monoMs() });
  }
}

/** The name under which the answer to an allowed request may be kept; undefined when it must come from Odoo. */
export function staticKeyOf({ known, tenant, workload }: Inquiry): string | undefined {
  if (workload !== 'static' || tenant === undefined) return undefined;
  const { method, host, path, query, fields } = known;
  // What a query means is for Odoo to say.
  if ((method !== 'GET' && method !== 'HEAD') || query !== undefined) return undefined;
  for (const name of neverCached) if (fieldValue(fields, name) !== undefined) return undefined;
  const encodings = combinedFieldValue(fields, 'accept-encoding') ?? '';
  return `${tenant.id}\n${host}\n${path}\n${encodings}`;
}

/** RFC 9110 §14 and RFC 9111 §3.5 and §5.2.1.4. A cookie is no hindrance: these routes have no session. */
const neverCached = ['range', 'authorization', 'pragma', 'cache-control'];

/** For how many milliseconds an answer may be given again; 0 when it must not be kept (RFC 9111 §3 and §4.2). */
export function freshMsOf(status: number, fields: Fields): number {
  if (status !== 200 || fieldValue(fields, 'set-cookie') !== undefined) return 0;
  const vary = combinedFieldValue(fields, 'vary');
  if (vary !== undefined && !/^\s*accept-encoding\s*$/i.test(vary)) return 0;
  if (fieldCount(fields, 'content-type') !== 1) return 0;
  const control = (combinedFieldValue(fields, 'cache-control') ?? '').toLowerCase();
  if (/(^|[\s,])(no-store|no-cache|private|must-revalidate)\b/.test(control)) return 0;
  const maxAgeS = Number(/(?:^|[\s,])max-age=(\d{1,10})(?=$|[\s,])/.exec(control)?.[1] ?? 0);
  const ageS = Number(fieldValue(fields, 'age') ?? 0);
  const immutable = /(^|[\s,])immutable\b/.test(control);
  const freshMs = Math.min((maxAgeS - ageS) * 1000, immutable ? maxImmutableMs : maxFreshMs);
  return freshMs > 0 ? freshMs : 0;
}

/** Whether the client has this very answer (RFC 9110 §13.1.2 and §13.1.3). */
export function isUnchanged(request: Fields, cached: Fields): boolean {
  const wanted = combinedFieldValue(request, 'if-none-match');
  if (wanted !== undefined) {
    const tag = weak(fieldValue(cached, 'etag') ?? '');
    return tag !== '' && wanted.split(',').some((one) => weak(one.trim()) === tag);
  }
  const since = fieldValue(request, 'if-modified-since');
  // The same text: what another clock made of it is for Odoo to judge.
  return since !== undefined && since === fieldValue(cached, 'last-modified');
}

function weak(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}
