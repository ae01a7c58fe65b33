import { createHmac, KeyObject, sign } from 'node:crypto';
import { errors, exportSPKI, importJWK, type CryptoKey } from 'jose';
import * as fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { generateSigningKey, startJwksServer } from '../../test/servers/jwks-server.ts';
import { manualTime, type ManualTime } from '../../test/servers/manual-time.ts';
import { compileIdentities } from './compile.ts';
import type { VerifiedToken } from './claims.ts';
import { openKeySource, type KeySource } from './jwks.ts';
import { createTokenVerifier, reasonOf, type TokenVerifier } from './jwt.ts';
import { identitiesSchema } from './options.ts';

const server = await startJwksServer();
afterAll(() => server.stop());

const rsa = await generateSigningKey('RS256', 'rsa');
const stranger = await generateSigningKey('RS256', 'rsa');
const fresh = await generateSigningKey('RS256', 'fresh');
const curve = await generateSigningKey('ES256', 'curve');
const edwards = await generateSigningKey('EdDSA', 'edwards');

const startMs = Date.UTC(2026, 0, 1);
const nowS = startMs / 1000;
const iss = 'https://id.example/realms/erp';

let time: ManualTime;
let tokens: TokenVerifier;
let source: KeySource;
let keyLookUps: number;

beforeEach(async () => {
  server.publish([rsa.publicJwk, curve.publicJwk, edwards.publicJwk]);
  time = manualTime(startMs);
  await openVerifier();
  return () => source.close();
});

async function openVerifier(settings: Record<string, unknown> = {}): Promise<void> {
  const section = identitiesSchema.parse({
    issuers: [
      {
        name: 'idp',
        issuer: iss,
        jwks: `${server.url}/jwks`,
        algorithms: ['RS256', 'ES256', 'EdDSA'],
        ...settings,
      },
    ],
  });
  const [issuer] = compileIdentities(section, 0).identities.issuers.values();
  if (issuer === undefined) throw new Error('no issuer');
  source = openKeySource(issuer, { clock: time.clock, scheduler: time.scheduler, fetch: globalThis.fetch });
  await source.warm();
  keyLookUps = 0;
  const counted: KeySource = {
    ...source,
    find(algorithm, kid) {
      keyLookUps++;
      return source.find(algorithm, kid);
    },
  };
  tokens = createTokenVerifier({ issuers: [issuer], keySource: () => counted, clock: time.clock });
}

const base64url = (text: string) => Buffer.from(text).toString('base64url');

/** A token of exactly these texts, signed with RSA and SHA-256. */
function mintText(header: string, payload: string, key: CryptoKey = rsa.privateKey): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  const signature = sign('sha256', Buffer.from(input), keyObject(key));
  return `${input}.${signature.toString('base64url')}`;
}

function keyObject(key: CryptoKey): KeyObject {
  return KeyObject.from(key);
}

const claims = { iss, sub: 'edi-acme', aud: 'bulkhead', iat: nowS, exp: nowS + 600 };
const header = { alg: 'RS256', kid: 'rsa', typ: 'JWT' };

function mint(changes: Record<string, unknown> = {}, headerChanges: Record<string, unknown> = {}): string {
  return mintText(JSON.stringify({ ...header, ...headerChanges }), JSON.stringify({ ...claims, ...changes }));
}

const verified: VerifiedToken = {
  issuer: expect.objectContaining({ name: 'idp' }),
  principal: { kind: 'jwt', subject: 'edi-acme', issuer: 'idp', scopes: [], tenant: undefined },
  audiences: ['bulkhead'],
  notBeforeMs: startMs - 30_000,
  expiresAtMs: startMs + 630_000,
};

