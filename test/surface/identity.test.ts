import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type OdooPrefork, startOdooPrefork } from '../../src/demo/odoo-prefork.ts';
import {
  authorityExtensions,
  clientAuth,
  headerOf,
  type IssuedCertificate,
  mintCertificate,
  pemOf,
  serverAuth,
  x509,
} from '../servers/certificates.ts';
import { generateSigningKey, sendJson } from '../servers/jwks-server.ts';
import { eventually } from '../support/eventually.ts';
import { type HeldTime, holdTime } from '../support/gateway-time.ts';
import { startRealProvider } from '../support/oidc-provider.ts';
import { exchangeBytes, parseAnswer, type RawAnswer } from '../support/raw-http.ts';
import {
  ask,
  runGateway,
  type RunningGateway,
  trustingGateway,
  verdictOf,
} from '../support/running-gateway.ts';
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts';
import {
  startTokenIssuer,
  type TokenIssuer,
  type TokenWish,
  unsignedToken,
} from '../support/token-issuer.ts';
import { type Arrival, watchArrivals } from './arrivals.ts';

const call = 'POST http://acme.partner.erp.example/json/2/stock.picking/read';
const edi = { sub: 'edi-acme', scope: 'edi.write', tenant: 'acme' };
const nowS = (): number => Math.floor(Date.now() / 1000);

/** A JSON-2 call of the partner zone with this Authorization. */
function callPartner(port: number, authorization: string, request = call): Promise<RawAnswer> {
  return ask(port, request, { headers: { Authorization: authorization }, body: '{}' });
}

