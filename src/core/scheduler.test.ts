import { describe, expect, it } from 'vitest';
import { manualClock } from './clock.ts';
import { manualScheduler, systemScheduler } from './scheduler.ts';

describe('manualScheduler', () => {
  it('runs tasks in the order of their times, each at its own time', () => {
    const clock = manualClock();
    const scheduler = manualScheduler(clock);
    const ran: [string, number][] = [];
    scheduler.after(30, () => ran.push(['late', clock.monoMs()]));
    scheduler.after(10, () => {
      ran.push(['early', clock.monoMs()]);
      scheduler.after(5, () => ran.push(['nested', clock.monoMs()]));
    });
    scheduler.after(100, () => ran.push(['never', clock.monoMs()]));
    scheduler.advance(50);
    expect(ran).toEqual([
      ['early', 10],
      ['nested', 15],
      ['late', 30],
    ]);
    expect([clock.monoMs(), scheduler.pending()]).toEqual([50, 1]);
  });

  it('does not run a cancelled task', () => {
    const scheduler = manualScheduler(manualClock());
    let ran = false;
    const cancel = scheduler.after(10, () => {
      ran = true;
    });
    cancel();
    scheduler.advance(20);
    expect(ran).toBe(false);
  });
});

describe('systemScheduler', () => {
  it('runs a task, and not one that is cancelled', async () => {
    const ran: string[] = [];
    // The shorter timer would have to run first.
    const cancel = systemScheduler.after(1, () => ran.push('cancelled'));
    cancel();
    // The scheduler's own timers are unref'ed; the awaited promise is kept alive by the test runner.
    await new Promise<void>((resolve) => {
      systemScheduler.after(5, () => {
        ran.push('ran');
        resolve();
      });
    });
    expect(ran).toEqual(['ran']);
  });
});
