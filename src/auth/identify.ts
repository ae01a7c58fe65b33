// hot path: with known credentials nothing is awaited and one object is made.
import type { Refusal } from '../core/decision.ts';
import type { Principal } from '../core/principal.ts';
import type { Alternative, CertificateAlternative, CompiledIdentify, JwtAlternative } from './compile.ts';
import { unavailableMs } from './jwks.ts';
import type { AuthReason, AuthRefusal } from './refusal.ts';
import type { VerifiedToken } from './claims.ts';
import type { VerifiedCertificate } from './certificate-principal.ts';

/** What a request brings to prove who sent it. */
export interface Presented {
  /** The Authorization field. */
  authorization: string | undefined;
  /** `X-Forwarded-Tls-Client-Cert` of a trusted proxy. */
  clientCertificate: string | undefined;
}

/** What takes a credential for genuine: live ones check signatures, assumed ones take a test's word for it. */
export interface Verifiers {
  /** Takes the place of what the request presents. */
  assumed?: Presented;
  /** `alternative` is the rule that asks; whether the token satisfies it is judged by the caller. */
  token(
    token: string,
    alternative: JwtAlternative,
  ): VerifiedToken | AuthRefusal | Promise<VerifiedToken | AuthRefusal>;
  certificate(header: string, alternative: CertificateAlternative): VerifiedCertificate | AuthRefusal;
  /** Whether this token was found genuine lately, so that it costs nothing and cannot be a guess. */
  knowsToken?(token: string): boolean;
  /** The same for a certificate. */
  knowsCertificate?(header: string, alternative: CertificateAlternative): boolean;
}

/** Who sent a request, and which entry of the zone's rule accepted the credential. */
export interface Identified {
  principal: Principal;
  credential: Alternative;
}

export type IdentifyOutcome = Identified | Refusal;

/**
 * Judges what a request presents by the zone's rule: one accepted credential is enough. Alternatives whose credential is not
 * presented are passed over. Of the others the first that accepts and grants all scopes it demands wins, in the order of
 * the file; else the first that accepts, so that `missingScope` can name what is missing; else the refusal that came
 * furthest (see `telling`). A rule without alternatives, which leaves identification to Odoo, is not asked: by itself it lets
 * nobody in. Synchronous when every credential is in a cache.
 */
export function identify(
  rule: CompiledIdentify,
  presented: Presented,
  verifiers: Verifiers,
): IdentifyOutcome | Promise<IdentifyOutcome> {
  return tryAlternatives({ rule, presented: verifiers.assumed ?? presented, verifiers }, 0, undefined);
}

/** The first scope that the accepted entry demands and the principal lacks: the reason `scope_missing`. */
export function missingScope(credential: Alternative, principal: Principal): string | undefined {
  if (credential.kind !== 'jwt') return undefined;
  for (const scope of credential.scopes) {
    if (!principal.scopes.includes(scope)) return scope;
  }
  return undefined;
}

/**
 * Whether nothing that the request presents for this rule has to be verified: it presents nothing, or only what was found genuine
 * lately. Says nothing about whether the rule accepts it.
 */
export function isKnownGenuine(rule: CompiledIdentify, presented: Presented, verifiers: Verifiers): boolean {
  if (verifiers.assumed !== undefined) return true;
  const token = bearerToken(presented.authorization);
  const { clientCertificate } = presented;
  for (const alternative of rule.alternatives) {
    if (alternative.kind === 'jwt') {
      if (token !== undefined && verifiers.knowsToken?.(token) !== true) return false;
    } else if (
      clientCertificate !== undefined &&
      verifiers.knowsCertificate?.(clientCertificate, alternative) !== true
    ) {
      return false;
    }
  }
  return true;
}

interface Attempt {
  rule: CompiledIdentify;
  presented: Presented;
  verifiers: Verifiers;
}

function tryAlternatives(
  attempt: Attempt,
  from: number,
  before: IdentifyOutcome | undefined,
): IdentifyOutcome | Promise<IdentifyOutcome> {
  const { alternatives } = attempt.rule;
  let best = before;
  for (let i = from; i < alternatives.length; i++) {
    const alternative = alternatives[i];
    if (alternative === undefined) break;
    const outcome = tryAlternative(attempt, alternative);
    if (outcome === undefined) continue;
    if (outcome instanceof Promise) return outcome.then((settled) => goOn(attempt, i + 1, best, settled));
    if (isComplete(outcome)) return outcome;
    best = better(best, outcome);
  }
  return best ?? { reason: 'credentials_missing', at: attempt.rule.at };
}

