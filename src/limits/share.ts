import { maxCapacity } from './bucket.ts';
import type { InFlightLimit, RateLimit } from './compile.ts';
import { dearestCost } from './cost.ts';

/**
 * The part of a limit that one of `instances` enforces for itself. Of a rate `rate / instances` and `burst / instances`, to
 * the fraction of a token, but room for what its dearest request costs: together, as long as no more instances run, they
 * admit no more than the rate, and no more at once than the burst or that room times the instances. Of slots a whole number, at least one.
 */
export function shareOf(limit: RateLimit, instances: number): RateLimit;
export function shareOf(limit: RateLimit | InFlightLimit, instances: number): RateLimit | InFlightLimit;
export function shareOf(limit: RateLimit | InFlightLimit, instances: number): RateLimit | InFlightLimit {
  if (limit.kind === 'inFlight') return { ...limit, burst: Math.max(1, Math.floor(limit.burst / instances)) };
  const whole = limit.bucket;
  // A token is worth more units here, which divides rate and burst alike and exactly.
  const unitsPerToken = whole.unitsPerToken * instances;
  const dearest = Math.max(1, dearestCost(limit.cost)) * unitsPerToken;
  // Only an absurd limit (thousands of tokens at one request a day) fails this; its dear requests then have to wait.
  const capacity = dearest <= maxCapacity ? Math.max(whole.capacity, dearest) : whole.capacity;
  const bucket = {
    unitsPerToken,
    leakPerUs: whole.leakPerUs,
    capacity,
    burst: Math.floor(capacity / unitsPerToken),
  };
  return { ...limit, bucket };
}
