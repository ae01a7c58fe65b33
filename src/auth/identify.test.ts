import { describe, expect, it } from 'vitest';
import { authorityExtensions, mintCertificate, pemOf } from '../../test/servers/certificates.ts';
import type { Refusal } from '../core/decision.ts';
import type { Principal } from '../core/principal.ts';
import { assumedVerifiers } from './assumed.ts';
import type { VerifiedCertificate } from './certificate-principal.ts';
import type { VerifiedToken } from './claims.ts';
import { compileIdentify, compileIdentities, type CompiledIdentify } from './compile.ts';
import { identify, missingScope, type IdentifyOutcome, type Verifiers } from './identify.ts';
import { assumedCredentialSchema, identifySchema, identitiesSchema } from './options.ts';
import type { AuthReason, AuthRefusal } from './refusal.ts';

const nowMs = Date.UTC(2026, 5, 1);
const ca = await mintCertificate({ subject: 'CN=Partner CA', extensions: authorityExtensions() });
const { identities } = compileIdentities(
  identitiesSchema.parse({
    issuers: [
      { name: 'keycloak', issuer: 'https://id.example', tenantClaim: 'tenant' },
      { name: 'entra', issuer: 'https://login.example', scopeClaim: 'scp' },
    ],
    clientAuthorities: [
      { name: 'partners', certificates: pemOf(ca), tenantFrom: 'subject.O' },
      { name: 'carriers', certificates: pemOf(ca), subjectFrom: 'san.dns' },
    ],
  }),
  nowMs,
);

function ruleOf(...any: object[]): CompiledIdentify {
  const { identify: rule, issues } = compileIdentify(
    identifySchema.parse({ any }),
    identities,
    (path) => `z.yaml:${path.join('.')}`,
  );
  expect(issues).toEqual([]);
  return rule;
}

const byToken = { jwt: { issuer: 'keycloak', audience: ['bulkhead', 'erp'] } };
const byWriteToken = { jwt: { issuer: 'keycloak', audience: 'bulkhead', scopes: ['edi.read', 'edi.write'] } };
const byEntra = { jwt: { issuer: 'entra', audience: 'bulkhead' } };
const byCertificate = { clientCert: { ca: 'partners' } };

const principal: Principal = {
  kind: 'jwt',
  subject: 'edi-acme',
  issuer: 'keycloak',
  scopes: ['edi.read'],
  tenant: 'acme',
};
const owner: Principal = {
  kind: 'clientCert',
  subject: 'CN=edi,O=acme',
  issuer: 'partners',
  scopes: [],
  tenant: 'acme',
};

function tokenWith(changes: Partial<VerifiedToken> = {}): VerifiedToken {
  const issuer = identities.issuers.get('keycloak');
  if (issuer === undefined) throw new Error('no issuer');
  return { issuer, principal, audiences: ['bulkhead'], notBeforeMs: 0, expiresAtMs: Infinity, ...changes };
}
const certificate: VerifiedCertificate = {
  principal: owner,
  names: { subject: [], dns: [], uris: [] },
  thumbprint: '',
  notBeforeMs: 0,
  notAfterMs: Infinity,
};

interface Scene {
  token?: VerifiedToken | AuthRefusal | Promise<VerifiedToken | AuthRefusal>;
  certificate?: VerifiedCertificate | AuthRefusal;
}

/** Verifiers with fixed answers, which also present the credentials that they have an answer for. */
function verifiersFor(scene: Scene): Verifiers {
  return {
    assumed: {
      authorization: scene.token && 'Bearer token',
      clientCertificate: scene.certificate && 'certificate',
    },
    token: () => scene.token ?? { reason: 'token_malformed' },
    certificate: () => scene.certificate ?? { reason: 'certificate_malformed' },
  };
}

const nothing = { authorization: undefined, clientCertificate: undefined };

function judge(rule: CompiledIdentify, scene: Scene) {
  return identify(rule, nothing, verifiersFor(scene));
}

/** An outcome as a table can hold it. */
function summary(outcome: IdentifyOutcome): object {
  return 'reason' in outcome ? outcome : { subject: outcome.principal.subject, at: outcome.credential.at };
}

const token = tokenWith();
const refused = (reason: AuthReason): AuthRefusal => ({ reason });
const at = (index: number) => `z.yaml:any.${index}`;
const ediAt = (index: number) => ({ subject: 'edi-acme', at: at(index) });
const ownerAt = (index: number) => ({ subject: 'CN=edi,O=acme', at: at(index) });

