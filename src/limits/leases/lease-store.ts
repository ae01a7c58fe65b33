// hot path: a request whose tokens are all held, or whose refusal is known, is decided here without promise or closure. A file
// longer than others: looking at all wallets and then spending from all of them is one step, and must stay one to read.
import type { Clock } from '../../core/clock.ts';
import type { LimitOutcome } from '../../core/limit.ts';
import { ownText } from '../../core/own-text.ts';
import { type Scheduler, systemScheduler } from '../../core/scheduler.ts';
import { hasRoom } from '../bucket.ts';
import type { CompiledLimit, InFlightLimit, QuotaLimit } from '../compile.ts';
import { CountedWallets } from './counted-wallets.ts';
import type { BudgetDesk } from '../inspect.ts';
import { LeaseAsker } from './lease-asker.ts';
import { leaseKeyOf } from './lease-call.ts';
import { LeaseClock } from './lease-clock.ts';
import type { Outage } from './lease-debts.ts';
import { LeaseDesk, type LeaseDeskParts } from './lease-desk.ts';
import { LeasePeek } from './lease-peek.ts';
import { type LeaseTuning, leaseTuning } from './lease-tuning.ts';
import { LimitVersions } from './limit-versions.ts';
import { admittedOutcome, refusedOutcome } from './lease-outcome.ts';
import { AnswerBudget, withinBudget } from '../answer-budget.ts';
import { lotOf, SlotAsker } from './slot-asker.ts';
import { QuotaAsker } from './quota-asker.ts';
import type { Asker, StoreBackend } from './store-backend.ts';
import { type Charge, isRateCharge, type LimitStore } from '../store.ts';
import {
  createWallet,
  debtMet,
  heldTokens,
  isDenied,
  type OwedTerms,
  spendLots,
  spendTokens,
  type Wallet,
} from './wallet.ts';
import { type AnyWallet, isQuotaWallet, isRateWallet, isSlotWallet } from './wallet-kinds.ts';
import { WalletTable } from './wallet-table.ts';

export interface LeaseStoreOptions {
  backend: StoreBackend;
  clock: Clock;
  scheduler?: Scheduler;
  /** How long one decision waits for the backend. */
  timeoutMs: number;
  /** How many instances share the limits, as far as known; a wrong number costs calls or idle tokens, never a token too many. */
  instances: number | (() => number);
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
  /** The same budgets for an operator. */
  readonly desk: BudgetDesk;
  readonly #options: LeaseStoreOptions;
  readonly #tuning: LeaseTuning;
  readonly #clock: LeaseClock;
  readonly #scheduler: Scheduler;
  readonly #asker: LeaseAsker;
  readonly #quotas: QuotaAsker;
  readonly #slots: SlotAsker;
  readonly #counted: CountedWallets;
  readonly #peek: LeasePeek;
  readonly #table: WalletTable;
  /** Wallets that had to leave the table while requests use their slots, by the name of their budget. */
  readonly #leaving = new Map<string, AnyWallet>();
  readonly #versions: LimitVersions;
  // Scratch of one synchronous decision, kept so that none allocates.
  readonly #wallets: AnyWallet[] = [];
  readonly #held: number[] = [];

