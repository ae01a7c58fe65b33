// hot path: a request that tries nothing costs two comparisons.
import type { Refusal } from '../core/decision.ts';
import { fieldValue } from '../core/fields.ts';
import type { Reason } from '../core/reason.ts';
import { isKnownGenuine } from '../auth/identify.ts';
import type { AttemptKind, Held, PenaltyBook, PenaltySubject } from '../limits/penalties/penalty-book.ts';
import { findLoginRoute } from '../odoo/login-route.ts';
import type { Inquiry } from './inquiry.ts';
import type { StageResult } from './stages.ts';

/** The refusal of somebody who is held back. `at` is the switch of the zone. */
export function penaltyRefusal({ kind, waitMs }: Held, at: string): Refusal {
  return {
    reason: 'too_many_failed_attempts',
    at,
    detail:
      kind === 'address'
        ? 'Too many attempts from this address have failed.'
        : 'Too many attempts for this account have failed.',
    retryAfterMs: waitMs,
    policies: [kind === 'address' ? 'address-failures' : 'account-failures'],
  };
}

/** The failed attempts of a zone that counts them; undefined where nobody does. */
export function penaltyBookOf({ effects, governing }: Inquiry): PenaltyBook | undefined {
  return governing.bruteForce.enabled ? effects.penalties : undefined;
}

/**
 * Refuses an address that is held back and tries something again, before that costs a signature check or a worker. A request
 * without a credential tries nothing, and one that was found genuine lately is no guess: who shares the address with a guesser
 * goes on working.
 */
export function refuseHeldAddress(inquiry: Inquiry): StageResult | Promise<StageResult> {
  const book = penaltyBookOf(inquiry);
  if (book === undefined || book.quiet) return undefined;
  const trial = trialOf(inquiry);
  if (trial === 'none') return undefined;
  const subject = book.address(inquiry.known.clientAddress);
  if (subject === undefined) return undefined;
  // Every call of a program proves who it is: those are not worth a question to the store each.
  const held = trial === 'rare' ? book.look(subject) : book.heldHere([subject]);
  return held instanceof Promise
    ? held.then((late) => judge(inquiry, subject, late))
    : judge(inquiry, subject, held);
}

function judge(inquiry: Inquiry, subject: PenaltySubject, held: Held | undefined): StageResult {
  if (held === undefined) return undefined;
  return penaltyRefusal({ ...held, kind: subject.kind }, inquiry.governing.bruteForce.at);
}

/** What the head of a request tells of a try: `rare` ones may take time. */
function trialOf(inquiry: Inquiry): 'none' | 'rare' | 'usual' {
  const facts = inquiry.known;
  const { identify } = inquiry.governing;
  if (identify.alternatives.length > 0) {
    const presented = {
      authorization: fieldValue(facts.fields, 'authorization'),
      clientCertificate: facts.clientCertificate,
    };
    if (!isKnownGenuine(identify, presented, inquiry.effects.verifiers)) return 'rare';
  }
  const route = findLoginRoute(facts);
  if (route === undefined) return 'none';
  if (route === 'web-login' || route === 'web-totp' || route === 'web-session') return 'rare';
  // Where the gateway forwards by itself the body tells more (`login-attempt.ts`).
  if (!inquiry.head.forwardedByPeer) return 'none';
  return route === 'json-2' && !isForOdoo(inquiry) ? 'none' : 'usual';
}

/** Whether the client's own Authorization is what Odoo will judge. */
export function isForOdoo({ governing, known }: Inquiry): boolean {
  if (governing.identify.alternatives.some(({ kind }) => kind === 'jwt')) return false;
  return fieldValue(known.fields, 'authorization') !== undefined;
}

/**
 * Reasons that mean a guess: nobody vouches for the credential. One that is genuine and has expired, or is meant for somebody
 * else, was not guessed.
 */
const guesses: Readonly<Partial<Record<Reason, AttemptKind>>> = {
  token_malformed: 'token',
  token_algorithm_not_allowed: 'token',
  token_key_unknown: 'token',
  token_signature_invalid: 'token',
  token_issuer_not_allowed: 'token',
  certificate_malformed: 'certificate',
  certificate_not_trusted: 'certificate',
};

/** Counts a credential that was refused against the address that it came from. */
export function countRefusedCredential(inquiry: Inquiry, { reason }: Refusal): void {
  const kind = guesses[reason];
  const book = kind === undefined ? undefined : penaltyBookOf(inquiry);
  if (kind === undefined || book === undefined) return;
  const subject = book.address(inquiry.known.clientAddress);
  inquiry.effects.countFailure(subject === undefined ? [] : [subject], inquiry.governing.name, kind);
}
