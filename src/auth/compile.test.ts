import { describe, expect, it } from 'vitest';
import { authorityExtensions, mintCertificate, pemOf, x509 } from '../../test/servers/certificates.ts';
import { compileIdentify, compileIdentities } from './compile.ts';
import { identifySchema, identitiesSchema } from './options.ts';

const nowMs = Date.UTC(2026, 5, 1);
const ca = await mintCertificate({ subject: 'CN=Partner CA', extensions: authorityExtensions() });
const secondCa = await mintCertificate({ subject: 'CN=Second CA', extensions: authorityExtensions() });
const leaf = await mintCertificate({ subject: 'CN=edi', by: ca });
const expired = await mintCertificate({
  subject: 'CN=Old CA',
  notAfter: new Date('2026-05-31T00:00:00Z'),
  extensions: authorityExtensions(),
});
const constrained = await mintCertificate({
  subject: 'CN=Constrained CA',
  extensions: [
    ...authorityExtensions(),
    new x509.Extension('2.5.29.30', true, Buffer.from('3007a0053003820178', 'hex')),
  ],
});

const keycloak = { name: 'keycloak', issuer: 'https://id.example' };
const partners = { name: 'partners', certificates: pemOf(ca, secondCa) };

function compileSection(authored: unknown) {
  return compileIdentities(identitiesSchema.parse(authored), nowMs);
}

const { identities } = compileSection({ issuers: [keycloak], clientAuthorities: [partners] });

it('identities compile to what the stages use', () => {
  const compiled = compileSection({
    issuers: [{ ...keycloak, tenantClaim: ['org', 'id'], clockSkew: '1m', type: 'at+jwt' }],
    clientAuthorities: [{ ...partners, tenantFrom: 'subject.O' }],
  });
  expect(compiled.issues).toEqual([]);
  expect(compiled.identities.issuers.get('keycloak')).toEqual({
    name: 'keycloak',
    issuer: 'https://id.example',
    jwks: undefined,
    algorithms: ['RS256', 'ES256'],
    clockSkewMs: 60_000,
    tenantClaim: ['org', 'id'],
    scopeClaim: ['scope'],
    type: 'at+jwt',
  });
  const authority = compiled.identities.authorities.get('partners');
  expect(authority).toMatchObject({ name: 'partners', tenantFrom: 'subject.O', subjectFrom: 'subject' });
  expect(authority?.anchors.map(({ certificate }) => certificate.subject)).toEqual([
    'CN=Partner CA',
    'CN=Second CA',
  ]);
});

it('names and issuers that stand twice are issues, all of them at once', () => {
  const { issues } = compileSection({
    issuers: [
      keycloak,
      { name: 'keycloak', issuer: 'https://other.example' },
      { ...keycloak, name: 'second' },
    ],
    clientAuthorities: [partners, partners],
  });
  const consequence = 'It would be unclear whose keys vouch for a caller.';
  expect(issues).toEqual([
    {
      path: ['issuers', 1, 'name'],
      what: '"keycloak" is already the name of another entry of issuers.',
      consequence,
      fix: 'Give each entry of issuers its own name.',
    },
    {
      path: ['issuers', 2, 'issuer'],
      what: '"https://id.example" is already the issuer of another entry of issuers.',
      consequence,
      fix: 'Give each entry of issuers its own issuer.',
    },
    {
      path: ['clientAuthorities', 1, 'name'],
      what: '"partners" is already the name of another entry of clientAuthorities.',
      consequence,
      fix: 'Give each entry of clientAuthorities its own name.',
    },
  ]);
});

