import { vi } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';

/** The monotonic time of every gateway in this process, which stands still until the test moves it. */
export interface HeldTime {
  advance(ms: number): void;
  release(): void;
}

/**
 * Stops the clock by which budgets refill, keys age and stores are tried again. Timers and sockets run on, so that the
 * traffic is real and the numbers in its answers are exact.
 */
export function holdTime(): HeldTime {
  // Whole milliseconds: sums and differences of these are exact.
  let nowMs = Math.ceil(systemClock.monoMs());
  const spy = vi.spyOn(systemClock, 'monoMs').mockImplementation(() => nowMs);
  return {
    advance(ms) {
      nowMs += ms;
    },
    release: () => spy.mockRestore(),
  };
}