describe('a token is believed', () => {
  it.each([
    ['when its signature and claims are right', () => mint(), {}],
    ['with a list of audiences', () => mint({ aud: ['a', 'bulkhead'] }), { audiences: ['a', 'bulkhead'] }],
    ['with dates that have a fraction', () => mint({ exp: nowS + 1.5 }), { expiresAtMs: startMs + 31_500 }],
    ['without iat', () => mint({ iat: undefined }), { notBeforeMs: -30_000 }],
    ['until it is expired by the skew', () => mint({ exp: nowS - 29.999 }), { expiresAtMs: startMs + 1 }],
    ['when nbf is ahead by no more than the skew', () => mint({ nbf: nowS + 30 }), { notBeforeMs: startMs }],
    [
      'whatever keys its header brings along, as they are not looked at',
      () =>
        mint(
          {},
          { jwk: stranger.publicJwk, jku: 'http://127.0.0.1:1/', x5u: 'http://127.0.0.1:1/', x5c: ['AAAA'] },
        ),
      {},
    ],
    ['without kid when one key fits', () => mint({}, { kid: undefined }), {}],
    ['with any typ while none is configured', () => mint({}, { typ: 'at+jwt' }), {}],
    [
      'and of repeated members the last counts',
      () =>
        mintText(
          '{"alg":"none","alg":"RS256","kid":"rsa"}',
          JSON.stringify(claims).replace('{', '{"sub":"admin",'),
        ),
      {},
    ],
  ])('%s', async (_, token, differs) => {
    expect(await tokens.verify(token())).toEqual({ ...verified, ...differs });
  });

  it.each(['ES256', 'EdDSA'] as const)('when it is signed with %s', async (alg) => {
    const { SignJWT } = await import('jose');
    const key = alg === 'ES256' ? curve : edwards;
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg, kid: key.publicJwk.kid ?? '' })
      .sign(key.privateKey);
    expect(await tokens.verify(token)).toEqual(verified);
  });
});

const rsaPublicPem = await exportSPKI(
  (await importJWK(rsa.publicJwk, 'RS256', { extractable: true })) as CryptoKey,
);

/** A token that is signed with HMAC, the published RSA key as the secret. */
function mintWithPublicKey(alg: string): string {
  const input = `${base64url(JSON.stringify({ ...header, alg }))}.${base64url(JSON.stringify(claims))}`;
  return `${input}.${createHmac('sha256', rsaPublicPem).update(input).digest('base64url')}`;
}

function replacePart(index: 0 | 1 | 2, part: string): string {
  return mint().split('.').with(index, part).join('.');
}

/** The same bytes written another way: the spare bits of the last character are not zero. */
function withSpareBits(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = token.at(-1) ?? '';
  return token.slice(0, -1) + alphabet.charAt(alphabet.indexOf(last) + 1);
}

const notJson = (part: string) => ({
  reason: 'token_malformed',
  detail: `Its ${part} is not base64url of a JSON object.`,
});
const noSignature = { reason: 'token_malformed', detail: 'Its signature is not base64url.' };
const threeParts = { reason: 'token_malformed', detail: 'It has not exactly three parts.' };
const demands = { reason: 'token_malformed', detail: 'Its header demands an extension.' };
const algorithm = { reason: 'token_algorithm_not_allowed' };
const wrongIssuer = { reason: 'token_issuer_not_allowed' };
const missing = (claim: string) => ({
  reason: 'token_claims_invalid',
  detail: `The claim "${claim}" is missing.`,
});
const notSeconds = (claim: string) => ({
  reason: 'token_claims_invalid',
  detail: `The claim "${claim}" is not a number of seconds.`,
});
const badSubject = {
  reason: 'token_claims_invalid',
  detail: 'The claim "sub" is not a text without control characters.',
};
const badAudience = {
  reason: 'token_claims_invalid',
  detail: 'The claim "aud" is not a text or a list of texts.',
};
const unknownKey = { reason: 'token_key_unknown' };
const badSignature = { reason: 'token_signature_invalid' };

