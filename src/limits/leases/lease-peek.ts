import type { LimitOutcome } from '../../core/limit.ts';
import { convertDebt } from '../bucket.ts';
import type { CompiledLimit, InFlightLimit, QuotaLimit } from '../compile.ts';
import { quotaOutcome, slotOutcome } from '../counted-outcome.ts';
import type { LeaseDeskParts } from './lease-desk.ts';
import { lotOf } from './slot-asker.ts';
import { type Charge, outcomeOf } from '../store.ts';
import { heldTokens, type Wallet } from './wallet.ts';

/** Asks what a charge would come to, and changes nothing. */
export class LeasePeek {
  readonly #parts: LeaseDeskParts;

  constructor(parts: LeaseDeskParts) {
    this.#parts = parts;
  }

  async peek(charge: Charge): Promise<LimitOutcome> {
    const { limit, key, cost } = charge;
    if (limit.kind === 'quota') return await this.#peekQuota({ limit, key, cost });
    if (limit.kind === 'inFlight') return await this.#peekSlots({ limit, key, cost });
    const wallet = await this.#parts.restingWallet(limit, key);
    const request = this.#parts.rates.composePeek(wallet, { limit, version: this.#parts.versionOf(limit) });
    const { debt, unitsPerToken } = await this.#parts.backend.call(wallet.storeKey, request);
    const { bucket } = limit;
    const met = convertDebt(debt, unitsPerToken, bucket.unitsPerToken) - request.held * bucket.unitsPerToken;
    return outcomeOf({ limit, key, cost }, Math.min(Math.max(0, met), bucket.capacity), false);
  }

  async #peekQuota(charge: Charge<QuotaLimit>): Promise<LimitOutcome> {
    // A copy learns from the answers, which tell of debts as if they had been stored.
    const wallet = this.#under(charge.limit, await this.#parts.restingWallet(charge.limit, charge.key));
    const { quotas, clock } = this.#parts;
    const grant = await quotas.look(wallet);
    const { nowMs } = clock;
    const { endsAtMs, window } = quotas.windows.viewOf(wallet);
    const left = grant.quota - (grant.totalGranted - grant.totalReturned) + heldTokens(wallet, nowMs);
    const count = { admitted: charge.cost <= left, left, spent: false };
    return quotaOutcome(charge, count, { resetMs: endsAtMs - nowMs, endMs: window.endMs });
  }

  /** A copy of a wallet as it would be under a limit that may have been loaded anew. */
  #under<Limit extends CompiledLimit>(limit: Limit, wallet: Wallet<Limit>): Wallet<Limit> {
    return { ...wallet, limit, version: this.#parts.versionOf(limit) };
  }

  async #peekSlots(charge: Charge<InFlightLimit>): Promise<LimitOutcome> {
    const wallet = this.#under(charge.limit, await this.#parts.restingWallet(charge.limit, charge.key));
    const request = this.#parts.slots.composePeek(wallet);
    const { others, capacity } = await this.#parts.backend.callSlots(wallet.storeKey, request);
    const left = capacity - others - lotOf(wallet).used;
    return slotOutcome(charge, { admitted: charge.cost <= left, left, spent: false });
  }
}
