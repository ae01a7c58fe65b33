import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { RestartDelay } from './restart-delay.ts';

/** Delays before the restarts of workers that lived so long, one after the other. */
function delaysAfter(livesMs: readonly number[]): number[] {
  const clock = manualClock();
  const delay = new RestartDelay(clock);
  return livesMs.map((lifeMs) => {
    delay.started();
    clock.advance(lifeMs);
    const delayMs = delay.next();
    clock.advance(delayMs);
    return delayMs;
  });
}

describe('the delay before a restart', () => {
  it('is nothing the first time, then 100 ms doubling to 5 s', () => {
    expect(delaysAfter(Array.from({ length: 10 }, () => 10))).toEqual([
      0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000,
    ]);
  });

  it('begins anew once a worker has lived for 30 s', () => {
    expect(delaysAfter([10, 10, 10, 29_999, 30_000, 10])).toEqual([0, 100, 200, 400, 0, 100]);
  });

  it('does not count the wait before the restart as life', () => {
    const clock = manualClock();
    const delay = new RestartDelay(clock);
    delay.started();
    delay.next();
    clock.advance(40_000);
    delay.started();
    clock.advance(10);
    expect(delay.next()).toBe(100);
  });
});
