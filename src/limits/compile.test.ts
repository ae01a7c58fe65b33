import { describe, expect, it } from 'vitest';
import type { ConfigPath } from '../core/issue.ts';
import { compileGuard, compileLimits, limitNeedsPrincipal } from './compile.ts';
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
          id: 'partner/partner-rate',
          name: 'partner-rate',
          key: 'tenant',
          bucket: { unitsPerToken: 20_000, leakPerUs: 1, burst: 100, capacity: 2_000_000 },
          burst: 100,
          windowMs: 2000,
          cost: { interactive: 1, batch: 5, websocket: 1, static: 1 },
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

describe('compileGuard', () => {
  it('makes a limit per client address that no configured limit shares a budget with', () => {
    const path = ['address', 'guard'];
    expect(
      compileGuard('partner', guardSchema.parse({ rate: '100/s', burst: 200 }), { path, locate }),
    ).toEqual({
      limit: {
        id: 'partner/@address-guard',
        name: 'address-guard',
        key: 'client',
        bucket: { unitsPerToken: 10_000, leakPerUs: 1, burst: 200, capacity: 2_000_000 },
        burst: 200,
        windowMs: 2000,
        cost: { interactive: 1, batch: 1, websocket: 1, static: 1 },
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
    (['tenant', 'principal', 'zone', 'client'] as const).filter((key) => limitNeedsPrincipal({ key })),
  ).toEqual(['principal']);
});
