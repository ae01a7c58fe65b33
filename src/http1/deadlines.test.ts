import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Deadlines, type Timed } from './deadlines.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Watched implements Timed {
  deadline = 0;
  passedAtMs: number[] = [];
  readonly #act: () => void;

  constructor(act = (): void => {}) {
    this.#act = act;
  }

  onDeadline(): void {
    this.passedAtMs.push(performance.now());
    this.#act();
  }
}

describe('Deadlines', () => {
  test.each([
    [1, 20],
    [10, 20],
    [11, 30],
    [100, 110],
  ])('of %i ms pass after %i ms when a tick is 10 ms', (ms, passedMs) => {
    const startMs = performance.now();
    const deadlines = new Deadlines(10);
    const watched = new Watched();
    deadlines.watch(watched);
    watched.deadline = deadlines.after(ms);
    vi.advanceTimersByTime(1_000);
    expect([watched.passedAtMs.map((at) => at - startMs), watched.deadline]).toEqual([[passedMs], 0]);
  });

  test('pass between one and two ticks late at most, and never early', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 250 }),
        fc.integer({ min: 0, max: 1_000 }),
        fc.integer({ min: 1, max: 5_000 }),
        (tickMs, beginMs, ms) => {
          const deadlines = new Deadlines(tickMs);
          const watched = new Watched();
          deadlines.watch(watched);
          vi.advanceTimersByTime(beginMs);
          const setMs = performance.now();
          watched.deadline = deadlines.after(ms);
          vi.advanceTimersByTime(ms + 2 * tickMs);
          deadlines.forget(watched);
          const [lateMs = NaN] = watched.passedAtMs.map((at) => at - setMs - ms);
          expect(watched.passedAtMs).toHaveLength(1);
          expect(lateMs).toBeGreaterThanOrEqual(0);
          expect(lateMs).toBeLessThanOrEqual(2 * tickMs);
        },
      ),
    );
  });

  test('that are moved pass at their new time, and those that are 0 never', () => {
    const startMs = performance.now();
    const deadlines = new Deadlines(10);
    const moved = new Watched();
    const cleared = new Watched();
    for (const watched of [moved, cleared]) {
      deadlines.watch(watched);
      watched.deadline = deadlines.after(50);
    }
    vi.advanceTimersByTime(40);
    moved.deadline = deadlines.after(50);
    cleared.deadline = 0;
    vi.advanceTimersByTime(1_000);
    expect([moved.passedAtMs.map((at) => at - startMs), cleared.passedAtMs]).toEqual([[100], []]);
  });

  test('may be set anew by the one whose deadline has passed', () => {
    const startMs = performance.now();
    const deadlines = new Deadlines(10);
    const watched: Watched = new Watched(() => void (watched.deadline = deadlines.after(20)));
    deadlines.watch(watched);
    watched.deadline = deadlines.after(20);
    vi.advanceTimersByTime(100);
    expect(watched.passedAtMs.map((at) => at - startMs)).toEqual([30, 60, 90]);
  });

  test('of others still pass when one of them is forgotten or watched within a call', () => {
    const deadlines = new Deadlines(10);
    const late = new Watched();
    const forgotten = new Watched();
    const first = new Watched(() => {
      deadlines.forget(first);
      deadlines.forget(forgotten);
      deadlines.watch(late);
      late.deadline = deadlines.after(10);
    });
    const last = new Watched();
    for (const watched of [first, forgotten, last]) {
      deadlines.watch(watched);
      watched.deadline = deadlines.after(10);
    }
    vi.advanceTimersByTime(100);
    expect([first, forgotten, last, late].map(({ passedAtMs }) => passedAtMs.length)).toEqual([1, 0, 1, 1]);
  });

  test('need one timer while somebody is watched, and none otherwise', () => {
    const deadlines = new Deadlines(10);
    const one = new Watched();
    const two = new Watched();
    expect(vi.getTimerCount()).toBe(0);
    deadlines.watch(one);
    deadlines.watch(two);
    deadlines.watch(two);
    expect(vi.getTimerCount()).toBe(1);
    deadlines.forget(two);
    deadlines.forget(two);
    expect(vi.getTimerCount()).toBe(1);
    deadlines.forget(one);
    expect(vi.getTimerCount()).toBe(0);
    deadlines.watch(one);
    one.deadline = deadlines.after(10);
    vi.advanceTimersByTime(20);
    expect(one.passedAtMs).toHaveLength(1);
    deadlines.forget(one);
  });
});