describe('an attack is refused before any key is looked at', () => {
  it.each<[string, () => string, object]>([
    [
      'alg none, unsigned',
      () => `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(claims))}.`,
      algorithm,
    ],
    ['alg none, signed', () => mint({}, { alg: 'none' }), algorithm],
    ['alg None', () => mint({}, { alg: 'None' }), algorithm],
    ['alg nOnE', () => mint({}, { alg: 'nOnE' }), algorithm],
    ['alg NONE', () => mint({}, { alg: 'NONE' }), algorithm],
    ['alg none with a leading blank', () => mint({}, { alg: ' none' }), algorithm],
    ['alg rs256', () => mint({}, { alg: 'rs256' }), algorithm],
    ['alg RS256 with a leading blank', () => mint({}, { alg: ' RS256' }), algorithm],
    ['alg as a list', () => mint({}, { alg: ['RS256'] }), algorithm],
    ['alg missing', () => mint({}, { alg: undefined }), algorithm],
    ['alg __proto__', () => mint({}, { alg: '__proto__' }), algorithm],
    ['HS256 with the RSA public key', () => mintWithPublicKey('HS256'), algorithm],
    ['HS256 with a leading blank', () => mintWithPublicKey(' HS256'), algorithm],
    ['RS512, which the issuer does not use', () => mint({}, { alg: 'RS512' }), algorithm],
    [
      'alg inherited through __proto__',
      () => mintText('{"__proto__":{"alg":"RS256"}}', JSON.stringify(claims)),
      algorithm,
    ],
    ['crit', () => mint({}, { crit: ['exp'], exp: 1 }), demands],
    ['crit that is empty', () => mint({}, { crit: [] }), demands],
    ['crit that is null', () => mint({}, { crit: null }), demands],
    ['b64 false in crit', () => mint({}, { b64: false, crit: ['b64'] }), demands],
    ['b64 false outside of crit', () => mint({}, { b64: false }), demands],
    [
      'kid that is a number',
      () => mint({}, { kid: 7 }),
      { reason: 'token_malformed', detail: 'Its kid is not a text.' },
    ],
    ['no part', () => '', threeParts],
    ['one part', () => 'abc', threeParts],
    ['two parts', () => mint().split('.').slice(0, 2).join('.'), threeParts],
    ['four parts', () => `${mint()}.`, threeParts],
    ['five parts, a JWE', () => `${mint()}.a.b`, threeParts],
    ['padding after the header', () => mint().replace('.', '=.'), notJson('header')],
    ['padding after the signature', () => `${mint()}==`, noSignature],
    ['base64 instead of base64url', () => replacePart(2, '+/+/'), noSignature],
    ['spare bits in the signature', () => withSpareBits(mint()), noSignature],
    ['a signature of impossible length', () => replacePart(2, 'AAAAA'), noSignature],
    ['a blank before', () => ` ${mint()}`, notJson('header')],
    ['a line break after', () => `${mint()}\n`, noSignature],
    ['a second token', () => `${mint()} ${mint()}`, threeParts],
    ['a comma', () => `${mint()},`, noSignature],
    ['a character outside of ASCII', () => replacePart(2, 'é'), noSignature],
    ['a header that is not JSON', () => replacePart(0, base64url('{')), notJson('header')],
    ['a header that is a list', () => replacePart(0, base64url('[]')), notJson('header')],
    ['a header that is null', () => replacePart(0, base64url('null')), notJson('header')],
    [
      'a header with a byte order mark',
      () => replacePart(0, base64url('\uFEFF{"alg":"RS256"}')),
      notJson('header'),
    ],
    ['a payload that is a text', () => replacePart(1, base64url('"x"')), notJson('payload')],
    [
      'a payload that is not UTF-8',
      () =>
        replacePart(
          1,
          Buffer.from(JSON.stringify({ ...claims, sub: '\u00ff' }), 'latin1').toString('base64url'),
        ),
      notJson('payload'),
    ],
    ['an empty payload', () => replacePart(1, ''), notJson('payload')],
    [
      'a token over 8 KiB',
      () => mint({ padding: 'x'.repeat(6200) }),
      { reason: 'token_malformed', detail: 'It has more than 8192 bytes.' },
    ],
    ['another issuer', () => mint({ iss: 'https://evil.example' }), wrongIssuer],
    ['the issuer with a slash', () => mint({ iss: `${iss}/` }), wrongIssuer],
    ['the issuer in capitals', () => mint({ iss: iss.toUpperCase() }), wrongIssuer],
    ['the issuer in a list', () => mint({ iss: [iss] }), wrongIssuer],
    ['no issuer', () => mint({ iss: undefined }), wrongIssuer],
    ['issuer __proto__', () => mint({ iss: '__proto__' }), wrongIssuer],
  ])('%s', (_, token, refusal) => {
    const text = token();
    const outcome = tokens.verify(text);
    expect(outcome).toEqual(refusal);
    expect(keyLookUps).toBe(0);
  });
});

