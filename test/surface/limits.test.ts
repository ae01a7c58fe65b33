import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OdooPrefork, startOdooPrefork } from '../../src/demo/odoo-prefork.ts';
import { type HeldTime, holdTime } from '../support/gateway-time.ts';
import { pickSeries } from '../support/metrics-text.ts';
import { exchangeBytes, parseAnswer, type RawAnswer } from '../support/raw-http.ts';
import {
  ask,
  runGateway,
  type RunningGateway,
  trustingGateway,
  verdictOf,
} from '../support/running-gateway.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

let odoo: OdooPrefork;
let issuer: TokenIssuer;
let gateway: RunningGateway;
let time: HeldTime;

beforeEach(async () => {
  time = holdTime();
  odoo = await startOdooPrefork({ port: 0, workers: 4, name: 'odoo', delaysMs: {} });
  issuer = await startTokenIssuer();
});
afterEach(async () => {
  time.release();
  await gateway.stop();
  await Promise.all([odoo.close(), issuer.server.stop()]);
});

/** A zone for `shop.example` with these lines; hosts of tenants are `<tenant>.shop.example`. */
const zone = (limits: string, more = ''): string => `zone: shop
match: Host(\`{tenant}.shop.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: odoo }
${more}
limits:
${limits}
`;

async function start(zoneFile: string, gatewayFile = trustingGateway): Promise<void> {
  gateway = await runGateway({
    'gateway.yaml': gatewayFile,
    'identities.yaml': `issuers: [{ name: keycloak, issuer: "${issuer.url}" }]\n`,
    'tenants.yaml': 'tenants: [{ id: acme, database: acme }, { id: nordfracht, database: nordfracht }]\n',
    'pools.yaml': `pools: [{ name: odoo, endpoints: [{ url: "${odoo.url}", seats: 4 }] }]\n`,
    'zones/shop.yaml': zoneFile,
  });
}

interface Sent {
  from?: string;
  tenant?: string;
  method?: string;
  path?: string;
  headers?: Record<string, string>;
}

function send({
  from = '198.51.100.7',
  tenant = 'acme',
  method = 'GET',
  path = '/odoo',
  headers,
}: Sent = {}) {
  return ask(gateway.proxyPort, `${method} http://${tenant}.shop.example${path}`, {
    headers: { 'X-Forwarded-For': from, ...headers },
  });
}

/** What a client learns about its budgets. */
function told({ status, fields }: RawAnswer): unknown[] {
  return [status, fields['ratelimit-policy'], fields['ratelimit'], fields['retry-after'] !== undefined];
}

const limitDecisions = async (): Promise<Record<string, number>> =>
  pickSeries(await gateway.metrics(), ['bulkhead_limit_decisions_total']);

