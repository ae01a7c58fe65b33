import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OdooPrefork, startOdooPrefork } from '../../src/demo/odoo-prefork.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { eventually } from '../support/eventually.ts';
import { type HeldTime, holdTime } from '../support/gateway-time.ts';
import { pickSeries } from '../support/metrics-text.ts';
import type { RawAnswer } from '../support/raw-http.ts';
import { sendRequest } from '../support/raw-http.ts';
import { runGateway, type RunningGateway, trustingGateway, verdictOf } from '../support/running-gateway.ts';
import { portOf } from '../support/test-gateway.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';
import { describeWithTool } from '../system/require-tool.ts';

/** Wrong secrets through a whole gateway, in front of a stand-in for Odoo to which every secret is wrong that begins so. */

const gatewayYaml = `${trustingGateway.replace('admin:', 'forwardAuth: 127.0.0.1:0, admin:')}bruteForce: { account: 2, address: 6, exempt: [10.0.0.0/8], firstPenalty: 1m }\n`;

function files(odooUrl: string, issuerUrl = 'https://id.example'): Record<string, string> {
  return {
    'gateway.yaml': gatewayYaml,
    'identities.yaml': `issuers: [{ name: keycloak, issuer: "${issuerUrl}", jwks: "${issuerUrl}/jwks" }]\n`,
    'tenants.yaml': 'tenants: [{ id: acme, database: acme_db }, { id: globex, database: globex_db }]\n',
    'pools.yaml': `pools: [{ name: odoo, endpoints: [{ url: "${odooUrl}", seats: 4 }], health: false }, { name: dead, endpoints: [{ url: "http://127.0.0.1:1", seats: 4 }], health: false }]\n`,
    'zones/staff.yaml': `zone: staff
match: Host(\`{tenant}.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: odoo }
`,
    'zones/partner.yaml': `zone: partner
match: Host(\`{tenant}.partner.test\`)
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }
tenant: { from: [host] }
pools: { interactive: odoo }
`,
    'zones/dead.yaml': `zone: dead
match: Host(\`dead.test\`)
identify: none
pools: { interactive: dead }
`,
    'zones/careless.yaml': `zone: careless
match: Host(\`careless.test\`)
bruteForce: false
identify: none
pools: { interactive: odoo }
`,
  };
}

interface Try {
  host?: string;
  path: string;
  type?: string;
  headers?: Record<string, string>;
  body: string;
}

type Way = (login: string, password: string) => Try;

const viaForm: Way = (login, password) => ({
  path: '/web/login',
  type: 'application/x-www-form-urlencoded',
  body: new URLSearchParams({ csrf_token: 'x', login, password }).toString(),
});
const viaSession: Way = (login, password) => ({
  path: '/web/session/authenticate',
  body: JSON.stringify({ jsonrpc: '2.0', id: 7, params: { db: 'acme_db', login, password } }),
});
const viaJsonRpc: Way = (login, password) => ({
  path: '/jsonrpc',
  body: JSON.stringify({
    jsonrpc: '2.0',
    id: 7,
    params: { service: 'common', method: 'authenticate', args: ['acme_db', login, password, {}] },
  }),
});
const xmlBody = (method: string, ...values: string[]): string =>
  `<?xml version='1.0'?>\n<methodCall>\n<methodName>${method}</methodName>\n<params>\n${values
    .map((value) => `<param>\n<value>${value}</value>\n</param>\n`)
    .join('')}</params>\n</methodCall>\n`;
