import type { Verifiers } from '../auth/identify.ts';
import type { Clock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { ClientKeys } from '../limits/client-keys.ts';
import { clientKeyOf } from '../limits/key.ts';
import type { AttemptKind, PenaltyBook, PenaltySubject } from '../limits/penalty-book.ts';
import { CostEstimates } from '../limits/cost-estimates.ts';
import type { Charge, LimitStore, LimitReply } from '../limits/store.ts';

/** What a decision may do to the world. The live kind spends from budgets, the dry kind only looks. */
export interface Effects {
  clock: Clock;
  verifiers: Verifiers;
  /** Whose budget a client's requests spend from; the live kind bounds how many new addresses get one of their own. */
  clientKey(address: string): string;
  charge(charges: readonly Charge[]): LimitReply | Promise<LimitReply>;
  /** Ends a charge that was taken: so many tokens are due for it in all. */
  complete(charge: Charge, due: number, mode: LimitOutcome['mode']): void;
  /** What requests cost lately that pay afterwards. */
  estimates: CostEstimates;
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
  /** Without these every address has a budget of its own. */
  clients?: ClientKeys;
}

export function liveEffects(parts: EffectParts): Effects {
  const { clock, verifiers, limits, guard, penalties, clients, estimates = new CostEstimates() } = parts;
  return {
    clock,
    verifiers,
    clientKey: clients === undefined ? clientKeyOf : (address) => clients.keyOf(address),
    charge: (charges) => limits.take(charges),
    complete: (charge, due, mode) => limits.complete(charge, due, mode),
    estimates,
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
    charge: (charges) => limits.peek(charges),
    complete: () => undefined,
    estimates,
    chargeGuard: (charges) => guard.peek(charges),
    penalties,
    countFailure: () => undefined,
    tracing: true,
  };
}
