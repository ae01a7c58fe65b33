import { describe, expect, it } from 'vitest';
import { compileFiles } from '../../test/support/compile-files.ts';
import { openLimitRoom } from '../../test/support/limit-room.ts';

describe('a limit of another kind, or with other figures for some', () => {
  const { snapshot: various } = compileFiles({
    'gateway.yaml': 'listeners: { admin: 127.0.0.1:0 }\n',
    'tenants.yaml':
      'tenants: [{ id: acme, database: acme, limits: { shop/calls: { rate: 40/s } } }, { id: nord, tier: dedicated, database: nf }]\n',
    'pools.yaml': 'pools: [{ name: odoo, endpoints: [{ url: "http://127.0.0.1:8069", seats: 4 }] }]\n',
    'zones/shop.yaml': `zone: shop
match: Host(\`{tenant}.shop.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: odoo }
limits:
  - { name: calls, key: tenant, rate: 10/s }
  - { name: daily, key: tenant, quota: 100/day, timezone: Europe/Berlin }
  - { name: parallel, key: tenant, inFlight: 3 }
  - { name: all, key: zone, rate: 10/s, overrides: [{ tier: dedicated, rate: 20/s }] }
`,
  });
  const [calls, daily, parallel, all] = various.zonesByName.get('shop')!.limits;

  it('is listed with them', async () => {
    const { body } = openLimitRoom({ scope: various });
    const { limits } = (await body('GET /limits')) as { limits: Record<string, unknown>[] };
    expect(
      limits.map(({ limit, kind, figures, burst, timezone, others }) => [
        limit,
        kind,
        figures,
        burst,
        timezone,
        others,
      ]),
    ).toEqual([
      [
        'shop/calls',
        'rate',
        '10/s',
        10,
        undefined,
        [{ for: 'tenant acme', limit: 'shop/calls', figures: '40/s', burst: 40, at: 'tenants.yaml:1:61' }],
      ],
      ['shop/daily', 'quota', '100/day', 100, 'Europe/Berlin', []],
      ['shop/parallel', 'inFlight', '3', 3, undefined, []],
      [
        'shop/all',
        'rate',
        '10/s',
        10,
        undefined,
        [
          {
            for: 'tier dedicated',
            limit: 'shop/all@tier=dedicated',
            figures: '20/s',
            burst: 20,
            at: 'zones/shop.yaml:10:53',
          },
        ],
      ],
    ]);
  });

  it('is shown with the figures that govern the key, and the line that says so', async () => {
    const { body, facts, refuse } = openLimitRoom({ scope: various });
    facts[0]!.memory.take([{ limit: all!, key: 'shop', cost: 4 }]);
    expect(await body('GET /limits/shop/calls?key=acme')).toMatchObject({
      figures: '40/s',
      for: 'tenant acme',
      at: 'tenants.yaml:1:61',
    });
    expect(await body('GET /limits/shop/calls?key=nord')).toMatchObject({ figures: '10/s', for: 'default' });
    expect(await body('GET /limits/shop/all?key=shop')).toMatchObject({ figures: '10/s', free: 6 });
    const own = [...all!.exceptions!.byTier.values()][0]!.limit;
    refuse(own, 'shop', 'r-1');
    for (const at of ['@', '%40'])
      expect(await body(`GET /limits/shop/all${at}tier=dedicated?key=shop`)).toMatchObject({
        limit: 'shop/all@tier=dedicated',
        figures: '20/s',
        for: 'tier dedicated',
        free: 20,
        lastRefused: { limit: 'shop/all@tier=dedicated', requestId: 'r-1' },
      });
    expect((await body('GET /limits/shop/all?key=shop')) as object).toMatchObject({ lastRefused: null });
    expect(calls!.id).toBe('shop/calls');
  });

  it('tells of a quota what is used, and until when; a reset or a grant takes it off', async () => {
    const { body, facts, change } = openLimitRoom({ scope: various });
    facts[0]!.memory.take([{ limit: daily!, key: 'acme', cost: 60 }]);
    facts[0]!.memory.take([{ limit: daily!, key: 'acme', cost: 40 }]);
    expect(await body('GET /limits/shop/daily?key=acme')).toEqual({
      limit: 'shop/daily',
      key: 'acme',
      kind: 'quota',
      at: 'zones/shop.yaml:8:5',
      for: 'default',
      shadow: false,
      onStoreFailure: 'share',
      keptBy: 'memory',
      figures: '100/day',
      burst: 100,
      free: 0,
      used: 100,
      windowStart: '2025-12-31T23:00:00.000Z',
      windowEnd: '2026-01-01T23:00:00.000Z',
      retryAfterMs: 23 * 3_600_000,
      processes: [{ held: 0, refusingMs: 0 }],
      lastRefused: null,
    });
    const granted = await change('/limits/shop/daily/grant?key=acme&tokens=30');
    expect(granted.body).toMatchObject({
      before: { figures: '100/day', burst: 100, free: 0, used: 100 },
      after: { figures: '100/day', burst: 100, free: 30, used: 70 },
    });
    expect((await change('/limits/shop/daily/reset?key=acme')).body).toMatchObject({
      after: { free: 100, used: 0 },
    });
  });

  it('tells of slots how many are in use; there is nothing to reset', async () => {
    const { body, facts, change, audit } = openLimitRoom({ scope: various, processes: 2 });
    facts[0]!.memory.take([{ limit: parallel!, key: 'acme', cost: 1 }]);
    facts[0]!.memory.take([{ limit: parallel!, key: 'acme', cost: 1 }]);
    expect(await body('GET /limits/shop/parallel?key=acme')).toMatchObject({
      kind: 'inFlight',
      figures: '3',
      burst: 3,
      free: 1,
      inUse: 2,
      processes: [
        { inUse: 2, held: 0, refusingMs: 0 },
        { inUse: 0, held: 0, refusingMs: 0 },
      ],
    });
    const { status, body: told } = await change('/limits/shop/parallel/reset?key=acme');
    expect([status, told, audit]).toEqual([
      409,
      {
        status: 409,
        title: 'shop/parallel counts requests in progress.',
        detail:
          'A slot is free when its request ends; those of an instance that crashed are free soon after.',
      },
      [],
    ]);
  });
});