describe('one limit', () => {
  it('admits its burst, then refuses until a token is there again, and says so each time', async () => {
    await start(zone('  - { name: calls, key: client, rate: 1/m, burst: 3 }'));
    const policy = '"calls";q=3;w=180';
    const seen: unknown[] = [];
    for (let i = 0; i < 5; i++) seen.push(told(await send()));
    expect(seen).toEqual([
      [200, policy, '"calls";r=2;t=60', false],
      [200, policy, '"calls";r=1;t=60', false],
      [200, policy, '"calls";r=0;t=60', false],
      [429, policy, '"calls";r=0;t=60', true],
      [429, policy, '"calls";r=0;t=60', true],
    ]);
    time.advance(59_999);
    expect(told(await send())).toEqual([429, policy, '"calls";r=0;t=1', true]);
    time.advance(1);
    expect(told(await send())).toEqual([200, policy, '"calls";r=0;t=60', false]);
    // A refused request spends nothing: the budget is full three minutes after the last one that passed.
    time.advance(180_000);
    expect(told(await send())).toEqual([200, policy, '"calls";r=2;t=60', false]);
  });

  it('tells in the refusal which limit it was, where it stands, and when to come back', async () => {
    await start(zone('  - { name: calls, key: client, rate: 1/m, burst: 1 }'));
    expect((await send()).status).toBe(200);
    const refused = await send();
    const requestId = refused.fields['x-request-id'] ?? '';
    expect(JSON.parse(refused.body)).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'A rate limit is exceeded',
      status: 429,
      detail: 'Exceeded: calls.',
      instance: `urn:bulkhead:request:${requestId}`,
      reason: 'limit_exceeded',
      requestId,
      'violated-policies': ['calls'],
    });
    // Up to a fifth more than the 60 s, so that callers who were refused together do not come back together.
    const waitS = Number(refused.fields['retry-after']);
    expect([waitS >= 60, waitS <= 72]).toEqual([true, true]);
    expect(gateway.logLines.at(-1)).toMatchObject({
      requestId,
      status: 429,
      reason: 'limit_exceeded',
      at: 'zones/shop.yaml:8:5',
    });
  });

  it('counts every method alike', async () => {
    await start(zone('  - { name: calls, key: client, rate: 1/h, burst: 5 }'));
    const seen: [string, number, string | undefined][] = [];
    for (const method of ['HEAD', 'OPTIONS', 'PUT', 'DELETE', 'GET', 'HEAD', 'OPTIONS']) {
      const { status, fields } = await send({ method });
      seen.push([method, status, fields['ratelimit']?.split(';')[1]]);
    }
    expect(seen).toEqual([
      ['HEAD', 200, 'r=4'],
      ['OPTIONS', 200, 'r=3'],
      ['PUT', 200, 'r=2'],
      ['DELETE', 200, 'r=1'],
      ['GET', 200, 'r=0'],
      ['HEAD', 429, 'r=0'],
      ['OPTIONS', 429, 'r=0'],
    ]);
  });

  it('counts every spelling of a path, a host and a query alike', async () => {
    await start(zone('  - { name: calls, key: tenant, rate: 1/h, burst: 4 }'));
    const spellings: [host: string, path: string][] = [
      ['acme.shop.example', '/odoo'],
      ['ACME.Shop.Example:80', '/%6fdoo'],
      ['acme.shop.example.', '/o%64oo?x=1'],
      ['acme.shop.example', '/odoo?x=%61'],
      ['Acme.shop.example', '/%6F%64oo'],
    ];
    const seen: (string | undefined)[] = [];
    for (const [host, path] of spellings)
      seen.push(
        (await ask(gateway.proxyPort, `GET http://${host}${path}`)).fields['ratelimit']?.split(';')[1],
      );
    expect(seen).toEqual(['r=3', 'r=2', 'r=1', 'r=0', 'r=0']);
    expect((await send()).status).toBe(429);
  });

  it('costs what the workload costs; static files for 0 pass an empty budget', async () => {
    await start(zone('  - { name: calls, key: client, rate: 1/h, burst: 7, cost: { static: 0, batch: 5 } }'));
    const seen: unknown[] = [];
    for (const path of [
      '/web/static/a.css',
      '/report/text/x/1',
      '/odoo',
      '/report/text/x/1',
      '/odoo',
      '/odoo',
      '/web/static/a.css',
    ]) {
      const { status, fields } = await send({ path });
      seen.push([path, status, fields['ratelimit']]);
    }
    expect(seen).toEqual([
      ['/web/static/a.css', 200, '"calls";r=7'],
      ['/report/text/x/1', 200, '"calls";r=2;t=3600'],
      ['/odoo', 200, '"calls";r=1;t=3600'],
      // Five tokens are wanted and one is there: four hours.
      ['/report/text/x/1', 429, '"calls";r=1;t=14400'],
      ['/odoo', 200, '"calls";r=0;t=3600'],
      ['/odoo', 429, '"calls";r=0;t=3600'],
      ['/web/static/a.css', 200, '"calls";r=0;t=3600'],
    ]);
  });
});