describe('of the credentials that a zone accepts', () => {
  it.each<[string, object[], Scene, object]>([
    ['none is presented', [byToken, byCertificate], {}, { reason: 'credentials_missing', at: 'z.yaml:' }],
    [
      'one that is not accepted here is presented',
      [byCertificate],
      { token },
      { reason: 'credentials_missing', at: 'z.yaml:' },
    ],
    ['the token is presented', [byCertificate, byToken], { token }, ediAt(1)],
    ['the certificate is presented', [byToken, byCertificate], { certificate }, ownerAt(1)],
    ['both are good and the token stands first', [byToken, byCertificate], { token, certificate }, ediAt(0)],
    [
      'both are good and the certificate stands first',
      [byCertificate, byToken],
      { token, certificate },
      ownerAt(0),
    ],
    [
      'the token is bad and the certificate good',
      [byToken, byCertificate],
      { token: refused('token_expired'), certificate },
      ownerAt(1),
    ],
    [
      'the second audience of an entry fits',
      [byToken],
      { token: tokenWith({ audiences: ['erp'] }) },
      ediAt(0),
    ],
    [
      'one of the token’s audiences fits',
      [byToken],
      { token: tokenWith({ audiences: ['x', 'erp'] }) },
      ediAt(0),
    ],
    [
      'no audience fits',
      [byToken],
      { token: tokenWith({ audiences: ['bulkhead2', 'Bulkhead'] }) },
      { reason: 'token_audience_not_allowed', at: at(0) },
    ],
    ['the issuer is another one', [byEntra], { token }, { reason: 'token_issuer_not_allowed', at: at(0) }],
    ['the issuer of the second entry fits', [byEntra, byToken], { token }, ediAt(1)],
    ['an entry that demands fewer scopes fits better', [byWriteToken, byToken], { token }, ediAt(1)],
    [
      'the certificate lacks nothing while the token lacks a scope',
      [byWriteToken, byCertificate],
      { token, certificate },
      ownerAt(1),
    ],
    [
      'each lacks a scope, so that the first counts',
      [byWriteToken, { jwt: { issuer: 'keycloak', audience: 'bulkhead', scopes: ['x'] } }],
      { token },
      ediAt(0),
    ],
    [
      'a scope is lacking and the certificate is bad',
      [byCertificate, byWriteToken],
      { token, certificate: refused('certificate_expired') },
      ediAt(1),
    ],
  ])('%s', async (_, any, scene, expected) => {
    const rule = ruleOf(...any);
    const outcome = judge(rule, scene);
    expect(outcome).not.toBeInstanceOf(Promise);
    expect(summary(await outcome)).toEqual(expected);
    if (scene.token === undefined) return;
    // The same story with a token that is seen for the first time.
    const late = judge(rule, { ...scene, token: Promise.resolve(scene.token) });
    expect(summary(await late)).toEqual(expected);
  });

  it('of two refusals the more telling one is reported, with its own place and detail', async () => {
    const byTelling: AuthReason[][] = [
      ['token_malformed'],
      ['token_algorithm_not_allowed'],
      ['token_key_unknown'],
      ['token_signature_invalid'],
      ['token_claims_invalid'],
      ['token_expired', 'token_not_yet_valid'],
      ['identity_provider_unavailable'],
    ];
    const certificateReasons: [AuthReason, number][] = [
      ['certificate_malformed', 0],
      ['certificate_not_trusted', 2],
      ['certificate_not_for_clients', 4],
      ['certificate_expired', 5],
    ];
    for (const [rank, reasons] of byTelling.entries()) {
      for (const reason of reasons) {
        for (const [certificateReason, certificateRank] of certificateReasons) {
          const scene = {
            token: { reason, detail: 'of the token' },
            certificate: { reason: certificateReason, detail: 'of the certificate' },
          };
          const expected: Refusal =
            rank > certificateRank
              ? {
                  reason,
                  detail: 'of the token',
                  at: at(1),
                  ...(reason === 'identity_provider_unavailable' ? { retryAfterMs: 5000 } : {}),
                }
              : { reason: certificateReason, detail: 'of the certificate', at: at(0) };
          expect(await judge(ruleOf(byCertificate, byToken), scene)).toEqual(expected);
        }
      }
    }
    const other = tokenWith({ audiences: ['other'] });
    expect(await judge(ruleOf(byEntra, byToken), { token: other })).toEqual({
      reason: 'token_audience_not_allowed',
      at: at(1),
    });
    expect(await judge(ruleOf(byToken, byEntra), { token: other })).toEqual({
      reason: 'token_audience_not_allowed',
      at: at(0),
    });
  });
});