describe('an attack is refused after the signature was checked, or no key was found', () => {
  it.each<[string, () => string, object]>([
    ['kid __proto__', () => mint({}, { kid: '__proto__' }), unknownKey],
    ['kid constructor', () => mint({}, { kid: 'constructor' }), unknownKey],
    ['kid with a path', () => mint({}, { kid: '../../../../dev/null' }), unknownKey],
    ['kid with SQL', () => mint({}, { kid: "x' UNION SELECT 'k" }), unknownKey],
    ['kid of a key of another type', () => mint({}, { kid: 'curve' }), unknownKey],
    ['an unknown kid', () => mint({}, { kid: 'new' }), unknownKey],
    [
      'another signer under the kid of ours',
      () => mintText(JSON.stringify(header), JSON.stringify(claims), stranger.privateKey),
      badSignature,
    ],
    [
      'an embedded key that fits the signature',
      () =>
        mintText(
          JSON.stringify({ ...header, jwk: stranger.publicJwk }),
          JSON.stringify(claims),
          stranger.privateKey,
        ),
      badSignature,
    ],
    [
      'a changed payload',
      () => replacePart(1, base64url(JSON.stringify({ ...claims, sub: 'admin' }))),
      badSignature,
    ],
    ['a changed header', () => replacePart(0, base64url(JSON.stringify({ ...header, x: 1 }))), badSignature],
    ['an empty signature', () => replacePart(2, ''), badSignature],
    ['a short signature', () => replacePart(2, 'AAAA'), badSignature],
    [
      'an ES256 signature of zeros',
      () =>
        `${base64url('{"alg":"ES256","kid":"curve"}')}.${base64url(JSON.stringify(claims))}.${Buffer.alloc(64).toString('base64url')}`,
      badSignature,
    ],
    [
      'an ES256 signature in DER',
      () => {
        const input = `${base64url('{"alg":"ES256","kid":"curve"}')}.${base64url(JSON.stringify(claims))}`;
        return `${input}.${sign('sha256', Buffer.from(input), keyObject(curve.privateKey)).toString('base64url')}`;
      },
      badSignature,
    ],
    ['sub missing', () => mint({ sub: undefined }), missing('sub')],
    ['sub a number', () => mint({ sub: 7 }), badSubject],
    ['sub a list', () => mint({ sub: ['edi-acme'] }), badSubject],
    ['sub null', () => mint({ sub: null }), badSubject],
    ['sub empty', () => mint({ sub: '' }), badSubject],
    ['sub with a line break', () => mint({ sub: 'a\nb' }), badSubject],
    [
      'sub only in the prototype',
      () =>
        mintText(
          JSON.stringify(header),
          JSON.stringify({ ...claims, sub: undefined }).replace('{', '{"__proto__":{"sub":"admin"},'),
        ),
      missing('sub'),
    ],
    ['aud missing', () => mint({ aud: undefined }), missing('aud')],
    ['aud an empty list', () => mint({ aud: [] }), missing('aud')],
    ['aud a number', () => mint({ aud: 1 }), badAudience],
    ['aud a list with a number', () => mint({ aud: ['bulkhead', 1] }), badAudience],
    ['aud an object', () => mint({ aud: { bulkhead: true } }), badAudience],
    ['exp missing', () => mint({ exp: undefined }), missing('exp')],
    ['exp a text', () => mint({ exp: String(nowS + 600) }), notSeconds('exp')],
    ['exp null', () => mint({ exp: null }), notSeconds('exp')],
    ['exp negative', () => mint({ exp: -1 }), notSeconds('exp')],
    [
      'exp 1e400, which reads as Infinity',
      () =>
        mintText(
          JSON.stringify(header),
          JSON.stringify({ ...claims, exp: 0 }).replace('"exp":0', '"exp":1e400'),
        ),
      notSeconds('exp'),
    ],
    ['exp in milliseconds times a million', () => mint({ exp: 1e19 }), notSeconds('exp')],
    ['nbf a text', () => mint({ nbf: '0' }), notSeconds('nbf')],
    ['nbf null', () => mint({ nbf: null }), notSeconds('nbf')],
    ['iat a text', () => mint({ iat: 'now' }), notSeconds('iat')],
    ['expired by exactly the skew', () => mint({ exp: nowS - 30 }), { reason: 'token_expired' }],
    ['expired by 1 s beyond the skew', () => mint({ exp: nowS - 31 }), { reason: 'token_expired' }],
    ['nbf beyond the skew', () => mint({ nbf: nowS + 31 }), { reason: 'token_not_yet_valid' }],
    ['iat beyond the skew', () => mint({ iat: nowS + 31 }), { reason: 'token_not_yet_valid' }],
    [
      'scope a number',
      () => mint({ scope: 5 }),
      { reason: 'token_claims_invalid', detail: 'The claim "scope" is not a text or a list of texts.' },
    ],
  ])('%s', async (_, token, refusal) => {
    expect(await tokens.verify(token())).toEqual(refusal);
    expect(keyLookUps).toBe(1);
  });
});