describe('several limits', () => {
  const twoLimits = zone(
    '  - { name: client, key: client, rate: 1/h, burst: 2 }\n  - { name: tenant, key: tenant, rate: 1/h, burst: 5 }',
  );

  it('are all or nothing: whom one refuses spends from none', async () => {
    await start(twoLimits);
    const seen: unknown[] = [];
    for (const from of ['198.51.100.1', '198.51.100.1', '198.51.100.1', '198.51.100.1', '198.51.100.2'])
      seen.push((await send({ from })).fields['ratelimit']);
    expect(seen).toEqual([
      '"client";r=1;t=3600, "tenant";r=4;t=3600',
      '"client";r=0;t=3600, "tenant";r=3;t=3600',
      '"client";r=0;t=3600, "tenant";r=3;t=3600',
      '"client";r=0;t=3600, "tenant";r=3;t=3600',
      '"client";r=1;t=3600, "tenant";r=2;t=3600',
    ]);
    // The other way round: with the tenant's budget gone, a fresh client keeps its own.
    for (const from of ['198.51.100.2', '198.51.100.3']) expect((await send({ from })).status).toBe(200);
    const refused = await send({ from: '198.51.100.4' });
    expect([...told(refused), JSON.parse(refused.body)]).toMatchObject([
      429,
      '"client";q=2;w=7200, "tenant";q=5;w=18000',
      '"client";r=2, "tenant";r=0;t=3600',
      true,
      { 'violated-policies': ['tenant'] },
    ]);
    expect((await send({ from: '198.51.100.4', tenant: 'nordfracht' })).fields['ratelimit']).toBe(
      '"client";r=1;t=3600, "tenant";r=4;t=3600',
    );
  });

  it('refuse with the longest wait, and name all that are exceeded', async () => {
    await start(
      zone(
        '  - { name: short, key: client, rate: 1/s, burst: 1 }\n  - { name: long, key: tenant, rate: 1/h, burst: 1 }',
      ),
    );
    expect((await send()).status).toBe(200);
    const refused = await send();
    expect(refused.fields['ratelimit']).toBe('"short";r=0;t=1, "long";r=0;t=3600');
    expect(Number(refused.fields['retry-after'])).toBeGreaterThanOrEqual(3600);
    expect(JSON.parse(refused.body)).toMatchObject({
      detail: 'Exceeded: short, long.',
      'violated-policies': ['short', 'long'],
    });
  });

  it('hide a shadow limit from clients, let pass what it would refuse, and count that', async () => {
    await start(
      zone(
        '  - { name: real, key: client, rate: 1/h, burst: 5 }\n  - { name: planned, key: client, rate: 1/h, burst: 2, shadow: true }',
      ),
    );
    const answers: RawAnswer[] = [];
    for (let i = 0; i < 6; i++) answers.push(await send());
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(answers.map(({ text }) => text).join('')).not.toContain('planned');
    expect(await limitDecisions()).toEqual({
      'bulkhead_limit_decisions_total{zone="shop",limit="real",outcome="admitted"}': 5,
      'bulkhead_limit_decisions_total{zone="shop",limit="real",outcome="refused"}': 1,
      'bulkhead_limit_decisions_total{zone="shop",limit="planned",outcome="admitted"}': 2,
      'bulkhead_limit_decisions_total{zone="shop",limit="planned",outcome="shadow_refused"}': 4,
    });
  });

  it('of a zone that only shadows say nothing at all', async () => {
    await start(zone('  - { name: planned, key: client, rate: 1/h, burst: 1, shadow: true }'));
    for (let i = 0; i < 3; i++) expect(told(await send())).toEqual([200, undefined, undefined, false]);
  });
});

describe('the address guard', () => {
  const guarded = `zone: partner
match: Host(\`partner.example\`)
identify: { any: [{ jwt: { issuer: keycloak, audience: bulkhead } }] }
address: { guard: { rate: 1/m, burst: 3 } }
pools: { interactive: odoo }
limits: [{ name: calls, key: principal, rate: 1/h, burst: 10 }]
`;
  const call = (from: string, token: string): Promise<RawAnswer> =>
    ask(gateway.proxyPort, 'GET http://partner.example/odoo', {
      headers: { 'X-Forwarded-For': from, Authorization: `Bearer ${token}` },
    });

  it('spends also when authentication fails, and then refuses before any credential is looked at', async () => {
    await start(guarded);
    const token = await issuer.sign({ claims: { sub: 'edi' } });
    const seen: unknown[] = [];
    for (let i = 0; i < 4; i++) seen.push(verdictOf(await call('198.51.100.7', `guess-${i}`)));
    expect(seen).toEqual([
      [401, 'token_malformed'],
      [401, 'token_malformed'],
      [401, 'token_malformed'],
      [429, 'address_rate_exceeded'],
    ]);
    const refused = await call('198.51.100.7', token);
    expect([...verdictOf(refused), ...told(refused).slice(1)]).toEqual([
      429,
      'address_rate_exceeded',
      '"address-guard";q=3;w=180',
      '"address-guard";r=0;t=60',
      true,
    ]);
    expect(JSON.parse(refused.body)).toMatchObject({
      detail: 'Exceeded: address-guard.',
      'violated-policies': ['address-guard'],
    });
    expect((await call('198.51.100.8', token)).status).toBe(200);
    time.advance(60_000);
    // The guard has let it in, and the caller's own limit is what an allowed request is told about.
    const late = await call('198.51.100.7', token);
    expect([late.status, late.fields['ratelimit']]).toEqual([200, '"calls";r=8;t=3540']);
  });
});

