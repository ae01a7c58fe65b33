// hot path: runs once for every limit that refuses; a key that is refused again costs two look-ups.
import type { Clock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import { ownText } from '../core/own-text.ts';

/** Who was refused, by which limit, and when last. */
export interface RefusedKey {
  zone: string;
  /** Of the limit within its zone. */
  name: string;
  /** `file:line:column` of the figures that refused; tells a limit's budgets apart. */
  at: string;
  key: string;
  /** True when a shadow limit only would have refused. */
  shadow: boolean;
  /** How often since the key came into the list. */
  times: number;
  /** Milliseconds since 1970. */
  lastMs: number;
  /** Of the last request that was refused, like what follows. */
  requestId: string;
  cost: number;
  /** When it may come back, counted from then. */
  retryAfterMs: number;
}

/** How many entries an eviction looks at: enough to leave out nobody who is refused all the time. */
const lookedAt = 16;

/**
 * The keys that were refused most lately, at most `max`. At the bound a hand goes round, looks at a few entries and drops
 * the one that was refused longest ago: a flood of new keys pushes out mostly itself.
 */
export class RecentRefusals {
  readonly max: number;
  readonly #clock: Clock;
  /** By the place of the figures, then by key. */
  readonly #places = new Map<string, Map<string, RefusedKey>>();
  readonly #entries: RefusedKey[] = [];
  #hand = 0;

  constructor(clock: Clock, max = 1000) {
    this.#clock = clock;
    this.max = max;
  }

  get size(): number {
    return this.#entries.length;
  }

  note(zone: string, outcome: LimitOutcome, requestId: string): void {
    const known = this.#places.get(outcome.at)?.get(outcome.key);
    if (known === undefined) return this.#add(zone, outcome, requestId);
    known.times++;
    known.lastMs = this.#clock.wallMs();
    known.requestId = requestId;
    known.cost = outcome.cost;
    known.shadow = outcome.shadow;
    known.retryAfterMs = finite(outcome.retryAfterMs);
  }

  /** Everyone who is remembered, the last ones first. */
  list(): RefusedKey[] {
    return latestFirst(this.#entries);
  }

  #add(zone: string, outcome: LimitOutcome, requestId: string): void {
    const { name, at, shadow, cost, retryAfterMs } = outcome;
    const entry: RefusedKey = {
      zone,
      name,
      at,
      key: ownText(outcome.key),
      shadow,
      times: 1,
      lastMs: this.#clock.wallMs(),
      requestId,
      cost,
      retryAfterMs: finite(retryAfterMs),
    };
    if (this.#entries.length < this.max) this.#entries.push(entry);
    else this.#replaceOldest(entry);
    const keys = this.#places.get(at);
    if (keys === undefined) this.#places.set(at, new Map([[entry.key, entry]]));
    else keys.set(entry.key, entry);
  }

  #replaceOldest(entry: RefusedKey): void {
    let oldest = this.#hand;
    for (let looked = 1; looked < lookedAt; looked++) {
      const place = (this.#hand + looked) % this.max;
      // Written bound: both are below the length, which is `max` here.
      if (this.#entries[place]!.lastMs < this.#entries[oldest]!.lastMs) oldest = place;
    }
    this.#hand = (this.#hand + lookedAt) % this.max;
    const { at, key } = this.#entries[oldest]!;
    const keys = this.#places.get(at);
    keys?.delete(key);
    if (keys?.size === 0) this.#places.delete(at);
    this.#entries[oldest] = entry;
  }
}

export function latestFirst<Refused extends { lastMs: number }>(refused: readonly Refused[]): Refused[] {
  return refused.toSorted((a, b) => b.lastMs - a.lastMs);
}

/** JSON has no word for a wait without end. */
function finite(ms: number): number {
  return Math.min(ms, Number.MAX_SAFE_INTEGER);
}
