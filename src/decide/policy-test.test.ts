import { describe, expect, it } from 'vitest';
import { compileFiles } from '../../test/support/compile-files.ts';
import { type Expectation, type PolicyTestCase, runPolicyTest } from './policy-test.ts';

const configuration = compileFiles({
  'gateway.yaml': 'listeners: { admin: 127.0.0.1:0 }\n',
  'identities.yaml': 'issuers: [{ name: keycloak, issuer: "https://id.example", tenantClaim: tenant }]\n',
  'pools.yaml': 'pools: [{ name: odoo, endpoints: [{ url: "http://127.0.0.1:8069", seats: 4 }] }]\n',
  'tenants.yaml': 'tenants: [{ id: acme, database: acme }]\n',
  'zones/partner.yaml': `zone: partner
match: Host(\`{tenant}.partner.example\`) && Path(\`/x\`)
address: { guard: { rate: 50/h } }
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }
tenant: { from: [host] }
limits:
  - name: by-tenant
    key: tenant
    rate: 10/h
    schedule: [{ name: evening, from: "20:00", to: "23:00", timezone: Europe/Berlin, rate: 3/h }]
  - { name: soon, key: tenant, rate: 1/h, shadow: true }
pools: { batch: odoo }
`,
});

const request = 'GET https://acme.partner.example/x';
const as = { jwt: { sub: 'edi-acme', tenant: 'acme' } };

async function differencesOf(expect_: Expectation, changes: Partial<PolicyTestCase> = {}) {
  const test = {
    name: 't',
    request,
    headers: {},
    from: '192.0.2.1',
    as,
    repeat: 1,
    expect: expect_,
    ...changes,
  };
  return (await runPolicyTest(test, configuration)).differences;
}

describe('a policy test passes', () => {
  it.each<[string, Expectation, Partial<PolicyTestCase>]>([
    ['when nothing is expected', {}, {}],
    [
      'when all that is written is so',
      {
        allow: true,
        zone: 'partner',
        tenant: 'acme',
        workload: 'interactive',
        class: 'interactive',
        pool: 'odoo',
        limits: ['by-tenant', 'soon'],
      },
      {},
    ],
    [
      'for the last of its repeats',
      { refuse: 'limit_exceeded', zone: 'partner', tenant: 'acme' },
      { repeat: 11 },
    ],
    ['for the last repeat that has room', { allow: true }, { repeat: 10 }],
    ['whose figures it is', { figures: { 'by-tenant': 'default', soon: 'default' } }, {}],
    [
      'at the time that it names',
      { refuse: 'limit_exceeded', figures: { 'by-tenant': 'default, evening' } },
      { repeat: 4, at: Date.parse('2026-12-24T20:00+01:00') },
    ],
    [
      'at another time',
      { allow: true, figures: { 'by-tenant': 'default' } },
      { repeat: 4, at: Date.parse('2026-12-24T19:59+01:00') },
    ],
    [
      'when a refused request was charged to no limit',
      { refuse: 'no_zone', limits: [] },
      { request: `${request}/y` },
    ],
  ])('%s', async (_title, expected, changes) => {
    expect(await differencesOf(expected, changes)).toEqual([]);
  });
});

describe('a policy test says what differs', () => {
  it.each<[string, Expectation, Partial<PolicyTestCase>, string[]]>([
    [
      'when the request is refused, and where',
      { allow: true },
      { as: undefined },
      ['decision: expected allow, got refuse credentials_missing at zones/partner.yaml:4:11'],
    ],
    [
      'when the gateway itself refuses',
      { allow: true },
      { request: `${request}/../x` },
      ['decision: expected allow, got refuse path_ambiguous at the gateway itself'],
    ],
    [
      'when the request passes, and by which rule',
      { refuse: 'no_zone' },
      {},
      ['decision: expected refuse no_zone, got allow at zones/partner.yaml:2:8'],
    ],
    [
      'when it is refused for another reason',
      { refuse: 'no_zone' },
      { as: undefined },
      ['reason: expected no_zone, got credentials_missing'],
    ],
    [
      'in every part',
      {
        zone: 'shop',
        tenant: 'globex',
        workload: 'batch',
        class: 'critical',
        pool: 'fast',
        limits: ['soon', 'by-tenant'],
      },
      {},
      [
        'zone: expected shop, got partner',
        'tenant: expected globex, got acme',
        'workload: expected batch, got interactive',
        'class: expected critical, got interactive',
        'pool: expected fast, got odoo',
        'limits: expected soon, by-tenant, got by-tenant, soon',
      ],
    ],
    [
      'where there is nothing',
      { zone: 'partner', tenant: 'acme', workload: 'batch', pool: 'odoo', limits: ['by-tenant'] },
      { request: 'GET https://acme.example/' },
      [
        'zone: expected partner, got none',
        'tenant: expected acme, got none',
        'workload: expected batch, got none',
        'pool: expected odoo, got none',
        'limits: expected by-tenant, got none',
      ],
    ],
    ['when no limit is expected', { limits: [] }, {}, ['limits: expected none, got by-tenant, soon']],
    [
      'when other figures govern, or none',
      { figures: { 'by-tenant': 'tenant acme', later: 'default' } },
      {},
      [
        'figures of by-tenant: expected tenant acme, got default',
        'figures of later: expected default, got none',
      ],
    ],
  ])('%s', async (_title, expected, changes, differences) => {
    expect(await differencesOf(expected, changes)).toEqual(differences);
  });
});

describe('policy tests', () => {
  it('have budgets of their own', async () => {
    for (let i = 0; i < 3; i++) expect(await differencesOf({ allow: true }, { repeat: 10 })).toEqual([]);
  });

  it('take the written credential, whatever the request carries', async () => {
    const headers = { Authorization: 'Bearer x.y.z' };
    expect(await differencesOf({ allow: true, tenant: 'acme' }, { headers })).toEqual([]);
    expect(await differencesOf({ refuse: 'credentials_missing' }, { headers, as: undefined })).toEqual([]);
  });

  it('give the decision of the last request, with its trace', async () => {
    const test = { name: 't', request, headers: {}, from: '192.0.2.1', as, repeat: 2, expect: {} };
    const { decision } = await runPolicyTest(test, configuration);
    expect(decision.limits.map(({ name, remaining, admitted }) => [name, remaining, admitted])).toEqual([
      ['by-tenant', 8, true],
      ['soon', 0, false],
    ]);
    expect(decision.trace.map(({ stage }) => stage)).toEqual([
      'canonicalise',
      'zone',
      'address',
      'identify',
      'read',
      'tenant',
      'authorise',
      'workload',
      'limit',
      'limit',
      'route',
    ]);
  });

  it('cannot be run with what is no request', async () => {
    await expect(differencesOf({}, { request: 'somewhere' })).rejects.toThrow(
      new TypeError('"request" is not METHOD URL: somewhere'),
    );
  });
});
