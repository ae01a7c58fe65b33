import { describe, expect, it } from 'vitest';
import { type Asked, openScene } from '../../test/support/decision-scene.ts';
import { type Reason, reasons } from '../core/reason.ts';
import type { DecisionJson } from './decision-json.ts';

const partner = `zone: partner
match: Host(\`{tenant}.partner.example\`) && PathPrefix(\`/json/2/\`)
address: { deny: [203.0.113.0/24], guard: { rate: 3/s } }
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead, scopes: [edi] }] }
tenant: { from: [host] }
allow: { odoo: [{ model: stock.picking, methods: [read, read_group] }] }
limits:
  - { name: by-tenant, key: tenant, rate: 2/s, cost: { batch: 2 } }
  - { name: by-caller, key: principal, rate: 60/m }
pools: { interactive: people, batch: machines }
`;
const request = 'POST https://acme.partner.example:8443/json/2/stock.picking/read?x=1';
const as = { jwt: { sub: 'edi-acme', scope: 'edi', tenant: 'acme' } };

const read = {
  protocol: 'json-2',
  service: 'object',
  model: 'stock.picking',
  method: 'read',
  database: null,
  login: null,
  records: null,
  limit: null,
};
const nothing = {
  zone: null,
  principal: null,
  tenant: null,
  workload: null,
  class: null,
  pool: null,
  odoo: null,
  limits: [],
};

function budget(name: string, changes: object) {
  return {
    kind: 'rate',
    name,
    cost: 1,
    shadow: false,
    admitted: true,
    windowEnds: null,
    figures: 'default',
    ...changes,
  };
}
const byTenant = (changes: object) =>
  budget('by-tenant', { key: 'acme', at: 'zones/partner.yaml:8:5', ...changes });
const byCaller = (changes: object) =>
  budget('by-caller', { key: 'acme/edi-acme', at: 'zones/partner.yaml:9:5', ...changes });

type Row = [stage: string, outcome: string, at: string, note: string];
const stepOf = ([stage, outcome, at, note]: Row) => ({ stage, outcome, at, note });

/** What each stage finds out about `request`, and what it writes into the trace. */
const passed: { finds: object; rows: Row[] }[] = [
  {
    finds: { odoo: read },
    rows: [['canonicalise', '/json/2/stock.picking/read', '', 'POST acme.partner.example from 192.0.2.1']],
  },
  {
    finds: { zone: 'partner' },
    rows: [['zone', 'partner', 'zones/partner.yaml:2:8', 'Host and PathPrefix(`/json/2/`) match']],
  },
  {
    finds: {},
    rows: [['address', 'admits', 'zones/partner.yaml:3:43', 'address-guard of 192.0.2.1: costs 1, 2 left']],
  },
  {
    finds: { principal: { kind: 'jwt', subject: 'edi-acme', issuer: 'keycloak' } },
    rows: [['identify', 'edi-acme', 'zones/partner.yaml:4:19', 'jwt of keycloak']],
  },
  { finds: {}, rows: [['read', 'stock.picking read', '', 'json-2']] },
  {
    finds: { tenant: 'acme', odoo: { ...read, database: 'acme_db' } },
    rows: [['tenant', 'acme', 'zones/partner.yaml:5:9', 'named by the host name']],
  },
  { finds: {}, rows: [['authorise', 'allowed', 'zones/partner.yaml:6:17', 'stock.picking read']] },
  {
    finds: { workload: 'interactive', class: 'interactive' },
    rows: [['workload', 'interactive', 'zones/partner.yaml:1:1', 'default of the zone']],
  },
  {
    finds: { limits: [byTenant({ remaining: 1 }), byCaller({ remaining: 59 })] },
    rows: [
      ['limit', 'admits', 'zones/partner.yaml:8:5', 'by-tenant of acme: costs 1, 1 left'],
      ['limit', 'admits', 'zones/partner.yaml:9:5', 'by-caller of acme/edi-acme: costs 1, 59 left'],
    ],
  },
  { finds: { pool: 'people' }, rows: [['route', 'people', 'zones/partner.yaml:10:23', 'interactive']] },
];

/** The decision after the first `count` stages passed `request`, ended by `end` with the last row of the trace. */
function after(count: number, end: object, ...last: Row[]): object {
  const before = passed.slice(0, count);
  const trace = [...before.flatMap(({ rows }) => rows), ...last].map(stepOf);
  return Object.assign({}, nothing, ...before.map(({ finds }) => finds), end, { trace }) as object;
}

const refuse = (reason: Reason, at: string) => ({
  decision: 'refuse',
  reason,
  status: reasons[reason].status,
  at,
});

