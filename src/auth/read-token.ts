import type { Claims } from './claims.ts';
import type { CompiledIssuer } from './compile.ts';
import type { Algorithm } from './options.ts';
import type { AuthRefusal } from './refusal.ts';

/** A token taken apart; nothing of it is verified yet except that the issuer's rules let its algorithm be used. */
export interface ReadToken {
  issuer: CompiledIssuer;
  algorithm: Algorithm;
  kid: string | undefined;
  claims: Claims;
}

export const maxTokenBytes = 8 * 1024;

/**
 * Takes a compact JWS apart (RFC 7515 §7.1) and finds its issuer by the exact `iss`. The algorithm is compared with the
 * issuer's list before any key is looked at. Keys and key addresses inside the header (`jwk`, `jku`, `x5u`, `x5c`) are never
 * looked at. Of repeated JSON members the last counts (RFC 7515 §4), for this reader and for jose, as both use JSON.parse.
 */
export function readToken(
  token: string,
  issuersByIss: ReadonlyMap<string, CompiledIssuer>,
): ReadToken | AuthRefusal {
  if (token.length > maxTokenBytes) return malformed(`It has more than ${maxTokenBytes} bytes.`);
  const parts = token.split('.', 4);
  if (parts.length !== 3) return malformed('It has not exactly three parts.');
  const header = readJson(parts[0] ?? '');
  if (header === undefined) return malformed('Its header is not base64url of a JSON object.');
  const claims = readJson(parts[1] ?? '');
  if (claims === undefined) return malformed('Its payload is not base64url of a JSON object.');
  // The signature may be empty here: `alg: none` is to be called what it is, below.
  if (decode(parts[2] ?? '') === undefined) return malformed('Its signature is not base64url.');

  const iss = claims['iss'];
  const issuer = typeof iss === 'string' ? issuersByIss.get(iss) : undefined;
  if (issuer === undefined) return { reason: 'token_issuer_not_allowed' };
  const named = header['alg'];
  const algorithm = issuer.algorithms.find((allowed) => allowed === named);
  if (algorithm === undefined) return { reason: 'token_algorithm_not_allowed' };

  // RFC 7515 §4.1.11: an extension that is critical and not understood voids the token, and none is understood. `b64` counts
  // outside of crit too: another reader of the token could honour it there and see another payload.
  if (header['crit'] !== undefined || header['b64'] !== undefined)
    return malformed('Its header demands an extension.');
  const kid = header['kid'];
  if (kid !== undefined && typeof kid !== 'string') return malformed('Its kid is not a text.');
  if (issuer.type !== undefined && mediaType(header['typ']) !== mediaType(issuer.type))
    return { reason: 'token_claims_invalid', detail: `The token is not of type "${issuer.type}".` };
  return { issuer, algorithm, kid, claims };
}

function malformed(detail: string): AuthRefusal {
  return { reason: 'token_malformed', detail };
}

// Without `fatal`, different bytes would become the same text; without `ignoreBOM`, a mark would be swallowed.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readJson(part: string): Claims | undefined {
  const bytes = decode(part);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Claims)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Strict base64url: Buffer skips foreign characters and spare bits, by which one signed token could be written in many ways
 * and pass the cache each time. What does not come out again as it went in is refused.
 */
function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

/** RFC 7515 §4.1.9: letter case does not count, and `application/` may be left out. */
function mediaType(value: unknown): string | undefined {
  return typeof value === 'string' ? value.toLowerCase().replace(/^application\//, '') : undefined;
}
