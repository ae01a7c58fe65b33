// hot path: a known token costs one look-up and two comparisons; nothing is awaited.
import { compactVerify, errors } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import { ownText } from '../core/own-text.ts';
import { judgeDates, readClaims, type VerifiedToken } from './claims.ts';
import type { CompiledIssuer } from './compile.ts';
import type { KeyAbsence, KeySource } from './jwks.ts';
import type { SigningKey } from './key-set.ts';
import { readToken, type ReadToken } from './read-token.ts';
import type { AuthReason, AuthRefusal } from './refusal.ts';
import { createRefusalCache } from './refusal-cache.ts';

/** How long a verified token is believed without looking at its signature again. */
export const tokenFreshMs = 300_000;
const maxTokens = 10_000;
// Tokens have 1 KiB on average; 10,000 of the largest would take 80 MiB.
const maxCharacters = 16 * 1024 * 1024;
// Each waits for a signature check or for the provider: a bound on what a stalled provider can pile up.
const maxPending = 2_000;

export type TokenOutcome = VerifiedToken | AuthRefusal;

export interface TokenVerifier {
  /** Judges a token by itself: issuer, signature, dates. Synchronous for a token seen before. Never throws. */
  verify(token: string): TokenOutcome | Promise<TokenOutcome>;
  /** Whether the signature of this token was found right lately. */
  knows(token: string): boolean;
  /** Entries now held, for a metric: verified tokens, remembered refusals, checks under way. */
  sizes(): { verified: number; refused: number; pending: number };
}

export interface TokenVerifierOptions {
  issuers: Iterable<CompiledIssuer>;
  keySource: (issuer: CompiledIssuer) => KeySource;
  clock: Clock;
}

/**
 * The cache holds facts that depend on the token and its issuer alone, under the full token. What a zone demands (audience,
 * scopes) and what binds a token to a client certificate is judged outside, on every request: a gateway that cached the
 * whole verdict skipped the certificate check for a token it had seen before (wso2/product-apim#11521). An entry counts
 * only before exp + skew, compared with the clock at each hit, for five minutes at most, and only while the issuer still
 * publishes the key that signed it.
 */
export function createTokenVerifier({ issuers, keySource, clock }: TokenVerifierOptions): TokenVerifier {
  const byIss = new Map(Array.from(issuers, (issuer) => [issuer.issuer, issuer]));
  const verified = new LRUCache<string, { token: VerifiedToken; key: SigningKey; freshUntilMs: number }>({
    max: maxTokens,
    maxSize: maxCharacters,
    sizeCalculation: (_, token) => token.length,
  });
  const refused = createRefusalCache(clock);
  const pending = new Map<string, Promise<TokenOutcome>>();

  function verify(token: string): TokenOutcome | Promise<TokenOutcome> {
    const entry = verified.get(token);
    if (entry !== undefined) {
      if (!entry.key.withdrawn && clock.monoMs() < entry.freshUntilMs) {
        const outcome = judgeDates(entry.token, clock.wallMs());
        if (!('reason' in outcome) || outcome.reason === 'token_not_yet_valid') return outcome;
        verified.delete(token);
        return refused.set(token, outcome);
      }
      verified.delete(token);
    }
    return refused.get(token) ?? pending.get(token) ?? verifyUnseen(token);
  }

  function verifyUnseen(value: string): TokenOutcome | Promise<TokenOutcome> {
    const token = ownText(value);
    const read = readToken(token, byIss);
    if ('reason' in read) return read;
    const key = keySource(read.issuer).find(read.algorithm, read.kid);
    if (typeof key === 'string') return { reason: key };
    if (pending.size >= maxPending)
      return { reason: 'identity_provider_unavailable', detail: 'Too many tokens wait to be verified.' };
    const outcome = settle(token, read, key);
    pending.set(token, outcome);
    return outcome;
  }

  async function settle(
    token: string,
    read: ReadToken,
    found: SigningKey | Promise<SigningKey | KeyAbsence>,
  ): Promise<TokenOutcome> {
    try {
      const key = await found;
      if (typeof key === 'string') return { reason: key };
      const signature = await verifySignature(token, key);
      if (signature !== undefined) return refused.set(token, signature);
      const facts = readClaims(read.claims, read.issuer);
      if ('reason' in facts) return refused.set(token, facts);
      const outcome = judgeDates(facts, clock.wallMs());
      if ('reason' in outcome && outcome.reason === 'token_expired') return refused.set(token, outcome);
      verified.set(token, { token: facts, key, freshUntilMs: clock.monoMs() + tokenFreshMs });
      return outcome;
    } finally {
      pending.delete(token);
    }
  }

  return {
    verify,
    knows(token) {
      const entry = verified.peek(token);
      return entry !== undefined && !entry.key.withdrawn && clock.monoMs() < entry.freshUntilMs;
    },
    sizes: () => ({ verified: verified.size, refused: refused.size(), pending: pending.size }),
  };
}

/** Undefined when the signature is right. */
async function verifySignature(token: string, key: SigningKey): Promise<AuthRefusal | undefined> {
  try {
    await compactVerify(token, key.key, { algorithms: [key.algorithm] });
    return undefined;
  } catch (error) {
    // Whatever else a crypto library throws (a key that does not fit, a signature of impossible length) means the same.
    return { reason: error instanceof errors.JOSEError ? reasonOf(error) : 'token_signature_invalid' };
  }
}

/** The reason for each error that jose knows; exported for the test that no code is missing. */
export function reasonOf(error: errors.JOSEError): AuthReason {
  const code = error.code as errors.JOSEErrorCode;
  switch (code) {
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return 'token_algorithm_not_allowed';
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
    case 'ERR_JWE_DECRYPTION_FAILED':
      return 'token_signature_invalid';
    case 'ERR_JWS_INVALID':
    case 'ERR_JWE_INVALID':
    case 'ERR_JWT_INVALID':
    case 'ERR_JOSE_NOT_SUPPORTED':
    case 'ERR_JOSE_GENERIC':
      return 'token_malformed';
    case 'ERR_JWT_EXPIRED':
      return 'token_expired';
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      return 'token_claims_invalid';
    case 'ERR_JWK_INVALID':
    case 'ERR_JWKS_INVALID':
    case 'ERR_JWKS_NO_MATCHING_KEY':
    case 'ERR_JWKS_MULTIPLE_MATCHING_KEYS':
      return 'token_key_unknown';
    case 'ERR_JWKS_TIMEOUT':
      return 'identity_provider_unavailable';
    default:
      // A later jose may know more codes: the compiler complains here then, and until somebody listens the token is refused.
      code satisfies never;
      return 'token_malformed';
  }
}