describe('decide', () => {
  it('gives an admitted request its zone, principal, tenant, workload, budgets and pool', () => {
    expect(openScene({ partner }).ask(request, { as })).toEqual(
      after(10, { decision: 'allow', reason: null, status: null, at: 'zones/partner.yaml:2:8' }),
    );
  });

  it('records nothing where nobody asks for a trace', () => {
    const decided = openScene({ partner }).live(request, { as });
    expect('decision' in decided ? decided.decision.trace : undefined).toEqual([]);
  });

  it.each<[string, string, Asked, number, Reason, Row]>([
    [
      'a path with two meanings',
      'POST https://acme.partner.example/json/2/../2/a/b',
      { as },
      0,
      'path_ambiguous',
      ['canonicalise', 'path_ambiguous', '', ''],
    ],
    [
      'a caller without credentials',
      request,
      {},
      3,
      'credentials_missing',
      ['identify', 'credentials_missing', 'zones/partner.yaml:4:11', ''],
    ],
    [
      'a token for another service',
      request,
      { as: { jwt: { ...as.jwt, aud: 'another' } } },
      3,
      'token_audience_not_allowed',
      ['identify', 'token_audience_not_allowed', 'zones/partner.yaml:4:19', ''],
    ],
    [
      'a token of another tenant',
      request,
      { as: { jwt: { ...as.jwt, tenant: 'globex' } } },
      5,
      'tenant_mismatch',
      ['tenant', 'tenant_mismatch', 'zones/partner.yaml:5:9', 'The credential names another tenant.'],
    ],
    [
      'a token of a tenant that does not exist',
      request,
      { as: { jwt: { ...as.jwt, tenant: 'nobody' } } },
      5,
      'tenant_unknown',
      [
        'tenant',
        'tenant_unknown',
        'zones/partner.yaml:5:9',
        'The credential names a tenant that does not exist.',
      ],
    ],
    [
      'a token without the scope',
      request,
      { as: { jwt: { ...as.jwt, scope: 'edi.read' } } },
      6,
      'scope_missing',
      ['authorise', 'scope_missing', 'zones/partner.yaml:4:19', 'The scope edi is required.'],
    ],
  ])('refuses %s', (_title, asked, options, count, reason, last) => {
    expect(openScene({ partner }).ask(asked, options)).toEqual(after(count, refuse(reason, last[2]), last));
  });

  it('refuses what no zone covers, and says what fails in the nearest ones', () => {
    expect(openScene({ partner }).ask('GET https://acme.partner.example/odoo', { as })).toEqual({
      ...nothing,
      ...refuse('no_zone', ''),
      trace: [
        stepOf(['canonicalise', '/odoo', '', 'GET acme.partner.example from 192.0.2.1']),
        stepOf(['zone', 'no_zone', '', 'partner: PathPrefix(`/json/2/`) does not match']),
      ],
    });
  });

  it('refuses an address that the zone denies', () => {
    expect(openScene({ partner }).ask(request, { as, from: '203.0.113.9' })).toEqual({
      ...after(2, refuse('address_not_allowed', 'zones/partner.yaml:3:10')),
      trace: [
        stepOf([
          'canonicalise',
          '/json/2/stock.picking/read',
          '',
          'POST acme.partner.example from 203.0.113.9',
        ]),
        stepOf(passed[1]!.rows[0]!),
        stepOf(['address', 'address_not_allowed', 'zones/partner.yaml:3:10', '']),
      ],
    });
  });

  it('refuses an Odoo call that the zone does not list', () => {
    const path = '/json/2/stock.picking/write';
    expect(openScene({ partner }).ask(`POST https://acme.partner.example${path}`, { as })).toEqual({
      ...after(6, refuse('odoo_method_not_allowed', 'zones/partner.yaml:6:16')),
      odoo: { ...read, method: 'write', database: 'acme_db' },
      trace: [
        stepOf(['canonicalise', path, '', 'POST acme.partner.example from 192.0.2.1']),
        ...passed.slice(1, 4).flatMap(({ rows }) => rows.map(stepOf)),
        stepOf(['read', 'stock.picking write', '', 'json-2']),
        ...passed.slice(5, 6).flatMap(({ rows }) => rows.map(stepOf)),
        stepOf(['authorise', 'odoo_method_not_allowed', 'zones/partner.yaml:6:16', '']),
      ],
    });
  });

  it('refuses who is over a budget, says by how much, and spends from none', () => {
    const scene = openScene({ partner });
    const over = after(
      8,
      {
        ...refuse('limit_exceeded', 'zones/partner.yaml:8:5'),
        limits: [byTenant({ remaining: 0, admitted: false }), byCaller({ remaining: 58 })],
      },
      ['limit', 'limit_exceeded', 'zones/partner.yaml:8:5', 'Exceeded: by-tenant.'],
    );
    for (let i = 0; i < 2; i++) scene.ask(request, { as });
    const { trace, ...decision } = scene.ask(request, { as });
    expect({ ...decision, trace: trace.filter(({ stage }) => stage !== 'address') }).toEqual({
      ...over,
      trace: (over as DecisionJson).trace.filter(({ stage }) => stage !== 'address'),
    });
  });

  it('refuses an address that is over its guard before anybody is identified', () => {
    const scene = openScene({ partner });
    for (let i = 0; i < 3; i++) scene.ask(request);
    const guarded = budget('address-guard', {
      key: '192.0.2.1',
      remaining: 0,
      admitted: false,
      at: 'zones/partner.yaml:3:43',
    });
    expect(scene.ask(request, { as })).toEqual(
      after(2, { ...refuse('address_rate_exceeded', 'zones/partner.yaml:3:43'), limits: [guarded] }, [
        'address',
        'address_rate_exceeded',
        'zones/partner.yaml:3:43',
        'Exceeded: address-guard.',
      ]),
    );
  });
});
