import { SignJWT } from 'jose';
import { afterAll, expect, it } from 'vitest';
import { authorityExtensions, headerOf, mintCertificate, pemOf } from '../../test/servers/certificates.ts';
import { generateSigningKey, startJwksServer } from '../../test/servers/jwks-server.ts';
import { manualTime } from '../../test/servers/manual-time.ts';
import { compileIdentify, compileIdentities, type Identities } from './compile.ts';
import { identify } from './identify.ts';
import { identifySchema, identitiesSchema } from './options.ts';
import { createKeySources, createVerifiers } from './verifiers.ts';

const server = await startJwksServer();
afterAll(() => server.stop());
const key = await generateSigningKey('ES256', 'k');
server.publish([key.publicJwk]);
const ca = await mintCertificate({ subject: 'CN=CA', extensions: authorityExtensions() });
const edi = await mintCertificate({ subject: 'CN=edi', by: ca });

function load(nowMs: number, settings: object = {}): Identities {
  return compileIdentities(
    identitiesSchema.parse({
      issuers: [{ name: 'idp', issuer: server.url, ...settings }],
      clientAuthorities: [{ name: 'partners', certificates: pemOf(ca) }],
    }),
    nowMs,
  ).identities;
}

function judgeWith(identities: Identities) {
  const any = [{ jwt: { issuer: 'idp', audience: 'bulkhead' } }, { clientCert: { ca: 'partners' } }];
  return compileIdentify(identifySchema.parse({ any }), identities, () => 'z.yaml').identify;
}

it('keys live on over a reload while the provider is down, and go with the issuer that had them', async () => {
  const time = manualTime();
  const nowMs = time.clock.wallMs();
  const sources = createKeySources({ ...time, fetch: globalThis.fetch });
  const token = await new SignJWT({ sub: 'edi', aud: 'bulkhead', iss: server.url, exp: nowMs / 1000 + 3600 })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .sign(key.privateKey);
  const presented = { authorization: `Bearer ${token}`, clientCertificate: undefined };

  const before = load(nowMs);
  await sources.warm(before.issuers.values());
  expect(sources.statuses()).toEqual([['idp', { keys: 1, ageMs: 0, failure: undefined }]]);
  const firstVerifiers = createVerifiers(before, sources, time.clock);
  expect(await identify(judgeWith(before), presented, firstVerifiers)).toMatchObject({
    principal: { subject: 'edi' },
  });
  await server.stop();

  const after = load(nowMs, { clockSkew: '1m' });
  sources.retain(after.issuers.values());
  const verifiers = createVerifiers(after, sources, time.clock);
  expect(verifiers.sizes().tokens).toBe(0);
  expect(await identify(judgeWith(after), presented, verifiers)).toMatchObject({
    principal: { subject: 'edi' },
  });

  const moved = load(nowMs, { jwks: `${server.url}/moved` });
  sources.retain(moved.issuers.values());
  expect(sources.statuses()).toEqual([]);
  expect(await identify(judgeWith(moved), presented, createVerifiers(moved, sources, time.clock))).toEqual({
    reason: 'identity_provider_unavailable',
    at: 'z.yaml',
    retryAfterMs: 5000,
  });
  sources.close();
  expect(sources.statuses()).toEqual([]);
  await server.reopen();
});

it('a known token or certificate is judged without waiting, and each cache tells its size', async () => {
  const time = manualTime();
  const nowMs = time.clock.wallMs();
  const identities = load(nowMs);
  const sources = createKeySources({ ...time, fetch: globalThis.fetch });
  const verifiers = createVerifiers(identities, sources, time.clock);
  const rule = judgeWith(identities);
  const presented = { authorization: 'Bearer x', clientCertificate: headerOf(edi) };
  const expected = { principal: { kind: 'clientCert', subject: 'CN=edi' } };
  expect(identify(rule, presented, verifiers)).toMatchObject(expected);
  expect(identify(rule, presented, verifiers)).toMatchObject(expected);
  expect(verifiers.sizes()).toEqual({
    tokens: 0,
    tokenRefusals: 0,
    tokensPending: 0,
    certificates: 1,
    certificateRefusals: 0,
  });
  sources.close();
});
