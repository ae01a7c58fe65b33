import { X509Certificate } from 'node:crypto';
import type { ConfigPath, Issue, Locate } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';
import { readCertificateFields, type ReadCertificate } from './certificate-fields.ts';
import type { Algorithm, CertificateAttribute, IdentifySection, IdentitiesSection } from './options.ts';

export interface CompiledIssuer {
  name: string;
  /** Exact `iss`. */
  issuer: string;
  jwks: string | undefined;
  algorithms: readonly Algorithm[];
  clockSkewMs: number;
  /** Path from the claims down to the tenant. */
  tenantClaim: readonly string[] | undefined;
  scopeClaim: readonly string[];
  type: string | undefined;
}

export interface CompiledAuthority {
  name: string;
  /** CA certificates that are trusted as they stand, whoever issued them. */
  anchors: readonly ReadCertificate[];
  tenantFrom: CertificateAttribute | undefined;
  subjectFrom: 'subject' | CertificateAttribute;
}

export interface Identities {
  issuers: ReadonlyMap<string, CompiledIssuer>;
  authorities: ReadonlyMap<string, CompiledAuthority>;
}

/** One credential that a zone accepts. A further kind is one more member here and one more line in identify.ts. */
export type Alternative = JwtAlternative | CertificateAlternative;

export interface JwtAlternative {
  kind: 'jwt';
  at: string;
  issuer: CompiledIssuer;
  audiences: readonly string[];
  scopes: readonly string[];
}

export interface CertificateAlternative {
  kind: 'clientCert';
  at: string;
  authority: CompiledAuthority;
}

export interface CompiledIdentify {
  /** In the order of the file; empty when Odoo itself identifies the caller. */
  alternatives: readonly Alternative[];
  at: string;
}

type Report = (issue: Issue) => void;

/** Compiles `identities.yaml`. `nowMs` is the wall clock, against which authorities are checked for expiry. */
export function compileIdentities(
  section: IdentitiesSection,
  nowMs: number,
): { identities: Identities; issues: Issue[] } {
  const issues: Issue[] = [];
  const report: Report = (issue) => issues.push(issue);
  reportDuplicates(section.issuers, { section: 'issuers', key: 'name' }, report);
  reportDuplicates(section.issuers, { section: 'issuers', key: 'issuer' }, report);
  reportDuplicates(section.clientAuthorities, { section: 'clientAuthorities', key: 'name' }, report);
  const issuers = section.issuers.map((authored): CompiledIssuer => ({
    name: authored.name,
    issuer: authored.issuer,
    jwks: authored.jwks,
    algorithms: authored.algorithms,
    clockSkewMs: authored.clockSkew,
    tenantClaim: authored.tenantClaim === undefined ? undefined : [authored.tenantClaim].flat(),
    scopeClaim: [authored.scopeClaim].flat(),
    type: authored.type,
  }));
  const authorities = section.clientAuthorities.map((authored, index): CompiledAuthority => ({
    name: authored.name,
    anchors: compileAnchors(authored, { path: ['clientAuthorities', index, 'certificates'], nowMs }, report),
    tenantFrom: authored.tenantFrom,
    subjectFrom: authored.subjectFrom,
  }));
  return {
    identities: {
      issuers: new Map(issuers.map((issuer) => [issuer.name, issuer])),
      authorities: new Map(authorities.map((authority) => [authority.name, authority])),
    },
    issues,
  };
}

/** Compiles a zone's `identify` against the identities that it refers to; paths of issues start at `identify` itself. */
export function compileIdentify(
  section: IdentifySection,
  identities: Identities,
  locate: Locate,
): { identify: CompiledIdentify; issues: Issue[] } {
  const issues: Issue[] = [];
  const alternatives: Alternative[] = [];
  for (const [index, { jwt, clientCert }] of (section === 'none' ? [] : section.any).entries()) {
    const path: ConfigPath = ['any', index];
    if ((jwt === undefined) === (clientCert === undefined)) {
      issues.push({
        path,
        what: `This entry names ${jwt === undefined ? 'no credential' : 'more than one credential'}.`,
        consequence: 'It would be unclear which credentials are demanded.',
        fix: 'Write one entry of the list per credential, jwt or clientCert.',
      });
      continue;
    }
    const at = locate(path);
    if (jwt !== undefined) {
      const issuer = identities.issuers.get(jwt.issuer);
      if (issuer === undefined)
        issues.push(
          unknownName(
            jwt.issuer,
            { path: [...path, 'jwt', 'issuer'], noun: 'an issuer', section: 'issuers' },
            identities.issuers,
          ),
        );
      else
        alternatives.push({
          kind: 'jwt',
          at,
          issuer,
          audiences: [jwt.audience].flat(),
          scopes: jwt.scopes,
        });
    }
    if (clientCert !== undefined) {
      const authority = identities.authorities.get(clientCert.ca);
      if (authority === undefined)
        issues.push(
          unknownName(
            clientCert.ca,
            {
              path: [...path, 'clientCert', 'ca'],
              noun: 'a client authority',
              section: 'clientAuthorities',
            },
            identities.authorities,
          ),
        );
      else alternatives.push({ kind: 'clientCert', at, authority });
    }
  }
  return { identify: { alternatives, at: locate([]) }, issues };
}

