import { describe, expect, it } from 'vitest';
import { renderBudget, renderChange, renderLimits } from './render-limits.ts';

const rate = {
  limit: 'partner/partner-rate',
  kind: 'rate',
  key: 'tenant',
  figures: '50/s',
  burst: 100,
  shadow: false,
  onStoreFailure: 'share',
  at: 'zones/partner.yaml:16:5',
  keysHeld: 12,
};

describe('limits as a table', () => {
  it('have a line for each set of figures', () => {
    const others = [
      { for: 'tenant nordfracht', limit: rate.limit, figures: '100/s', burst: 200, at: 'tenants.yaml:18:29' },
      {
        for: 'default, night',
        limit: rate.limit,
        figures: '10/s',
        burst: 10,
        at: 'zones/partner.yaml:17:20',
      },
      { for: 'tier dedicated', limit: `${rate.limit}@tier=dedicated`, figures: '9/s', burst: 9, at: 'x:1:1' },
    ];
    const guard = { ...rate, limit: 'partner/@address-guard', kind: 'guard', key: 'client', others: [] };
    const answer = {
      store: { kind: 'redis', up: false },
      processes: 4,
      limits: [guard, { ...rate, shadow: true, others }],
    };
    expect(renderLimits(answer)).toBe(`Budgets are kept in Redis, which does not answer, for 4 processes.

LIMIT                                                     KIND   KEY     FIGURES  BURST  MODE      STORE FAILS  KEYS HERE  WHERE
partner/@address-guard                                    guard  client  50/s     100    enforced  -            12         zones/partner.yaml:16:5
partner/partner-rate                                      rate   tenant  50/s     100    shadow    share        12         zones/partner.yaml:16:5
  for tenant nordfracht                                                  100/s    200                                      tenants.yaml:18:29
  for night                                                              10/s     10                                       zones/partner.yaml:17:20
  partner/partner-rate@tier=dedicated for tier dedicated                 9/s      9                                        x:1:1
`);
  });
});

describe('a budget', () => {
  const budget = {
    limit: 'partner/partner-daily',
    key: 'nordfracht',
    at: 'tenants.yaml:18:29',
    for: 'tenant nordfracht',
    shadow: false,
    onStoreFailure: 'share',
    keptBy: 'redis',
    retryAfterMs: 90_000,
    lastRefused: null,
  };

  it('of a quota is told with what is used, and until when', () => {
    const quota = {
      ...budget,
      kind: 'quota',
      figures: '200000/day',
      burst: 200_000,
      free: 0,
      used: 200_000,
      windowEnd: '2026-01-01T23:00:00.000Z',
      processes: [{ held: 20 }, { held: 5 }],
    };
    expect(renderBudget(quota)).toBe(`partner/partner-daily of nordfracht
  figures   200000/day
  for       tenant nordfracht
  at        tenants.yaml:18:29
  kept by   Redis, for all instances
  free      0 of 200000 tokens
  used      200000, of which 25 can still be spent here
  until     2026-01-01T23:00:00.000Z
  next      in 1.5 min
  refused   not lately
`);
  });

  it('of slots is told with those in use', () => {
    const slots = {
      ...budget,
      for: 'default',
      keptBy: 'share',
      kind: 'inFlight',
      figures: '8',
      burst: 8,
      free: 3,
      inUse: 5,
      retryAfterMs: 0,
      processes: [{ held: 0 }],
    };
    expect(renderBudget(slots)).toBe(`partner/partner-daily of nordfracht
  figures   8
  at        tenants.yaml:18:29
  kept by   this instance alone, its share of the limit: Redis does not answer
  free      3 of 8 slots
  in use    5 by all instances
  next      admitted now
  refused   not lately
`);
  });

  it.each([
    [0, 'now'],
    [999, 'in 999 ms'],
    [1000, 'in 1 s'],
    [1049, 'in 1 s'],
    [59_900, 'in 59.9 s'],
    [3_600_000, 'in 1 h'],
    [90_000_000, 'in 1 d'],
    [129_600_000, 'in 1.5 d'],
  ])('that is full after %i ms is full %s', (fullAfterMs, text) => {
    const full = { ...budget, kind: 'rate', figures: '1/d', burst: 1, free: 0, leased: 0, processes: [] };
    expect(renderBudget({ ...full, fullAfterMs })).toContain(`  full      ${text}\n`);
  });
});

it('a change is told with what instances still hold, and when the others see it', () => {
  const change = {
    limit: 'partner/partner-rate',
    key: 'acme',
    action: 'reset',
    before: { free: 0, leased: 40 },
    after: { free: 75, leased: 25 },
    otherInstancesWithinMs: 10_000,
  };
  expect(renderChange(change)).toBe(
    'partner/partner-rate of acme is reset: 0 tokens were free, now 75 are, and 25 that instances hold. Other instances see it within 10 s.\n',
  );
});
