import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import type { Issue } from '../core/issue.ts';
import type { Tier } from '../core/tenant.ts';
import type { CompiledLimit } from './compile.ts';
import { compileZoneLimits } from './compile-zone-limits.ts';
import { allFiguresOf, governingLimit, type Caller, type ZoneLimit } from './governing-limit.ts';
import { limitKeyOf } from './key.ts';
import { MemoryStore } from './memory-store.ts';
import { ownFiguresSchema, zoneLimitSchema } from './override-options.ts';

interface Around {
  hasTenant?: boolean;
  accepted?: string[];
  /** Figures of tenants for `partner/fast`. */
  own?: Record<string, unknown>;
}

function compile(entry: Record<string, unknown>, around: Around = {}): { limit: ZoneLimit; issues: Issue[] } {
  const { hasTenant = true, accepted = ['keycloak'], own = {} } = around;
  const authored = zoneLimitSchema.parse({ name: 'fast', key: 'tenant', ...entry });
  const issues: Issue[] = [];
  const figures = Object.entries(own).map(([tenant, value], index) => ({
    tenant,
    authored: ownFiguresSchema.parse(value),
    path: ['tenants', index, 'limits', 'partner/fast'],
    locate: () => `tenants.yaml:${index + 1}:7`,
    report: (issue: Issue) => void issues.push(issue),
  }));
  const compiled = compileZoneLimits(
    [authored],
    {
      zone: 'partner',
      hasTenant,
      accepted: new Set(accepted),
      known: new Set(accepted),
      locate: (path) => `zones/partner.yaml:${path.join('.')}`,
    },
    (id) => (id === 'partner/fast' ? figures : []),
  );
  const [limit] = compiled.limits;
  if (limit === undefined) throw new TypeError('"entry" gives no limit');
  return { limit, issues: [...issues, ...compiled.issues] };
}

const clock = manualClock();
const tenant = (id: string, tier: Tier) => ({ id, tier });
const principal = (subject: string, issuer = 'keycloak') => ({ subject, issuer });

function govern(limit: ZoneLimit, caller: Partial<Caller>): CompiledLimit {
  return governingLimit(limit, { tenant: undefined, principal: undefined, ...caller }, clock);
}

const perTier = { tier: 'dedicated', rate: '2/s' };
const perPrincipal = { principal: 'edi-acme', issuer: 'keycloak', rate: '4/s' };
const acme = { acme: { rate: '3/s' } };

