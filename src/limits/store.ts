import type { LimitOutcome } from '../core/limit.ts';
import { hasRoom, tokensLeft, untilMoreUs, untilRoomUs } from './bucket.ts';
import type { CompiledLimit, RateLimit } from './compile.ts';

// hot path: outcomes are built for every limit of every request.

/** One limit that a request has to pass. A request has at most one charge for each pair of limit and key. */
export interface Charge<Limit extends CompiledLimit = CompiledLimit> {
  readonly limit: Limit;
  /** Whose budget, from `limitKeyOf`. */
  readonly key: string;
  /** Whole tokens, 0 or more. */
  readonly cost: number;
}

/** A limit that is `closed` while the store fails, and the store fails: nothing was charged, the request must not pass. */
export interface StoreUnavailable {
  readonly unavailable: CompiledLimit;
  /** Milliseconds after which asking again makes sense. */
  readonly retryAfterMs: number;
}

/** Outcomes in the order of the charges, or the limit that cannot be decided. */
export type LimitReply = LimitOutcome[] | StoreUnavailable;

/**
 * Where budgets are kept.
 *
 * `take` spends for one request: every enforced charge or none. Shadow limits never refuse; they are charged when the
 * request is admitted, each one that has room for itself. `peek` gives the outcomes that `take` would find, and spends
 * nothing; `remaining` is then without the cost, as it is for a refused request. A store that knows the answer gives it
 * as a value: only one that has to wait returns a promise.
 */
export interface LimitStore {
  take(charges: readonly Charge[]): LimitReply | Promise<LimitReply>;
  peek(charges: readonly Charge[]): LimitReply | Promise<LimitReply>;
  /**
   * Ends a charge that was taken, once: `due` tokens are owed for it in all. What was taken beyond that comes back, as slots
   * always do, whose due is 0; what is missing is taken, and becomes debt where the budget has not got it. `mode` is that of
   * the outcome.
   */
  complete(charge: Charge, due: number, mode: LimitOutcome['mode']): void;
  close(): Promise<void>;
}

export function isRateCharge(charge: Charge): charge is Charge<RateLimit> {
  return charge.limit.kind === 'rate';
}

export function isUnavailable(reply: LimitReply): reply is StoreUnavailable {
  return !Array.isArray(reply);
}

/** Whether every limit that may refuse admits the request. */
export function isAdmitted(outcomes: readonly LimitOutcome[]): boolean {
  for (const outcome of outcomes) {
    if (!outcome.admitted && !outcome.shadow) return false;
  }
  return true;
}

/** What a charge came to, given the debt before it; `spent` says whether the request took its tokens. */
export function outcomeOf(charge: Charge<RateLimit>, debtBefore: number, spent: boolean): LimitOutcome {
  const { limit, cost } = charge;
  const { bucket } = limit;
  const admitted = hasRoom(bucket, debtBefore, cost);
  const debt = spent && admitted ? debtBefore + cost * bucket.unitsPerToken : debtBefore;
  return {
    kind: 'rate',
    name: limit.name,
    key: charge.key,
    cost,
    remaining: tokensLeft(bucket, debt),
    shadow: limit.shadow,
    admitted,
    burst: limit.burst,
    windowMs: limit.windowMs,
    retryAfterMs: admitted ? 0 : Math.ceil(untilRoomUs(bucket, debt, cost) / 1000),
    moreAfterMs: Math.ceil(untilMoreUs(bucket, debt) / 1000),
    at: limit.at,
  };
}
