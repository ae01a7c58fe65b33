import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyPenalty, forgottenAtMs, penaltyMs, type PenaltyAction, type PenaltyRecord } from './penalty.ts';

const minute = 60_000;
const rule = {
  free: 5,
  windowMs: 15 * minute,
  firstMs: 1000,
  longestMs: 15 * minute,
  forgetMs: 60 * minute,
};

/** A record that is acted on at times of the test's choosing. */
function openRecord() {
  let record: PenaltyRecord | undefined;
  return (action: PenaltyAction, nowMs: number) => {
    const done = applyPenalty(rule, record, { action, nowMs });
    record = done.record;
    return done.standing;
  };
}

describe('the time that failures cost', () => {
  it.each([
    [0, 0],
    [5, 0],
    [6, 1000],
    [7, 2000],
    [8, 4000],
    [15, 512_000],
    [16, 900_000],
    [1_000_000, 900_000],
  ])('after %i failures is %i ms', (failures, ms) => {
    expect(penaltyMs(rule, failures)).toBe(ms);
  });
});

describe('a record', () => {
  it('lets the free failures pass, then doubles the wait after each further one', () => {
    const act = openRecord();
    const waits: number[] = [];
    let nowMs = 0;
    for (let i = 0; i < 9; i++) {
      const { passed, waitMs } = act('try', nowMs);
      expect(passed).toBe(true);
      waits.push(waitMs);
      nowMs += waitMs;
    }
    expect(waits).toEqual([0, 0, 0, 0, 0, 1000, 2000, 4000, 8000]);
  });

  it('counts nothing while a penalty holds, and lets pass again at its very end', () => {
    const act = openRecord();
    for (let i = 0; i < 6; i++) act('try', 0);
    expect(act('try', 1)).toEqual({ passed: false, failures: 6, waitMs: 999 });
    expect(act('look', 999)).toEqual({ passed: false, failures: 6, waitMs: 1 });
    expect(act('look', 1000)).toEqual({ passed: true, failures: 6, waitMs: 0 });
    expect(act('try', 1000)).toEqual({ passed: true, failures: 7, waitMs: 2000 });
  });

  it('counts a failure that was on its way when the penalty began', () => {
    const act = openRecord();
    for (let i = 0; i < 6; i++) act('fail', 0);
    expect(act('fail', 1)).toEqual({ passed: false, failures: 7, waitMs: 2000 });
  });

  it('takes back attempts that were none, and with them the penalty that they brought', () => {
    const act = openRecord();
    for (let i = 0; i < 7; i++) act('fail', 0);
    expect(act('forgive', 10)).toEqual({ passed: false, failures: 6, waitMs: 1990 });
    expect(act('forgive', 10)).toEqual({ passed: false, failures: 5, waitMs: 0 });
    for (let i = 0; i < 9; i++) act('forgive', 10);
    expect(act('look', 10)).toEqual({ passed: true, failures: 0, waitMs: 0 });
  });

  it('forgets free failures of long ago when the last one too many is taken back', () => {
    const act = openRecord();
    for (let i = 0; i < 6; i++) act('fail', i * 2 * minute);
    expect(act('forgive', 15 * minute - 1)).toEqual({ passed: true, failures: 5, waitMs: 0 });
    act('fail', 15 * minute - 1);
    expect(act('forgive', 15 * minute)).toMatchObject({ failures: 0, waitMs: 0 });
  });

  it('forgets free failures a window after the first of them', () => {
    const act = openRecord();
    for (let i = 0; i < 5; i++) act('try', i * 3 * minute);
    expect(act('look', 15 * minute - 1)).toMatchObject({ failures: 5 });
    expect(act('look', 15 * minute)).toEqual({ passed: true, failures: 0, waitMs: 0 });
  });

  it('forgets everything an hour after the last failure, and no earlier', () => {
    const act = openRecord();
    for (let i = 0; i < 8; i++) act('fail', 0);
    expect(act('look', 60 * minute - 1)).toEqual({ passed: true, failures: 8, waitMs: 0 });
    expect(act('fail', 60 * minute)).toEqual({ passed: true, failures: 1, waitMs: 0 });
  });

  it('forgets at once what the right secret clears', () => {
    const act = openRecord();
    for (let i = 0; i < 8; i++) act('fail', 0);
    expect(act('clear', 1)).toEqual({ passed: false, failures: 0, waitMs: 0 });
    expect(act('try', 1)).toEqual({ passed: true, failures: 1, waitMs: 0 });
  });

  it('is not shortened by a clock that goes back', () => {
    const act = openRecord();
    for (let i = 0; i < 7; i++) act('fail', 100_000);
    expect(act('fail', 0)).toEqual({ passed: false, failures: 8, waitMs: 102_000 });
  });
});

describe('whatever is done to a record', () => {
  const actions = fc.constantFrom<PenaltyAction>('look', 'try', 'fail', 'forgive', 'clear');
  const steps = fc.array(fc.tuple(actions, fc.integer({ min: 0, max: 30 * minute })), { maxLength: 60 });

  it('attempts beyond the free ones are as far apart as their penalties say', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 * minute }), { maxLength: 100 }), (pauses) => {
        const act = openRecord();
        let nowMs = 0;
        let earliestMs = 0;
        for (const pauseMs of pauses) {
          nowMs += pauseMs;
          const { passed, waitMs } = act('try', nowMs);
          if (!passed) continue;
          expect(nowMs).toBeGreaterThanOrEqual(earliestMs);
          earliestMs = nowMs + waitMs;
        }
      }),
    );
  });

  it('nobody waits longer than the longest penalty, and a record is forgotten when it says', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        let record: PenaltyRecord | undefined;
        let nowMs = 0;
        for (const [action, pauseMs] of taken) {
          nowMs += pauseMs;
          const done = applyPenalty(rule, record, { action, nowMs });
          record = done.record;
          expect(done.standing.waitMs).toBeLessThanOrEqual(rule.longestMs);
          if (record === undefined) continue;
          const goneMs = forgottenAtMs(rule, record);
          expect(goneMs).toBeGreaterThan(nowMs);
          const before = applyPenalty(rule, record, { action: 'look', nowMs: goneMs - 1 });
          const after = applyPenalty(rule, record, { action: 'look', nowMs: goneMs });
          expect([before.record, after.record]).toEqual([record, undefined]);
        }
      }),
    );
  });
});
