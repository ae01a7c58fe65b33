import { describe, expect, it } from 'vitest';
import { type Asked, openScene } from '../../test/support/decision-scene.ts';
import type { Verifiers } from '../auth/identify.ts';
import type { DecisionJson } from './decision-json.ts';

const shop = `zone: shop
match: Host(\`{tenant}.shop.example\`)
address: { deny: [203.0.113.0/24], guard: { rate: 20/h } }
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead, scopes: [edi] }] }
tenant: { from: [host] }
allow: { odoo: [{ model: stock.picking, methods: [read, read_group] }] }
limits:
  - { name: whole, key: zone, rate: 100/h }
  - { name: by-tenant, key: tenant, rate: 10/h, cost: { batch: 5, static: 0 } }
  - { name: by-caller, key: principal, rate: 8/h }
  - { name: by-address, key: client, rate: 50/h }
  - { name: soon, key: tenant, rate: 3/h, shadow: true }
pools: { interactive: people, batch: machines }
`;
const host = 'https://acme.shop.example';
const read = `POST ${host}/json/2/stock.picking/read`;
const group = `POST ${host}/json/2/stock.picking/read_group`;
const as = { jwt: { sub: 'edi-acme', scope: 'edi', tenant: 'acme' } };

const left = ({ limits }: DecisionJson) =>
  Object.fromEntries(limits.map(({ name, remaining }) => [name, remaining]));
const full = { whole: 100, 'by-tenant': 10, 'by-caller': 8, 'by-address': 50, soon: 3 };

describe('an admitted request', () => {
  it('spends from every budget of the zone what its workload costs', () => {
    const scene = openScene({ shop });
    expect(left(scene.ask(read, { as }))).toEqual({
      whole: 99,
      'by-tenant': 9,
      'by-caller': 7,
      'by-address': 49,
      soon: 2,
    });
    expect(left(scene.ask(group, { as }))).toEqual({
      whole: 98,
      'by-tenant': 4,
      'by-caller': 6,
      'by-address': 48,
      soon: 1,
    });
    expect(left(scene.ask(`GET ${host}/web/static/a.js`, { as }))).toEqual({
      whole: 97,
      'by-tenant': 4,
      'by-caller': 5,
      'by-address': 47,
      soon: 0,
    });
  });

  it('spends from a budget in each tenant, when one credential that stays known calls in both', () => {
    const scene = openScene({ shop });
    const assumed = scene.verifiersFor({ as: { jwt: { sub: 'edi', scope: 'edi' } } });
    let known: ReturnType<Verifiers['token']> | undefined;
    const verifiers: Verifiers = {
      ...assumed,
      token: (token, alternative) => (known ??= assumed.token(token, alternative)),
    };
    const callerOf = (request: string) => {
      const { limits } = scene.ask(request, { effects: { verifiers } });
      return limits.filter(({ name }) => name === 'by-caller').map(({ key, remaining }) => [key, remaining]);
    };
    const other = read.replace('acme.', 'globex.');
    expect([read, read, other, read, other].flatMap(callerOf)).toEqual([
      ['acme/edi', 7],
      ['acme/edi', 6],
      ['globex/edi', 7],
      ['acme/edi', 5],
      ['globex/edi', 6],
    ]);
  });

  it('spends from the budget of its own tenant, caller and address', () => {
    const keys = (decision: DecisionJson) => decision.limits.map(({ key }) => key);
    const scene = openScene({ shop });
    expect(keys(scene.ask(read, { as, from: '2001:db8:1:2:3::4' }))).toEqual([
      'shop',
      'acme',
      'acme/edi-acme',
      '2001:db8:1:2::/64',
      'acme',
    ]);
    const other = { jwt: { ...as.jwt, sub: 'a/b', tenant: 'globex' } };
    const decision = scene.ask(read.replace('acme.', 'globex.'), { as: other });
    expect(keys(decision)).toEqual(['shop', 'globex', 'globex/a%2Fb', '192.0.2.1', 'globex']);
    expect(left(decision)).toEqual({
      ...full,
      whole: 98,
      'by-tenant': 9,
      'by-caller': 7,
      'by-address': 49,
      soon: 2,
    });
  });

  it('is charged nothing for a limit whose key nobody tells', () => {
    const open = `zone: open
match: Host(\`open.example\`)
identify: none
tenant: { from: [host] }
limits: [{ name: by-tenant, key: tenant, rate: 1/h }]
pools: { interactive: people }
`;
    const decision = openScene({ open }).ask('GET https://open.example/');
    expect(decision).toMatchObject({ decision: 'refuse', reason: 'tenant_missing', limits: [] });
  });

  it('is not refused by a shadow limit, which only says that it would', () => {
    const scene = openScene({ shop });
    for (let i = 0; i < 3; i++) scene.ask(read, { as });
    const decision = scene.ask(read, { as });
    expect(decision.decision).toBe('allow');
    expect(decision.limits.at(-1)).toEqual({
      kind: 'rate',
      name: 'soon',
      key: 'acme',
      cost: 1,
      remaining: 0,
      shadow: true,
      admitted: false,
      at: 'zones/shop.yaml:12:5',
      windowEnds: null,
      figures: 'default',
    });
    expect(decision.trace.filter(({ stage }) => stage === 'limit').at(-1)).toEqual({
      stage: 'limit',
      outcome: 'would refuse',
      at: 'zones/shop.yaml:12:5',
      note: 'soon of acme: costs 1, 0 left',
    });
  });
});

