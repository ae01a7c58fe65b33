import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import { RecentRefusals } from './recent-refusals.ts';

const outcome = (key: string, changes: Partial<LimitOutcome> = {}): LimitOutcome => ({
  kind: 'rate',
  name: 'partner-rate',
  key,
  cost: 1,
  remaining: 0,
  shadow: false,
  admitted: false,
  burst: 10,
  windowMs: 1000,
  retryAfterMs: 20,
  moreAfterMs: 20,
  at: 'zones/partner.yaml:16:5',
  ...changes,
});

const startMs = Date.UTC(2026, 0, 1);

function open(max?: number) {
  const clock = manualClock(startMs);
  const refusals = new RecentRefusals(clock, max);
  return {
    clock,
    refusals,
    note: (key: string, requestId = 'r', changes?: Partial<LimitOutcome>) =>
      refusals.note('partner', outcome(key, changes), requestId),
    keys: () => refusals.list().map(({ key }) => key),
  };
}

describe('who was refused last', () => {
  it('is told with the last request and how often, the last one first', () => {
    const { clock, refusals, note } = open();
    note('acme', 'r-1');
    clock.advance(1000);
    note('nordfracht', 'r-2', { shadow: true, cost: 5 });
    clock.advance(1000);
    note('acme', 'r-3', { cost: 2, retryAfterMs: Infinity });
    const common = { zone: 'partner', name: 'partner-rate', at: 'zones/partner.yaml:16:5' };
    expect(refusals.list()).toEqual([
      {
        ...common,
        key: 'acme',
        shadow: false,
        times: 2,
        lastMs: startMs + 2000,
        requestId: 'r-3',
        cost: 2,
        retryAfterMs: Number.MAX_SAFE_INTEGER,
      },
      {
        ...common,
        key: 'nordfracht',
        shadow: true,
        times: 1,
        lastMs: startMs + 1000,
        requestId: 'r-2',
        cost: 5,
        retryAfterMs: 20,
      },
    ]);
  });

  it('tells budgets of one name and key apart by where their figures stand', () => {
    const { refusals, note } = open();
    note('partner', 'r-1');
    note('partner', 'r-2', { at: 'zones/partner.yaml:18:9' });
    expect(refusals.list().map(({ at, times }) => [at, times])).toEqual([
      ['zones/partner.yaml:16:5', 1],
      ['zones/partner.yaml:18:9', 1],
    ]);
  });

  it('keeps a bounded number, and of a flood of new keys those that are refused again and again', () => {
    const { clock, refusals, note, keys } = open(100);
    note('always');
    for (let i = 0; i < 20_000; i++) {
      clock.advance(1);
      note(`new-${i}`);
      note('always');
      if (i % 10 === 0) note('often');
    }
    expect(refusals.size).toBe(100);
    expect(new Set(keys()).size).toBe(100);
    expect(keys()).toContain('always');
    expect(keys()).toContain('often');
    expect(refusals.list()[0]).toMatchObject({ lastMs: startMs + 20_000 });
    expect(refusals.list().find(({ key }) => key === 'always')?.times).toBe(20_001);
    // One that had to leave is found when it comes back.
    note('new-0');
    expect(refusals.list().find(({ key }) => key === 'new-0')?.times).toBe(1);
  });
});
