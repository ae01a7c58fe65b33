import type { ManualClock } from './clock.ts';

/** Runs something later. Injected beside the clock, so that tests own time. */
export interface Scheduler {
  /** Runs `task` once after `delayMs`; the returned function cancels it and may be called at any time. */
  after(delayMs: number, task: () => void): () => void;
}

/** Real timers. None of them keeps the process alive. */
export const systemScheduler: Scheduler = {
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export interface ManualScheduler extends Scheduler {
  /** Moves the clock on and runs what falls due on the way, each task at its own time. */
  advance(ms: number): void;
  /** How many tasks wait. */
  pending(): number;
}

/** A scheduler whose tasks run only inside `advance`, which moves `clock` as well. */
export function manualScheduler(clock: ManualClock): ManualScheduler {
  const tasks = new Set<{ dueMs: number; run: () => void }>();
  return {
    after(delayMs, run) {
      const task = { dueMs: clock.monoMs() + Math.max(0, delayMs), run };
      tasks.add(task);
      return () => tasks.delete(task);
    },
    advance(ms) {
      const untilMs = clock.monoMs() + ms;
      for (;;) {
        let next: { dueMs: number; run: () => void } | undefined;
        for (const task of tasks) {
          if (task.dueMs <= untilMs && (next === undefined || task.dueMs < next.dueMs)) next = task;
        }
        if (next === undefined) break;
        tasks.delete(next);
        clock.advance(next.dueMs - clock.monoMs());
        next.run();
      }
      clock.advance(untilMs - clock.monoMs());
    },
    pending: () => tasks.size,
  };
}
