import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  authorityExtensions,
  clientAuth,
  headerOf,
  mintCertificate,
  pemOf,
  serverAuth,
  x509,
  type IssuedCertificate,
} from '../../test/servers/certificates.ts';
import { manualClock, type ManualClock } from '../core/clock.ts';
import { createCertificateVerifier, type CertificateVerifier } from './client-cert.ts';
import { compileIdentities, type CompiledAuthority } from './compile.ts';
import { identitiesSchema } from './options.ts';

const startMs = Date.UTC(2026, 5, 1);
const root = await mintCertificate({ subject: 'CN=Partner CA,O=Erp', extensions: authorityExtensions() });
const forgedRoot = await mintCertificate({
  subject: 'CN=Partner CA,O=Erp',
  extensions: authorityExtensions(),
});
const intermediate = await mintCertificate({
  subject: 'CN=Issuing CA,O=Erp',
  by: root,
  extensions: authorityExtensions(),
});
const lower = await mintCertificate({
  subject: 'CN=Lower CA',
  by: intermediate,
  extensions: authorityExtensions(),
});
const noAuthority = await mintCertificate({ subject: 'CN=Not a CA', by: root });
const restricted = await mintCertificate({
  subject: 'CN=Short CA',
  by: root,
  extensions: authorityExtensions(0),
});
const below = await mintCertificate({
  subject: 'CN=Below Short CA',
  by: restricted,
  extensions: authorityExtensions(),
});
const serversOnly = await mintCertificate({
  subject: 'CN=Server CA',
  by: root,
  extensions: [...authorityExtensions(), new x509.ExtendedKeyUsageExtension([serverAuth])],
});
// 2.5.29.30 holds name constraints: { permittedSubtrees: [ dNSName "x" ] }.
const nameConstraints = new x509.Extension('2.5.29.30', false, Buffer.from('3007a0053003820178', 'hex'));
const constrained = await mintCertificate({
  subject: 'CN=Constrained CA',
  by: root,
  extensions: [...authorityExtensions(), nameConstraints],
});
const expiredIntermediate = await mintCertificate({
  subject: 'CN=Expired CA',
  by: root,
  notAfter: new Date('2026-05-31T00:00:00Z'),
  extensions: authorityExtensions(),
});

const leaf = (by: IssuedCertificate, more: Partial<Parameters<typeof mintCertificate>[0]> = {}) =>
  mintCertificate({ subject: 'CN=edi,O=acme', by, ...more });
const good = await leaf(root);

let clock: ManualClock;
let certificates: CertificateVerifier;
beforeEach(() => {
  clock = manualClock(startMs);
  certificates = createCertificateVerifier(clock);
});

function authorityOf(settings: Record<string, unknown> = {}): CompiledAuthority {
  const section = identitiesSchema.parse({
    clientAuthorities: [{ name: 'partners', certificates: pemOf(root), ...settings }],
  });
  const [authority] = compileIdentities(section, startMs).identities.authorities.values();
  if (authority === undefined) throw new Error('no authority');
  return authority;
}
const partners = authorityOf();

const edi = {
  kind: 'clientCert',
  subject: 'CN=edi,O=acme',
  issuer: 'partners',
  scopes: [],
  tenant: undefined,
};
const malformed = { reason: 'certificate_malformed', detail: 'It is not base64 of an X.509 certificate.' };
const notTrusted = { reason: 'certificate_not_trusted' };
const expired = { reason: 'certificate_expired' };
const isAuthority = {
  reason: 'certificate_not_for_clients',
  detail: 'It is the certificate of an authority.',
};
const noClientAuth = {
  reason: 'certificate_not_for_clients',
  detail: 'Its extended key usage does not include client authentication.',
};
const escape = (header: string) =>
  header.replaceAll('+', '%2B').replaceAll('/', '%2f').replaceAll('=', '%3D');

it('a certificate of the authority names its owner, its names, its thumbprint and its dates', () => {
  expect(certificates.verify(headerOf(good), partners)).toEqual({
    principal: edi,
    names: expect.objectContaining({
      subject: [[{ type: 'O', value: 'acme' }], [{ type: 'CN', value: 'edi' }]],
      dns: [],
      uris: [],
    }),
    thumbprint: createHash('sha256').update(Buffer.from(good.certificate.rawData)).digest('hex'),
    notBeforeMs: Date.UTC(2026, 0, 1),
    notAfterMs: Date.UTC(2026, 11, 31, 23, 59, 59),
  });
});

