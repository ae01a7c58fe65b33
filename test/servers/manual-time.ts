import { type Clock, manualClock } from '../../src/core/clock.ts';
import { manualScheduler, type ManualScheduler } from '../../src/core/scheduler.ts';

/** Clock and timers that move together and only when told to. */
export interface ManualTime extends ManualScheduler {
  clock: Clock;
  scheduler: ManualScheduler;
}

export function manualTime(startWallMs?: number): ManualTime {
  const clock = manualClock(startWallMs);
  const scheduler = manualScheduler(clock);
  return { ...scheduler, clock, scheduler };
}
