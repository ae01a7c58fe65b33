// hot path: a known header costs one look-up and two comparisons.
import { X509Certificate } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import { ownText } from '../core/own-text.ts';
import { readCertificateFields, type CertificateFields, type ReadCertificate } from './certificate-fields.ts';
import { readCertificatePrincipal, type VerifiedCertificate } from './certificate-principal.ts';
import type { CompiledAuthority } from './compile.ts';
import type { AuthRefusal } from './refusal.ts';
import { createRefusalCache, type RefusalCache } from './refusal-cache.ts';

export const maxHeaderBytes = 64 * 1024;
export const maxCertificates = 5;
const maxEntries = 1_000;
const maxCharacters = 8 * 1024 * 1024;
const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyUsage = '2.5.29.37.0';

export type CertificateOutcome = VerifiedCertificate | AuthRefusal;

export interface CertificateVerifier {
  /**
   * Judges the text of `X-Forwarded-Tls-Client-Cert` against one authority. The caller has made sure that the field comes
   * from a trusted proxy. Never throws.
   */
  verify(header: string, authority: CompiledAuthority): CertificateOutcome;
  /** Whether this text was found right for the authority before. */
  knows(header: string, authority: CompiledAuthority): boolean;
  /** Entries now held over all authorities, for a metric. */
  sizes(): { verified: number; refused: number };
}

interface AuthorityCache {
  verified: LRUCache<string, VerifiedCertificate>;
  refused: RefusalCache;
}

/**
 * The cache stands under header text and authority, and an entry counts only while every certificate of its chain is
 * valid, compared with the wall clock at each hit.
 */
export function createCertificateVerifier(clock: Clock): CertificateVerifier {
  // As many caches as there are authorities in the configuration.
  const caches = new Map<CompiledAuthority, AuthorityCache>();

  function cacheOf(authority: CompiledAuthority): AuthorityCache {
    let cache = caches.get(authority);
    if (cache === undefined) {
      const verified = new LRUCache<string, VerifiedCertificate>({
        max: maxEntries,
        maxSize: maxCharacters,
        sizeCalculation: (_, header) => header.length,
      });
      cache = { verified, refused: createRefusalCache(clock) };
      caches.set(authority, cache);
    }
    return cache;
  }

  return {
    verify(header, authority) {
      const { verified, refused } = cacheOf(authority);
      const nowMs = clock.wallMs();
      const known = verified.get(header);
      if (known !== undefined && nowMs >= known.notBeforeMs && nowMs <= known.notAfterMs) return known;
      verified.delete(header);
      const remembered = refused.get(header);
      if (remembered !== undefined) return remembered;
      const outcome = verifyHeader(header, authority, nowMs);
      if (!('reason' in outcome)) verified.set(ownText(header), outcome);
      // A certificate that is not valid yet soon is: only what time does not mend is remembered.
      else if (outcome.reason !== 'certificate_expired') refused.set(header, outcome);
      return outcome;
    },
    knows: (header, authority) => cacheOf(authority).verified.has(header),
    sizes() {
      let verified = 0;
      let refused = 0;
      for (const cache of caches.values()) {
        verified += cache.verified.size;
        refused += cache.refused.size();
      }
      return { verified, refused };
    },
  };
}

function verifyHeader(header: string, authority: CompiledAuthority, nowMs: number): CertificateOutcome {
  const presented = readChain(header);
  if ('reason' in presented) return presented;
  const [leaf, ...others] = presented;
  if (leaf === undefined) return { reason: 'certificate_malformed' };
  const chain = buildChain(leaf, others, { authority, nowMs });
  if (chain === undefined) return { reason: 'certificate_not_trusted' };
  // The chain first, then the dates: whose certificate is not ours at all does not learn whether it is still valid.
  const notBeforeMs = Math.max(...chain.map(({ certificate }) => certificate.validFromDate.getTime()));
  const notAfterMs = Math.min(...chain.map(({ certificate }) => certificate.validToDate.getTime()));
  if (!(nowMs >= notBeforeMs && nowMs <= notAfterMs)) return { reason: 'certificate_expired' };
  if (leaf.fields.authority)
    return { reason: 'certificate_not_for_clients', detail: 'It is the certificate of an authority.' };
  // Every certificate below the anchor that restricts its use (RFC 5280 §4.2.1.12) must allow clients; one without the
  // extension restricts nothing.
  if (!chain.slice(0, -1).every(({ fields }) => allowsClients(fields)))
    return {
      reason: 'certificate_not_for_clients',
      detail: 'Its extended key usage does not include client authentication.',
    };
  const principal = readCertificatePrincipal(leaf.fields, authority);
  if ('reason' in principal) return principal;
  const thumbprint = leaf.certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return { principal, names: leaf.fields, thumbprint, notBeforeMs, notAfterMs };
}

