import { describe, expect, it } from 'vitest';
import type { ConfigPath } from '../core/issue.ts';
import { compileGuard, compileLimits, limitNeedsPrincipal } from './compile.ts';
import { compileCost } from './cost.ts';
import { guardSchema, limitSchema } from './options.ts';

const locate = (path: ConfigPath) => `zones/partner.yaml:${path.join('.')}`;

function compile(...entries: Record<string, unknown>[]) {
  const authored = entries.map((entry) =>
    limitSchema.parse({ name: 'partner-rate', key: 'tenant', rate: '50/s', ...entry }),
  );
  return compileLimits('partner', authored, locate);
}

describe('compileLimits', () => {
  it('makes numbers and a provenance of what was written', () => {
    expect(compile({ burst: 100, cost: { batch: 5 }, shadow: true, onStoreFailure: 'open' })).toEqual({
      limits: [
        {
          kind: 'rate',
          id: 'partner/partner-rate',
          name: 'partner-rate',
          key: 'tenant',
          bucket: { unitsPerToken: 20_000, leakPerUs: 1, burst: 100, capacity: 2_000_000 },
          burst: 100,
          windowMs: 2000,
          cost: { ...compileCost({}), batch: 5 },
          shadow: true,
          onStoreFailure: 'open',
          at: 'zones/partner.yaml:limits.0',
        },
      ],
      issues: [],
    });
  });

  it('takes the number in the rate as the burst when none is written', () => {
    const { limits } = compile({ rate: '600/m' });
    expect(limits.map(({ burst, windowMs }) => ({ burst, windowMs }))).toEqual([
      { burst: 600, windowMs: 60_000 },
    ]);
  });

  it('reports every name that is used again', () => {
    expect(compile({}, { name: 'other' }, {}, {}).issues).toEqual(
      [2, 3].map((index) => ({
        path: ['limits', index, 'name'],
        what: 'Two limits of zone "partner" are named "partner-rate".',
        consequence: 'They would spend from one budget, and no report could tell them apart.',
        fix: 'Give every limit of a zone a name of its own.',
      })),
    );
  });

  it('reports a cost above the burst, for each workload that could never pass', () => {
    expect(compile({ burst: 4, cost: { batch: 5, interactive: 4, static: 6 } }).issues).toEqual([
      {
        path: ['limits', 0, 'cost', 'batch'],
        what: 'A cost of "5" is more than the burst of 4.',
        consequence: 'No batch request could ever pass.',
        fix: 'Write a burst of at least 5, or a cost of at most 4.',
      },
      {
        path: ['limits', 0, 'cost', 'static'],
        what: 'A cost of "6" is more than the burst of 4.',
        consequence: 'No static request could ever pass.',
        fix: 'Write a burst of at least 6, or a cost of at most 4.',
      },
    ]);
  });

  it('reports a budget that whole numbers cannot hold, and the largest burst that they can', () => {
    expect(compile({ rate: '199999/d' }).issues).toEqual([
      {
        path: ['limits', 0, 'rate'],
        what: '"199999/d" with a burst of 199999 is too fine to be counted exactly.',
        consequence: 'The budget would be rounded and could admit more than it says.',
        fix: 'Write a burst of at most 52124, or a rate that divides its period more evenly.',
      },
    ]);
    expect(compile({ rate: '199999/d', burst: 52_124 }).issues).toEqual([]);
    expect(compile({ rate: '200000/d' }).issues).toEqual([]);
  });
});