describe('the figures that govern', () => {
  const callers: [who: string, caller: Partial<Caller>, fits: ('tier' | 'tenant' | 'principal')[]][] = [
    ['nobody known', {}, []],
    ['a caller without tenant', { principal: principal('edi-acme') }, ['principal']],
    ['another caller', { principal: principal('edi') }, []],
    ['a namesake of another issuer', { principal: principal('edi-acme', 'elsewhere') }, []],
    ['a tenant of another tier', { tenant: tenant('globex', 'shared') }, []],
    ['a tenant of the tier', { tenant: tenant('globex', 'dedicated') }, ['tier']],
    ['the tenant, of another tier', { tenant: tenant('acme', 'shared') }, ['tenant']],
    ['the tenant, of the tier', { tenant: tenant('acme', 'dedicated') }, ['tier', 'tenant']],
    [
      'the caller in the tenant of the tier',
      { tenant: tenant('acme', 'dedicated'), principal: principal('edi-acme') },
      ['tier', 'tenant', 'principal'],
    ],
    [
      'the caller in another tenant of the tier',
      { tenant: tenant('globex', 'dedicated'), principal: principal('edi-acme') },
      ['tier', 'principal'],
    ],
    [
      'another caller in the tenant',
      { tenant: tenant('acme', 'shared'), principal: principal('edi') },
      ['tenant'],
    ],
  ];
  const rates = { tier: 2, tenant: 3, principal: 4 };
  const variants = {
    tier: 'tier dedicated',
    tenant: 'tenant acme',
    principal: 'principal edi-acme of keycloak',
  };

  for (const written of subsetsOf(['tier', 'tenant', 'principal'] as const)) {
    it.each(callers)(`with overrides for ${written.join(', ') || 'nobody'}: %s`, (_who, caller, fits) => {
      const { limit, issues } = compile(
        {
          rate: '1/s',
          overrides: [
            ...(written.includes('tier') ? [perTier] : []),
            ...(written.includes('principal') ? [perPrincipal] : []),
          ],
        },
        { accepted: ['keycloak', 'elsewhere'], own: written.includes('tenant') ? acme : {} },
      );
      expect(issues).toEqual([]);
      const most = (['principal', 'tenant', 'tier'] as const).find(
        (kind) => written.includes(kind) && fits.includes(kind),
      );
      const { burst, variant } = govern(limit, caller);
      expect({ burst, variant }).toEqual(
        most === undefined
          ? { burst: 1, variant: 'default' }
          : { burst: rates[most], variant: variants[most] },
      );
    });
  }

  it('are those of the override that fits most closely, in whatever order they are written', () => {
    const tiers = ['shared', 'semi-isolated', 'dedicated'] as const;
    const tenants = ['a', 'b', 'c'];
    const subjects = ['x', 'y', 'z'];
    const issuers = ['keycloak', 'elsewhere'];
    const rate = fc.integer({ min: 2, max: 1000 });
    const overrides = fc
      .tuple(
        fc.uniqueArray(fc.record({ tier: fc.constantFrom(...tiers), rate }), {
          selector: (entry) => entry.tier,
        }),
        fc.uniqueArray(
          fc.record({ principal: fc.constantFrom(...subjects), issuer: fc.constantFrom(...issuers), rate }),
          { selector: (entry) => `${entry.issuer} ${entry.principal}` },
        ),
      )
      .map(([byTier, byPrincipal]) => [...byTier, ...byPrincipal]);
    fc.assert(
      fc.property(
        overrides.chain((entries) => fc.shuffledSubarray(entries, { minLength: entries.length })),
        fc.dictionary(fc.constantFrom(...tenants), rate),
        fc.record({
          tenant: fc.option(fc.record({ id: fc.constantFrom(...tenants), tier: fc.constantFrom(...tiers) }), {
            nil: undefined,
          }),
          principal: fc.option(
            fc.record({ subject: fc.constantFrom(...subjects), issuer: fc.constantFrom(...issuers) }),
            { nil: undefined },
          ),
        }),
        (entries, own, caller) => {
          const { limit, issues } = compile(
            { rate: '1/s', overrides: entries.map((entry) => ({ ...entry, rate: `${entry.rate}/s` })) },
            {
              accepted: issuers,
              own: Object.fromEntries(
                Object.entries(own).map(([id, tokens]) => [id, { rate: `${tokens}/s` }]),
              ),
            },
          );
          const isPrincipal = (entry: object): boolean =>
            'principal' in entry &&
            'issuer' in entry &&
            entry.principal === caller.principal?.subject &&
            entry.issuer === caller.principal?.issuer;
          const isTier = (entry: object): boolean => 'tier' in entry && entry.tier === caller.tenant?.tier;
          const expected =
            entries.find(isPrincipal)?.rate ??
            (caller.tenant && own[caller.tenant.id]) ??
            entries.find(isTier)?.rate ??
            1;
          expect(issues).toEqual([]);
          expect(govern(limit, caller).burst).toBe(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('carry the line that they are written in', () => {
    const { limit } = compile(
      { rate: '1/s', overrides: [perTier, perPrincipal] },
      { own: { globex: { rate: '9/s' }, ...acme } },
    );
    expect(allFiguresOf(limit).map(({ variant, at }) => [variant, at])).toEqual([
      ['default', 'zones/partner.yaml:limits.0'],
      ['tier dedicated', 'zones/partner.yaml:limits.0.overrides.0'],
      ['tenant globex', 'tenants.yaml:1:7'],
      ['tenant acme', 'tenants.yaml:2:7'],
      ['principal edi-acme of keycloak', 'zones/partner.yaml:limits.0.overrides.1'],
    ]);
  });

  it('keep the name, the key, the costs and what happens when the store fails', () => {
    const entry = { rate: '9/s', cost: { batch: 5 }, shadow: true, onStoreFailure: 'closed' };
    const { limit } = compile({ ...entry, overrides: [{ ...perTier, rate: '20/s', burst: 40 }] });
    const { exceptions, ...everybody } = limit;
    expect(exceptions?.everybody.limit).toEqual(everybody);
    expect(govern(limit, { tenant: tenant('globex', 'dedicated') })).toEqual({
      ...everybody,
      bucket: { unitsPerToken: 50_000, leakPerUs: 1, burst: 40, capacity: 2_000_000 },
      burst: 40,
      windowMs: 2000,
      at: 'zones/partner.yaml:limits.0.overrides.0',
      variant: 'tier dedicated',
    });
  });

  it('can be a quota or a number of slots, where the limit is one', () => {
    const daily = compile({ quota: '10/day', overrides: [{ tier: 'dedicated', quota: '50/day' }] });
    const parallel = compile({ inFlight: 8, overrides: [{ tier: 'dedicated', inFlight: 16 }] });
    const globex = { tenant: tenant('globex', 'dedicated') };
    expect([...daily.issues, ...parallel.issues]).toEqual([]);
    expect([govern(daily.limit, globex), govern(parallel.limit, globex)]).toMatchObject([
      { kind: 'quota', id: daily.limit.id, burst: 50, period: { unit: 'day', timeZone: 'UTC' } },
      { kind: 'inFlight', id: parallel.limit.id, burst: 16 },
    ]);
  });

  it('change at the times of their own schedule, and of no other', () => {
    const schedule = (rate: string) => [{ name: 'night', from: '22:00', to: '06:00', timezone: 'UTC', rate }];
    const { limit, issues } = compile({
      rate: '10/s',
      schedule: schedule('1/s'),
      overrides: [
        { tier: 'dedicated', rate: '20/s', schedule: schedule('2/s') },
        { tier: 'semi-isolated', rate: '30/s' },
      ],
    });
    expect(issues).toEqual([]);
    const seen = ['2026-05-05T12:00Z', '2026-05-05T23:00Z'].map((at) =>
      (['shared', 'dedicated', 'semi-isolated'] as const).map((tier) => {
        const governing = governingLimit(
          limit,
          { tenant: tenant('t', tier), principal: undefined },
          manualClock(Date.parse(at)),
        );
        return `${governing.burst} ${governing.variant} ${governing.at.slice(19)}`;
      }),
    );
    expect(seen).toEqual([
      [
        '10 default limits.0',
        '20 tier dedicated limits.0.overrides.0',
        '30 tier semi-isolated limits.0.overrides.1',
      ],
      [
        '1 default, night limits.0.schedule.0',
        '2 tier dedicated, night limits.0.overrides.0.schedule.0',
        '30 tier semi-isolated limits.0.overrides.1',
      ],
    ]);
  });
});

describe('a budget', () => {
  const overrides = [perTier, perPrincipal];
  const idsOf = (key: string, around: Around = {}) =>
    allFiguresOf(compile({ key, rate: '1/s', overrides }, { own: acme, ...around }).limit)
      .slice(1)
      .map(({ id }) => id.replace('partner/fast', ''));

  it.each<[title: string, key: string, around: Around, ids: [string, string, string]]>([
    ['of a tenant is told apart by tier and tenant', 'tenant', {}, ['', '', '@principal=keycloak/edi-acme']],
    ['of a caller is told apart by all', 'principal', {}, ['', '', '']],
    [
      'of a caller in a tenant does not tell its issuer, so that two issuers need budgets of their own',
      'principal',
      { accepted: ['keycloak', 'elsewhere'] },
      ['', '', '@principal=keycloak/edi-acme'],
    ],
    [
      'of the zone is told apart by nothing',
      'zone',
      {},
      ['@tier=dedicated', '@tenant=acme', '@principal=keycloak/edi-acme'],
    ],
    [
      'of an address is told apart by nothing',
      'client',
      {},
      ['@tier=dedicated', '@tenant=acme', '@principal=keycloak/edi-acme'],
    ],
  ])('%s', (_title, key, around, ids) => {
    expect(idsOf(key, around)).toEqual(ids);
  });

  it('of a caller without tenant tells its issuer', () => {
    const { limit } = compile(
      { key: 'principal', rate: '1/s', overrides: [perPrincipal] },
      { hasTenant: false, accepted: ['keycloak', 'elsewhere'] },
    );
    expect(allFiguresOf(limit).map(({ id }) => id)).toEqual(['partner/fast', 'partner/fast']);
  });

  it('keeps what is owed when an override comes and goes, where it is told apart', () => {
    const globex = tenant('globex', 'dedicated');
    const leftAfter = (key: string) => {
      const store = new MemoryStore({ clock });
      const take = (entry: Record<string, unknown>): number | undefined => {
        const limit = govern(compile({ key, rate: '10/h', ...entry }).limit, { tenant: globex });
        return store.take([{ limit, key: 'globex', cost: 1 }])[0]?.remaining;
      };
      const wider = { overrides: [{ tier: 'dedicated', rate: '20/h' }] };
      return [take({}), take({}), take(wider), take(wider), take({})];
    };
    expect(leftAfter('tenant')).toEqual([9, 8, 17, 16, 5]);
    expect(leftAfter('zone')).toEqual([9, 8, 19, 18, 7]);
  });

  it('has an id without blanks, colons and braces, whatever the name of the caller', () => {
    const named = { principal: 'CN=edi {a}:b/c, O=Acme', issuer: 'keycloak', rate: '1/s' };
    const { limit } = compile({ key: 'zone', rate: '1/s', overrides: [named] });
    expect(allFiguresOf(limit)[1]?.id).toBe(
      'partner/fast@principal=keycloak/CN=edi%20%7Ba%7D%3Ab%2Fc,%20O=Acme',
    );
  });

  it('is never shared by callers with different figures', () => {
    const callers = fc.record({
      tenant: fc.constantFrom(tenant('acme', 'dedicated'), tenant('globex', 'dedicated')),
      principal: fc.constantFrom(undefined, principal('edi-acme'), principal('edi-acme', 'elsewhere')),
    });
    fc.assert(
      fc.property(
        fc.constantFrom('tenant', 'principal', 'zone', 'client'),
        fc.subarray(overrides),
        fc.constantFrom({}, acme),
        fc.constantFrom<string[]>(['keycloak'], ['keycloak', 'elsewhere']),
        fc.boolean(),
        fc.tuple(callers, callers),
        (key, written, own, accepted, hasTenant, both) => {
          const applicable = written.filter((override) => hasTenant || !('tier' in override));
          const { limit } = compile(
            { key, rate: '1/s', overrides: applicable },
            { accepted, hasTenant, own: hasTenant ? own : {} },
          );
          const [one, other] = both.map((caller) => {
            const known = {
              tenant: hasTenant ? caller.tenant : undefined,
              principal: accepted.includes(caller.principal?.issuer ?? '') ? caller.principal : undefined,
            };
            const governing = govern(limit, known);
            const budget = limitKeyOf(limit.key, {
              zone: 'partner',
              tenant: known.tenant?.id,
              principal: known.principal?.subject,
              issuer: known.principal?.issuer,
              clientAddress: '192.0.2.1',
            });
            return { budget: budget === undefined ? undefined : `${governing.id} ${budget}`, governing };
          });
          if (one?.budget !== undefined && one.budget === other?.budget)
            expect(one.governing).toBe(other.governing);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('the definition of a budget', () => {
  const definitionOf = (entry: Record<string, unknown>, around: Around = {}) =>
    new Map(allFiguresOf(compile(entry, around).limit).map(({ id, definition }) => [id, definition]));
  const night = { name: 'night', days: ['mon'], timezone: 'UTC', rate: '9/s' };
  const day = { ...night, name: 'day', days: ['tue'] };
  const entry = { rate: '1/s', overrides: [perTier, perPrincipal], schedule: [night, day] };
  const before = definitionOf(entry, { own: acme });

  it('is the same for all figures of one id', () => {
    const all = allFiguresOf(compile(entry, { own: acme }).limit);
    expect(all.map(({ id }) => id.replace('partner/fast', ''))).toEqual([
      '',
      '',
      '',
      '',
      '',
      '@principal=keycloak/edi-acme',
    ]);
    expect(new Set(all.slice(0, 5).map(({ definition }) => definition)).size).toBe(1);
    expect(before.size).toBe(2);
  });

  it('does not depend on the order, and not on what is no figure', () => {
    const turned = { ...entry, overrides: [perPrincipal, perTier], schedule: [day, night], shadow: true };
    expect(definitionOf(turned, { own: acme })).toEqual(before);
  });

  it.each<[title: string, entry: Record<string, unknown>, around: Around, changed: string[]]>([
    ['its rate', { ...entry, rate: '2/s' }, { own: acme }, ['partner/fast']],
    ['its burst', { ...entry, burst: 9 }, { own: acme }, ['partner/fast']],
    [
      'a time of its schedule',
      { ...entry, schedule: [night, { ...day, days: ['wed'] }] },
      { own: acme },
      ['partner/fast'],
    ],
    ['figures of a tenant', entry, { own: { acme: { rate: '8/s' } } }, ['partner/fast']],
    ['a tenant more', entry, { own: { ...acme, globex: { rate: '8/s' } } }, ['partner/fast']],
    [
      'an override with a budget of its own',
      { ...entry, overrides: [perTier, { ...perPrincipal, burst: 9 }] },
      { own: acme },
      ['partner/fast@principal=keycloak/edi-acme'],
    ],
  ])('changes with %s', (_title, changed, around, ids) => {
    const after = definitionOf(changed, around);
    expect([...after].filter(([id, text]) => before.get(id) !== text).map(([id]) => id)).toEqual(ids);
  });
});

function subsetsOf<const Item>(items: readonly Item[]): Item[][] {
  return items.reduce<Item[][]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]]);
}
