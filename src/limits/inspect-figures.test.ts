import { describe, expect, it } from 'vitest';
import { compileFiles } from '../../test/support/compile-files.ts';
import { manualClock } from '../core/clock.ts';
import { governingLimit } from './governing-limit.ts';
import { budgetIdsOf, figuresOfBudget } from './inspect-figures.ts';
import { limitKeyOf } from './key.ts';

const overrides = `schedule: [{ name: night, from: "22:00", to: "24:00", timezone: UTC, rate: 1/s }]
    overrides:
      - { tier: dedicated, rate: 20/s, schedule: [{ name: night, from: "22:00", to: "24:00", timezone: UTC, rate: 2/s }] }
      - { principal: edi/acme, issuer: keycloak, rate: 30/s }`;

/** A zone whose limits count for each of what there is to count for; its callers may come from one issuer or from two. */
function zoneOf(issuers: readonly string[]) {
  const { snapshot } = compileFiles({
    'gateway.yaml': 'listeners: { admin: 127.0.0.1:0 }\n',
    'identities.yaml': `issuers:
  - { name: keycloak, issuer: "https://id.example", tenantClaim: tenant }
  - { name: elsewhere, issuer: "https://other.example", tenantClaim: tenant }
`,
    'tenants.yaml': `tenants:
  - { id: acme, database: acme, limits: { partner/by-tenant: { rate: 40/s }, partner/by-zone: { rate: 41/s } } }
  - { id: nordfracht, tier: dedicated, database: nf }
`,
    'pools.yaml': 'pools: [{ name: odoo, endpoints: [{ url: "http://127.0.0.1:8069", seats: 4 }] }]\n',
    'zones/partner.yaml': `zone: partner
match: Host(\`{tenant}.partner.example\`)
identify: { any: [${issuers
      .map((name) => `jwt: { issuer: ${name}, audience: bulkhead }`)
      .map((jwt) => `{ ${jwt} }`)
      .join(', ')}] }
tenant: { from: [host, principal] }
pools: { interactive: odoo }
limits:
${['tenant', 'principal', 'zone', 'client'].map((key) => `  - name: by-${key}\n    key: ${key}\n    rate: 10/s\n    ${overrides}\n`).join('')}`,
  });
  const zone = snapshot.zonesByName.get('partner');
  if (zone === undefined) throw new TypeError('there is no zone');
  return { zone, tierOf: (tenant: string) => snapshot.tenants.byId.get(tenant)?.tier };
}

describe('the figures of a budget are those that govern the requests which spend from it', () => {
  for (const issuers of [['keycloak'], ['keycloak', 'elsewhere']]) {
    const { zone, tierOf } = zoneOf(issuers);
    for (const hour of [12, 23]) {
      it.each(
        zone.limits.flatMap((limit) =>
          ['acme', 'nordfracht', 'unknown'].flatMap((tenant) =>
            issuers.flatMap((issuer) =>
              ['edi/acme', 'somebody'].map((subject) => ({
                limit,
                name: limit.name,
                tenant,
                issuer,
                subject,
              })),
            ),
          ),
        ),
      )(`$name, $tenant, $subject of $issuer, with ${issuers.length} issuers at ${hour}:00`, (one) => {
        const { limit, tenant, issuer, subject } = one;
        const clock = manualClock(Date.UTC(2026, 0, 1, hour));
        const tier = tierOf(tenant);
        const caller = {
          tenant: tier === undefined ? undefined : { id: tenant, tier },
          principal: { issuer, subject },
        };
        const governing = governingLimit(limit, caller, clock);
        const key = limitKeyOf(limit.key, {
          zone: 'partner',
          tenant: caller.tenant?.id,
          principal: subject,
          issuer,
          clientAddress: '192.0.2.1',
        });
        // A tenant limit counts nothing where there is no tenant.
        if (key === undefined) return;
        expect(budgetIdsOf(limit)).toContain(governing.id);
        expect(figuresOfBudget(limit, { id: governing.id, key, tierOf, nowMs: clock.wallMs() })).toEqual(
          governing,
        );
      });
    }
  }

  it('and there are none for a budget that the limit does not have', () => {
    const { zone, tierOf } = zoneOf(['keycloak']);
    const [limit] = zone.limits;
    const owner = { id: 'partner/another', key: 'acme', tierOf, nowMs: 0 };
    expect(figuresOfBudget(limit!, owner)).toBeUndefined();
    const ids = zone.limits.map((one) => budgetIdsOf(one));
    expect(ids).toEqual([
      ['partner/by-tenant', 'partner/by-tenant@principal=keycloak/edi%2Facme'],
      ['partner/by-principal'],
      [
        'partner/by-zone',
        'partner/by-zone@tier=dedicated',
        'partner/by-zone@tenant=acme',
        'partner/by-zone@principal=keycloak/edi%2Facme',
      ],
      [
        'partner/by-client',
        'partner/by-client@tier=dedicated',
        'partner/by-client@principal=keycloak/edi%2Facme',
      ],
    ]);
  });
});