describe('tokens through the inline listener', () => {
  let issuer: TokenIssuer;
  let gateway: TestGateway;
  let arrivals: () => Arrival[];

  beforeAll(async () => {
    issuer = await startTokenIssuer();
    gateway = await startTestGateway({
      env: { BULKHEAD_ISSUER: issuer.url, ODOO_KEY_ACME: 'odoo-key-of-acme' },
    });
    arrivals = watchArrivals([gateway.interactive, gateway.batch, gateway.websocket], 'canary');
  });
  afterAll(async () => {
    await gateway.stop();
    await issuer.server.stop();
  });

  /** Sends one more request that passes: what was going to reach Odoo has reached it then. */
  async function arrived(): Promise<Arrival[]> {
    const canary = await ask(gateway.proxyPort, 'GET http://acme.erp.example/web/login?canary');
    expect(canary.status).toBe(200);
    return arrivals();
  }

  function logLineOf({ fields }: RawAnswer): Record<string, unknown> | undefined {
    return gateway.logLines.find(({ requestId }) => requestId === fields['x-request-id']);
  }

  const invalidToken = 'Bearer realm="partner", error="invalid_token"';
  const bearer = (wish: TokenWish) => async (): Promise<string> => `Bearer ${await issuer.sign(wish)}`;

  interface Case {
    title: string;
    authorization: () => string | Promise<string>;
    reason: string;
    challenge?: string;
  }

  const refused: Case[] = [
    {
      title: 'a token that expired before the clock skew',
      authorization: () => bearer({ claims: { ...edi, iat: nowS() - 700, exp: nowS() - 60 } })(),
      reason: 'token_expired',
    },
    {
      title: 'a token of the future',
      authorization: () => bearer({ claims: { ...edi, nbf: nowS() + 300 } })(),
      reason: 'token_not_yet_valid',
    },
    {
      title: 'a token for another audience',
      authorization: bearer({ claims: { ...edi, aud: 'another-service' } }),
      reason: 'token_audience_not_allowed',
    },
    {
      title: 'a token without an audience',
      authorization: bearer({ claims: { ...edi, aud: undefined } }),
      reason: 'token_claims_invalid',
    },
    {
      title: 'a token of another issuer',
      authorization: bearer({ claims: { ...edi, iss: 'https://id.example' } }),
      reason: 'token_issuer_not_allowed',
    },
    {
      title: 'a token that nobody signed',
      authorization: () =>
        `Bearer ${unsignedToken({ ...edi, iss: issuer.url, aud: 'bulkhead', exp: nowS() + 600 })}`,
      reason: 'token_algorithm_not_allowed',
    },
    {
      title: 'a token signed with the public key as a shared secret',
      authorization: () =>
        bearer({
          claims: edi,
          header: { alg: 'HS256' },
          key: new TextEncoder().encode(JSON.stringify(issuer.publicJwk())),
        })(),
      reason: 'token_algorithm_not_allowed',
    },
    {
      title: 'a token of an unknown key',
      authorization: bearer({ claims: edi, header: { kid: 'nobody' } }),
      reason: 'token_key_unknown',
    },
    {
      title: 'a token of a stranger under the name of a known key',
      authorization: async () =>
        bearer({ claims: edi, key: (await generateSigningKey('RS256', 'first')).privateKey })(),
      reason: 'token_signature_invalid',
    },
    {
      title: 'a token without a subject',
      authorization: bearer({ claims: { ...edi, sub: undefined } }),
      reason: 'token_claims_invalid',
    },
    {
      title: 'garbage in place of a token',
      authorization: () => 'Bearer garbage',
      reason: 'token_malformed',
    },
    { title: 'no token after Bearer', authorization: () => 'Bearer', reason: 'token_malformed' },
    {
      title: 'a second token behind the first',
      authorization: async () => `${await bearer({ claims: edi })()}, Bearer garbage`,
      reason: 'token_malformed',
    },
    {
      title: 'a Basic credential',
      authorization: () => `Basic ${Buffer.from('edi-acme:secret').toString('base64')}`,
      reason: 'credentials_missing',
      challenge: 'Bearer realm="partner"',
    },
  ];

  it.each(refused)('$title is refused with 401 $reason and nothing reaches Odoo', async (one) => {
    const answer = await callPartner(gateway.proxyPort, await one.authorization());
    expect([...verdictOf(answer), answer.fields['www-authenticate']]).toEqual([
      401,
      one.reason,
      one.challenge ?? invalidToken,
    ]);
    expect(logLineOf(answer)).toMatchObject({ status: 401, reason: one.reason, zone: 'partner' });
    expect(logLineOf(answer)?.['at']).toMatch(/^zones\/partner\.yaml:\d+:\d+$/);
    expect(await arrived()).toEqual([]);
  });

  it('a request without a credential is told which scheme to use', async () => {
    const answer = await ask(gateway.proxyPort, call, { body: '{}' });
    expect([...verdictOf(answer), answer.fields['www-authenticate']]).toEqual([
      401,
      'credentials_missing',
      'Bearer realm="partner"',
    ]);
    expect(await arrived()).toEqual([]);
  });

  // Of two credentials one server reads the first and the next one the last, so there is no right one to judge.
  it('two Authorization fields are refused before any of them is looked at', async () => {
    const good = await issuer.sign({ claims: edi });
    for (const pair of [
      [`Bearer ${good}`, 'Bearer garbage'],
      ['Bearer garbage', `Bearer ${good}`],
      [`Bearer ${good}`, `Bearer ${good}`],
    ]) {
      const lines = pair.map((value) => `Authorization: ${value}\r\n`).join('');
      const answer = parseAnswer(
        await exchangeBytes(
          gateway.proxyPort,
          `POST /json/2/stock.picking/read HTTP/1.1\r\nHost: acme.partner.erp.example\r\n${lines}Content-Length: 2\r\nConnection: close\r\n\r\n{}`,
        ),
      );
      expect([...verdictOf(answer), answer.fields['www-authenticate']]).toEqual([
        400,
        'header_invalid',
        undefined,
      ]);
    }
    expect(await arrived()).toEqual([]);
  });

  it('a token without the scope of the zone is refused with 403 insufficient_scope', async () => {
    const answer = await callPartner(
      gateway.proxyPort,
      await bearer({ claims: { ...edi, scope: 'edi.read profile' } })(),
    );
    expect([...verdictOf(answer), answer.fields['www-authenticate']]).toEqual([
      403,
      'scope_missing',
      'Bearer realm="partner", error="insufficient_scope"',
    ]);
    expect(JSON.parse(answer.body)).toMatchObject({ detail: 'The scope edi.write is required.' });
    expect(await arrived()).toEqual([]);
  });

  it.each([
    [
      'another tenant than the host',
      { tenant: 'nordfracht' },
      'tenant_mismatch',
      'The credential names another tenant.',
    ],
    [
      'a tenant that does not exist',
      { tenant: 'nobody' },
      'tenant_unknown',
      'The credential names a tenant that does not exist.',
    ],
  ])('a token that names %s is refused with 403', async (_title, claims, reason, detail) => {
    const answer = await callPartner(gateway.proxyPort, await bearer({ claims: { ...edi, ...claims } })());
    expect([verdictOf(answer), JSON.parse(answer.body)]).toMatchObject([[403, reason], { detail }]);
    expect(await arrived()).toEqual([]);
  });

  it("the token stays here and the tenant's own Odoo key goes on in its place", async () => {
    const token = await issuer.sign({ claims: edi });
    const answer = await callPartner(gateway.proxyPort, `bEaReR  ${token}`);
    expect(answer.status).toBe(200);
    const [received, ...others] = await arrived();
    expect(others).toEqual([]);
    expect(received?.line).toBe('POST /json/2/stock.picking/read HTTP/1.1');
    expect(received?.fields.filter((field) => /^(authorization|x-bulkhead|x-odoo)/.test(field))).toEqual([
      'authorization: Bearer odoo-key-of-acme',
      'x-bulkhead-principal: edi-acme',
      'x-bulkhead-tenant: acme',
      'x-bulkhead-workload: interactive',
      'x-bulkhead-zone: partner',
      'x-odoo-database: acme',
    ]);
    expect(received?.fields.join('\n')).not.toContain(token.slice(-20));
    expect(logLineOf(answer)).toMatchObject({ principal: 'edi-acme', issuer: 'keycloak', tenant: 'acme' });
  });

  it('a zone without tokens passes the Authorization that Odoo itself asked for', async () => {
    const answer = await ask(gateway.proxyPort, 'GET http://acme.erp.example/odoo', {
      headers: { Authorization: 'Bearer key-of-odoo-itself' },
    });
    expect(answer.status).toBe(200);
    const [received] = await arrived();
    expect(received?.fields).toContain('authorization: Bearer key-of-odoo-itself');
  });

  it('a name of a caller that is no text of a header reaches Odoo escaped, in one field', async () => {
    const answer = await callPartner(
      gateway.proxyPort,
      await bearer({ claims: { ...edi, sub: 'Łódź/\u{1F69A} 100%' } })(),
    );
    expect(answer.status).toBe(200);
    const [received] = await arrived();
    expect(received?.fields).toContain('x-bulkhead-principal: %C5%81%C3%B3d%C5%BA/%F0%9F%9A%9A%20100%25');
  });
});