describe('the kinds of limit', () => {
  it('are told apart, and budgets of different kinds and calendars are different budgets', () => {
    const { limits, issues } = compile(
      { name: 'rated' },
      { name: 'daily', rate: undefined, quota: '200000/day', timezone: 'Europe/Berlin' },
      { name: 'weekly', rate: undefined, quota: '5/week', anchorDay: 'sunday' },
      { name: 'monthly', rate: undefined, quota: '7/month', anchorDay: 15 },
      { name: 'parallel', rate: undefined, inFlight: 8 },
    );
    expect(issues).toEqual([]);
    const base = {
      key: 'tenant',
      cost: compileCost({}),
      shadow: false,
      onStoreFailure: 'share',
    };
    expect(limits.slice(1)).toEqual([
      {
        ...base,
        kind: 'quota',
        id: 'partner/daily@day@Europe/Berlin',
        name: 'daily',
        burst: 200_000,
        windowMs: 86_400_000,
        period: { unit: 'day', timeZone: 'Europe/Berlin', anchorDay: 1 },
        at: 'zones/partner.yaml:limits.1',
      },
      {
        ...base,
        kind: 'quota',
        id: 'partner/weekly@week-7@UTC',
        name: 'weekly',
        burst: 5,
        windowMs: 604_800_000,
        period: { unit: 'week', timeZone: 'UTC', anchorDay: 7 },
        at: 'zones/partner.yaml:limits.2',
      },
      {
        ...base,
        kind: 'quota',
        id: 'partner/monthly@month-15@UTC',
        name: 'monthly',
        burst: 7,
        windowMs: 2_592_000_000,
        period: { unit: 'month', timeZone: 'UTC', anchorDay: 15 },
        at: 'zones/partner.yaml:limits.3',
      },
      {
        ...base,
        kind: 'inFlight',
        id: 'partner/parallel@inFlight',
        name: 'parallel',
        burst: 8,
        windowMs: 0,
        at: 'zones/partner.yaml:limits.4',
      },
    ]);
  });

  it('are one for each limit', () => {
    const { limits, issues } = compile(
      { name: 'none', rate: undefined },
      { name: 'two', quota: '5/day' },
      { name: 'three', quota: '5/day', inFlight: 8 },
    );
    expect(limits.map(({ name }) => name)).toEqual(['two', 'three']);
    expect(issues).toEqual([
      {
        path: ['limits', 0],
        what: 'Limit "none" has none of rate, quota and inFlight.',
        consequence: 'It would be unknown how much it lets pass.',
        fix: 'Write one of rate: 50/s, quota: 200000/day and inFlight: 8.',
      },
      ...[1, 2].map((index) => ({
        path: ['limits', index, 'quota'],
        what: `Limit "${index === 1 ? 'two' : 'three'}" has both rate and quota.`,
        consequence: 'It would be unknown which of them counts.',
        fix: 'Make two limits of it, each with a name of its own; a request has to pass both.',
      })),
    ]);
  });

  it('have keys of their own', () => {
    const quota = { rate: undefined, quota: '5/day' };
    const slots = { rate: undefined, inFlight: 8 };
    const { issues } = compile(
      { name: 'a', ...quota, burst: 9 },
      { name: 'b', ...slots, timezone: 'UTC' },
      { name: 'c', anchorDay: 'monday' },
    );
    const wrong = (index: number, name: string, key: string, home: string, kind: string) => ({
      path: ['limits', index, key],
      what: `Limit "${name}" has ${key}, which belongs to a ${home}, and its kind is ${kind}.`,
      consequence: 'It would have no effect.',
      fix: `Remove ${key}.`,
    });
    expect(issues).toEqual([
      wrong(0, 'a', 'burst', 'rate', 'quota'),
      wrong(1, 'b', 'timezone', 'quota', 'inFlight'),
      wrong(2, 'c', 'anchorDay', 'quota', 'rate'),
    ]);
  });

  it.each([
    ['5/day', 'monday', 'Remove anchorDay, or write the quota per week or month.'],
    ['5/week', 3, 'Write a weekday such as monday.'],
    ['5/month', 'monday', 'Write a day of the month from 1 to 31.'],
  ])('refuse for %s the first day %j', (quota, anchorDay, fix) => {
    expect(compile({ rate: undefined, quota, anchorDay }).issues).toEqual([
      {
        path: ['limits', 0, 'anchorDay'],
        what: `"${anchorDay}" is no day on which a quota per ${quota.slice(2)} could begin.`,
        consequence: 'It would be unknown when the budget begins anew.',
        fix,
      },
    ]);
  });

  it('refuse bytes and seconds for requests in progress', () => {
    const cost = { perRequestBytes: '1KiB', perResponseBytes: '1KiB', perSecond: 1 };
    expect(compile({ rate: undefined, inFlight: 8, cost }).issues).toEqual(
      Object.keys(cost).map((key) => ({
        path: ['limits', 0, 'cost', key],
        what: `Limit "partner-rate" counts requests in progress, and has a cost ${key}.`,
        consequence: 'Requests in progress take slots, not bytes or seconds.',
        fix: `Remove ${key}, or write it in a limit with a rate or a quota.`,
      })),
    );
  });

  it('refuse a cost that no budget of theirs could ever pay', () => {
    const odoo = [{ model: 'sale.order', methods: ['create'], cost: 9 }];
    const { issues } = compile(
      { name: 'a', rate: undefined, quota: '8/day', cost: { batch: 10 } },
      { name: 'b', rate: undefined, inFlight: 8, cost: { odoo } },
    );
    expect(issues).toEqual([
      {
        path: ['limits', 0, 'cost', 'batch'],
        what: 'A cost of "10" is more than the quota of 8.',
        consequence: 'No batch request could ever pass.',
        fix: 'Write a quota of at least 10, or a cost of at most 8.',
      },
      {
        path: ['limits', 1, 'cost', 'odoo', 0, 'cost'],
        what: 'A cost of "9" is more than the inFlight of 8.',
        consequence: 'No such call could ever pass.',
        fix: 'Write an inFlight of at least 9, or a cost of at most 8.',
      },
    ]);
  });
});

describe('compileGuard', () => {
  it('makes a limit per client address that no configured limit shares a budget with', () => {
    const path = ['address', 'guard'];
    expect(
      compileGuard('partner', guardSchema.parse({ rate: '100/s', burst: 200 }), { path, locate }),
    ).toEqual({
      limit: {
        kind: 'rate',
        id: 'partner/@address-guard',
        name: 'address-guard',
        key: 'client',
        bucket: { unitsPerToken: 10_000, leakPerUs: 1, burst: 200, capacity: 2_000_000 },
        burst: 200,
        windowMs: 2000,
        cost: compileCost({}),
        shadow: false,
        onStoreFailure: 'share',
        at: 'zones/partner.yaml:address.guard',
      },
      issues: [],
    });
  });

  it('reports at its own place what cannot be counted', () => {
    const guard = guardSchema.parse({ rate: '199999/d' });
    const { issues } = compileGuard('partner', guard, { path: ['address', 'guard'], locate });
    expect(issues.map((issue) => issue.path)).toEqual([['address', 'guard', 'rate']]);
  });
});

it('only a limit for each principal needs somebody to be identified', () => {
  expect(
    (['tenant', 'principal', 'session', 'client', 'zone'] as const).filter((key) =>
      limitNeedsPrincipal({ key }),
    ),
  ).toEqual(['principal']);
});