function goOn(
  attempt: Attempt,
  next: number,
  best: IdentifyOutcome | undefined,
  outcome: IdentifyOutcome,
): IdentifyOutcome | Promise<IdentifyOutcome> {
  return isComplete(outcome) ? outcome : tryAlternatives(attempt, next, better(best, outcome));
}

function isComplete(outcome: IdentifyOutcome): boolean {
  return !('reason' in outcome) && missingScope(outcome.credential, outcome.principal) === undefined;
}

function better(best: IdentifyOutcome | undefined, outcome: IdentifyOutcome): IdentifyOutcome {
  if (best === undefined) return outcome;
  if (!('reason' in best)) return best;
  if (!('reason' in outcome)) return outcome;
  return telling[outcome.reason as AuthReason] > telling[best.reason as AuthReason] ? outcome : best;
}

/**
 * Of several refusals the most telling is reported: the further a credential came, the likelier it is the one that was
 * meant. A provider that is down stands above all, because the credential may be good and the caller should come again.
 */
const telling: Record<AuthReason, number> = {
  credentials_missing: 0,
  token_malformed: 1,
  certificate_malformed: 1,
  token_issuer_not_allowed: 2,
  token_algorithm_not_allowed: 3,
  token_key_unknown: 4,
  certificate_not_trusted: 4,
  token_signature_invalid: 5,
  token_claims_invalid: 6,
  certificate_not_for_clients: 6,
  token_expired: 7,
  token_not_yet_valid: 7,
  certificate_expired: 7,
  token_audience_not_allowed: 8,
  identity_provider_unavailable: 9,
};

/** Undefined when the request presents no credential of this kind. A further kind of credential is one more line here. */
function tryAlternative(
  attempt: Attempt,
  alternative: Alternative,
): IdentifyOutcome | undefined | Promise<IdentifyOutcome> {
  if (alternative.kind === 'jwt') return tryToken(attempt, alternative);
  return tryCertificate(attempt, alternative);
}

function tryToken({ presented, verifiers }: Attempt, alternative: JwtAlternative) {
  const token = bearerToken(presented.authorization);
  if (token === undefined) return undefined;
  const outcome = verifiers.token(token, alternative);
  return outcome instanceof Promise
    ? outcome.then((settled) => judgeToken(alternative, settled))
    : judgeToken(alternative, outcome);
}

function tryCertificate({ presented, verifiers }: Attempt, alternative: CertificateAlternative) {
  if (presented.clientCertificate === undefined) return undefined;
  const outcome = verifiers.certificate(presented.clientCertificate, alternative);
  return 'reason' in outcome
    ? refuse(outcome, alternative)
    : { principal: outcome.principal, credential: alternative };
}

/** What this zone demands of a genuine token. */
function judgeToken(alternative: JwtAlternative, outcome: VerifiedToken | AuthRefusal): IdentifyOutcome {
  if ('reason' in outcome) return refuse(outcome, alternative);
  if (outcome.issuer !== alternative.issuer)
    return { reason: 'token_issuer_not_allowed', at: alternative.at };
  for (const audience of outcome.audiences) {
    if (alternative.audiences.includes(audience))
      return { principal: outcome.principal, credential: alternative };
  }
  return { reason: 'token_audience_not_allowed', at: alternative.at };
}

function refuse({ reason, detail }: AuthRefusal, { at }: Alternative): Refusal {
  const refusal: Refusal = detail === undefined ? { reason, at } : { reason, detail, at };
  // The provider is left alone for so long, so an earlier retry cannot succeed.
  if (reason === 'identity_provider_unavailable') refusal.retryAfterMs = unavailableMs;
  return refusal;
}

const bearer = 'bearer';
const blank = 0x20;

/**
 * What follows the Bearer scheme (RFC 6750 §2.1; letter case of the scheme does not count, RFC 9110 §11.1); undefined for
 * another scheme. Everything after the blanks is the token: a second token, a comma or a stray blank is for the token's
 * own strict syntax to refuse.
 */
function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  for (let i = 0; i < bearer.length; i++) {
    // Setting this bit makes an ASCII capital small and leads no other character to a letter, unlike toLowerCase, which
    // turns U+212A into a k.
    if ((authorization.charCodeAt(i) | 0x20) !== bearer.charCodeAt(i)) return undefined;
  }
  let start = bearer.length;
  if (authorization.length > start && authorization.charCodeAt(start) !== blank) return undefined;
  while (authorization.charCodeAt(start) === blank) start++;
  return authorization.slice(start);
}
