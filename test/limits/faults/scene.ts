import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Load, type LoadLimit, nowUs } from './load.ts';

const rate = 200;
const burst = 100;

/** One limit for each way to meet a failing store, all of one tenant, so that they are in one slot of a Cluster. */
export const faultLimits: LoadLimit[] = (['closed', 'share', 'open'] as const).map((name) => ({
  name,
  rate,
  burst,
  onStoreFailure: name,
}));

/** What timestamps of several processes on a busy machine may be wrong by, in tokens. */
const jitter = 0.05 * rate + 0.5;

/** What a fault may cost. */
export interface FaultBounds {
  /**
   * Bursts that may be admitted once more because the store lost data. What is promised is one for each loss; a whole one here
   * would hide that nobody repaired it.
   */
  lostBursts: number;
  /** Milliseconds for which two servers may have taken writes at the same time: each of them is a whole limit. */
  splitMs?: number;
  /** Bursts that a limit with `share` may admit beside, for each time that the store was given up. */
  shareBursts: number;
  /** Longest time from the end of the fault until the store admits in every process again. */
  recoveryMs: number;
}

/**
 * Waits until the store admits in every process again and then lets the load go on for a moment; asserts what holds after
 * every fault: no token too many beyond the bounds, no decision that took much longer than its budget, nothing thrown that nobody
 * caught, and that the limits are used up again.
 */
export async function expectAftermath(load: Load, healedUs: number, bounds: FaultBounds): Promise<void> {
  await load.untilServed();
  await sleep(1200);
  const endUs = nowUs();
  const result = await load.stop();
  const lost = bounds.lostBursts * burst + (rate * (bounds.splitMs ?? 0)) / 1000;
  const outages = Math.max(0, ...load.processes.map((_, index) => outagesOf(load, index)));
  expect(result.summaries.flatMap(({ faults }) => faults)).toEqual([]);
  expect(result.summaries.map(({ slow }) => slow)).toEqual(result.summaries.map(() => 0));
  expect(result.excess('closed')).toBeLessThanOrEqual(lost + jitter);
  expect(result.excess('open', 'store')).toBeLessThanOrEqual(lost + jitter);
  expect(result.excess('share')).toBeLessThanOrEqual(lost + bounds.shareBursts * outages * burst + jitter);
  expect(result.recoveryMs('closed', healedUs)).toBeLessThanOrEqual(bounds.recoveryMs);
  for (const { name } of faultLimits) {
    // After an outage a shared limit keeps some of its burst back, for instances that have not told yet what they spent.
    const least = name === 'share' && outages > 0 ? 0.1 : 0.5;
    expect(result.utilisation(name, endUs - 1e6, endUs)).toBeGreaterThan(least);
  }
}

function outagesOf(load: Load, index: number): number {
  return load.modeChanges.filter(({ process: own, mode }) => own === index && mode === 'local').length;
}
