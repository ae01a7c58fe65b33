import { manualClock } from '../../src/core/clock.ts';
import type { Clock } from '../../src/core/clock.ts';

/** Clock and timers that move together and only when told to. */
export interface ManualTime {
  clock: Clock;
  timers: { after(ms: number, run: () => void): () => void };
  /** Moves on, and runs each timer at the moment it is due. */
  advance(ms: number): void;
  /** Timers that are still to run. */
  waiting(): number;
}

export function manualTime(startWallMs?: number): ManualTime {
  const clock = manualClock(startWallMs);
  const waiting = new Set<{ dueMs: number; run: () => void }>();
  return {
    clock,
    waiting: () => waiting.size,
    timers: {
      after(ms, run) {
        const timer = { dueMs: clock.monoMs() + ms, run };
        waiting.add(timer);
        return () => waiting.delete(timer);
      },
    },
    advance(ms) {
      const endMs = clock.monoMs() + ms;
      for (;;) {
        const next = [...waiting]
          .filter(({ dueMs }) => dueMs <= endMs)
          .toSorted((a, b) => a.dueMs - b.dueMs)[0];
        if (next === undefined) break;
        waiting.delete(next);
        clock.advance(next.dueMs - clock.monoMs());
        next.run();
      }
      clock.advance(endMs - clock.monoMs());
    },
  };
}