describe('an identity provider', () => {
  let issuer: TokenIssuer;
  let gateway: TestGateway;
  let time: HeldTime;

  beforeEach(async () => {
    time = holdTime();
    issuer = await startTokenIssuer();
  });
  afterEach(async () => {
    time.release();
    await gateway.stop();
    await issuer.server.stop();
  });

  const start = async (): Promise<void> => {
    gateway = await startTestGateway({ env: { BULKHEAD_ISSUER: issuer.url } });
  };
  const callAs = async (wish: TokenWish = {}): Promise<RawAnswer> =>
    callPartner(
      gateway.proxyPort,
      `Bearer ${await issuer.sign({ ...wish, claims: { ...edi, ...wish.claims, jti: crypto.randomUUID() } })}`,
    );
  const fetched = (count: number): Promise<void> =>
    eventually(() => expect(issuer.server.requests()).toBeGreaterThanOrEqual(count));

  it('that is down at the start closes only the zones that need it, and they open when it is back', async () => {
    await issuer.server.stop();
    await start();
    const closed = await callAs();
    expect(verdictOf(closed)).toEqual([503, 'identity_provider_unavailable']);
    expect(Number(closed.fields['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(closed.fields['www-authenticate']).toBeUndefined();
    expect(gateway.logLines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        msg: 'signing keys could not be fetched',
        issuer: 'keycloak',
        keys: 0,
        failure: expect.stringContaining('ECONNREFUSED') as string,
      }),
    );
    expect((await ask(gateway.proxyPort, 'GET http://acme.erp.example/odoo')).status).toBe(200);
    expect((await ask(gateway.proxyPort, 'GET http://acme.api.erp.example/my/orders')).status).toBe(200);

    await issuer.server.reopen();
    // It is left alone for five seconds after a failure.
    time.advance(5_000);
    expect((await callAs()).status).toBe(200);
  });

  it('that hangs holds no other zone up', async () => {
    issuer.server.misbehave(() => {});
    await start();
    const waiting = callAs();
    await fetched(1);
    expect((await ask(gateway.proxyPort, 'GET http://acme.erp.example/odoo')).status).toBe(200);
    issuer.server.misbehave(undefined);
    await issuer.server.stop();
    expect(verdictOf(await waiting)).toEqual([503, 'identity_provider_unavailable']);
  });

  it('that goes down later locks nobody out whose key is known', async () => {
    await start();
    await fetched(2);
    expect((await callAs()).status).toBe(200);
    await issuer.server.stop();
    expect((await callAs()).status).toBe(200);
    // Nor does the attempt to find out about another key.
    time.advance(31_000);
    expect(verdictOf(await callAs({ header: { kid: 'nobody' } }))).toEqual([401, 'token_key_unknown']);
    expect((await callAs()).status).toBe(200);
  });

  it('that rotates its keys is followed without a restart, and the old key counts no more', async () => {
    await start();
    await fetched(2);
    const old = await issuer.sign({ claims: edi });
    expect((await callPartner(gateway.proxyPort, `Bearer ${old}`)).status).toBe(200);
    await issuer.rotate('second');
    time.advance(31_000);
    expect((await callAs()).status).toBe(200);
    expect(verdictOf(await callPartner(gateway.proxyPort, `Bearer ${old}`))).toEqual([
      401,
      'token_key_unknown',
    ]);
  });

  it('is asked once for a flood of unknown keys', async () => {
    await start();
    await fetched(2);
    expect((await callAs()).status).toBe(200);
    const before = issuer.server.requests();
    time.advance(31_000);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => callAs({ header: { kid: `nobody-${i}` } })),
    );
    expect(new Set(answers.map((answer) => verdictOf(answer).join(' ')))).toEqual(
      new Set(['401 token_key_unknown']),
    );
    // One look at the discovery document and one at the keys.
    expect(issuer.server.requests() - before).toBe(2);
  });

  it('that answers nonsense takes no key away', async () => {
    await start();
    await fetched(2);
    expect((await callAs()).status).toBe(200);
    issuer.server.misbehave((_request, response) => sendJson(response, { keys: [] }));
    time.advance(31_000);
    expect(verdictOf(await callAs({ header: { kid: 'nobody' } }))).toEqual([401, 'token_key_unknown']);
    expect((await callAs()).status).toBe(200);
  });

  it('that is a real one issues a token that opens the partner zone, and one without the scope that does not', async () => {
    const provider = await startRealProvider();
    try {
      gateway = await startTestGateway({ env: { BULKHEAD_ISSUER: provider.issuer } });
      // The provider stamps real time on its tokens, which is this machine's.
      const writer = await callPartner(
        gateway.proxyPort,
        `Bearer ${await provider.requestToken('edi.write')}`,
      );
      expect(writer.status).toBe(200);
      const reader = await callPartner(
        gateway.proxyPort,
        `Bearer ${await provider.requestToken('edi.read')}`,
      );
      expect(verdictOf(reader)).toEqual([403, 'scope_missing']);
      const received = gateway.interactive.requests.find(({ request }) =>
        request.path.startsWith('/json/2/'),
      );
      expect([
        received?.request.headers.get('x-bulkhead-principal'),
        received?.request.headers.get('x-bulkhead-tenant'),
      ]).toEqual(['edi-acme', 'acme']);
    } finally {
      await provider.stop();
    }
  });
});

