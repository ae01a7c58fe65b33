import type { LimitOutcome } from '../../core/limit.ts';
import { tokensLeft, untilMoreUs, untilRoomUs } from '../bucket.ts';
import type { RateLimit } from '../compile.ts';
import type { Charge } from '../store.ts';

// hot path: one object for every limit of every request.

/** What a charge came to that was paid; `debt` is that after it. */
export function admittedOutcome(charge: Charge<RateLimit>, debt: number): LimitOutcome {
  const { limit, key, cost } = charge;
  return {
    kind: 'rate',
    name: limit.name,
    key,
    cost,
    remaining: tokensLeft(limit.bucket, debt),
    shadow: limit.shadow,
    admitted: true,
    burst: limit.burst,
    windowMs: limit.windowMs,
    retryAfterMs: 0,
    moreAfterMs: Math.ceil(untilMoreUs(limit.bucket, debt) / 1000),
    at: limit.at,
  };
}

/** What a charge came to that has no room; `waitMs` is the least time, known from elsewhere, until it has. */
export function refusedOutcome(charge: Charge<RateLimit>, debt: number, waitMs: number): LimitOutcome {
  const outcome = admittedOutcome(charge, debt);
  outcome.admitted = false;
  outcome.retryAfterMs = Math.max(
    Math.ceil(waitMs),
    Math.ceil(untilRoomUs(charge.limit.bucket, debt, charge.cost) / 1000),
  );
  return outcome;
}