describe('certificates of an authority that are of no use are issues', () => {
  const unverifiable = 'Certificates below it could not be verified.';
  it.each([
    [
      'no PEM at all',
      'hello',
      'The certificates of "partners" hold no PEM block.',
      'No client certificate could be verified.',
    ],
    [
      'a certificate that is cut off',
      pemOf(ca).slice(0, 200),
      'The certificates of "partners" hold no PEM block.',
      'No client certificate could be verified.',
    ],
    [
      'a good one and one that is cut off',
      `${pemOf(ca)}\n${pemOf(ca).slice(0, 200)}`,
      'A PEM block of "partners" has no end.',
      unverifiable,
    ],
    [
      'a private key',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
      'Certificate 1 of "partners" is not a readable PEM certificate.',
      unverifiable,
    ],
    [
      'a broken certificate',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      'Certificate 1 of "partners" is not a readable PEM certificate.',
      unverifiable,
    ],
    [
      'a certificate that is no CA, after one that is',
      pemOf(ca, leaf),
      'Certificate 2 of "partners" is not a CA certificate (its basic constraints do not say CA:TRUE).',
      'It can vouch for nobody, so every client would be refused.',
    ],
    [
      'an expired CA',
      pemOf(expired),
      'Certificate 1 of "partners" expired on 2026-05-31.',
      'Every certificate below it would be refused.',
    ],
    [
      'a CA with name constraints',
      pemOf(constrained),
      'Certificate 1 of "partners" carries a restriction that the gateway does not apply (2.5.29.30).',
      'Certificates outside of the restriction would be let in.',
    ],
  ])('%s', (_, certificates, what, consequence) => {
    expect(compileSection({ clientAuthorities: [{ name: 'partners', certificates }] }).issues).toEqual([
      {
        path: ['clientAuthorities', 0, 'certificates'],
        what,
        consequence,
        fix: 'Write the PEM text of one or more valid CA certificates, normally as ${file:…}.',
      },
    ]);
  });
});

const compile = (authored: unknown) =>
  compileIdentify(identifySchema.parse(authored), identities, (path) => `zones/z.yaml:${path.join('.')}`);

describe('identify', () => {
  it('none has no alternatives', () => {
    expect(compile('none')).toEqual({ identify: { alternatives: [], at: 'zones/z.yaml:' }, issues: [] });
  });

  it('refers to issuers and authorities, each entry with its place', () => {
    const jwt = { issuer: 'keycloak', audience: 'bulkhead', scopes: ['edi.write'] };
    expect(compile({ any: [{ jwt }, { clientCert: { ca: 'partners' } }] })).toEqual({
      identify: {
        alternatives: [
          {
            kind: 'jwt',
            at: 'zones/z.yaml:any.0',
            issuer: identities.issuers.get('keycloak'),
            audiences: ['bulkhead'],
            scopes: ['edi.write'],
          },
          { kind: 'clientCert', at: 'zones/z.yaml:any.1', authority: identities.authorities.get('partners') },
        ],
        at: 'zones/z.yaml:',
      },
      issues: [],
    });
  });

  it('reports every name that is not in identities.yaml, with the nearest that is', () => {
    const consequence = 'Nobody could be identified by this entry.';
    const any = [
      { jwt: { issuer: 'keycloack', audience: 'a' } },
      { clientCert: { ca: 'suppliers' } },
      {},
      { jwt: { issuer: 'keycloak', audience: 'a' }, clientCert: { ca: 'partners' } },
    ];
    expect(compile({ any }).issues).toEqual([
      {
        path: ['any', 0, 'jwt', 'issuer'],
        what: '"keycloack" is not an issuer in identities.yaml.',
        consequence,
        fix: 'Write keycloak if that is meant, or add "keycloack" to issuers in identities.yaml.',
      },
      {
        path: ['any', 1, 'clientCert', 'ca'],
        what: '"suppliers" is not a client authority in identities.yaml.',
        consequence,
        fix: 'Add it to clientAuthorities in identities.yaml, or write the name of an entry there.',
      },
      {
        path: ['any', 2],
        what: 'This entry names no credential.',
        consequence: 'It would be unclear which credentials are demanded.',
        fix: 'Write one entry of the list per credential, jwt or clientCert.',
      },
      {
        path: ['any', 3],
        what: 'This entry names more than one credential.',
        consequence: 'It would be unclear which credentials are demanded.',
        fix: 'Write one entry of the list per credential, jwt or clientCert.',
      },
    ]);
  });
});
