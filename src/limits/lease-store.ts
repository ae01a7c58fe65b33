// hot path: a request whose tokens are all held, or whose refusal is known, is decided here without promise or closure.
import type { Clock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import { ownText } from '../core/own-text.ts';
import { type Scheduler, systemScheduler } from '../core/scheduler.ts';
import { convertDebt, hasRoom } from './bucket.ts';
import type { CompiledLimit } from './compile.ts';
import { LeaseAsker } from './lease-asker.ts';
import { type LeaseBackend, leaseKeyOf } from './lease-call.ts';
import { LeaseClock } from './lease-clock.ts';
import { type LeaseTuning, leaseTuning } from './lease-tuning.ts';
import { LimitVersions } from './limit-versions.ts';
import { admittedOutcome, refusedOutcome } from './lease-outcome.ts';
import { AnswerBudget, withinBudget } from './answer-budget.ts';
import { outcomeOf } from './store.ts';
import type { Charge, LimitStore } from './store.ts';
import { addOwed, createWallet, debtMet, heldTokens, isDenied, spendTokens, type Wallet } from './wallet.ts';
import { WalletTable } from './wallet-table.ts';

export interface LeaseStoreOptions {
  backend: LeaseBackend;
  clock: Clock;
  scheduler?: Scheduler;
  /** How long one decision waits for the backend. */
  timeoutMs: number;
  /** How many instances share the limits; a wrong number costs calls or idle tokens, never a token too many. */
  instances: number;
  /** Most keys whose tokens are held. */
  maxKeys?: number;
  /** 0 to 1, for the jitter between looks at an empty bucket. */
  random?: () => number;
  tuning?: Partial<LeaseTuning>;
}

/**
 * Budgets that all instances share, spent from this instance's memory. Tokens are leased from the backend in chunks; a
 * request that finds enough of them in every wallet is decided at once, and one that was refused is refused again at
 * once until the time that the backend told. Only in between is the backend asked: for all wallets at the same time, once
 * for each however many requests wait, and what arrives is spent in one step, from every limit or from none.
 *
 * However calls are delayed or lost and instances crash, no more is admitted than one exact bucket would, in any span of
 * time; the cost of an accident is fewer admissions for at most two epochs. When the backend loses its data, each time
 * at most one burst more is admitted. `take` and `peek` reject with `StoreError` when there is no answer in time.
 * `remaining` is what this instance may hope for: tokens in wallets of others count as spent.
 */
export class LeaseStore implements LimitStore {
  readonly #options: LeaseStoreOptions;
  readonly #tuning: LeaseTuning;
  readonly #clock: LeaseClock;
  readonly #scheduler: Scheduler;
  readonly #asker: LeaseAsker;
  readonly #table: WalletTable;
  readonly #versions: LimitVersions;
  // Scratch of one synchronous decision, kept so that none allocates.
  readonly #wallets: Wallet[] = [];
  readonly #held: number[] = [];

  constructor(options: LeaseStoreOptions) {
    this.#options = options;
    this.#tuning = { ...leaseTuning, ...options.tuning };
    this.#clock = new LeaseClock(options.clock);
    this.#scheduler = options.scheduler ?? systemScheduler;
    this.#versions = new LimitVersions(options.clock);
    this.#table = new WalletTable(options.maxKeys ?? 100_000);
    this.#asker = new LeaseAsker({
      backend: options.backend,
      clock: this.#clock,
      scheduler: this.#scheduler,
      instances: options.instances,
      random: options.random ?? Math.random,
      tuning: this.#tuning,
    });
  }

  /** Keys that are held. */
  get size(): number {
    return this.#table.size;
  }

  get maxKeys(): number {
    return this.#table.max;
  }

  take(charges: readonly Charge[]): LimitOutcome[] | Promise<LimitOutcome[]> {
    return this.takeHeld(charges) ?? this.#takeLater(charges);
  }

  /** Decides from what is known here; undefined when the backend has to be asked. */
  takeHeld(charges: readonly Charge[]): LimitOutcome[] | undefined {
    const nowMs = this.#clock.read();
    let refused = false;
    let asking = false;
    for (let i = 0; i < charges.length; i++) {
      const { limit, key, cost } = charges[i]!;
      const wallet = this.#walletOf(limit, key);
      const held = heldTokens(wallet, nowMs);
      this.#wallets[i] = wallet;
      this.#held[i] = held;
      if (cost <= held) continue;
      if (cost > limit.bucket.burst || isDenied(wallet, cost - held, nowMs)) refused ||= !limit.shadow;
      else asking = true;
    }
    if (refused) return this.#refuse(charges, nowMs);
    return asking ? undefined : this.#spend(charges, nowMs);
  }

  async peek(charges: readonly Charge[]): Promise<LimitOutcome[]> {
    const looked = Promise.all(charges.map((charge) => this.#peekOne(charge)));
    return await this.#withinBudget(looked);
  }

  /** Remembers tokens that were spent while the backend gave no answer; they become debt with the next call. */
  owe({ limit, key, cost }: Charge): void {
    this.#clock.read();
    addOwed(this.#walletOf(limit, key), cost, this.#clock.monoMs, this.#options.instances);
  }

  /** Tokens of a budget that this instance could spend now. */
  heldOf(limit: CompiledLimit, key: string): number {
    const wallet = this.#table.peek(limit, key);
    return wallet === undefined ? 0 : heldTokens(wallet, this.#clock.read());
  }

  /** Tells a backend that may have forgotten of all tokens that are held, before it leases them again. */
  present(): void {
    this.#asker.present();
  }

  /** Gives every held token back, as far as the backend answers within the budget of a decision. */
  async close(): Promise<void> {
    const returned = this.#asker.close();
    await this.#withinBudget(returned).catch(() => undefined);
    await this.#options.backend.close();
  }

  #walletOf(limit: CompiledLimit, key: string): Wallet {
    const wallet = this.#table.find(limit, key);
    if (wallet === undefined) return this.#addWallet(limit, key);
    if (wallet.limit !== limit) {
      // A reload: what is held was leased from the same budget, and the next call brings the new rate.
      this.#asker.adopt(wallet, limit, this.#versions.of(limit));
    }
    return wallet;
  }

  #addWallet(limit: CompiledLimit, key: string): Wallet {
    const own = ownText(key);
    const storeKey = leaseKeyOf(limit, own);
    const version = this.#versions.of(limit);
    const wallet = createWallet({ limit, key: own, storeKey, version, nowMs: this.#clock.nowMs });
    const leaving = this.#table.add(wallet);
    if (leaving !== undefined) this.#asker.dismiss(leaving);
    return wallet;
  }

  /** Every charge is either held or known to have no room; those that may refuse are all held. */
  #spend(charges: readonly Charge[], nowMs: number): LimitOutcome[] {
    const outcomes: LimitOutcome[] = [];
    for (let i = 0; i < charges.length; i++) {
      const charge = charges[i]!;
      const { cost } = charge;
      const wallet = this.#wallets[i]!;
      const held = this.#held[i]!;
      if (cost > held) {
        outcomes.push(this.#refusal(charge, wallet, held));
        continue;
      }
      spendTokens(wallet, cost, held, this.#clock);
      outcomes.push(admittedOutcome(charge, debtMet(wallet, held - cost, nowMs)));
      if (held - cost < wallet.lowWater) this.#asker.prefetch(wallet);
    }
    return outcomes;
  }

  #refuse(charges: readonly Charge[], nowMs: number): LimitOutcome[] {
    const outcomes: LimitOutcome[] = [];
    for (let i = 0; i < charges.length; i++) {
      const charge = charges[i]!;
      const { limit, cost } = charge;
      const wallet = this.#wallets[i]!;
      const held = this.#held[i]!;
      let admitted = cost <= held;
      if (!admitted && cost <= limit.bucket.burst && !isDenied(wallet, cost - held, nowMs)) {
        // Nobody asks about this limit, another one refuses already: its own guess has to do.
        admitted = hasRoom(limit.bucket, debtMet(wallet, held, nowMs), cost);
      }
      outcomes.push(
        admitted
          ? admittedOutcome(charge, debtMet(wallet, held, nowMs))
          : this.#refusal(charge, wallet, held),
      );
    }
    return outcomes;
  }

  #refusal(charge: Charge, wallet: Wallet, held: number): LimitOutcome {
    const { nowMs } = this.#clock;
    const waitMs = isDenied(wallet, charge.cost - held, nowMs) ? wallet.deniedUntilMs - nowMs : 0;
    return refusedOutcome(charge, debtMet(wallet, held, nowMs), waitMs);
  }

  async #takeLater(charges: readonly Charge[]): Promise<LimitOutcome[]> {
    const budget = new AnswerBudget(this.#scheduler, this.#options.timeoutMs);
    try {
      for (;;) {
        await budget.within(this.#askFor(charges));
        // Others may have taken what came; then this request asks again.
        const outcomes = this.takeHeld(charges);
        if (outcomes !== undefined) return outcomes;
      }
    } finally {
      budget.end();
    }
  }

  #askFor(charges: readonly Charge[]): Promise<unknown> {
    const nowMs = this.#clock.read();
    const asked: Promise<void>[] = [];
    for (const { limit, key, cost } of charges) {
      const wallet = this.#walletOf(limit, key);
      const lacking = cost - heldTokens(wallet, nowMs);
      const hopeless = cost > limit.bucket.burst || isDenied(wallet, lacking, nowMs);
      if (lacking > 0 && !hopeless) asked.push(this.#asker.ask(wallet, lacking));
    }
    return Promise.all(asked);
  }

  async #peekOne(charge: Charge): Promise<LimitOutcome> {
    const { limit, key } = charge;
    // An answer under way would change what is seen between the bucket's part and the wallet's.
    await this.#table.peek(limit, key)?.inflight?.catch(() => undefined);
    const request = this.#asker.composePeek(
      this.#table.peek(limit, key) ??
        createWallet({
          limit,
          key,
          storeKey: leaseKeyOf(limit, key),
          version: this.#versions.of(limit),
          nowMs: this.#clock.read(),
        }),
      { limit, version: this.#versions.of(limit) },
    );
    const { debt, unitsPerToken } = await this.#options.backend.call(leaseKeyOf(limit, key), request);
    const { bucket } = limit;
    const met = convertDebt(debt, unitsPerToken, bucket.unitsPerToken) - request.held * bucket.unitsPerToken;
    return outcomeOf(charge, Math.min(Math.max(0, met), bucket.capacity), false);
  }

  #withinBudget<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return withinBudget(answer, { scheduler: this.#scheduler, timeoutMs: this.#options.timeoutMs });
  }
}
