import type { Verifiers } from '../auth/identify.ts';
import type { Clock } from '../core/clock.ts';
import type { AttemptKind, PenaltyBook, PenaltySubject } from '../limits/penalty-book.ts';
import type { Charge, LimitStore, LimitReply } from '../limits/store.ts';

/** What a decision may do to the world. The live kind spends from budgets, the dry kind only looks. */
export interface Effects {
  clock: Clock;
  verifiers: Verifiers;
  charge(charges: readonly Charge[]): LimitReply | Promise<LimitReply>;
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
}

export function liveEffects({ clock, verifiers, limits, guard, penalties }: EffectParts): Effects {
  return {
    clock,
    verifiers,
    charge: (charges) => limits.take(charges),
    chargeGuard: (charges) => guard.take(charges),
    penalties,
    countFailure: (subjects, zone, kind) => penalties?.fail(subjects, { zone, kind, counted: false }),
    tracing: false,
  };
}

/** The same decision without consequences: budgets are looked at, nothing is spent, every step is told. */
export function dryEffects({ clock, verifiers, limits, guard, penalties }: EffectParts): Effects {
  return {
    clock,
    verifiers,
    charge: (charges) => limits.peek(charges),
    chargeGuard: (charges) => guard.peek(charges),
    penalties,
    countFailure: () => undefined,
    tracing: true,
  };
}