describe('the claims of an issuer', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>, object]>([
    [
      'scopes come from a text',
      {},
      { scope: ' edi.read  edi.write ' },
      { scopes: ['edi.read', 'edi.write'] },
    ],
    [
      'scopes come from a list',
      {},
      { scope: ['edi.read', 'two words'] },
      { scopes: ['edi.read', 'two words'] },
    ],
    ['scopes come from another claim', { scopeClaim: 'scp' }, { scp: 'a', scope: 'b' }, { scopes: ['a'] }],
    [
      'scopes come from a nested claim',
      { scopeClaim: ['realm_access', 'roles'] },
      { realm_access: { roles: ['r'] } },
      { scopes: ['r'] },
    ],
    ['the tenant comes from its claim', { tenantClaim: 'tenant' }, { tenant: 'acme' }, { tenant: 'acme' }],
    [
      'a name with dots is one name',
      { tenantClaim: 'https://erp.example/tenant' },
      { 'https://erp.example/tenant': 'acme' },
      { tenant: 'acme' },
    ],
    [
      'a tenant that is missing is none',
      { tenantClaim: ['org', 'id'] },
      { org: 'acme' },
      { tenant: undefined },
    ],
    ['a tenant is never inherited', { tenantClaim: 'constructor' }, {}, { tenant: undefined }],
    ['without tenantClaim there is no tenant', {}, { tenant: 'acme' }, { tenant: undefined }],
  ])('%s', async (_, settings, changes, principal) => {
    await openVerifier(settings);
    expect(await tokens.verify(mint(changes))).toEqual({
      ...verified,
      principal: { ...verified.principal, ...principal },
    });
  });

  it.each([[5], [['acme']], [null], ['']])('refuse the tenant %j', async (tenant) => {
    await openVerifier({ tenantClaim: 'tenant' });
    expect(await tokens.verify(mint({ tenant }))).toEqual({
      reason: 'token_claims_invalid',
      detail: 'The claim "tenant" is not a text.',
    });
  });

  it.each([
    ['at+jwt', 'at+jwt', true],
    ['at+jwt', 'AT+JWT', true],
    ['at+jwt', 'application/at+jwt', true],
    ['application/at+jwt', 'at+jwt', true],
    ['at+jwt', 'JWT', false],
    ['at+jwt', undefined, false],
    ['at+jwt', 7, false],
  ])('with type %j, a token of typ %j is accepted: %j', async (type, typ, accepted) => {
    await openVerifier({ type });
    expect(await tokens.verify(mint({}, { typ }))).toEqual(
      accepted
        ? verified
        : {
            reason: 'token_claims_invalid',
            detail: 'The token is not of type "at+jwt".'.replace('at+jwt', type),
          },
    );
  });
});

const isPromise = (outcome: unknown) => outcome instanceof Promise;