const viaXmlRpc: Way = (login, password) => ({
  path: '/xmlrpc/2/common',
  type: 'text/xml',
  body: xmlBody(
    'authenticate',
    '<string>acme_db</string>',
    `<string>${login}</string>`,
    `<string>${password}</string>`,
    '<struct>\n</struct>',
  ),
});
const callJsonRpc: Way = (uid, password) => ({
  path: '/jsonrpc',
  body: JSON.stringify({
    jsonrpc: '2.0',
    id: 7,
    params: {
      service: 'object',
      method: 'execute_kw',
      args: ['acme_db', Number(uid), password, 'res.partner', 'read', [[1]]],
    },
  }),
});
const callXmlRpc: Way = (uid, password) => ({
  path: '/xmlrpc/2/object',
  type: 'text/xml',
  body: xmlBody('execute_kw', 'acme_db', `<int>${uid}</int>`, password, 'res.partner', 'read'),
});
/** Old clients read texts where newer ones read numbers. */
const callOldXmlRpc: Way = (uid, password) => ({ ...callXmlRpc(uid, password), path: '/xmlrpc/object' });
const viaKey: Way = (_, key) => ({
  path: '/json/2/res.partner/read',
  headers: { Authorization: `Bearer ${key}` },
  body: '{"ids":[1]}',
});

function send(port: number, tried: Try, from: string): Promise<RawAnswer> {
  return sendRequest(port, {
    method: 'POST',
    target: tried.path,
    headers: {
      Host: tried.host ?? 'acme.example',
      'X-Forwarded-For': from,
      'Content-Type': tried.type ?? 'application/json',
      ...tried.headers,
    },
    body: tried.body,
  });
}

/** What ForwardAuth is asked for the same request. */
function askForwardAuth(port: number, tried: Try, from: string): Promise<RawAnswer> {
  return sendRequest(port, {
    target: '/',
    headers: {
      Host: 'bulkhead',
      'X-Forwarded-Method': 'POST',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': tried.host ?? 'acme.example',
      'X-Forwarded-Uri': tried.path,
      'X-Forwarded-For': from,
      ...tried.headers,
    },
  });
}

const token: Try = {
  host: 'acme.partner.test',
  path: '/json/2/res.partner/read',
  headers: { Authorization: 'Bearer guess' },
  body: '{}',
};
const held = [429, 'too_many_failed_attempts'];