  constructor(options: LeaseStoreOptions) {
    this.#options = options;
    this.#tuning = { ...leaseTuning, ...options.tuning };
    this.#clock = new LeaseClock(options.clock);
    this.#scheduler = options.scheduler ?? systemScheduler;
    this.#versions = new LimitVersions(options.clock);
    this.#table = new WalletTable(options.maxKeys ?? 100_000);
    const { instances } = options;
    const asking = {
      backend: options.backend,
      clock: this.#clock,
      scheduler: this.#scheduler,
      instances: typeof instances === 'number' ? () => instances : instances,
      random: options.random ?? Math.random,
      tuning: this.#tuning,
    };
    this.#asker = new LeaseAsker(asking);
    this.#quotas = new QuotaAsker({ ...asking, wallMs: () => options.clock.wallMs() });
    this.#slots = new SlotAsker(asking);
    this.#counted = new CountedWallets(this.#clock, this.#quotas);
    const parts = this.#parts();
    this.desk = new LeaseDesk(parts);
    this.#peek = new LeasePeek(parts);
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
      if (cost > limit.burst || isDenied(wallet, cost - held, nowMs)) refused ||= !limit.shadow;
      else asking = true;
    }
    if (refused) return this.#refuse(charges, nowMs);
    return asking ? undefined : this.#spend(charges, nowMs);
  }

  async peek(charges: readonly Charge[]): Promise<LimitOutcome[]> {
    const looked = Promise.all(charges.map((charge) => this.#peek.peek(charge)));
    return await this.#withinBudget(looked);
  }

  /** Remembers tokens that were spent while the backend gave no answer; what is left of them becomes debt with the next call. */
  owe({ limit, key, cost }: Charge, terms: OwedTerms): void {
    this.#clock.read();
    const wallet = this.#walletOf(limit, key);
    if (isRateWallet(wallet)) this.#asker.owe(wallet, cost, terms);
    else if (isQuotaWallet(wallet)) this.#quotas.owe(wallet, cost);
    else if (isSlotWallet(wallet)) this.#slots.force(wallet, cost);
  }

  complete(charge: Charge, due: number): void {
    const { limit, key, cost } = charge;
    const nowMs = this.#clock.read();
    // Slots of a wallet that had to leave the table wait in it for their requests to end.
    // A limit that was loaded anew since stays in force.
    const wallet =
      (this.#leaving.size === 0 ? undefined : this.#leaving.get(leaseKeyOf(limit, key))) ??
      this.#table.peek(limit, key) ??
      this.#addWallet(limit, key);
    if (isSlotWallet(wallet)) {
      this.#slots.release(wallet, cost - due);
      if (wallet.evicted && lotOf(wallet).used === 0) this.#leaving.delete(wallet.storeKey);
      return;
    }
    const part = Math.min(Math.max(0, due - cost), heldTokens(wallet, nowMs));
    const rest = due - cost - part;
    if (isRateWallet(wallet)) {
      if (part > 0) spendTokens(wallet, part, heldTokens(wallet, nowMs), this.#clock);
      if (rest > 0) this.#asker.charge(wallet, rest);
      else if (rest < 0) this.#asker.refund(wallet, -rest);
    } else if (isQuotaWallet(wallet)) {
      spendLots(wallet, part, this.#clock);
      if (rest !== 0) this.#quotas.owe(wallet, rest);
    }
  }

  /** Tokens of a quota that are left in this window for all instances, as far as known; undefined when nothing is. */
  leftOf(limit: QuotaLimit, key: string): number | undefined {
    this.#clock.read();
    const wallet = this.#table.peek(limit, key);
    if (wallet === undefined || !isQuotaWallet(wallet)) return undefined;
    const { born, quota, granted, returned } = this.#quotas.windows.viewOf(wallet);
    return born === 0 ? undefined : Math.max(0, quota - (granted - returned) - wallet.owed);
  }

  /** Slots that requests of this instance use. */
  inUse(limit: InFlightLimit, key: string): number {
    const wallet = this.#table.peek(limit, key);
    return wallet !== undefined && isSlotWallet(wallet) ? lotOf(wallet).used : 0;
  }

  /** Tokens of a budget that this instance could spend now. */
  heldOf(limit: CompiledLimit, key: string): number {
    const wallet = this.#table.peek(limit, key);
    return wallet === undefined ? 0 : heldTokens(wallet, this.#clock.read());
  }

  startOutage(outage: Outage): void {
    this.#clock.read();
    this.#asker.startOutage(outage);
  }

  /** The backend answers again: tells all that is owed. */
  endOutage(): void {
    this.#clock.read();
    this.#asker.endOutage();
  }

  /** Chooses the versions of what is loaded from here on. */
  startRelease(release: number | undefined): void {
    this.#versions.startRelease(release);
  }

  /** Tells a backend that may have forgotten of all tokens that are held, before it leases them again. */
  present(): void {
    this.#asker.present();
    this.#quotas.present();
    this.#slots.present();
  }

  /** Gives every held token back, as far as the backend answers within the budget of a decision. */
  async close(): Promise<void> {
    const returned = Promise.all([this.#asker.close(), this.#quotas.close(), this.#slots.close()]);
    await this.#withinBudget(returned).catch(() => undefined);
    await this.#options.backend.close();
  }

  #parts(): LeaseDeskParts {
    return {
      backend: this.#options.backend,
      clock: this.#clock,
      scheduler: this.#scheduler,
      rates: this.#asker,
      quotas: this.#quotas,
      slots: this.#slots,
      versionOf: (limit) => this.#versions.of(limit),
      // A limit's id tells its kind.
      walletOf: <Limit extends CompiledLimit>(limit: Limit, key: string) =>
        this.#walletOf(limit, key) as Wallet<Limit>,
      restingWallet: (limit, key) => this.#restingWallet(limit, key),
      holds: (limit, key) => this.#table.peek(limit, key) !== undefined,
      keysOf: (limit) => this.#table.countOf(limit),
    };
  }

  #walletOf(limit: CompiledLimit, key: string): AnyWallet {
    const wallet = this.#table.find(limit, key);
    if (wallet === undefined) return this.#addWallet(limit, key);
    if (wallet.limit !== limit) {
      // A reload: what is held was leased from the same budget, and the next call brings the new figures.
      this.#askerOf(wallet).adopt(wallet, limit, this.#versions.of(limit));
    }
    return wallet;
  }

  #addWallet(limit: CompiledLimit, key: string): AnyWallet {
    const own = ownText(key);
    const storeKey = leaseKeyOf(limit, own);
    const version = this.#versions.of(limit);
    let wallet = this.#leaving.get(storeKey);
    if (wallet === undefined)
      wallet = createWallet({ limit, key: own, storeKey, version, nowMs: this.#clock.nowMs });
    else {
      this.#leaving.delete(storeKey);
      wallet.evicted = false;
      this.#askerOf(wallet).adopt(wallet, limit, version);
    }
    const leaving = this.#table.add(wallet);
    if (leaving !== undefined) {
      if (isSlotWallet(leaving) && lotOf(leaving).used > 0) this.#leaving.set(leaving.storeKey, leaving);
      this.#askerOf(leaving).dismiss(leaving);
    }
    return wallet;
  }

  /** The kinds of limit and of wallet are always those of each other: a limit's id tells its kind. */
  #askerOf(wallet: AnyWallet): Asker<CompiledLimit> {
    if (isRateWallet(wallet)) return this.#asker;
    return isQuotaWallet(wallet) ? this.#quotas : this.#slots;
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
      if (isRateWallet(wallet) && isRateCharge(charge)) {
        spendTokens(wallet, cost, held, this.#clock);
        outcomes.push(admittedOutcome(charge, debtMet(wallet, held - cost, nowMs)));
        if (held - cost < wallet.lowWater) this.#asker.prefetch(wallet);
      } else outcomes.push(this.#counted.spend(charge, wallet, held));
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
      // Where nobody asks, since another limit refuses already, this one's own guess has to do.
      const guessed = !admitted && cost <= limit.burst && !isDenied(wallet, cost - held, nowMs);
      if (isRateWallet(wallet) && isRateCharge(charge)) {
        const debt = debtMet(wallet, held, nowMs);
        if (guessed) admitted = hasRoom(charge.limit.bucket, debt, cost);
        outcomes.push(admitted ? admittedOutcome(charge, debt) : this.#refusal(charge, wallet, held));
        continue;
      }
      if (guessed) admitted = cost <= this.#counted.left(wallet, held);
      outcomes.push(this.#counted.outcome(charge, wallet, { held, admitted, spent: false }));
    }
    return outcomes;
  }

  #refusal(charge: Charge, wallet: AnyWallet, held: number): LimitOutcome {
    const { nowMs } = this.#clock;
    if (!isRateWallet(wallet) || !isRateCharge(charge))
      return this.#counted.outcome(charge, wallet, { held, admitted: false, spent: false });
    wallet.refusedSinceRate += charge.cost;
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
      const hopeless = cost > limit.burst || isDenied(wallet, lacking, nowMs);
      if (lacking > 0 && !hopeless) asked.push(this.#askerOf(wallet).ask(wallet, lacking));
    }
    return Promise.all(asked);
  }

  /** The wallet of a key, or an empty one in its place, to look at between two calls. */
  async #restingWallet<Limit extends CompiledLimit>(limit: Limit, key: string): Promise<Wallet<Limit>> {
    // An answer under way would change what is seen between the bucket's part and the wallet's.
    await this.#table.peek(limit, key)?.inflight?.catch(() => undefined);
    return (
      (this.#table.peek(limit, key) as Wallet<Limit> | undefined) ??
      createWallet({
        limit,
        key,
        storeKey: leaseKeyOf(limit, key),
        version: this.#versions.of(limit),
        nowMs: this.#clock.read(),
      })
    );
  }

  #withinBudget<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return withinBudget(answer, { scheduler: this.#scheduler, timeoutMs: this.#options.timeoutMs });
  }
}
