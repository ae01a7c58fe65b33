import type { X509Certificate } from 'node:crypto';
import { attributeTypes, type DistinguishedName, type NameAttribute } from './distinguished-name.ts';
import {
  derTag,
  readAscii,
  readDerChildren,
  readDerText,
  readDerValues,
  readObjectIdentifier,
  type DerValue,
} from './der.ts';

/** The names that a certificate gives its owner. */
export interface CertificateNames {
  subject: DistinguishedName;
  dns: readonly string[];
  uris: readonly string[];
}

export interface CertificateFields extends CertificateNames {
  /** Basic constraints say CA:TRUE. */
  authority: boolean;
  /** How many CA certificates may follow below this one; undefined when unbounded. */
  pathLength: number | undefined;
  /** Object identifiers of the extended key usage; undefined when the certificate has none. */
  extendedKeyUsage: readonly string[] | undefined;
  /** Restrictions that this gateway does not apply: a certificate that has one must be refused, RFC 5280 §4.2. */
  unhandled: readonly string[];
}

/** A certificate as `node:crypto` reads it, for signatures and dates, and as this file reads it, for all else. */
export interface ReadCertificate {
  certificate: X509Certificate;
  fields: CertificateFields;
}

const extension = {
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  extendedKeyUsage: '2.5.29.37',
} as const;

// keyUsage is applied by X509Certificate.checkIssued; policies restrict nothing unless a verifier asks for one.
const handled = new Set<string>([
  extension.keyUsage,
  extension.subjectAlternativeName,
  extension.basicConstraints,
  extension.certificatePolicies,
  extension.extendedKeyUsage,
]);

// Context tags of RFC 5280: optional parts of TBSCertificate, alternatives of GeneralName.
const versionTag = 0xa0;
const extensionsTag = 0xa3;
const dnsNameTag = 0x82;
const uriTag = 0x86;

/** Reads names and extensions of a certificate in DER; undefined when they cannot be read with certainty. */
export function readCertificateFields(certificate: Buffer): CertificateFields | undefined {
  const [outer, ...trailing] = readDerValues(certificate) ?? [];
  if (trailing.length > 0) return undefined;
  const body = readDerChildren(readDerChildren(outer, derTag.sequence)?.[0], derTag.sequence);
  if (body === undefined) return undefined;
  // TBSCertificate: version, serial number, signature, issuer, validity, subject, key, …; version 1 leaves out the first.
  const subject = readName(body[body[0]?.tag === versionTag ? 5 : 4]);
  if (subject === undefined) return undefined;
  const fields: CertificateFields = {
    subject,
    dns: [],
    uris: [],
    authority: false,
    pathLength: undefined,
    extendedKeyUsage: undefined,
    unhandled: [],
  };
  const wrapper = body.find(({ tag }) => tag === extensionsTag);
  if (wrapper === undefined) return fields;
  const extensions = readDerChildren(readDerChildren(wrapper, extensionsTag)?.[0], derTag.sequence);
  if (extensions === undefined) return undefined;
  const seen = new Set<string>();
  for (const value of extensions) {
    const read = readExtension(value);
    // RFC 5280 §4.2: no extension twice, else two readers could each believe another one.
    if (read === undefined || seen.has(read.id)) return undefined;
    seen.add(read.id);
    if (!addExtension(fields, read)) return undefined;
  }
  return fields;
}

interface Extension {
  id: string;
  critical: boolean;
  value: DerValue;
}

function readExtension(value: DerValue): Extension | undefined {
  const parts = readDerChildren(value, derTag.sequence);
  const id = readObjectIdentifier(parts?.[0]);
  const last = parts?.at(-1);
  if (parts === undefined || id === undefined || last?.tag !== derTag.octetString) return undefined;
  const critical = parts[1]?.tag === derTag.boolean && parts[1].content[0] !== 0;
  const [inner, ...more] = readDerValues(last.content) ?? [];
  return inner === undefined || more.length > 0 ? undefined : { id, critical, value: inner };
}

/** False when the extension cannot be read. */
function addExtension(fields: CertificateFields, { id, critical, value }: Extension): boolean {
  switch (id) {
    case extension.basicConstraints: {
      const parts = readDerChildren(value, derTag.sequence);
      if (parts === undefined) return false;
      fields.authority = parts[0]?.tag === derTag.boolean && parts[0].content[0] !== 0;
      const length = parts.find(({ tag }) => tag === derTag.integer);
      if (length !== undefined && length.content.length !== 1) return false;
      fields.pathLength = length?.content[0];
      return true;
    }
    case extension.extendedKeyUsage: {
      const usages = readDerChildren(value, derTag.sequence)?.map((usage) => readObjectIdentifier(usage));
      if (usages === undefined || !usages.every((usage) => usage !== undefined)) return false;
      fields.extendedKeyUsage = usages;
      return true;
    }
    case extension.subjectAlternativeName: {
      const names = readDerChildren(value, derTag.sequence);
      if (names === undefined) return false;
      const dns = readNames(names, dnsNameTag);
      const uris = readNames(names, uriTag);
      if (dns === undefined || uris === undefined) return false;
      fields.dns = dns;
      fields.uris = uris;
      return true;
    }
    default:
      // Name constraints restrict also where an issuer forgot to mark them critical.
      if (id === extension.nameConstraints || (critical && !handled.has(id))) {
        fields.unhandled = [...fields.unhandled, id];
      }
      return true;
  }
}

function readNames(names: readonly DerValue[], tag: number): string[] | undefined {
  const texts = names.filter((name) => name.tag === tag).map((name) => readAscii(name.content));
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

function readName(value: DerValue | undefined): DistinguishedName | undefined {
  const name: NameAttribute[][] = [];
  const relativeNames = readDerChildren(value, derTag.sequence);
  if (relativeNames === undefined) return undefined;
  for (const relativeName of relativeNames) {
    const attributes: NameAttribute[] = [];
    const pairs = readDerChildren(relativeName, derTag.set);
    if (pairs === undefined || pairs.length === 0) return undefined;
    for (const pair of pairs) {
      const parts = readDerChildren(pair, derTag.sequence);
      const id = readObjectIdentifier(parts?.[0]);
      const text = parts?.[1] && readDerText(parts[1]);
      if (parts?.length !== 2 || id === undefined || text === undefined) return undefined;
      attributes.push({ type: attributeTypes.get(id) ?? id, value: text });
    }
    name.push(attributes);
  }
  return name;
}
