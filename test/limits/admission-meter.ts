import { compileBucket } from '../../src/limits/bucket.ts';

/**
 * The lowest that one bucket would stand, in tokens, had it to admit one at each of these times (microseconds, ascending);
 * below 0 are tokens too many.
 */
export function lowestLevel(admittedUs: readonly number[], ratePerSecond: number, burst: number): number {
  const { leakPerUs, unitsPerToken, capacity } = compileBucket(ratePerSecond, 1_000_000, burst);
  let debt = 0;
  let atUs = admittedUs[0] ?? 0;
  let lowest = burst;
  for (const nowUs of admittedUs) {
    debt = Math.max(0, debt - leakPerUs * (nowUs - atUs)) + unitsPerToken;
    atUs = nowUs;
    lowest = Math.min(lowest, (capacity - debt) / unitsPerToken);
  }
  return lowest;
}

/** How many of the requests at these times (microseconds, ascending) one bucket would admit. */
export function exactCount(askedUs: readonly number[], ratePerSecond: number, burst: number): number {
  const { leakPerUs, unitsPerToken, capacity } = compileBucket(ratePerSecond, 1_000_000, burst);
  let debt = 0;
  let atUs = askedUs[0] ?? 0;
  let count = 0;
  for (const nowUs of askedUs) {
    debt = Math.max(0, debt - leakPerUs * (nowUs - atUs));
    atUs = nowUs;
    if (debt + unitsPerToken > capacity) continue;
    debt += unitsPerToken;
    count++;
  }
  return count;
}
