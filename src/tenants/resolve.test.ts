import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type TenantSource, tenantsSchemaWith } from './options.ts';
import { compileTenants } from './registry.ts';
import { resolveTenant } from './resolve.ts';

const { registry } = compileTenants([
  tenantsSchemaWith(z.never()).parse({
    tenants: [
      { id: 'a', database: 'a_db', hosts: ['a.example'] },
      { id: 'b', database: 'b_db', hosts: ['b.example'] },
    ],
  }),
]);

type Named = 'none' | 'unknown' | 'a' | 'b';
const named: readonly Named[] = ['none', 'unknown', 'a', 'b'];

/** What each place in a request names. A host that is nobody's own names nothing, so `unknown` is `none` there. */
interface Names {
  captured: Named;
  ownHost: Exclude<Named, 'unknown'>;
  principal: Named;
  database: Named;
}

const allNames: readonly Names[] = named.flatMap((captured) =>
  (['none', 'a', 'b'] as const).flatMap((ownHost) =>
    named.flatMap((principal) => named.map((database) => ({ captured, ownHost, principal, database }))),
  ),
);

const allRules: readonly (readonly TenantSource[])[] = [
  ['host'],
  ['principal'],
  ['odoo.db'],
  ['host', 'principal'],
  ['host', 'odoo.db'],
  ['principal', 'odoo.db'],
  ['odoo.db', 'principal', 'host'],
];

function resolve(from: readonly TenantSource[], { captured, ownHost, principal, database }: Names) {
  const text = (name: Named) => (name === 'none' ? undefined : name);
  const verdict = resolveTenant(
    registry,
    { from, at: '' },
    {
      host: ownHost === 'none' ? 'any.example' : `${ownHost}.example`,
      captured: text(captured),
      principal:
        principal === 'none'
          ? undefined
          : { kind: 'jwt', subject: 's', issuer: 'i', scopes: [], tenant: text(principal) },
      databases: database === 'none' ? [] : [`${database}_db`],
    },
  );
  return 'tenant' in verdict ? { tenant: verdict.tenant.id, source: verdict.source } : verdict;
}

/**
 * The rule in other words: the places in order, those that the zone does not ask left out, the credential always asked, and a
 * database that the zone does not ask at least not another tenant's.
 */
function expected(from: readonly TenantSource[], names: Names) {
  const said = (
    [
      ['host', names.captured],
      ['host', names.ownHost],
      ['principal', names.principal],
      ['odoo.db', names.database],
    ] as const
  ).filter(([source, name]) => name !== 'none' && (from.includes(source) || source === 'principal'));
  for (const [i, [source, name]] of said.entries()) {
    if (name === 'unknown') return { reason: 'tenant_unknown', source };
    if (i > 0 && name !== said[0]?.[1]) return { reason: 'tenant_mismatch', source };
  }
  const first = said.find(([source]) => from.includes(source));
  const asksOther = names.database !== 'none' && said[0] !== undefined && names.database !== said[0][1];
  if (!from.includes('odoo.db') && asksOther) return { reason: 'tenant_mismatch', source: 'odoo.db' };
  return first === undefined ? { reason: 'tenant_missing' } : { tenant: first[1], source: first[0] };
}

describe('the truth table of resolveTenant', () => {
  for (const from of allRules) {
    it(`holds for from: [${from.join(', ')}]`, () => {
      for (const names of allNames) {
        expect(resolve(from, names), JSON.stringify(names)).toEqual(expected(from, names));
      }
    });
  }
});

describe('resolveTenant', () => {
  const nothing: Names = { captured: 'none', ownHost: 'none', principal: 'none', database: 'none' };

  it.each<[string, TenantSource[], Partial<Names>, object]>([
    ['the captured name', ['host'], { captured: 'a' }, { tenant: 'a', source: 'host' }],
    ['a host of its own', ['host'], { ownHost: 'a' }, { tenant: 'a', source: 'host' }],
    ['the credential', ['principal'], { principal: 'a' }, { tenant: 'a', source: 'principal' }],
    ['the database', ['odoo.db'], { database: 'a' }, { tenant: 'a', source: 'odoo.db' }],
    [
      'all of them when they agree',
      ['host', 'principal', 'odoo.db'],
      { captured: 'a', ownHost: 'a', principal: 'a', database: 'a' },
      { tenant: 'a', source: 'host' },
    ],
    ['nobody when nothing names one', ['host'], {}, { reason: 'tenant_missing' }],
    [
      'nobody by a credential that the zone does not ask for a tenant',
      ['host'],
      { principal: 'a' },
      { reason: 'tenant_missing' },
    ],
    [
      'nobody by a database that the zone does not ask',
      ['host'],
      { database: 'a' },
      { reason: 'tenant_missing' },
    ],
    [
      'nobody by a credential of another tenant, though the zone does not ask it',
      ['host'],
      { captured: 'a', principal: 'b' },
      { reason: 'tenant_mismatch', source: 'principal' },
    ],
    [
      'nobody by a credential of an unknown tenant, though the zone does not ask it',
      ['host'],
      { captured: 'a', principal: 'unknown' },
      { reason: 'tenant_unknown', source: 'principal' },
    ],
    [
      'nobody with the database of another tenant, though the zone does not ask it',
      ['host'],
      { captured: 'a', database: 'b' },
      { reason: 'tenant_mismatch', source: 'odoo.db' },
    ],
    [
      'nobody with a database of nobody, though the zone does not ask it',
      ['host'],
      { captured: 'a', database: 'unknown' },
      { reason: 'tenant_mismatch', source: 'odoo.db' },
    ],
    [
      'nobody by a host that is captured for one tenant and belongs to another',
      ['host'],
      { captured: 'a', ownHost: 'b' },
      { reason: 'tenant_mismatch', source: 'host' },
    ],
  ])('finds %s', (_title, from, names, verdict) => {
    expect(resolve(from, { ...nothing, ...names })).toEqual(verdict);
  });

  it("wants every database that is named to be the same tenant's", () => {
    const evidence = {
      host: 'any.example',
      captured: undefined,
      principal: undefined,
      databases: ['a_db', 'b_db'],
    };
    expect(resolveTenant(registry, { from: ['odoo.db'], at: '' }, evidence)).toEqual({
      reason: 'tenant_mismatch',
      source: 'odoo.db',
    });
  });

  it('never gives a tenant while a place that counts names something else', () => {
    const anyName = fc.oneof(fc.constantFrom(...named), fc.string());
    fc.assert(
      fc.property(
        fc.subarray<TenantSource>(['host', 'principal', 'odoo.db'], { minLength: 1 }),
        fc.record({ captured: anyName, principal: anyName, database: anyName, ownHost: anyName }),
        (from, names) => {
          const verdict = resolve(from, names as Names);
          if (!('tenant' in verdict)) return;
          const { tenant } = verdict;
          const counts = (source: TenantSource) => from.includes(source) || source === 'principal';
          if (counts('host')) {
            expect(['none', tenant]).toContain(names.captured);
            expect(['a', 'b'].filter((name) => name !== tenant)).not.toContain(names.ownHost);
          }
          expect(['none', tenant]).toContain(names.principal);
          expect(['none', tenant]).toContain(names.database);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