describe('the address of a client', () => {
  const perClient = zone('  - { name: calls, key: client, rate: 1/h, burst: 3 }');
  const left = async (from: string): Promise<string | undefined> =>
    (await send({ from })).fields['ratelimit']?.split(';')[1];

  it('is its /64 network in IPv6, since one client can take any address of it', async () => {
    await start(perClient);
    const seen: unknown[] = [];
    for (const from of [
      '2001:db8:1:2::1',
      '2001:DB8:1:2:ffff::9',
      '2001:db8:1:2:0:0:0:2',
      '2001:db8:1:2::3',
      '2001:db8:1:3::1',
    ])
      seen.push([from, await left(from)]);
    expect(seen).toEqual([
      ['2001:db8:1:2::1', 'r=2'],
      ['2001:DB8:1:2:ffff::9', 'r=1'],
      ['2001:db8:1:2:0:0:0:2', 'r=0'],
      ['2001:db8:1:2::3', 'r=0'],
      ['2001:db8:1:3::1', 'r=2'],
    ]);
    expect((await send({ from: '2001:db8:1:2::4' })).status).toBe(429);
  });

  it('has one budget in every spelling of X-Forwarded-For', async () => {
    await start(zone('  - { name: calls, key: client, rate: 1/h, burst: 100 }'));
    const client = '198.51.100.7';
    const spellings = [
      client,
      `  ${client}`,
      `::ffff:${client}`,
      '::FFFF:c633:6407',
      '0:0:0:0:0:ffff:c633:6407',
      // What stands left of the last address that is no proxy of ours, the client wrote itself.
      `10.9.9.9, ${client}`,
      `203.0.113.1,${client}`,
      `${client}, 127.0.0.1`,
      `, ,${client}`,
      `unknown, ${client}`,
    ];
    const seen: (string | undefined)[] = [];
    for (const from of spellings) seen.push(await left(from));
    expect(seen).toEqual(spellings.map((_, i) => `r=${99 - i}`));
    const twoFields = await exchangeBytes(
      gateway.proxyPort,
      `GET /odoo HTTP/1.1\r\nHost: acme.shop.example\r\nX-Forwarded-For: 203.0.113.5\r\nX-Forwarded-For: ${client}\r\nX_Forwarded_For: 203.0.113.6\r\nConnection: close\r\n\r\n`,
    );
    expect(parseAnswer(twoFields).fields['ratelimit']).toContain('r=89;');
    expect(
      new Set(gateway.logLines.filter(({ msg }) => msg === 'request').map((line) => line['client'])),
    ).toEqual(new Set([client]));
  });

  it('is never what an untrusted peer claims', async () => {
    await start(perClient, 'listeners: { proxy: 127.0.0.1:0, admin: 127.0.0.1:0 }\n');
    const seen: unknown[] = [];
    for (const from of ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'])
      seen.push(await left(from));
    expect(seen).toEqual(['r=2', 'r=1', 'r=0', 'r=0']);
    expect(new Set(gateway.logged('request').map((line) => line['client']))).toEqual(new Set(['127.0.0.1']));
  });
});

describe('a reload', () => {
  const limits = '  - { name: calls, key: client, rate: 1/h, burst: 4 }';

  it('gives no budget back and takes none away', async () => {
    await start(zone(limits));
    for (let i = 0; i < 3; i++) await send();
    expect(await gateway.reload({ 'zones/shop.yaml': zone(limits, 'workload: { default: batch }') })).toBe(
      true,
    );
    expect((await send()).fields['ratelimit']).toBe('"calls";r=0;t=3600');
    expect(await gateway.reload({ 'zones/shop.yaml': zone(limits) })).toBe(true);
    expect(verdictOf(await send())).toEqual([429, 'limit_exceeded']);
    expect((await send({ from: '198.51.100.8' })).fields['ratelimit']).toBe('"calls";r=3;t=3600');
  });

  it('that raises a burst lets what is spent stay spent', async () => {
    await start(zone(limits));
    for (let i = 0; i < 4; i++) await send();
    await gateway.reload({ 'zones/shop.yaml': zone(limits.replace('burst: 4', 'burst: 6')) });
    const seen: unknown[] = [];
    for (let i = 0; i < 3; i++) seen.push((await send()).status);
    expect(seen).toEqual([200, 200, 429]);
  });

  it('that is refused leaves limits and budgets as they were', async () => {
    await start(zone(limits));
    for (let i = 0; i < 3; i++) await send();
    expect(await gateway.reload({ 'zones/shop.yaml': zone(limits.replace('1/h', '1')) })).toBe(false);
    expect([(await send()).status, (await send()).status]).toEqual([200, 429]);
  });
});