describe('a header is accepted', () => {
  it.each<[string, () => Promise<string> | string]>([
    ['with the leaf alone', () => headerOf(good)],
    ['URL-escaped, as Traefik sent it before 2.9.4', () => escape(headerOf(good))],
    ['with an intermediate', async () => headerOf(await leaf(intermediate), intermediate)],
    ['with two intermediates', async () => headerOf(await leaf(lower), lower, intermediate)],
    [
      'with two intermediates in the wrong order',
      async () => headerOf(await leaf(lower), intermediate, lower),
    ],
    [
      'with the root, which is not needed',
      async () => headerOf(await leaf(intermediate), intermediate, root),
    ],
    ['with a path length that is kept', async () => headerOf(await leaf(restricted), restricted)],
    [
      'with client authentication among its usages',
      async () =>
        headerOf(
          await leaf(root, { extensions: [new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth])] }),
        ),
    ],
    [
      'with any extended key usage',
      async () =>
        headerOf(await leaf(root, { extensions: [new x509.ExtendedKeyUsageExtension(['2.5.29.37.0'])] })),
    ],
  ])('%s', async (_, header) => {
    expect(certificates.verify(await header(), partners)).toMatchObject({ principal: edi });
  });
});

describe('a header is refused', () => {
  const der = Buffer.from(good.certificate.rawData);
  it.each<[string, () => Promise<string> | string, object]>([
    ['of another CA with the same name', async () => headerOf(await leaf(forgedRoot)), notTrusted],
    ['that brings its own root along', async () => headerOf(await leaf(forgedRoot), forgedRoot), notTrusted],
    [
      'signed with the key of the authority, but in the name of another',
      async () => headerOf(await leaf({ certificate: noAuthority.certificate, keys: root.keys })),
      notTrusted,
    ],
    [
      'that signs itself',
      async () => headerOf(await mintCertificate({ subject: 'CN=edi,O=acme' })),
      notTrusted,
    ],
    ['without its intermediate', async () => headerOf(await leaf(intermediate)), notTrusted],
    ['with the wrong intermediate', async () => headerOf(await leaf(lower), intermediate), notTrusted],
    [
      'through an intermediate that is no authority',
      async () => headerOf(await leaf(noAuthority), noAuthority),
      notTrusted,
    ],
    ['through a leaf of the same authority', async () => headerOf(await leaf(good), good), notTrusted],
    [
      'longer than a path length allows',
      async () => headerOf(await leaf(below), below, restricted),
      notTrusted,
    ],
    [
      'through name constraints, which are not applied',
      async () => headerOf(await leaf(constrained), constrained),
      notTrusted,
    ],
    [
      'with an unknown critical extension',
      async () =>
        headerOf(
          await leaf(root, { extensions: [new x509.Extension('1.2.3.4', true, Buffer.from('0500', 'hex'))] }),
        ),
      notTrusted,
    ],
    ['signed with SHA-1', async () => headerOf(await leaf(root, { hash: 'SHA-1' })), notTrusted],
    ['expired', async () => headerOf(await leaf(root, { notAfter: new Date(startMs - 1000) })), expired],
    [
      'not yet valid',
      async () => headerOf(await leaf(root, { notBefore: new Date(startMs + 1000) })),
      expired,
    ],
    [
      'with an expired intermediate',
      async () => headerOf(await leaf(expiredIntermediate), expiredIntermediate),
      expired,
    ],
    [
      'expired and of another CA: it does not learn that it is expired',
      async () => headerOf(await leaf(forgedRoot, { notAfter: new Date(startMs - 1000) })),
      notTrusted,
    ],
    ['with the authority itself as leaf', () => headerOf(root), isAuthority],
    ['with an intermediate as leaf', () => headerOf(intermediate), isAuthority],
    [
      'for servers only',
      async () =>
        headerOf(await leaf(root, { extensions: [new x509.ExtendedKeyUsageExtension([serverAuth])] })),
      noClientAuth,
    ],
    [
      'through an intermediate for servers only',
      async () => headerOf(await leaf(serversOnly), serversOnly),
      noClientAuth,
    ],
    ['empty', () => '', malformed],
    ['garbage', () => 'garbage!', malformed],
    ['base64 of garbage', () => Buffer.from('garbage').toString('base64'), malformed],
    ['PEM', () => pemOf(good), malformed],
    ['base64 of PEM', () => Buffer.from(pemOf(good)).toString('base64'), malformed],
    ['base64url', () => der.toString('base64url'), malformed],
    ['with a blank', () => ` ${headerOf(good)}`, malformed],
    ['without its padding', () => `${headerOf(good).replace(/=+$/, '')}A`, malformed],
    ['with other escapes', () => headerOf(good).replace('M', '%4D'), malformed],
    ['escaped twice', () => escape(headerOf(good)).replaceAll('%', '%25') + '%253D', malformed],
    [
      'with bytes after the certificate',
      () => Buffer.concat([der, Buffer.from([5, 0])]).toString('base64'),
      malformed,
    ],
    ['cut short', () => der.subarray(0, -3).toString('base64'), malformed],
    ['ending in a comma', () => `${headerOf(good)},`, malformed],
    [
      'with six certificates',
      () => headerOf(good, good, good, good, good, good),
      { reason: 'certificate_malformed', detail: 'It has more than 5 certificates.' },
    ],
    [
      'over 64 KiB',
      () => 'A'.repeat(65_537),
      { reason: 'certificate_malformed', detail: 'The field has more than 65536 bytes.' },
    ],
    [
      'with an extension twice',
      async () =>
        headerOf(
          await leaf(root, {
            extensions: [new x509.BasicConstraintsExtension(false), new x509.BasicConstraintsExtension(true)],
          }),
        ),
      malformed,
    ],
  ])('%s', async (_, header, refusal) => {
    expect(certificates.verify(await header(), partners)).toEqual(refusal);
  });
});