describe('the token cache', () => {
  it('answers synchronously for a token seen before, and shares one check among concurrent first sights', async () => {
    const token = mint();
    const first = tokens.verify(token);
    expect(isPromise(first)).toBe(true);
    expect(tokens.verify(token)).toBe(first);
    expect(tokens.sizes()).toEqual({ verified: 0, refused: 0, pending: 1 });
    expect(await first).toEqual(verified);
    expect(tokens.verify(token)).toBe(await first);
    expect(tokens.sizes()).toEqual({ verified: 1, refused: 0, pending: 0 });
    expect(keyLookUps).toBe(1);
  });

  it('does not believe a token for one millisecond longer than exp and skew', async () => {
    const token = mint({ exp: nowS + 60 });
    await tokens.verify(token);
    time.advance(89_999);
    expect(tokens.verify(token)).toMatchObject({ principal: verified.principal });
    time.advance(1);
    expect(tokens.verify(token)).toEqual({ reason: 'token_expired' });
    expect(tokens.sizes()).toEqual({ verified: 0, refused: 1, pending: 0 });
  });

  it('looks at the signature again after five minutes', async () => {
    const token = mint();
    await tokens.verify(token);
    time.advance(299_999);
    expect(isPromise(tokens.verify(token))).toBe(false);
    time.advance(1);
    const again = tokens.verify(token);
    expect(isPromise(again)).toBe(true);
    expect(await again).toEqual(verified);
    expect(keyLookUps).toBe(2);
  });

  it('forgets the tokens of a key as soon as the issuer has withdrawn it', async () => {
    const token = mint();
    await tokens.verify(token);
    server.publish([fresh.publicJwk]);
    time.advance(30_000);
    const rotated = await tokens.verify(
      mintText('{"alg":"RS256","kid":"fresh"}', JSON.stringify(claims), fresh.privateKey),
    );
    expect(rotated).toEqual(verified);
    expect(await tokens.verify(token)).toEqual({ reason: 'token_key_unknown' });
  });

  it('holds a token that is not valid yet, and believes it when its time has come', async () => {
    const token = mint({ nbf: nowS + 40 });
    expect(await tokens.verify(token)).toEqual({ reason: 'token_not_yet_valid' });
    time.advance(9_999);
    expect(tokens.verify(token)).toEqual({ reason: 'token_not_yet_valid' });
    time.advance(1);
    expect(tokens.verify(token)).toEqual({ ...verified, notBeforeMs: startMs + 10_000 });
  });

  it.each<[string, () => string, string]>([
    ['a forged token', () => replacePart(2, 'AAAA'), 'token_signature_invalid'],
    ['an expired token', () => mint({ exp: nowS - 600 }), 'token_expired'],
    ['a token without subject', () => mint({ sub: undefined }), 'token_claims_invalid'],
  ])('spends one signature check in 30 s on a flood of %s', async (_, bad, reason) => {
    const token = bad();
    expect(await tokens.verify(token)).toMatchObject({ reason });
    for (let i = 0; i < 1000; i++) expect(tokens.verify(token)).toMatchObject({ reason });
    expect(keyLookUps).toBe(1);
    time.advance(30_000);
    expect(isPromise(tokens.verify(token))).toBe(true);
    expect(keyLookUps).toBe(2);
  });

  it('does not remember that a key was unknown or a provider down', async () => {
    const token = mintText('{"alg":"RS256","kid":"fresh"}', JSON.stringify(claims), fresh.privateKey);
    expect(await tokens.verify(token)).toEqual({ reason: 'token_key_unknown' });
    server.publish([rsa.publicJwk, fresh.publicJwk]);
    time.advance(30_000);
    expect(await tokens.verify(token)).toEqual(verified);
  });

  it('says that the provider is unavailable when it has no key for any token', async () => {
    server.misbehave((_, response) => response.destroy());
    await openVerifier();
    server.misbehave(undefined);
    expect(tokens.verify(mint())).toEqual({ reason: 'identity_provider_unavailable' });
    time.advance(5_000);
    expect(await tokens.verify(mint())).toEqual(verified);
  });

  it('remembers no more than 2,000 refusals, which push out no good token', async () => {
    const good = mint();
    await tokens.verify(good);
    for (let i = 0; i < 2_100; i++) {
      expect(await tokens.verify(replacePart(2, base64url(String(i))))).toEqual(badSignature);
    }
    expect(tokens.sizes()).toEqual({ verified: 1, refused: 2_000, pending: 0 });
    expect(isPromise(tokens.verify(good))).toBe(false);
  });

  it('holds no more than 16 Mi characters of tokens', async () => {
    const key = edwards.privateKey;
    const padding = 'x'.repeat(5_900);
    for (let i = 0; i < 2_200; i++) {
      const input = `${base64url('{"alg":"EdDSA","kid":"edwards"}')}.${base64url(JSON.stringify({ ...claims, i, padding }))}`;
      const token = `${input}.${sign(null, Buffer.from(input), keyObject(key)).toString('base64url')}`;
      expect(token.length).toBeGreaterThan(8_000);
      expect(await tokens.verify(token)).toEqual(verified);
    }
    expect(tokens.sizes().verified).toBeGreaterThan(2_000);
    expect(tokens.sizes().verified).toBeLessThanOrEqual((16 * 1024 * 1024) / 8_000);
  });

  it('lets no more than 2,000 tokens wait, whatever the provider does', async () => {
    server.misbehave((_, response) => response.destroy());
    await openVerifier();
    time.advance(5_000);
    server.misbehave(() => {});
    const asked = server.nextRequest();
    const waiting = Array.from({ length: 2_000 }, (_, i) =>
      tokens.verify(replacePart(2, base64url(String(i)))),
    );
    expect(tokens.sizes().pending).toBe(2_000);
    expect(tokens.verify(mint())).toEqual({
      reason: 'identity_provider_unavailable',
      detail: 'Too many tokens wait to be verified.',
    });
    await asked;
    time.advance(5_000);
    expect(await waiting[0]).toEqual({ reason: 'identity_provider_unavailable' });
    for (const outcome of waiting) await outcome;
    expect(tokens.sizes()).toEqual({ verified: 0, refused: 0, pending: 0 });
    server.misbehave(undefined);
  });
});

