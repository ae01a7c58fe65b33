// hot path: quotas and slots among the limits of a request.
import type { LimitOutcome } from '../../core/limit.ts';
import { quotaOutcome, slotOutcome } from '../counted-outcome.ts';
import type { LeaseClock } from './lease-clock.ts';
import type { QuotaAsker } from './quota-asker.ts';
import { lotOf, useSlots } from './slot-asker.ts';
import type { Charge } from '../store.ts';
import { spendLots } from './wallet.ts';
import { type AnyWallet, isQuotaWallet, isSlotWallet } from './wallet-kinds.ts';

/** Spends from wallets of quotas and slots, and says what came of it. */
export class CountedWallets {
  readonly #clock: LeaseClock;
  readonly #quotas: QuotaAsker;

  constructor(clock: LeaseClock, quotas: QuotaAsker) {
    this.#clock = clock;
    this.#quotas = quotas;
  }

  /** Spends what `held` has shown to be there. */
  spend(charge: Charge, wallet: AnyWallet, held: number): LimitOutcome {
    const { cost } = charge;
    const outcome = this.outcome(charge, wallet, { held, admitted: true, spent: true });
    if (isSlotWallet(wallet)) {
      if (cost > 0) useSlots(wallet, cost);
    } else if (isQuotaWallet(wallet)) {
      spendLots(wallet, cost, this.#clock);
      if (held - cost < wallet.lowWater) this.#quotas.prefetch(wallet);
    }
    return outcome;
  }

  outcome(
    { limit, key, cost }: Charge,
    wallet: AnyWallet,
    { held, admitted, spent }: { held: number; admitted: boolean; spent: boolean },
  ): LimitOutcome {
    const count = { admitted, spent, left: this.left(wallet, held) };
    if (limit.kind === 'quota' && isQuotaWallet(wallet)) {
      const { endsAtMs, window } = this.#quotas.windows.viewOf(wallet);
      const reset = { resetMs: endsAtMs - this.#clock.nowMs, endMs: window.endMs };
      return quotaOutcome({ limit, key, cost }, count, reset);
    }
    if (limit.kind === 'inFlight') return slotOutcome({ limit, key, cost }, count);
    throw new TypeError('"limit" is a rate, which is not counted');
  }

  /** Tokens or slots that this instance may hope for. */
  left(wallet: AnyWallet, held: number): number {
    if (isQuotaWallet(wallet)) {
      const { quota, granted, returned } = this.#quotas.windows.viewOf(wallet);
      return quota - (granted - returned) - Math.max(0, wallet.owed) + held;
    }
    if (!isSlotWallet(wallet)) return held;
    const { others, capacity } = wallet.slots ?? { others: 0, capacity: wallet.limit.burst };
    return Math.max(held, capacity - others - lotOf(wallet).used);
  }
}
