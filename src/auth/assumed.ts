import { readCertificatePrincipal } from './certificate-principal.ts';
import { readClaims, judgeDates, type Claims } from './claims.ts';
import type { CompiledAuthority, Identities } from './compile.ts';
import { parseDistinguishedName } from './distinguished-name.ts';
import type { Verifiers } from './identify.ts';
import type { AssumedCredential } from './options.ts';

/**
 * Verifiers that take the credential's signature for granted and check everything else like the live ones: issuer, claim
 * types, dates, audience, tenant, names. They also present the credential, whatever the request holds. `nowMs` is the wall
 * clock that dates are compared with.
 */
export function assumedVerifiers(
  { jwt, clientCert }: AssumedCredential,
  identities: Identities,
  nowMs: number,
): Verifiers {
  return {
    assumed: {
      authorization: jwt && 'Bearer assumed',
      clientCertificate: clientCert && 'assumed',
    },
    token(_, { issuer, audiences }) {
      if (jwt === undefined) return { reason: 'credentials_missing' };
      const claims: Claims = { iss: issuer.issuer, aud: audiences[0], exp: nowMs / 1000 + 3600, ...jwt };
      const vouching = [...identities.issuers.values()].find(
        (candidate) => candidate.issuer === claims['iss'] || candidate.name === claims['iss'],
      );
      if (vouching === undefined) return { reason: 'token_issuer_not_allowed' };
      const token = readClaims(claims, vouching);
      return 'reason' in token ? token : judgeDates(token, nowMs);
    },
    certificate(_, { authority }) {
      const subject = clientCert && parseDistinguishedName(clientCert.subject);
      if (clientCert === undefined || subject === undefined) return { reason: 'certificate_malformed' };
      if (!vouches(authority, clientCert.ca)) return { reason: 'certificate_not_trusted' };
      const names = { subject, dns: clientCert.san?.dns ?? [], uris: clientCert.san?.uri ?? [] };
      const principal = readCertificatePrincipal(names, authority);
      if ('reason' in principal) return principal;
      return { principal, names, thumbprint: '', notBeforeMs: nowMs, notAfterMs: nowMs };
    },
  };
}

function vouches(authority: CompiledAuthority, ca: string | undefined): boolean {
  return ca === undefined || ca === authority.name;
}
