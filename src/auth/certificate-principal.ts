import type { Principal } from '../core/principal.ts';
import type { CertificateNames } from './certificate-fields.ts';
import type { CompiledAuthority } from './compile.ts';
import { attributeValues, renderDistinguishedName } from './distinguished-name.ts';
import type { CertificateAttribute } from './options.ts';
import type { AuthRefusal } from './refusal.ts';

/** A client certificate whose chain, dates and purpose are right. */
export interface VerifiedCertificate {
  principal: Principal;
  names: CertificateNames;
  /** SHA-256 of the certificate in lower-case hex: what a token may be bound to (RFC 8705). */
  thumbprint: string;
  /** Wall clock between which every certificate of the chain is valid, both included. */
  notBeforeMs: number;
  notAfterMs: number;
}

/**
 * Whom a certificate names, and for which tenant, by the authority's rules. A part that stands more than once names
 * nobody: taking the first would let the certificate's order decide.
 */
export function readCertificatePrincipal(
  names: CertificateNames,
  { name, subjectFrom, tenantFrom }: CompiledAuthority,
): Principal | AuthRefusal {
  const subjects =
    subjectFrom === 'subject' ? [renderDistinguishedName(names.subject)] : namesOf(names, subjectFrom);
  const [subject = ''] = subjects;
  if (subjects.length > 1) return repeated(subjectFrom, 'who its owner is');
  if (subject === '')
    return { reason: 'certificate_malformed', detail: `It has no ${subjectFrom}, so it names no owner.` };
  const tenants = tenantFrom === undefined ? [] : namesOf(names, tenantFrom);
  if (tenants.length > 1) return repeated(tenantFrom ?? '', 'which tenant it is for');
  return { kind: 'clientCert', subject, issuer: name, scopes: [], tenant: tenants[0] };
}

function repeated(part: string, unclear: string): AuthRefusal {
  return {
    reason: 'certificate_malformed',
    detail: `It has more than one ${part}, so it is unclear ${unclear}.`,
  };
}

function namesOf(names: CertificateNames, from: CertificateAttribute): readonly string[] {
  if (from === 'san.dns') return names.dns;
  if (from === 'san.uri') return names.uris;
  return attributeValues(names.subject, from.slice('subject.'.length));
}