describe('client certificates behind Traefik', () => {
  const dayMs = 86_400_000;
  const validity = { notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + 30 * dayMs) };
  const forClients = [new x509.ExtendedKeyUsageExtension([clientAuth])];
  let authority: IssuedCertificate;
  let stranger: IssuedCertificate;
  let odoo: OdooPrefork;
  const gateways: RunningGateway[] = [];

  beforeAll(async () => {
    const subject = 'CN=Partner CA,O=Example';
    authority = await mintCertificate({ ...validity, subject, extensions: authorityExtensions() });
    // The same name, another key: what a stranger can make.
    stranger = await mintCertificate({ ...validity, subject, extensions: authorityExtensions() });
    odoo = await startOdooPrefork({ port: 0, workers: 2, name: 'odoo' });
  });
  afterEach(async () => {
    for (const gateway of gateways.splice(0)) await gateway.stop();
  });
  afterAll(() => odoo.close());

  async function start(gatewayFile = trustingGateway): Promise<RunningGateway> {
    const gateway = await runGateway(
      {
        'gateway.yaml': gatewayFile,
        'identities.yaml':
          'clientAuthorities: [{ name: partners, certificates: "${env:PARTNER_CA}", tenantFrom: subject.O }]\n',
        'tenants.yaml': 'tenants: [{ id: acme, database: acme, odooApiKey: odoo-key-of-acme }]\n',
        'pools.yaml': `pools: [{ name: odoo, endpoints: [{ url: "${odoo.url}", seats: 2 }] }]\n`,
        'zones/carrier.yaml':
          'zone: carrier\nmatch: Host(`carrier.example`)\nidentify: { any: [{ clientCert: { ca: partners } }] }\ntenant: { from: [principal] }\npools: { interactive: odoo }\n',
        'zones/open.yaml':
          'zone: open\nmatch: Host(`open.example`)\nidentify: none\npools: { interactive: odoo }\n',
      },
      { PARTNER_CA: pemOf(authority) },
    );
    gateways.push(gateway);
    return gateway;
  }

  const carrier = 'POST http://carrier.example/json/2/stock.picking/read';
  const present = (gateway: RunningGateway, certificate: string, request = carrier): Promise<RawAnswer> =>
    ask(gateway.proxyPort, request, {
      headers: { 'X-Forwarded-Tls-Client-Cert': certificate, 'X-Forwarded-For': '198.51.100.9' },
      body: '{}',
    });
  const mintClient = (
    wish: Partial<Parameters<typeof mintCertificate>[0]> = {},
  ): Promise<IssuedCertificate> =>
    mintCertificate({
      ...validity,
      subject: 'CN=edi,O=acme',
      by: authority,
      extensions: forClients,
      ...wish,
    });

  it('one that its authority issued opens the zone, names caller and tenant, and does not go on to Odoo', async () => {
    const gateway = await start();
    const header = headerOf(await mintClient());
    const answer = await present(gateway, header);
    expect(answer.status).toBe(200);
    const headers = odoo.requests.at(-1)?.request.headers;
    expect(
      ['x-bulkhead-principal', 'x-bulkhead-tenant', 'authorization', 'x-forwarded-for'].map((name) =>
        headers?.get(name),
      ),
    ).toEqual(['CN=edi,O=acme', 'acme', 'Bearer odoo-key-of-acme', '198.51.100.9']);
    expect(odoo.requests.at(-1)?.head).not.toContain(header.slice(0, 40));
    expect(gateway.logLines.at(-1)).toMatchObject({
      msg: 'request',
      principal: 'CN=edi,O=acme',
      issuer: 'partners',
      tenant: 'acme',
      client: '198.51.100.9',
    });
  });

  it('one below an intermediate authority opens the zone when the chain is complete', async () => {
    const gateway = await start();
    const between = await mintCertificate({
      ...validity,
      subject: 'CN=Between,O=Example',
      by: authority,
      extensions: authorityExtensions(0),
    });
    const leaf = await mintClient({ by: between });
    expect((await present(gateway, headerOf(leaf, between))).status).toBe(200);
    expect(verdictOf(await present(gateway, headerOf(leaf)))).toEqual([401, 'certificate_not_trusted']);
  });

  // Anybody can write the field; only a proxy that the configuration names has seen the handshake.
  it('one that comes from an untrusted peer counts as none', async () => {
    const gateway = await start('listeners: { proxy: 127.0.0.1:0, admin: 127.0.0.1:0 }\n');
    const answer = await present(gateway, headerOf(await mintClient()));
    expect(verdictOf(answer)).toEqual([401, 'credentials_missing']);
    expect(gateway.logLines.at(-1)).toMatchObject({ client: '127.0.0.1', reason: 'credentials_missing' });
  });

  it('a request without one is refused', async () => {
    const gateway = await start();
    expect(verdictOf(await ask(gateway.proxyPort, carrier, { body: '{}' }))).toEqual([
      401,
      'credentials_missing',
    ]);
  });

  const wrong: [title: string, certificate: () => Promise<string>, reason: string][] = [
    [
      'one of another authority with the same name',
      async () => headerOf(await mintClient({ by: stranger })),
      'certificate_not_trusted',
    ],
    [
      'one of another authority that brings this one along',
      async () => headerOf(await mintClient({ by: stranger }), stranger, authority),
      'certificate_not_trusted',
    ],
    [
      'one that has expired',
      async () =>
        headerOf(
          await mintClient({
            notBefore: new Date(Date.now() - 3 * dayMs),
            notAfter: new Date(Date.now() - dayMs),
          }),
        ),
      'certificate_expired',
    ],
    [
      'one that is not valid yet',
      async () => headerOf(await mintClient({ notBefore: new Date(Date.now() + dayMs) })),
      'certificate_expired',
    ],
    [
      'one for servers',
      async () =>
        headerOf(await mintClient({ extensions: [new x509.ExtendedKeyUsageExtension([serverAuth])] })),
      'certificate_not_for_clients',
    ],
    [
      'the certificate of the authority itself',
      async () => headerOf(authority),
      'certificate_not_for_clients',
    ],
    ['what is no certificate', () => Promise.resolve('bm90IGEgY2VydGlmaWNhdGU='), 'certificate_malformed'],
    ['an empty field', () => Promise.resolve(''), 'certificate_malformed'],
    [
      'one for a tenant that does not exist',
      async () => headerOf(await mintClient({ subject: 'CN=edi,O=nobody' })),
      'tenant_unknown',
    ],
  ];

  it.each(wrong)('%s is refused', async (_title, certificate, reason) => {
    const gateway = await start();
    const before = odoo.requests.length;
    const answer = await present(gateway, await certificate());
    expect(verdictOf(answer)).toEqual([reason === 'tenant_unknown' ? 403 : 401, reason]);
    expect((await ask(gateway.proxyPort, 'GET http://open.example/odoo')).status).toBe(200);
    const since = odoo.requests.slice(before).map(({ request }) => request.target);
    expect(since.filter((target) => target.startsWith('/json/'))).toEqual([]);
  });

  it('one is accepted, and another refused, again and again: the cache tells them apart', async () => {
    const gateway = await start();
    const good = headerOf(await mintClient());
    const bad = headerOf(await mintClient({ by: stranger }));
    const seen: number[] = [];
    for (const header of [good, bad, good, bad, good]) seen.push((await present(gateway, header)).status);
    expect(seen).toEqual([200, 401, 200, 401, 200]);
  });
});