function reportDuplicates<Key extends string>(
  entries: readonly Record<Key, string>[],
  { section, key }: { section: string; key: Key },
  report: Report,
): void {
  const seen = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const value = entry[key];
    if (seen.has(value))
      report({
        path: [section, index, key],
        what: `"${value}" is already the ${key} of another entry of ${section}.`,
        consequence: 'It would be unclear whose keys vouch for a caller.',
        fix: `Give each entry of ${section} its own ${key}.`,
      });
    seen.add(value);
  }
}

function unknownName(
  name: string,
  { path, noun, section }: { path: ConfigPath; noun: string; section: string },
  known: ReadonlyMap<string, unknown>,
): Issue {
  const nearest = nearestName(name, known.keys());
  return {
    path,
    what: `"${name}" is not ${noun} in identities.yaml.`,
    consequence: 'Nobody could be identified by this entry.',
    fix:
      nearest === undefined
        ? `Add it to ${section} in identities.yaml, or write the name of an entry there.`
        : `Write ${nearest} if that is meant, or add "${name}" to ${section} in identities.yaml.`,
  };
}

/** Never quotes the text: a private key may have been put there by mistake. */
function compileAnchors(
  { name, certificates }: { name: string; certificates: string },
  { path, nowMs }: { path: ConfigPath; nowMs: number },
  report: Report,
): ReadCertificate[] {
  const fix = 'Write the PEM text of one or more valid CA certificates, normally as ${file:…}.';
  const blocks = certificates.match(/-----BEGIN [A-Z0-9 ]+-----[^-]*-----END [A-Z0-9 ]+-----/g) ?? [];
  if (blocks.length === 0) {
    report({
      path,
      what: `The certificates of "${name}" hold no PEM block.`,
      consequence: 'No client certificate could be verified.',
      fix,
    });
  }
  if (blocks.length > 0 && blocks.length !== certificates.split('-----BEGIN ').length - 1) {
    report({
      path,
      what: `A PEM block of "${name}" has no end.`,
      consequence: 'Certificates below it could not be verified.',
      fix,
    });
  }
  const anchors: ReadCertificate[] = [];
  for (const [index, block] of blocks.entries()) {
    const problem = (flaw: string, consequence: string) =>
      report({ path, what: `Certificate ${index + 1} of "${name}" ${flaw}.`, consequence, fix });
    const anchor = readAnchor(block);
    if (anchor === undefined)
      problem('is not a readable PEM certificate', 'Certificates below it could not be verified.');
    else if (!anchor.fields.authority)
      problem(
        'is not a CA certificate (its basic constraints do not say CA:TRUE)',
        'It can vouch for nobody, so every client would be refused.',
      );
    else if (anchor.fields.unhandled.length > 0)
      problem(
        `carries a restriction that the gateway does not apply (${anchor.fields.unhandled.join(', ')})`,
        'Certificates outside of the restriction would be let in.',
      );
    else if (anchor.certificate.validToDate.getTime() <= nowMs)
      problem(
        `expired on ${anchor.certificate.validToDate.toISOString().slice(0, 10)}`,
        'Every certificate below it would be refused.',
      );
    else anchors.push(anchor);
  }
  return anchors;
}

function readAnchor(pem: string): ReadCertificate | undefined {
  if (!pem.startsWith('-----BEGIN CERTIFICATE-----')) return undefined;
  try {
    const certificate = new X509Certificate(pem);
    const fields = readCertificateFields(certificate.raw);
    return fields && { certificate, fields };
  } catch {
    return undefined;
  }
}
