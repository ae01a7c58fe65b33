import type { Scheduler } from '../../core/scheduler.ts';
import { withinBudget } from '../answer-budget.ts';
import type { CompiledLimit, InFlightLimit, QuotaLimit, RateLimit } from '../compile.ts';
import {
  type BudgetDesk,
  type BudgetState,
  describeQuota,
  describeRate,
  describeSlots,
  type QuotaBudget,
  type RateBudget,
} from '../inspect.ts';
import type { LeaseAsker } from './lease-asker.ts';
import type { LeaseGrant } from './lease-call.ts';
import type { LeaseClock } from './lease-clock.ts';
import type { QuotaAsker } from './quota-asker.ts';
import { lotOf, type SlotAsker } from './slot-asker.ts';
import type { StoreBackend } from './store-backend.ts';
import { heldTokens, isDenied, type Wallet } from './wallet.ts';

/** What a store of leases hands to its desk. */
export interface LeaseDeskParts {
  backend: StoreBackend;
  clock: LeaseClock;
  scheduler: Scheduler;
  rates: LeaseAsker;
  quotas: QuotaAsker;
  slots: SlotAsker;
  versionOf: (limit: CompiledLimit) => number;
  /** The wallet of a key, made where there is none. */
  walletOf: <Limit extends CompiledLimit>(limit: Limit, key: string) => Wallet<Limit>;
  /** The wallet of a key between two calls, or an empty one in its place that nobody else will find. */
  restingWallet: <Limit extends CompiledLimit>(limit: Limit, key: string) => Promise<Wallet<Limit>>;
  /** Whether there is a wallet. */
  holds: (limit: CompiledLimit, key: string) => boolean;
  keysOf: (limit: CompiledLimit) => number;
}

/** How long an operator waits for an answer: longer than a request may, since nothing but the answer is worth having. */
const operatorTimeoutMs = 1000;

/** Looks into the wallets of one instance and into the store behind them, and credits the store. */
export class LeaseDesk implements BudgetDesk {
  readonly #parts: LeaseDeskParts;

  constructor(parts: LeaseDeskParts) {
    this.#parts = parts;
  }

  look(limit: CompiledLimit, key: string): Promise<BudgetState> {
    return this.#withinBudget(this.#look(limit, key));
  }

  credit(limit: CompiledLimit, key: string, tokens: number): Promise<BudgetState> {
    return this.#withinBudget(this.#credit(limit, key, Math.min(tokens, Number.MAX_SAFE_INTEGER)));
  }

  async settle(limit: CompiledLimit, key: string): Promise<void> {
    if (this.#parts.holds(limit, key)) await this.credit(limit, key, 0);
  }

  keysOf(limit: CompiledLimit): number {
    return this.#parts.keysOf(limit);
  }

  #look(limit: CompiledLimit, key: string): Promise<BudgetState> {
    if (limit.kind === 'rate') return this.#lookAtRate(limit, key);
    return limit.kind === 'quota' ? this.#lookAtQuota(limit, key) : this.#lookAtSlots(limit, key);
  }

  async #credit(limit: CompiledLimit, key: string, tokens: number): Promise<BudgetState> {
    const { rates, quotas, walletOf } = this.#parts;
    if (limit.kind === 'rate') {
      const wallet = walletOf(limit, key);
      return this.#describeRate(wallet, await rates.credit(wallet, tokens), 0);
    }
    if (limit.kind === 'quota') {
      const wallet = walletOf(limit, key);
      await quotas.credit(wallet, tokens);
      return this.#describeQuota(wallet);
    }
    // Slots are not used up: there is nothing to credit, and what was told of a refusal holds for milliseconds.
    return await this.#lookAtSlots(limit, key);
  }

  async #lookAtRate(limit: RateLimit, key: string): Promise<RateBudget> {
    const { rates, backend, restingWallet, versionOf } = this.#parts;
    const wallet = await restingWallet(limit, key);
    const request = rates.composePeek(wallet, { limit, version: versionOf(limit) });
    return this.#describeRate(wallet, await backend.call(wallet.storeKey, request), request.held);
  }

  async #lookAtQuota(limit: QuotaLimit, key: string): Promise<QuotaBudget> {
    const { quotas, restingWallet } = this.#parts;
    const wallet = await restingWallet(limit, key);
    await quotas.look(wallet);
    return this.#describeQuota(wallet);
  }

  async #lookAtSlots(limit: InFlightLimit, key: string): Promise<BudgetState> {
    const { slots, backend, restingWallet } = this.#parts;
    const wallet = await restingWallet(limit, key);
    const { others, capacity } = await backend.callSlots(wallet.storeKey, slots.composePeek(wallet));
    return describeSlots(capacity, {
      keptBy: 'redis',
      inUse: lotOf(wallet).used,
      held: this.#heldOf(wallet),
      elsewhere: others,
      refusingMs: this.#refusingMs(wallet),
    });
  }

  #describeRate(wallet: Wallet, grant: LeaseGrant, held: number): RateBudget {
    const { unitsPerToken, leakPerUs, burst, debt, outstanding: leased } = grant;
    const bucket = { unitsPerToken, leakPerUs, burst, capacity: burst * unitsPerToken };
    const refusingMs = this.#refusingMs(wallet);
    return describeRate(bucket, {
      keptBy: 'redis',
      debt,
      leased,
      held,
      untold: Math.ceil(wallet.owed),
      refusingMs,
    });
  }

  /** What the wallet has learnt a moment ago. */
  #describeQuota(wallet: Wallet<QuotaLimit>): QuotaBudget {
    const { quotas } = this.#parts;
    const { window, granted, returned, quota } = quotas.windows.viewOf(wallet);
    return describeQuota(
      { burst: quota, period: wallet.limit.period },
      {
        keptBy: 'redis',
        used: granted - returned,
        held: this.#heldOf(wallet),
        windowStartMs: window.startMs,
        windowEndMs: window.endMs,
        refusingMs: this.#refusingMs(wallet),
        nowMs: quotas.windows.serverNowMs(),
      },
    );
  }

  #heldOf(wallet: Wallet<CompiledLimit>): number {
    return heldTokens(wallet, this.#parts.clock.read());
  }

  #refusingMs(wallet: Wallet<CompiledLimit>): number {
    const nowMs = this.#parts.clock.read();
    return isDenied(wallet, 1, nowMs) ? wallet.deniedUntilMs - nowMs : 0;
  }

  #withinBudget<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const { scheduler } = this.#parts;
    return withinBudget(answer, { scheduler, timeoutMs: operatorTimeoutMs });
  }
}