describe('names', () => {
  const san = new x509.SubjectAlternativeNameExtension([
    { type: 'dns', value: 'edi.acme.example' },
    { type: 'url', value: 'spiffe://erp/acme' },
    { type: 'email', value: 'edi@acme.example' },
  ]);
  const twoDns = new x509.SubjectAlternativeNameExtension([
    { type: 'dns', value: 'a.example' },
    { type: 'dns', value: 'b.example' },
  ]);
  const tricky = 'admin,O=globex';
  it.each<[string, Record<string, unknown>, Parameters<typeof leaf>[1], object]>([
    ['the whole subject by default', {}, {}, { subject: 'CN=edi,O=acme' }],
    ['the common name', { subjectFrom: 'subject.CN' }, {}, { subject: 'edi' }],
    ['a DNS name', { subjectFrom: 'san.dns' }, { extensions: [san] }, { subject: 'edi.acme.example' }],
    ['a URI', { subjectFrom: 'san.uri' }, { extensions: [san] }, { subject: 'spiffe://erp/acme' }],
    ['the tenant from O', { tenantFrom: 'subject.O' }, {}, { tenant: 'acme' }],
    [
      'the tenant from OU',
      { tenantFrom: 'subject.OU' },
      { subject: 'CN=edi,OU=north,O=acme' },
      { tenant: 'north' },
    ],
    [
      'the tenant from a DNS name',
      { tenantFrom: 'san.dns' },
      { extensions: [san] },
      { tenant: 'edi.acme.example' },
    ],
    ['no tenant where the part is missing', { tenantFrom: 'subject.OU' }, {}, { tenant: undefined }],
    [
      'no tenant out of a common name that imitates one',
      { tenantFrom: 'subject.O' },
      { subject: [{ CN: [{ utf8String: tricky }] }] },
      { subject: String.raw`CN=admin\,O\=globex`, tenant: undefined },
    ],
    [
      'the real tenant beside a common name that imitates another',
      { tenantFrom: 'subject.O' },
      { subject: [{ O: [{ utf8String: 'acme' }] }, { CN: [{ utf8String: 'x\nO=globex' }] }] },
      { subject: String.raw`CN=x\0aO\=globex,O=acme`, tenant: 'acme' },
    ],
    [
      'one relative name of two attributes',
      { tenantFrom: 'subject.O', subjectFrom: 'subject.CN' },
      { subject: [{ CN: [{ utf8String: 'edi' }], O: [{ utf8String: 'acme' }] }] },
      { subject: 'edi', tenant: 'acme' },
    ],
    [
      'letters beyond ASCII',
      {},
      { subject: [{ O: [{ utf8String: 'Müller+Söhne' }] }] },
      { subject: String.raw`O=Müller\+Söhne` },
    ],
    ['BMP strings', {}, { subject: [{ O: [{ bmpString: 'Łódź' }] }] }, { subject: 'O=Łódź' }],
  ])('give %s', async (_, settings, wish, principal) => {
    const header = headerOf(await leaf(root, wish));
    expect(certificates.verify(header, authorityOf(settings))).toMatchObject({
      principal: { ...edi, ...('subject' in principal ? {} : { subject: expect.any(String) }), ...principal },
    });
  });

  it.each<[string, Record<string, unknown>, Parameters<typeof leaf>[1], string]>([
    [
      'two organisations name no tenant',
      { tenantFrom: 'subject.O' },
      { subject: 'CN=edi,O=acme,O=globex' },
      'It has more than one subject.O, so it is unclear which tenant it is for.',
    ],
    [
      'two DNS names name no tenant',
      { tenantFrom: 'san.dns' },
      { extensions: [twoDns] },
      'It has more than one san.dns, so it is unclear which tenant it is for.',
    ],
    [
      'two common names name no owner',
      { subjectFrom: 'subject.CN' },
      { subject: 'CN=edi,CN=admin' },
      'It has more than one subject.CN, so it is unclear who its owner is.',
    ],
    [
      'a missing part names no owner',
      { subjectFrom: 'san.uri' },
      {},
      'It has no san.uri, so it names no owner.',
    ],
    ['an empty subject names no owner', {}, { subject: [] }, 'It has no subject, so it names no owner.'],
  ])('that are not clear are refused: %s', async (_, settings, wish, detail) => {
    const header = headerOf(await leaf(root, wish));
    expect(certificates.verify(header, authorityOf(settings))).toEqual({
      reason: 'certificate_malformed',
      detail,
    });
  });
});