describe('failed attempts', () => {
  let odoo: OdooPrefork;
  let issuer: TokenIssuer;
  let time: HeldTime;
  let gateway: RunningGateway;

  beforeEach(async () => {
    time = holdTime();
    odoo = await startOdooPrefork({ port: 0, workers: 4, name: 'odoo' });
    issuer = await startTokenIssuer();
    gateway = await runGateway(files(odoo.url, issuer.url));
  });
  afterEach(async () => {
    time.release();
    await gateway.stop();
    await odoo.close();
    await issuer.server.stop();
  });

  const from = '198.51.100.7';
  const attempt = (tried: Try, address = from): Promise<RawAnswer> => send(gateway.proxyPort, tried, address);
  const verdict = async (tried: Try, address = from) => verdictOf(await attempt(tried, address));
  const arrivedAtOdoo = (): number => odoo.requests.length;

  it.each<[string, Way, number]>([
    ['the login form', viaForm, 200],
    ['a session', viaSession, 200],
    ['JSON-RPC', viaJsonRpc, 200],
    ['XML-RPC', viaXmlRpc, 200],
    ['a JSON-RPC call', callJsonRpc, 200],
    ['an XML-RPC call', callXmlRpc, 200],
    ['an old XML-RPC call', callOldXmlRpc, 200],
  ])('of an account by %s hold it back, and Odoo is not asked any more', async (_way, way, status) => {
    const addresses = ['198.51.100.1', '198.51.100.2', '198.51.100.3'];
    for (const address of addresses)
      expect(await verdict(way('7', `wrong ${address}`), address)).toEqual([status, undefined]);
    const refused = await attempt(way('7', 'wrong again'), '198.51.100.4');
    expect(verdictOf(refused)).toEqual(held);
    expect(Number(refused.fields['retry-after'])).toBeGreaterThanOrEqual(60);
    expect(Number(refused.fields['retry-after'])).toBeLessThanOrEqual(72);
    if (!refused.body.startsWith('<?xml'))
      expect(refused.body).toContain('"violated-policies":["account-failures"]');
    expect(arrivedAtOdoo()).toBe(3);
    expect(await verdict(way('8', 'right'), '198.51.100.4')).not.toEqual(held);
    time.advance(59_999);
    expect(await verdict(way('7', 'wrong still'), '198.51.100.4')).toEqual(held);
    time.advance(1);
    expect(await verdict(way('7', 'right'), '198.51.100.4')).not.toEqual(held);
  });

  it('of an account add up over the protocols', async () => {
    await attempt(viaForm('alice', 'wrong 1'));
    await attempt(viaSession('Alice', 'wrong 2'));
    await attempt(viaJsonRpc('ALICE', 'wrong 3'));
    expect(await verdict(viaXmlRpc('alice', 'wrong 4'))).toEqual(held);
    expect(await verdict({ ...viaForm('alice', 'wrong 5'), host: 'globex.example' })).toEqual([
      200,
      undefined,
    ]);
  });

  it('of an address add up over accounts, protocols and zones, and hold back what tries something', async () => {
    const tries = [
      viaForm('a', 'wrong'),
      viaSession('b', 'wrong'),
      viaXmlRpc('c', 'wrong'),
      callJsonRpc('4', 'wrong'),
      viaKey('', 'wrong-key'),
      token,
      token,
    ];
    const seen: (string | number | undefined)[][] = [];
    for (const tried of tries) seen.push(await verdict(tried));
    expect(seen).toEqual([
      [200, undefined],
      [200, undefined],
      [200, undefined],
      [200, undefined],
      [401, undefined],
      [401, 'token_malformed'],
      [401, 'token_malformed'],
    ]);
    for (const tried of [...tries, viaForm('e', 'right')]) expect(await verdict(tried)).toEqual(held);
    // Who tries nothing goes on working, and so does everybody elsewhere.
    const page = await sendRequest(gateway.proxyPort, {
      target: '/odoo',
      headers: { Host: 'acme.example', 'X-Forwarded-For': from },
    });
    expect(page.status).toBe(200);
    expect(await verdict(viaForm('e', 'right'), '198.51.100.8')).toEqual([303, undefined]);
  });

  it('of an API key hold back new keys, and not one that has worked', async () => {
    expect(await verdict(viaKey('', 'right'))).toEqual([200, undefined]);
    for (let i = 0; i < 7; i++) expect(await verdict(viaKey('', `wrong-${i}`))).toEqual([401, undefined]);
    expect(await verdict(viaKey('', 'wrong-7'))).toEqual(held);
    expect(await verdict(viaKey('', 'another'))).toEqual(held);
    expect(await verdict(viaKey('', 'right'))).toEqual([200, undefined]);
  });

  it('of tokens hold back those that are not known, and not one that was genuine lately', async () => {
    const genuine = await issuer.sign({ claims: { sub: 'edi' } });
    const another = await issuer.sign({ claims: { sub: 'other' } });
    const bearing = (value: string): Try => ({ ...token, headers: { Authorization: `Bearer ${value}` } });
    expect(await verdict(bearing(genuine))).not.toEqual(held);
    const others = 'ABCDEFGH'
      .split('')
      .filter((letter) => letter !== genuine.at(-20))
      .slice(0, 7);
    for (const letter of others) {
      const forged = `${genuine.slice(0, -20)}${letter}${genuine.slice(-19)}`;
      expect(await verdict(bearing(forged))).toEqual([401, 'token_signature_invalid']);
    }
    expect(await verdict(token)).toEqual(held);
    expect(await verdict(bearing(another))).toEqual(held);
    expect(await verdict(bearing(genuine))).not.toEqual(held);
    time.advance(60_000);
    expect(await verdict(bearing(another))).not.toEqual(held);
  });

  it('take no more than may fail to Odoo, however many come at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => verdict(viaForm('alice', `wrong ${i}`), `198.51.100.${i}`)),
    );
    expect(answers.filter(([status]) => status === 200)).toHaveLength(3);
    expect(arrivedAtOdoo()).toBe(3);
  });

  it('hold nobody back who gives the right password, and right ones leave nothing behind', async () => {
    await attempt(viaForm('alice', 'wrong 1'));
    await attempt(viaForm('alice', 'wrong 2'));
    expect(await verdict(viaForm('alice', 'right'))).toEqual([303, undefined]);
    for (let i = 0; i < 3; i++) await attempt(viaForm('alice', `wrong ${i}`), '198.51.100.8');
    expect(await verdict(viaForm('alice', 'wrong'), '198.51.100.8')).toEqual(held);
    expect(await verdict(viaForm('alice', 'right'))).toEqual([303, undefined]);
    for (let i = 0; i < 30; i++)
      expect(await verdict(viaForm(`user ${i}`, 'right'))).toEqual([303, undefined]);
  });

  it('are none where Odoo gave no answer', async () => {
    for (let i = 0; i < 9; i++)
      expect(await verdict({ ...viaForm('alice', `wrong ${i}`), host: 'dead.test' })).toEqual([
        502,
        'upstream_unreachable',
      ]);
  });

  it('in a body that is too large to be read count for the address', async () => {
    const padded = (tried: Try): Try => ({ ...tried, body: tried.body.padEnd(70_000) });
    for (const way of [viaForm, viaSession, viaJsonRpc, viaXmlRpc, callJsonRpc, callXmlRpc, viaJsonRpc])
      expect(await verdict(padded(way('7', 'wrong')))).toEqual([200, undefined]);
    expect(await verdict(padded(callJsonRpc('7', 'wrong')))).toEqual(held);
    expect(await verdict(callJsonRpc('7', 'right'), '198.51.100.8')).toEqual([200, undefined]);
  });

  it('of an exempt address count for the account, and in a zone that has switched it off for nobody', async () => {
    for (let i = 0; i < 9; i++)
      expect(await verdict(viaForm(`user ${i}`, 'wrong'), '10.1.2.3')).toEqual([200, undefined]);
    for (let i = 0; i < 3; i++) await attempt(viaForm('alice', 'wrong'), '10.1.2.3');
    expect(await verdict(viaForm('alice', 'wrong'), '10.1.2.3')).toEqual(held);
    for (let i = 0; i < 9; i++)
      expect(await verdict({ ...viaForm('alice', 'wrong'), host: 'careless.test' })).toEqual([
        200,
        undefined,
      ]);
  });

  it('are answered in the form that the caller reads', async () => {
    for (let i = 0; i < 3; i++) await attempt(viaSession('alice', 'wrong'));
    const refused = await attempt(viaSession('alice', 'wrong'));
    expect(JSON.parse(refused.body)).toMatchObject({
      jsonrpc: '2.0',
      id: 7,
      error: {
        code: 429,
        data: { reason: 'too_many_failed_attempts', 'violated-policies': ['account-failures'] },
      },
    });
    for (let i = 0; i < 3; i++) await attempt(viaXmlRpc('bob', 'wrong'), '198.51.100.9');
    const fault = await attempt(viaXmlRpc('bob', 'wrong'), '198.51.100.9');
    expect(fault.body).toMatch(
      /<string>Too many attempts for this account have failed\. \(too_many_failed_attempts, request [0-9a-f]{32}\)<\/string>/,
    );
    for (let i = 0; i < 3; i++) await attempt(viaKey('', `wrong ${i}`), '198.51.100.10');
    for (let i = 0; i < 4; i++) await attempt(viaKey('', `wrong again ${i}`), '198.51.100.10');
    const problem = await attempt(viaKey('', 'wrong still'), '198.51.100.10');
    expect(JSON.parse(problem.body)).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#abnormal-usage-detected',
      reason: 'too_many_failed_attempts',
    });
  });

  it('are known to ForwardAuth as far as the head tells', async () => {
    const port = portOf(gateway.gateway, 'forwardAuth');
    for (let i = 0; i < 7; i++)
      expect(verdictOf(await askForwardAuth(port, token, from))).toEqual([401, 'token_malformed']);
    for (const tried of [token, viaForm('a', 'x'), callJsonRpc('7', 'x'), viaKey('', 'key')])
      expect(verdictOf(await askForwardAuth(port, tried, from))).toEqual(held);
    expect(verdictOf(await askForwardAuth(port, viaForm('a', 'x'), '198.51.100.8'))).toEqual([
      200,
      undefined,
    ]);
  });

  it('show in metrics and log, without a name or a secret', async () => {
    for (let i = 0; i < 4; i++) await attempt(viaForm('alice@example.com', `wrong-${i}`));
    for (let i = 0; i < 4; i++) await attempt(viaKey('', `wrong-${i}`));
    await eventually(() => expect(gateway.logged('request')).toHaveLength(8));
    expect(gateway.logged('request')[3]).toMatchObject({
      zone: 'staff',
      status: 429,
      reason: 'too_many_failed_attempts',
    });
    expect(gateway.logText()).not.toMatch(/alice|wrong-/);
    const series = await gateway.metrics();
    expect(pickSeries(series, ['bulkhead_failed_attempts_total', 'bulkhead_penalties_total'])).toEqual({
      'bulkhead_failed_attempts_total{zone="staff",kind="login"}': 3,
      'bulkhead_failed_attempts_total{zone="staff",kind="api_key"}': 4,
      'bulkhead_penalties_total{zone="staff",subject="account"}': 1,
      'bulkhead_penalties_total{zone="staff",subject="address"}': 1,
    });
    expect(series['bulkhead_entries{collection="penalties"}']).toBe(2);
  });
});

