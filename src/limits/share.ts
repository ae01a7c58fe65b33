import { compileBucket, maxCapacity } from './bucket.ts';
import type { CompiledLimit } from './compile.ts';

/**
 * The part of a limit that one of `instances` enforces for itself: `rate / instances`, and as much of the burst, but at
 * least what its dearest request costs. Together they admit no more than the rate, as long as no more instances run.
 */
export function shareOf(limit: CompiledLimit, instances: number): CompiledLimit {
  const { bucket, cost } = limit;
  const divided = Math.max(1, Math.floor(bucket.burst / instances));
  const dearest = Math.max(cost.interactive, cost.batch, cost.websocket, cost.static);
  const unitsPerToken = bucket.unitsPerToken * instances;
  // Only an absurd limit (thousands of tokens at one request a day) fails this; its dear requests then have to wait.
  const burst = dearest * unitsPerToken <= maxCapacity ? Math.max(divided, dearest) : divided;
  return { ...limit, bucket: compileBucket(bucket.leakPerUs, unitsPerToken, burst) };
}