/**
 * What Traefik sends: per certificate the base64 of its DER, joined by commas, leaf first. Before 2.9.4 each was also
 * URL-escaped, so that exactly `+`, `/` and `=` may come as `%2B`, `%2F` and `%3D`.
 */
function readChain(header: string): ReadCertificate[] | AuthRefusal {
  if (header.length > maxHeaderBytes) return malformed(`The field has more than ${maxHeaderBytes} bytes.`);
  const texts = header.split(',', maxCertificates + 1);
  if (texts.length > maxCertificates) return malformed(`It has more than ${maxCertificates} certificates.`);
  const chain: ReadCertificate[] = [];
  for (const text of texts) {
    const link = readCertificate(
      text.replaceAll(/%2b/gi, '+').replaceAll(/%2f/gi, '/').replaceAll(/%3d/gi, '='),
    );
    if (link === undefined) return malformed('It is not base64 of an X.509 certificate.');
    chain.push(link);
  }
  return chain;
}

function malformed(detail: string): AuthRefusal {
  return { reason: 'certificate_malformed', detail };
}

function readCertificate(base64: string): ReadCertificate | undefined {
  const der = Buffer.from(base64, 'base64');
  // Buffer skips what is not base64: what does not come out again as it went in had something else in it.
  if (der.length === 0 || der.toString('base64') !== base64) return undefined;
  try {
    const certificate = new X509Certificate(der);
    // The constructor reads PEM too and leaves trailing bytes alone; this reader takes neither.
    const fields = readCertificateFields(der);
    return fields && { certificate, fields };
  } catch {
    return undefined;
  }
}

/**
 * From the leaf to one of the authority's certificates and never to any other root: the system's store plays no part, and
 * a self-signed certificate in the header is no anchor. Undefined when there is no such chain.
 */
function buildChain(
  leaf: ReadCertificate,
  others: readonly ReadCertificate[],
  { authority, nowMs }: { authority: CompiledAuthority; nowMs: number },
): ReadCertificate[] | undefined {
  const chain = [leaf];
  const unused = new Set(others);
  for (let current = leaf; current.fields.unhandled.length === 0;) {
    const intermediates = chain.length - 1;
    const isIssuer = (candidate: ReadCertificate) => issued(candidate, current, intermediates);
    const anchor = authority.anchors.find(
      (candidate) => candidate.certificate.validToDate.getTime() >= nowMs && isIssuer(candidate),
    );
    if (anchor !== undefined) return [...chain, anchor];
    const next = [...unused].find(isIssuer);
    if (next === undefined) return undefined;
    unused.delete(next);
    chain.push(next);
    current = next;
  }
  return undefined;
}

/** Names, key usage and key ids (`checkIssued`), CA:TRUE, path length (RFC 5280 §4.2.1.9), and the signature itself. */
function issued(issuer: ReadCertificate, subject: ReadCertificate, intermediatesBelow: number): boolean {
  try {
    return (
      issuer.fields.authority &&
      (issuer.fields.pathLength === undefined || issuer.fields.pathLength >= intermediatesBelow) &&
      subject.certificate.checkIssued(issuer.certificate) &&
      !isBrokenDigest(subject.certificate) &&
      subject.certificate.verify(issuer.certificate.publicKey)
    );
  } catch {
    return false;
  }
}

// Collisions of these can be made: one signature may then serve another certificate.
function isBrokenDigest({ signatureAlgorithm }: X509Certificate): boolean {
  return signatureAlgorithm === undefined || /md[245]|sha-?1(?!\d)/i.test(signatureAlgorithm);
}

function allowsClients({ extendedKeyUsage }: CertificateFields): boolean {
  return (
    extendedKeyUsage === undefined ||
    extendedKeyUsage.includes(clientAuth) ||
    extendedKeyUsage.includes(anyUsage)
  );
}
