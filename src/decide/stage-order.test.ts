import { describe, expect, it } from 'vitest';
import { type Asked, openScene } from '../../test/support/decision-scene.ts';
import type { Reason } from '../core/reason.ts';
import { stages } from './stages.ts';

const zone = `zone: all
match: Host(\`{tenant}.erp.example\`)
address: { deny: [203.0.113.0/24], guard: { rate: 1/h, burst: 2 } }
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead, scopes: [edi] }] }
tenant: { from: [host] }
allow: { odoo: [{ model: stock.picking, methods: [read] }] }
limits: [{ name: by-tenant, key: tenant, rate: 1/h }]
pools: { interactive: people }
`;

/** A request with a flaw for each stage that can refuse. Putting one right brings the next one to light. */
const flawed = {
  host: 'unknown',
  path: '/websocket/../jsonrpc',
  from: '203.0.113.9',
  scope: 'none',
  tenant: 'globex',
};

const repairs: [stage: string, reason: Reason, repair: Partial<typeof flawed> & { signed?: true }][] = [
  ['canonicalise', 'path_ambiguous', { path: '/jsonrpc' }],
  ['zone', 'no_zone', { host: 'acme.erp.example' }],
  ['address', 'address_not_allowed', { from: '192.0.2.7' }],
  ['address', 'address_rate_exceeded', { from: '192.0.2.8' }],
  ['identify', 'credentials_missing', { signed: true }],
  ['read', 'odoo_call_unreadable', { path: '/json/2/stock.picking/write' }],
  ['tenant', 'tenant_mismatch', { tenant: 'acme' }],
  ['authorise', 'scope_missing', { scope: 'edi' }],
  ['authorise', 'odoo_method_not_allowed', { path: '/websocket' }],
  ['workload', 'upgrade_invalid', { path: '/odoo' }],
  ['limit', 'limit_exceeded', {}],
];

describe('a request with several flaws', () => {
  it('is refused for the first one, in the order of the stages', () => {
    const scene = openScene({ all: zone });
    const as = { jwt: { sub: 'edi', scope: 'edi', tenant: 'acme' } };
    // Empties the budget of the tenant, and the guard of one address.
    scene.ask('GET https://acme.erp.example/odoo', { as });
    for (let i = 0; i < 2; i++) scene.ask('GET https://acme.erp.example/odoo', { as, from: '192.0.2.7' });

    let request: typeof flawed & { signed?: true } = flawed;
    const reasonsInOrder = repairs.map(([, , repair]) => {
      const { host, path, from, scope, tenant, signed } = request;
      const asked: Asked = { from, ...(signed && { as: { jwt: { sub: 'edi', scope, tenant } } }) };
      const { reason, trace } = scene.explain(`GET https://${host}${path}`, asked);
      request = { ...request, ...repair };
      return [trace.at(-1)?.stage, reason];
    });
    expect(reasonsInOrder).toEqual(repairs.map(([stage, reason]) => [stage, reason]));
  });

  it('has met every stage but the last, which only chooses', () => {
    expect(new Set(repairs.map(([stage]) => stage))).toEqual(
      new Set(stages.map(({ name }) => name).filter((name) => name !== 'route')),
    );
  });
});

describe('the stages', () => {
  it('all leave a line in the trace, one after the other', () => {
    const open = openScene({
      open: 'zone: open\nmatch: Host(`open.example`)\nidentify: none\npools: { interactive: people }\n',
    });
    expect(open.ask('GET https://open.example/').trace).toEqual([
      { stage: 'canonicalise', outcome: '/', at: '', note: 'GET open.example from 192.0.2.1' },
      { stage: 'zone', outcome: 'open', at: 'zones/open.yaml:2:8', note: 'Host matches' },
      { stage: 'address', outcome: 'passed', at: '', note: '' },
      { stage: 'identify', outcome: 'none', at: 'zones/open.yaml:3:11', note: 'left to Odoo' },
      { stage: 'read', outcome: 'none', at: '', note: 'no body is needed' },
      { stage: 'tenant', outcome: 'none', at: '', note: 'the zone has no tenant' },
      { stage: 'authorise', outcome: 'passed', at: '', note: '' },
      {
        stage: 'workload',
        outcome: 'interactive',
        at: 'zones/open.yaml:1:1',
        note: 'default of the zone',
      },
      { stage: 'limit', outcome: 'none', at: '', note: 'the zone has no limit' },
      { stage: 'route', outcome: 'people', at: 'zones/open.yaml:4:23', note: 'interactive' },
    ]);
  });
});