describeWithTool('redis-server', 'failed attempts in a shared Redis', (binary) => {
  let redis: RedisServer;
  let odoo: OdooPrefork;
  let gateways: RunningGateway[];

  beforeEach(async () => {
    redis = await startRedis(binary);
    odoo = await startOdooPrefork({ port: 0, workers: 4, name: 'odoo' });
    const shared = {
      ...files(odoo.url),
      'gateway.yaml': `${gatewayYaml}store: { redis: { url: "${redis.url}", timeout: 2s } }\n`,
    };
    gateways = [await runGateway(shared), await runGateway(shared)];
  });
  afterEach(async () => {
    for (const gateway of gateways) await gateway.stop();
    await odoo.close();
    await redis.stop();
  });

  let turn = 0;
  const verdict = async (tried: Try, from: string) =>
    verdictOf(await send(gateways[turn++ % 2]!.proxyPort, tried, from));

  it('add up over two gateways, for accounts and for addresses', async () => {
    const seen: unknown[] = [];
    for (let i = 0; i < 6; i++) seen.push(await verdict(viaForm('alice', `wrong ${i}`), `198.51.100.${i}`));
    expect(seen).toEqual([...Array.from({ length: 3 }, () => [200, undefined]), held, held, held]);
    const tokens: unknown[] = [];
    for (let i = 0; i < 10; i++) tokens.push(await verdict(token, '198.51.100.99'));
    expect(tokens).toEqual([
      ...Array.from({ length: 7 }, () => [401, 'token_malformed']),
      ...Array.from({ length: 3 }, () => held),
    ]);
  });

  it('of forty logins at once let through no more than may fail', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => verdict(viaForm('alice', `wrong ${i}`), `198.51.100.${i}`)),
    );
    expect(answers.filter(([status]) => status === 200)).toHaveLength(3);
  });

  it('go on being counted while Redis is away, and whoever is held back stays so', async () => {
    for (let i = 0; i < 6; i++) await verdict(viaForm('alice', 'wrong'), `198.51.100.${i}`);
    await redis.kill();
    for (const gateway of gateways) {
      expect(verdictOf(await send(gateway.proxyPort, viaForm('alice', 'wrong'), '198.51.100.8'))).toEqual(
        held,
      );
      const seen: unknown[] = [];
      for (let i = 0; i < 4; i++)
        seen.push(verdictOf(await send(gateway.proxyPort, viaForm('bob', `wrong ${i}`), `198.51.100.${i}`)));
      expect(seen).toEqual([...Array.from({ length: 3 }, () => [200, undefined]), held]);
    }
  });
});