it('every error that jose can raise has a reason', () => {
  const classes = Object.values(errors).filter(
    (candidate) => candidate.prototype instanceof errors.JOSEError || candidate === errors.JOSEError,
  );
  const mapped = classes.map(({ code }) => [code, reasonOf(Object.assign(new errors.JOSEError(), { code }))]);
  expect(Object.fromEntries(mapped)).toEqual({
    ERR_JOSE_ALG_NOT_ALLOWED: 'token_algorithm_not_allowed',
    ERR_JOSE_GENERIC: 'token_malformed',
    ERR_JOSE_NOT_SUPPORTED: 'token_malformed',
    ERR_JWE_DECRYPTION_FAILED: 'token_signature_invalid',
    ERR_JWE_INVALID: 'token_malformed',
    ERR_JWK_INVALID: 'token_key_unknown',
    ERR_JWKS_INVALID: 'token_key_unknown',
    ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'token_key_unknown',
    ERR_JWKS_NO_MATCHING_KEY: 'token_key_unknown',
    ERR_JWKS_TIMEOUT: 'identity_provider_unavailable',
    ERR_JWS_INVALID: 'token_malformed',
    ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'token_signature_invalid',
    ERR_JWT_CLAIM_VALIDATION_FAILED: 'token_claims_invalid',
    ERR_JWT_EXPIRED: 'token_expired',
    ERR_JWT_INVALID: 'token_malformed',
  });
});

describe('whatever comes as a token', () => {
  it('is answered with a value, never an exception', async () => {
    const parts = mint().split('.');
    const part = fc.oneof(
      fc.constantFrom(...parts),
      fc.json().map(base64url),
      fc.string(),
      fc.base64String(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 4 }), async (pieces) => {
        const token = pieces.join('.');
        const outcome = await tokens.verify(token);
        if (token === parts.join('.')) expect(outcome).toEqual(verified);
        else expect(outcome).toHaveProperty('reason');
      }),
      { numRuns: 500 },
    );
  });
});