describe('the certificate cache', () => {
  it('gives the same answer again without another check', () => {
    const first = certificates.verify(headerOf(good), partners);
    expect(certificates.verify(headerOf(good), partners)).toBe(first);
    expect(certificates.sizes()).toEqual({ verified: 1, refused: 0 });
  });

  it('believes no certificate after the earliest end of its chain', async () => {
    const soon = await mintCertificate({
      subject: 'CN=Soon CA',
      by: root,
      notAfter: new Date(startMs + 60_000),
      extensions: authorityExtensions(),
    });
    const header = headerOf(await leaf(soon), soon);
    expect(certificates.verify(header, partners)).toMatchObject({ principal: edi });
    clock.advance(60_000);
    expect(certificates.verify(header, partners)).toMatchObject({ principal: edi });
    clock.advance(1);
    expect(certificates.verify(header, partners)).toEqual(expired);
    expect(certificates.sizes()).toEqual({ verified: 0, refused: 0 });
  });

  it('keeps authorities apart: what one vouches for, another does not', async () => {
    const others = authorityOf({ name: 'others', certificates: pemOf(forgedRoot) });
    expect(certificates.verify(headerOf(good), partners)).toMatchObject({ principal: edi });
    expect(certificates.verify(headerOf(good), others)).toEqual(notTrusted);
  });

  it('accepts a certificate of any of the authority’s CAs', async () => {
    const both = authorityOf({ certificates: pemOf(forgedRoot, root) });
    expect(certificates.verify(headerOf(good), both)).toMatchObject({ principal: edi });
    expect(certificates.verify(headerOf(await leaf(forgedRoot)), both)).toMatchObject({ principal: edi });
  });

  it('remembers a refusal for 30 s, and no longer', async () => {
    const header = headerOf(await leaf(forgedRoot));
    const first = certificates.verify(header, partners);
    expect(first).toEqual(notTrusted);
    clock.advance(29_999);
    expect(certificates.verify(header, partners)).toBe(first);
    clock.advance(1);
    const again = certificates.verify(header, partners);
    expect(again).toEqual(notTrusted);
    expect(again).not.toBe(first);
  });

  it('accepts a certificate as soon as it is valid', async () => {
    const header = headerOf(await leaf(root, { notBefore: new Date(startMs + 1000) }));
    expect(certificates.verify(header, partners)).toEqual(expired);
    clock.advance(1000);
    expect(certificates.verify(header, partners)).toMatchObject({ principal: edi });
  });

  it('trusts nobody through an anchor that has expired meanwhile', async () => {
    const brief = await mintCertificate({
      subject: 'CN=Brief CA',
      notAfter: new Date(startMs + 1000),
      extensions: authorityExtensions(),
    });
    const authority = authorityOf({ certificates: pemOf(brief) });
    const header = headerOf(await leaf(brief));
    expect(certificates.verify(header, authority)).toMatchObject({ principal: edi });
    clock.advance(1001);
    expect(certificates.verify(header, authority)).toEqual(notTrusted);
  });
});

describe('whatever comes as a certificate', () => {
  const der = Buffer.from(good.certificate.rawData);
  it('is answered with a value, and no changed byte is believed', () => {
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(der);
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(certificates.verify(changed.toString('base64'), partners)).toHaveProperty('reason');
      }),
      { numRuns: 500 },
    );
  });

  it('is answered with a value when it is anything at all', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String(),
          fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64')),
        ),
        (text) => {
          expect(certificates.verify(text, partners)).toHaveProperty('reason');
        },
      ),
    );
  });
});
