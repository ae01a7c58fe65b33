// The package asks for the metadata functions while it loads, so they come first.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export { x509 };

x509.cryptoProvider.set(webcrypto);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A certificate with its key, which can issue others when it is an authority. */
export interface IssuedCertificate {
  certificate: x509.X509Certificate;
  keys: webcrypto.CryptoKeyPair;
}

export interface CertificateWish {
  /** RFC 4514 text without escapes, or relative names in the order of the certificate. */
  subject: string | x509.JsonNameParams;
  /** Issuer; the certificate signs itself without one. */
  by?: IssuedCertificate;
  notBefore?: Date;
  notAfter?: Date;
  extensions?: x509.Extension[];
  hash?: string;
}

export const clientAuth = '1.3.6.1.5.5.7.3.2';
export const serverAuth = '1.3.6.1.5.5.7.3.1';

/** Mints a certificate that is valid during the year 2026 unless wished otherwise. */
export async function mintCertificate(wish: CertificateWish): Promise<IssuedCertificate> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  // The library writes relative names in the order of the text; RFC 4514 text begins with the last.
  const subject = new x509.Name(
    typeof wish.subject === 'string' ? wish.subject.split(',').toReversed().join(',') : wish.subject,
  );
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex'),
    subject,
    issuer: wish.by?.certificate.subjectName ?? subject,
    publicKey: keys.publicKey,
    signingKey: (wish.by?.keys ?? keys).privateKey,
    signingAlgorithm: { name: 'ECDSA', hash: wish.hash ?? 'SHA-256' },
    notBefore: wish.notBefore ?? new Date('2026-01-01T00:00:00Z'),
    notAfter: wish.notAfter ?? new Date('2026-12-31T23:59:59Z'),
    extensions: wish.extensions ?? [],
  });
  return { certificate, keys };
}

/** Extensions of a certificate authority. */
export function authorityExtensions(pathLength?: number): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  ];
}

/** Base64 of the DER, as Traefik sends it. */
export function headerOf(...chain: IssuedCertificate[]): string {
  return chain.map(({ certificate }) => Buffer.from(certificate.rawData).toString('base64')).join(',');
}

export function pemOf(...chain: IssuedCertificate[]): string {
  return chain.map(({ certificate }) => certificate.toString('pem')).join('\n');
}