describe('the Authorization field', () => {
  const seen: string[] = [];
  const verifiers: Verifiers = {
    token(text) {
      seen.push(text);
      return token;
    },
    certificate: () => certificate,
  };

  it.each<[string | undefined, string | undefined]>([
    ['Bearer a.b.c', 'a.b.c'],
    ['bearer a.b.c', 'a.b.c'],
    ['BEARER a.b.c', 'a.b.c'],
    ['Bearer   a.b.c', 'a.b.c'],
    ['Bearer a b', 'a b'],
    ['Bearer a, Bearer b', 'a, Bearer b'],
    ['Bearer ', ''],
    ['Bearer', ''],
    ['Bearer\ta', undefined],
    ['Bearera', undefined],
    ['Basic YTpi', undefined],
    [' Bearer a', undefined],
    ['Beare\u212A a', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j presents the token %j', (authorization, presented) => {
    seen.length = 0;
    void identify(ruleOf(byToken), { authorization, clientCertificate: undefined }, verifiers);
    expect(seen).toEqual(presented === undefined ? [] : [presented]);
  });
});

describe('missing scopes', () => {
  const [credential] = ruleOf(byWriteToken).alternatives;
  const [certified] = ruleOf(byCertificate).alternatives;
  it.each([
    [['edi.read', 'edi.write'], undefined],
    [['edi.write', 'x', 'edi.read'], undefined],
    [['edi.read'], 'edi.write'],
    [['edi.write'], 'edi.read'],
    [['edi.write.all', 'EDI.READ'], 'edi.read'],
    [[], 'edi.read'],
  ])('of %j: %j', (scopes, missing) => {
    expect(credential && missingScope(credential, { ...principal, scopes })).toBe(missing);
  });

  it('a certificate lacks none', () => {
    expect(certified && missingScope(certified, owner)).toBeUndefined();
  });
});

describe('an assumed credential is judged like a real one', () => {
  const assume = (as: unknown, ...any: object[]) =>
    identify(ruleOf(...any), nothing, assumedVerifiers(assumedCredentialSchema.parse(as), identities, nowMs));

  it.each<[string, unknown, object[], object]>([
    [
      'issuer and audience are what the rule asks for',
      { jwt: { sub: 'edi-acme', scope: 'edi.read', tenant: 'acme' } },
      [byToken],
      { principal },
    ],
    [
      'whichever rule asks',
      { jwt: { sub: 'edi', scp: ['a'] } },
      [byEntra],
      { principal: { kind: 'jwt', subject: 'edi', issuer: 'entra', scopes: ['a'], tenant: undefined } },
    ],
    [
      'iss may be the text',
      { jwt: { sub: 'edi-acme', iss: 'https://id.example' } },
      [byEntra, byToken],
      { credential: { at: at(1) } },
    ],
    [
      'iss may be the name',
      { jwt: { sub: 'edi-acme', iss: 'keycloak' } },
      [byEntra, byToken],
      { credential: { at: at(1) } },
    ],
    [
      'another iss is refused',
      { jwt: { sub: 'edi-acme', iss: 'entra' } },
      [byToken],
      { reason: 'token_issuer_not_allowed', at: at(0) },
    ],
    [
      'an unknown iss is refused',
      { jwt: { sub: 'edi-acme', iss: 'https://x.example' } },
      [byToken],
      { reason: 'token_issuer_not_allowed', at: at(0) },
    ],
    [
      'another aud is refused',
      { jwt: { sub: 'edi-acme', aud: 'x' } },
      [byToken],
      { reason: 'token_audience_not_allowed', at: at(0) },
    ],
    [
      'a past exp is refused',
      { jwt: { sub: 'edi-acme', exp: nowMs / 1000 - 31 } },
      [byToken],
      { reason: 'token_expired', at: at(0) },
    ],
    [
      'a tenant of the wrong type is refused',
      { jwt: { sub: 'edi-acme', tenant: 5 } },
      [byToken],
      { reason: 'token_claims_invalid', detail: 'The claim "tenant" is not a text.', at: at(0) },
    ],
    [
      'a certificate names owner and tenant',
      { clientCert: { subject: 'CN=edi, O=acme' } },
      [byToken, byCertificate],
      { principal: owner, credential: { at: at(1) } },
    ],
    [
      'a certificate of the named authority',
      { clientCert: { subject: 'CN=edi', ca: 'carriers', san: { dns: ['edi.example'] } } },
      [byCertificate, { clientCert: { ca: 'carriers' } }],
      { principal: { subject: 'edi.example', issuer: 'carriers', tenant: undefined } },
    ],
    [
      'a certificate of another authority is refused',
      { clientCert: { subject: 'CN=edi', ca: 'carriers' } },
      [byCertificate],
      { reason: 'certificate_not_trusted', at: at(0) },
    ],
    [
      'a certificate with two tenants is refused',
      { clientCert: { subject: 'CN=edi,O=a,O=b' } },
      [byCertificate],
      { reason: 'certificate_malformed', at: at(0) },
    ],
    [
      'a token is no certificate',
      { jwt: { sub: 'edi-acme' } },
      [byCertificate],
      { reason: 'credentials_missing', at: 'z.yaml:' },
    ],
  ])('%s', async (_, as, any, expected) => {
    expect(await assume(as, ...any)).toMatchObject(expected);
  });
});
