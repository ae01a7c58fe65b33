import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { generateSigningKey } from '../../test/servers/jwks-server.ts';
import { manualTime, type ManualTime } from '../../test/servers/manual-time.ts';
import { compileIdentify, compileIdentities } from './compile.ts';
import { identify, missingScope } from './identify.ts';
import { identifySchema, identitiesSchema } from './options.ts';
import { createKeySources, createVerifiers, type KeySources } from './verifiers.ts';

// The package has no types, so the compiler must not look it up.
const packageName: string = 'oidc-provider';
const { Provider } = (await import(packageName)) as {
  Provider: new (issuer: string, configuration: object) => { callback(): Parameters<typeof createServer>[1] };
};

const resource = 'https://erp.example/api';
const secret = 'secret-of-the-test-client-0123456789';
let issuer: string;
let sources: KeySources;
let time: ManualTime;
const server = createServer();

beforeAll(async () => {
  // The provider warns about settings that only matter in production.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  vi.spyOn(console, 'info').mockImplementation(() => {});
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateJwk } = await generateSigningKey('RS256', 'provider-key');
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...privateJwk, kid: 'provider-key', use: 'sig', alg: 'RS256' }] },
    clients: [
      {
        client_id: 'edi-acme',
        client_secret: secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'edi.read edi.write',
          audience: 'bulkhead',
          accessTokenTTL: 600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: () => ({ tenant: 'acme' }),
  });
  server.on('request', provider.callback() ?? (() => {}));
  // The provider stamps tokens with real time; ours starts there and then moves by hand.
  time = manualTime(Date.now());
  sources = createKeySources({ ...time, fetch: globalThis.fetch });
});

afterAll(() => {
  sources.close();
  server.close();
  server.closeAllConnections();
});

async function requestToken(scope: string): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`edi-acme:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope }),
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}

it('a token of a real OpenID provider, found by discovery, identifies its client until it expires', async () => {
  const { identities, issues } = compileIdentities(
    identitiesSchema.parse({
      issuers: [{ name: 'provider', issuer, tenantClaim: 'tenant', type: 'at+jwt' }],
    }),
    time.clock.wallMs(),
  );
  expect(issues).toEqual([]);
  const verifiers = createVerifiers(identities, sources, time.clock);
  const any = [{ jwt: { issuer: 'provider', audience: 'bulkhead', scopes: ['edi.write'] } }];
  const { identify: rule } = compileIdentify(identifySchema.parse({ any }), identities, () => 'z.yaml:3:5');

  const presented = {
    authorization: `Bearer ${await requestToken('edi.write')}`,
    clientCertificate: undefined,
  };
  const expected = {
    principal: {
      kind: 'jwt',
      subject: 'edi-acme',
      issuer: 'provider',
      scopes: ['edi.write'],
      tenant: 'acme',
    },
    credential: rule.alternatives[0],
  };
  expect(await identify(rule, presented, verifiers)).toEqual(expected);
  expect(identify(rule, presented, verifiers)).toEqual(expected);

  const reader = { authorization: `Bearer ${await requestToken('edi.read')}`, clientCertificate: undefined };
  const lacking = await identify(rule, reader, verifiers);
  if ('reason' in lacking) throw new Error(lacking.reason);
  expect(missingScope(lacking.credential, lacking.principal)).toBe('edi.write');

  time.advance(700_000);
  expect(await identify(rule, presented, verifiers)).toEqual({ reason: 'token_expired', at: 'z.yaml:3:5' });
});