describe('a request that is refused', () => {
  const refused: [reason: string, request: string, asked: Asked][] = [
    ['path_ambiguous', `POST ${host}/json/2/../2/a/b`, { as }],
    ['no_zone', 'GET https://acme.example/', { as }],
    ['credentials_missing', read, {}],
    ['token_audience_not_allowed', read, { as: { jwt: { ...as.jwt, aud: 'x' } } }],
    ['tenant_mismatch', read, { as: { jwt: { ...as.jwt, tenant: 'globex' } } }],
    ['scope_missing', read, { as: { jwt: { ...as.jwt, scope: 'x' } } }],
    ['odoo_method_not_allowed', `POST ${host}/json/2/stock.picking/write`, { as }],
    ['odoo_call_unreadable', `POST ${host}/jsonrpc`, { as }],
    ['upgrade_invalid', `GET ${host}/websocket`, { as }],
  ];

  it.each(refused)('for %s spends from no budget', (reason, request, asked) => {
    const scene = openScene({ shop });
    for (let i = 0; i < 3; i++) expect(scene.ask(request, asked).reason).toBe(reason);
    expect(left(scene.explain(read, { as }))).toEqual(full);
  });

  it('for one budget spends from none of the others', () => {
    const scene = openScene({ shop });
    for (let i = 0; i < 2; i++) scene.ask(group, { as });
    const before = left(scene.explain(read, { as }));
    for (let i = 0; i < 3; i++) expect(scene.ask(read, { as }).reason).toBe('limit_exceeded');
    expect(left(scene.explain(read, { as }))).toEqual(before);
    expect(before).toEqual({ whole: 98, 'by-tenant': 0, 'by-caller': 6, 'by-address': 48, soon: 1 });
  });

  it('for several budgets names them all, shadow ones left out, and points at the first', () => {
    const scene = openScene({
      tight: `zone: tight
match: Host(\`tight.example\`)
identify: none
limits:
  - { name: soon, key: zone, rate: 1/h, shadow: true }
  - { name: wide, key: zone, rate: 9/h }
  - { name: narrow, key: zone, rate: 1/h }
  - { name: narrow-too, key: client, rate: 1/h }
pools: { interactive: people }
`,
    });
    scene.ask('GET https://tight.example/');
    const { reason, at, trace } = scene.ask('GET https://tight.example/');
    expect({ reason, at }).toEqual({ reason: 'limit_exceeded', at: 'zones/tight.yaml:7:5' });
    expect(trace.at(-1)?.note).toBe('Exceeded: narrow, narrow-too.');
  });

  it('for missing credentials has spent from the guard, which protects that very check', () => {
    const scene = openScene({ shop });
    for (let i = 0; i < 20; i++) expect(scene.ask(read).reason).toBe('credentials_missing');
    expect(scene.ask(read, { as }).reason).toBe('address_rate_exceeded');
    expect(scene.ask(read, { as, from: '192.0.2.2' }).decision).toBe('allow');
    scene.clock.advance(3_600_000 / 20);
    expect(scene.ask(read, { as }).decision).toBe('allow');
  });

  it('for its address has not spent from the guard', () => {
    const scene = openScene({ shop });
    for (let i = 0; i < 3; i++) scene.ask(read, { as, from: '203.0.113.9' });
    expect(scene.guard.size).toBe(0);
  });
});

describe('a dry decision', () => {
  it('spends from no budget and no guard, and says what the live one would', () => {
    const scene = openScene({ shop });
    for (let i = 0; i < 30; i++) expect(left(scene.explain(read, { as }))).toEqual(full);
    expect([scene.guard.size, scene.limits.size]).toEqual([0, 0]);
    for (let i = 0; i < 2; i++) scene.ask(group, { as });
    const { decision, reason, at, pool, workload } = scene.explain(read, { as });
    const live = scene.ask(read, { as });
    expect({ decision, reason, at, pool, workload }).toEqual({
      decision: live.decision,
      reason: live.reason,
      at: live.at,
      pool: live.pool,
      workload: live.workload,
    });
    expect(live.reason).toBe('limit_exceeded');
  });
});
