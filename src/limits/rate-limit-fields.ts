import type { LimitOutcome } from '../core/limit.ts';

// hot path: one pass over the outcomes, text is built by concatenation.

/**
 * The draft whose wire form is written here, and only here. It is no standard yet, and expires in November 2026: compare
 * this file with the newest revision before a release.
 */
export const rateLimitFieldsDraft = 'draft-ietf-httpapi-ratelimit-headers-11';

/** The largest Integer of RFC 9651 §3.3.1. */
const largestInteger = 999_999_999_999_999;

/** Longer times are told as this: who comes back after a day is refused again, and was not sent away for a month by mistake. */
const longestMs = 86_400_000;

/**
 * Adds `RateLimit-Policy` and `RateLimit` to a flat list of lower-case names and values, or begins one; adds nothing when nothing
 * is to be told.
 *
 * Shadow limits stay hidden: clients would slow down for a rule that does not hold. A limit that nobody counts at the
 * moment shows its policy only. While the store fails the policy says by `bulkhead-mode` what holds in its place; the draft wants
 * parameters of a server's own to begin with its name. `t` is the time in which no more than `r` can be used: until the next token, or until
 * this request would pass, at most a day. Sub-second times become 1, the draft has no finer unit. When a slot becomes free
 * nobody knows, so limits on requests in progress have no times.
 */
export function rateLimitFields(outcomes: readonly LimitOutcome[], fields: string[] = []): string[] {
  let policies = '';
  let budgets = '';
  for (const outcome of outcomes) {
    if (outcome.shadow) continue;
    const { name, policy: whole } = constantsOf(outcome);
    const policy = outcome.mode === undefined ? whole : `${whole};bulkhead-mode=${outcome.mode}`;
    policies = policies === '' ? policy : `${policies}, ${policy}`;
    if (outcome.mode === 'open') continue;
    const wait = renderWait(outcome);
    const budget = `${name};r=${renderInteger(Math.max(0, outcome.remaining))}${wait}`;
    budgets = budgets === '' ? budget : `${budgets}, ${budget}`;
  }
  if (policies !== '') fields.push('ratelimit-policy', policies);
  if (budgets !== '') fields.push('ratelimit', budgets);
  return fields;
}

function renderWait({ kind, admitted, moreAfterMs, retryAfterMs }: LimitOutcome): string {
  const waitMs = admitted ? moreAfterMs : retryAfterMs;
  if (kind === 'inFlight' || waitMs === 0) return '';
  return `;t=${Math.ceil(Math.min(waitMs, longestMs) / 1000)}`;
}

interface LimitConstants {
  burst: number;
  windowMs: number;
  /** The name as a String of RFC 9651. */
  name: string;
  policy: string;
}

/** What is the same in every answer of a limit, by its name. Forgotten as a whole when there are too many. */
const constants = new Map<string, LimitConstants>();
const maxConstants = 10_000;

function constantsOf({ kind, name: limitName, burst, windowMs }: LimitOutcome): LimitConstants {
  const known = constants.get(limitName);
  // Limits of two zones, or of two configurations, may share a name.
  if (known !== undefined && known.burst === burst && known.windowMs === windowMs) return known;
  const name = renderString(limitName);
  const windowSeconds = Math.max(1, Math.ceil(windowMs / 1000));
  const unit = kind === 'inFlight' ? 'qu="concurrent-requests"' : `w=${renderInteger(windowSeconds)}`;
  const policy = `${name};q=${renderInteger(burst)};${unit}`;
  if (constants.size >= maxConstants) constants.clear();
  const made = { burst, windowMs, name, policy };
  constants.set(limitName, made);
  return made;
}

/** The most that is added to a wait, and to one that ends with a calendar window for all at the same time the least and most. */
const mostSpreadMs = 60_000;
const resetSpreadMs = { least: 5000, most: 300_000 };

/**
 * The value of `Retry-After` (RFC 9110 §10.2.3): whole seconds, at least 1 and at most about a day. Up to a fifth is added, by
 * `random` from 0 to 1, so that callers who were refused together do not come back together; where a wait ends for everybody
 * at once (`atReset`), however late they were refused, at least up to 5 s. Nothing is ever taken off, because `Retry-After`
 * must not end before the `t` of `RateLimit`.
 */
export function retryAfterSeconds(waitMs: number, random: () => number, atReset = false): number {
  const leastMs = Math.min(waitMs, longestMs);
  const fifthMs = 0.2 * leastMs;
  const spreadMs = atReset
    ? Math.min(Math.max(fifthMs, resetSpreadMs.least), resetSpreadMs.most)
    : Math.min(fifthMs, mostSpreadMs);
  return Math.max(1, Math.ceil((leastMs + spreadMs * random()) / 1000));
}

function renderInteger(value: number): string {
  return String(Math.min(value, largestInteger));
}

const needsEscape = /[^ !#-[\]-~]/;

/** RFC 9651 §4.1.6: a String is printable ASCII in quotes. */
function renderString(text: string): string {
  if (!needsEscape.test(text)) return `"${text}"`;
  let escaped = '';
  for (const character of text) {
    if (character === '"' || character === '\\') escaped += `\\${character}`;
    // What a String cannot hold; configured names have none of it.
    else escaped += needsEscape.test(character) ? '?' : character;
  }
  return `"${escaped}"`;
}
