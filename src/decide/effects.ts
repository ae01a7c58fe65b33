import type { Verifiers } from '../auth/identify.ts';
import type { Clock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { ClientKeys } from '../limits/client-keys.ts';
import { clientKeyOf, sessionKeyOf } from '../limits/key.ts';
import type { AttemptKind, PenaltyBook, PenaltySubject } from '../limits/penalties/penalty-book.ts';
import { CostEstimates } from '../limits/cost-estimates.ts';
import type { SessionKeys } from '../limits/session-keys.ts';
import type { Charge, LimitStore, LimitReply } from '../limits/store.ts';
import type { LearnedClasses } from './learned-classes.ts';

/** What a decision may do to the world. The live kind spends from budgets, the dry kind only looks. */
export interface Effects {
  clock: Clock;
  verifiers: Verifiers;
  /** Whose budget a client's requests spend from; the live kind bounds how many new addresses get one of their own. */
  clientKey(address: string): string;
  /** Whose budget the requests of an Odoo session spend from; the live kind may count a new one under its client's key. */
  sessionKey(session: string, clientKey: string): string;
  charge(charges: readonly Charge[]): LimitReply | Promise<LimitReply>;
  /** Ends a charge that was taken: so many tokens are due for it in all. */
  complete(charge: Charge, due: number, mode: LimitOutcome['mode']): void;
  /** What requests cost lately that pay afterwards. */
  estimates: CostEstimates;
  /** Which methods were slow lately; undefined where no traffic is seen. */
  learned: LearnedClasses | undefined;
  /** The guard per client address protects this instance's own work, so it never leaves its memory. */
  chargeGuard(charges: readonly Charge[]): LimitReply | Promise<LimitReply>;
  /** Who is held back for failed attempts; undefined where nobody is. */
  penalties: PenaltyBook | undefined;
  /** Counts a failed attempt of these. */
  countFailure(subjects: readonly PenaltySubject[], zone: string, kind: AttemptKind): void;
  /** Whether to record what each stage concluded. */
  tracing: boolean;
}

export interface EffectParts {
  clock: Clock;
  verifiers: Verifiers;
  limits: LimitStore;
  guard: LimitStore;
  penalties?: PenaltyBook;
  /** Without these nothing was learnt yet. */
  estimates?: CostEstimates;
  learned?: LearnedClasses;
  /** Without these every address has a budget of its own. */
  clients?: ClientKeys;
  /** Without these every session has. */
  sessions?: SessionKeys;
}

export function liveEffects(parts: EffectParts): Effects {
  const { clock, verifiers, limits, guard, penalties, learned } = parts;
  const { clients, sessions, estimates = new CostEstimates() } = parts;
  return {
    clock,
    verifiers,
    clientKey: clients === undefined ? clientKeyOf : (address) => clients.keyOf(address),
    sessionKey:
      sessions === undefined ? sessionKeyOf : (session, clientKey) => sessions.keyOf(session, clientKey),
    charge: (charges) => limits.take(charges),
    complete: (charge, due, mode) => limits.complete(charge, due, mode),
    estimates,
    learned,
    chargeGuard: (charges) => guard.take(charges),
    penalties,
    countFailure: (subjects, zone, kind) => penalties?.fail(subjects, { zone, kind, counted: false }),
    tracing: false,
  };
}

/** The same decision without consequences: budgets are looked at, nothing is spent, every step is told. */
export function dryEffects(parts: EffectParts): Effects {
  const { clock, verifiers, limits, guard, penalties, estimates = new CostEstimates() } = parts;
  return {
    clock,
    verifiers,
    clientKey: clientKeyOf,
    sessionKey: sessionKeyOf,
    charge: (charges) => limits.peek(charges),
    complete: () => undefined,
    estimates,
    // What running gateways have learned is not known here.
    learned: undefined,
    chargeGuard: (charges) => guard.peek(charges),
    penalties,
    countFailure: () => undefined,
    tracing: true,
  };
}
