import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorityExtensions, headerOf, mintCertificate, pemOf } from '../../test/servers/certificates.ts';
import { generateSigningKey, startJwksServer } from '../../test/servers/jwks-server.ts';
import { manualTime } from '../../test/servers/manual-time.ts';
import { compileIdentify, compileIdentities } from './compile.ts';
import { identify, isKnownGenuine, type Presented } from './identify.ts';
import { tokenFreshMs } from './jwt.ts';
import { identifySchema, identitiesSchema } from './options.ts';
import { createKeySources, createVerifiers } from './verifiers.ts';

const server = await startJwksServer();
const key = await generateSigningKey('ES256', 'k');
server.publish([key.publicJwk]);
const ca = await mintCertificate({ subject: 'CN=CA', extensions: authorityExtensions() });
const edi = await mintCertificate({ subject: 'CN=edi', by: ca });
const time = manualTime();
const nowMs = time.clock.wallMs();
const { identities } = compileIdentities(
  identitiesSchema.parse({
    issuers: [{ name: 'idp', issuer: server.url, algorithms: ['ES256'] }],
    clientAuthorities: [{ name: 'partners', certificates: pemOf(ca) }],
  }),
  nowMs,
);
const sources = createKeySources({ ...time, fetch: globalThis.fetch });
beforeAll(() => sources.warm(identities.issuers.values()));
afterAll(async () => {
  sources.close();
  await server.stop();
});

const ruleOf = (...any: object[]) =>
  compileIdentify(identifySchema.parse({ any }), identities, () => 'z.yaml').identify;
const jwt = { jwt: { issuer: 'idp', audience: 'bulkhead' } };
const clientCert = { clientCert: { ca: 'partners' } };
const both = ruleOf(jwt, clientCert);

async function signed(claims: object = {}): Promise<string> {
  const exp = nowMs / 1000 + 86_400;
  return new SignJWT({ sub: 'edi', aud: 'bulkhead', iss: server.url, exp, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .sign(key.privateKey);
}

const presented = (token?: string, certificate?: string): Presented => ({
  authorization: token === undefined ? undefined : `Bearer ${token}`,
  clientCertificate: certificate,
});

describe('a credential is known to be genuine', () => {
  it('when a token was verified within the last five minutes', async () => {
    const verifiers = createVerifiers(identities, sources, time.clock);
    const shown = presented(await signed());
    expect(isKnownGenuine(both, shown, verifiers)).toBe(false);
    await identify(both, shown, verifiers);
    expect(isKnownGenuine(both, shown, verifiers)).toBe(true);
    time.advance(tokenFreshMs - 1);
    expect(isKnownGenuine(both, shown, verifiers)).toBe(true);
    time.advance(1);
    expect(isKnownGenuine(both, shown, verifiers)).toBe(false);
  });

  it('also when the zone does not want it: it is no guess', async () => {
    const verifiers = createVerifiers(identities, sources, time.clock);
    const shown = presented(await signed({ aud: 'another' }));
    expect(await identify(both, shown, verifiers)).toMatchObject({ reason: 'token_audience_not_allowed' });
    expect(isKnownGenuine(both, shown, verifiers)).toBe(true);
  });

  it('not when it was refused', async () => {
    const verifiers = createVerifiers(identities, sources, time.clock);
    const token = presented('no.token.atall');
    const certificate = presented(undefined, 'bm9uZQ==');
    for (const shown of [token, certificate]) {
      expect(await identify(both, shown, verifiers)).toHaveProperty('reason');
      expect(isKnownGenuine(both, shown, verifiers)).toBe(false);
    }
  });

  it('when a certificate was verified before', async () => {
    const verifiers = createVerifiers(identities, sources, time.clock);
    const shown = presented(undefined, headerOf(edi));
    expect(isKnownGenuine(both, shown, verifiers)).toBe(false);
    expect(await identify(both, shown, verifiers)).toHaveProperty('principal');
    expect(isKnownGenuine(both, shown, verifiers)).toBe(true);
  });

  it('when there is none, or none that the zone takes', async () => {
    const verifiers = createVerifiers(identities, sources, time.clock);
    expect(isKnownGenuine(both, presented(), verifiers)).toBe(true);
    expect(isKnownGenuine(both, { ...presented(), authorization: 'Basic x' }, verifiers)).toBe(true);
    expect(isKnownGenuine(ruleOf(clientCert), presented('guess'), verifiers)).toBe(true);
    expect(isKnownGenuine(ruleOf(jwt), presented(undefined, 'guess'), verifiers)).toBe(true);
  });

  it('only when all that is presented is', async () => {
    const verifiers = createVerifiers(identities, sources, time.clock);
    const token = await signed();
    await identify(both, presented(token), verifiers);
    expect(isKnownGenuine(both, presented(token, 'guess'), verifiers)).toBe(false);
  });

  it('when a test takes it for granted', () => {
    const verifiers = { ...createVerifiers(identities, sources, time.clock), assumed: presented('x') };
    expect(isKnownGenuine(both, presented('guess'), verifiers)).toBe(true);
  });
});
