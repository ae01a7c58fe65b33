import type { Principal } from '../core/principal.ts';
import type { CompiledIssuer } from './compile.ts';
import type { AuthRefusal } from './refusal.ts';

/**
 * What a verified token says, read once. It depends on the token and its issuer alone, so it may be cached; what a zone
 * demands of it is judged on every request.
 */
export interface VerifiedToken {
  issuer: CompiledIssuer;
  principal: Principal;
  audiences: readonly string[];
  /** Wall clock from which the token is accepted: the later of nbf and iat, less the issuer's skew. */
  notBeforeMs: number;
  /** Wall clock from which it is refused: exp plus the issuer's skew. */
  expiresAtMs: number;
}

export type Claims = Readonly<Record<string, unknown>>;

/** Reads the claims that the gateway uses; refuses what is missing or has another type than RFC 7519 gives it. */
export function readClaims(claims: Claims, issuer: CompiledIssuer): VerifiedToken | AuthRefusal {
  const subject = claimAt(claims, ['sub']);
  if (subject === undefined) return missing('sub');
  // A subject goes into log lines and store keys, where a control character could pass for structure.
  // oxlint-disable-next-line no-control-regex
  if (typeof subject !== 'string' || subject === '' || /[\u0000-\u001f\u007f]/.test(subject))
    return invalid('sub', 'a text without control characters');

  const audiences = readTexts(claimAt(claims, ['aud']));
  if (audiences === undefined) return invalid('aud', 'a text or a list of texts');
  if (audiences.length === 0) return missing('aud');

  const exp = claimAt(claims, ['exp']);
  if (exp === undefined) return missing('exp');
  if (!isDate(exp)) return invalid('exp', 'a number of seconds');
  const nbf = claimAt(claims, ['nbf']);
  if (nbf !== undefined && !isDate(nbf)) return invalid('nbf', 'a number of seconds');
  const iat = claimAt(claims, ['iat']);
  if (iat !== undefined && !isDate(iat)) return invalid('iat', 'a number of seconds');

  const granted = claimAt(claims, issuer.scopeClaim);
  const scopes = readTexts(typeof granted === 'string' ? granted.split(' ') : granted);
  if (scopes === undefined) return invalid(issuer.scopeClaim.join('.'), 'a text or a list of texts');

  const tenant = issuer.tenantClaim && claimAt(claims, issuer.tenantClaim);
  if (tenant !== undefined && (typeof tenant !== 'string' || tenant === ''))
    return invalid(issuer.tenantClaim?.join('.') ?? '', 'a text');

  return {
    issuer,
    principal: {
      kind: 'jwt',
      subject,
      issuer: issuer.name,
      scopes: scopes.filter((scope) => scope !== ''),
      tenant,
    },
    audiences,
    notBeforeMs: Math.max(nbf ?? 0, iat ?? 0) * 1000 - issuer.clockSkewMs,
    expiresAtMs: exp * 1000 + issuer.clockSkewMs,
  };
}

/**
 * The token itself while the wall clock stands between its dates. The skew counts against the caller on neither side:
 * a token is accepted until exp + skew (refused from that very millisecond on), and from nbf and iat - skew on.
 */
export function judgeDates(token: VerifiedToken, wallMs: number): VerifiedToken | AuthRefusal {
  if (wallMs >= token.expiresAtMs) return { reason: 'token_expired' };
  if (wallMs < token.notBeforeMs) return { reason: 'token_not_yet_valid' };
  return token;
}

/** Own properties only: a claim path must not find what every JavaScript object inherits. */
function claimAt(claims: Claims, path: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Claims)[name];
  }
  return value;
}

/** A text counts as a list of one, nothing as an empty list; undefined when it is anything else. */
function readTexts(value: unknown): string[] | undefined {
  if (value === undefined) return [];
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string')) return undefined;
  return value;
}

// NumericDate may have a fraction (RFC 7519 §2). JSON.parse reads 1e400 as Infinity, which would never expire; the bound is
// the last moment that a JavaScript date can hold.
function isDate(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 8.64e12;
}

function missing(claim: string): AuthRefusal {
  return { reason: 'token_claims_invalid', detail: `The claim "${claim}" is missing.` };
}

function invalid(claim: string, expected: string): AuthRefusal {
  return { reason: 'token_claims_invalid', detail: `The claim "${claim}" is not ${expected}.` };
}
