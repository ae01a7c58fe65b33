import type { LimitOutcome } from '../core/limit.ts';
import type { InFlightLimit, QuotaLimit } from './compile.ts';
import type { Charge } from './store.ts';

// hot path: one object for every limit of every request.

/** How a charge of counted tokens stands: `left` are those that it finds, `spent` whether it takes its own. */
export interface Count {
  admitted: boolean;
  left: number;
  spent: boolean;
}

/** When slots that are taken become free, nobody knows. */
const slotRetryMs = 1000;

/** What a charge of a quota came to. `resetMs` is the time until the window ends, `endMs` when that is. */
export function quotaOutcome(
  charge: Charge<QuotaLimit>,
  { admitted, left, spent }: Count,
  { resetMs, endMs }: { resetMs: number; endMs: number },
): LimitOutcome {
  const { limit, key, cost } = charge;
  const remaining = remainingOf(limit, admitted && spent ? left - cost : left);
  const untilMs = Math.max(1, Math.ceil(resetMs));
  return {
    kind: 'quota',
    name: limit.name,
    key,
    cost,
    remaining,
    shadow: limit.shadow,
    admitted,
    burst: limit.burst,
    windowMs: limit.windowMs,
    retryAfterMs: admitted ? 0 : cost > limit.burst ? Infinity : untilMs,
    moreAfterMs: remaining === limit.burst ? 0 : untilMs,
    at: limit.at,
    windowEndsAtMs: endMs,
  };
}

/** What a charge of slots came to. */
export function slotOutcome(charge: Charge<InFlightLimit>, { admitted, left, spent }: Count): LimitOutcome {
  const { limit, key, cost } = charge;
  return {
    kind: 'inFlight',
    name: limit.name,
    key,
    cost,
    remaining: remainingOf(limit, admitted && spent ? left - cost : left),
    shadow: limit.shadow,
    admitted,
    burst: limit.burst,
    windowMs: 0,
    retryAfterMs: admitted ? 0 : cost > limit.burst ? Infinity : slotRetryMs,
    moreAfterMs: 0,
    at: limit.at,
  };
}

function remainingOf({ burst }: { burst: number }, tokens: number): number {
  return Math.min(Math.max(0, tokens), burst);
}
