import type { Clock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import { ownText } from '../core/own-text.ts';
import { convertDebt, debtAt, hasRoom, leakedDebt, untilFullUs } from './bucket.ts';
import type { Bucket } from './bucket.ts';
import type { CalendarWindow } from './calendar.ts';
import type { CompiledLimit, InFlightLimit, QuotaLimit, RateLimit } from './compile.ts';
import { quotaOutcome, slotOutcome } from './counted-outcome.ts';
import {
  type BudgetDesk,
  type BudgetState,
  describeQuota,
  describeRate,
  describeSlots,
  type Keeper,
} from './inspect.ts';
import { MemoryQuotas } from './memory-quotas.ts';
import { MemorySlots } from './memory-slots.ts';
import { isRateCharge, outcomeOf } from './store.ts';
import type { Charge, LimitStore } from './store.ts';

// hot path: synchronous, no promise, no closure; one map entry for each key that has debt.

interface Entry {
  debt: number;
  atUs: number;
  /** The bucket in whose units `debt` is told. */
  bucket: Bucket;
}

/** Entries of one limit by key. A map for each limit needs no joined key, which costs more than the second look-up. */
type Budgets = Map<string, Entry>;

export interface MemoryStoreOptions {
  clock: Clock;
  /** Most keys that are held; about 16 MB at the default of 100,000. */
  maxKeys?: number;
  /** As what the budgets are shown. */
  keptBy?: Keeper;
  /** Tokens of a quota that count as spent of a key that nothing is known of; none by default. */
  spentBefore?: (limit: QuotaLimit, key: string, window: CalendarWindow) => number;
  /** Slots that are in use without this store knowing; none by default. */
  usedBeside?: (limit: InFlightLimit, key: string) => number;
}

/** How many entries an eviction looks at: enough to nearly always find one that is full, few enough never to stall. */
const lookedAt = 16;

/**
 * Budgets of this process alone; `take` and `peek` answer at once.
 *
 * The number of keys is bounded. At the bound, a hand goes round and looks at a few entries: those whose debt has leaked
 * away are dropped, which changes nothing, and if there is none the one that is nearest to full is dropped. That key then
 * starts with a full budget, so it may get once what it had spent, at most its burst. Many new keys therefore push out
 * each other and not the caller that is being held back.
 */
export class MemoryStore implements LimitStore, BudgetDesk {
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #keptBy: Keeper;
  readonly #limits = new Map<string, Budgets>();
  readonly #quotas: MemoryQuotas;
  readonly #slots = new MemorySlots();
  readonly #usedBeside: MemoryStoreOptions['usedBeside'];
  #size = 0;
  #evicted = 0;
  /** When set, budgets nobody has spent from were empty at that time instead of full. */
  #emptySinceUs: number | undefined;
  // Where the hand stands.
  #nextLimits = this.#limits.entries();
  #limitAtHand = '';
  #nextEntries: Iterator<[string, Entry], undefined> = new Map<string, Entry>().entries();
  // Scratch of one synchronous take, kept so that none allocates.
  readonly #debts: number[] = [];
  readonly #entries: (Entry | undefined)[] = [];
  #unknown = 0;

  constructor(options: MemoryStoreOptions) {
    this.#clock = options.clock;
    this.#maxKeys = options.maxKeys ?? 100_000;
    this.#keptBy = options.keptBy ?? 'memory';
    this.#usedBeside = options.usedBeside;
    this.#quotas = new MemoryQuotas({
      clock: options.clock,
      maxKeys: this.#maxKeys,
      spentBefore: options.spentBefore,
    });
  }

  /** Keys that are held. */
  get size(): number {
    return this.#size + this.#quotas.size + this.#slots.size;
  }

  get maxKeys(): number {
    return this.#maxKeys;
  }

  /** Keys that were dropped while they still had debt. */
  get evicted(): number {
    return this.#evicted;
  }

  take(charges: readonly Charge[]): LimitOutcome[] {
    const nowUs = this.#nowUs();
    let admitted = this.#read(charges, nowUs);
    while (admitted && this.#size > 0 && this.#size + this.#unknown > this.#maxKeys) {
      this.#evict(nowUs);
      // What was dropped may be an entry of this very request.
      admitted = this.#read(charges, nowUs);
    }
    // An array that grows takes room for many more.
    // oxlint-disable-next-line unicorn/no-new-array
    const outcomes = new Array<LimitOutcome>(charges.length);
    for (let i = 0; i < charges.length; i++) {
      const charge = charges[i]!;
      const debt = this.#debts[i]!;
      if (!isRateCharge(charge)) {
        outcomes[i] = this.#takeCounted(charge, debt, admitted);
        continue;
      }
      const outcome = outcomeOf(charge, debt, admitted);
      if (admitted && outcome.admitted && charge.cost > 0) this.#spend(charge, this.#entries[i], debt, nowUs);
      outcomes[i] = outcome;
    }
    return outcomes;
  }

  peek(charges: readonly Charge[]): LimitOutcome[] {
    this.#read(charges, this.#nowUs());
    return charges.map((charge, i) => {
      const debt = this.#debts[i]!;
      return isRateCharge(charge)
        ? outcomeOf(charge, debt, false)
        : this.#countedOutcome(charge, debt, false);
    });
  }

  look(limit: CompiledLimit, key: string): Promise<BudgetState> {
    return Promise.resolve(this.#describe(limit, key));
  }

  credit(limit: CompiledLimit, key: string, tokens: number): Promise<BudgetState> {
    if (limit.kind === 'quota') this.#quotas.spend(limit, key, -tokens);
    const entry = this.#limits.get(limit.id)?.get(key);
    if (limit.kind === 'rate' && entry !== undefined) {
      const { bucket } = limit;
      const debt = Math.max(0, this.#debtNow(limit, key) - tokens * bucket.unitsPerToken);
      Object.assign(entry, { debt, atUs: Math.max(entry.atUs, this.#nowUs()), bucket } satisfies Entry);
    }
    return Promise.resolve(this.#describe(limit, key));
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  keysOf(limit: CompiledLimit): number {
    if (limit.kind === 'quota') return this.#quotas.keysOf(limit);
    if (limit.kind === 'inFlight') return this.#slots.keysOf(limit);
    return this.#limits.get(limit.id)?.size ?? 0;
  }

  complete(charge: Charge, due: number): void {
    const { limit, key, cost } = charge;
    if (due === cost) return;
    if (limit.kind === 'inFlight') this.#slots.release(limit, key, cost - due);
    else if (limit.kind === 'quota') this.#quotas.spend(limit, key, due - cost);
    else {
      const nowUs = this.#nowUs();
      const entry = this.#limits.get(limit.id)?.get(key);
      const debt = this.#debtOf(limit.bucket, entry, nowUs);
      const rest = Math.max(due - cost, -Math.floor(debt / limit.bucket.unitsPerToken));
      if (rest !== 0) this.#spend({ limit, key, cost: rest }, entry, debt, nowUs);
    }
  }

  /**
   * Forgets what was spent and takes every budget of a rate to be empty now; they refill from then on, or from `laterMs` after
   * it. Slots in use stay in use.
   */
  restartEmpty(laterMs = 0): void {
    this.#clear();
    this.#emptySinceUs = this.#nowUs() + laterMs * 1000;
  }

  close(): Promise<void> {
    this.#clear();
    return Promise.resolve();
  }

  #clear(): void {
    this.#limits.clear();
    this.#quotas.clear();
    this.#size = 0;
    this.#nextLimits = this.#limits.entries();
    this.#nextEntries = new Map<string, Entry>().entries();
  }

  /** Fills the scratch; gives whether every charge that may refuse has room. */
  #read(charges: readonly Charge[], nowUs: number): boolean {
    let admitted = true;
    this.#unknown = 0;
    for (let i = 0; i < charges.length; i++) {
      const { limit, key, cost } = charges[i]!;
      if (limit.kind !== 'rate') {
        const spent = limit.kind === 'quota' ? this.#quotas.spentOf(limit, key) : this.#slotsUsed(limit, key);
        this.#debts[i] = spent;
        if (!limit.shadow && cost > 0 && spent + cost > limit.burst) admitted = false;
        continue;
      }
      const entry = this.#limits.get(limit.id)?.get(key);
      const debt = this.#debtOf(limit.bucket, entry, nowUs);
      if (entry === undefined) this.#unknown++;
      this.#entries[i] = entry;
      this.#debts[i] = debt;
      if (!limit.shadow && !hasRoom(limit.bucket, debt, cost)) admitted = false;
    }
    return admitted;
  }

  #debtNow({ id, bucket }: RateLimit, key: string): number {
    return this.#debtOf(bucket, this.#limits.get(id)?.get(key), this.#nowUs());
  }

  #describe(limit: CompiledLimit, key: string): BudgetState {
    const keptBy = this.#keptBy;
    if (limit.kind === 'rate') return describeRate(limit.bucket, { keptBy, debt: this.#debtNow(limit, key) });
    const nothing = { keptBy, held: 0, refusingMs: 0 };
    if (limit.kind === 'inFlight') {
      const inUse = this.#slots.usedOf(limit, key);
      return describeSlots(limit.burst, { ...nothing, inUse, elsewhere: 0 });
    }
    const { startMs, endMs } = this.#quotas.windowOf(limit, key);
    return describeQuota(limit, {
      ...nothing,
      used: this.#quotas.spentOf(limit, key),
      windowStartMs: startMs,
      windowEndMs: endMs,
      nowMs: this.#clock.wallMs(),
    });
  }

  #debtOf(bucket: Bucket, entry: Entry | undefined, nowUs: number): number {
    if (entry === undefined)
      return this.#emptySinceUs === undefined
        ? 0
        : debtAt(bucket, bucket.capacity, this.#emptySinceUs, nowUs);
    const debt = convertDebt(entry.debt, entry.bucket.unitsPerToken, bucket.unitsPerToken);
    // What requests cost beyond what was there stays owed; a lowered burst forgives what it has no room for.
    return bucket.burst < entry.bucket.burst
      ? debtAt(bucket, debt, entry.atUs, nowUs)
      : leakedDebt(bucket, debt, entry.atUs, nowUs);
  }

  #slotsUsed(limit: InFlightLimit, key: string): number {
    return this.#slots.usedOf(limit, key) + (this.#usedBeside?.(limit, key) ?? 0);
  }

  #takeCounted(charge: Charge, spent: number, admitted: boolean): LimitOutcome {
    const { limit, key, cost } = charge;
    const outcome = this.#countedOutcome(charge, spent, admitted);
    if (!admitted || !outcome.admitted || cost === 0) return outcome;
    if (limit.kind === 'quota') this.#quotas.spend(limit, key, cost);
    else if (limit.kind === 'inFlight') this.#slots.use(limit, key, cost);
    return outcome;
  }

  #countedOutcome({ limit, key, cost }: Charge, used: number, spent: boolean): LimitOutcome {
    const left = limit.burst - used;
    const count = { admitted: cost === 0 || cost <= left, left, spent };
    if (limit.kind === 'inFlight') return slotOutcome({ limit, key, cost }, count);
    if (limit.kind === 'rate') throw new TypeError('"limit" is a rate, which is not counted');
    const { endMs } = this.#quotas.windowOf(limit, key);
    return quotaOutcome({ limit, key, cost }, count, { resetMs: endMs - this.#clock.wallMs(), endMs });
  }

  #spend(
    { limit, key, cost }: Charge<RateLimit>,
    entry: Entry | undefined,
    debtBefore: number,
    nowUs: number,
  ): void {
    const debt = debtBefore + cost * limit.bucket.unitsPerToken;
    if (entry === undefined) {
      this.#budgetsOf(limit).set(ownText(key), { debt, atUs: nowUs, bucket: limit.bucket });
      this.#size++;
      return;
    }
    entry.debt = debt;
    // A clock that went back must not earn the same time twice.
    if (nowUs > entry.atUs) entry.atUs = nowUs;
    entry.bucket = limit.bucket;
  }

  #budgetsOf(limit: CompiledLimit): Budgets {
    let budgets = this.#limits.get(limit.id);
    if (budgets === undefined) {
      budgets = new Map();
      this.#limits.set(limit.id, budgets);
    }
    return budgets;
  }

  #evict(nowUs: number): void {
    let victim: string | undefined;
    let victimLimit = '';
    let victimUs = Infinity;
    let dropped = false;
    for (let looked = 0; looked < lookedAt && this.#size > 0; looked++) {
      const [key, { bucket, debt, atUs }] = this.#advanceHand();
      const untilUs = untilFullUs(bucket, debtAt(bucket, debt, atUs, nowUs));
      if (untilUs === 0) {
        this.#drop(this.#limitAtHand, key);
        dropped = true;
      } else if (untilUs < victimUs) {
        victim = key;
        victimLimit = this.#limitAtHand;
        victimUs = untilUs;
      }
    }
    if (dropped || victim === undefined) return;
    this.#drop(victimLimit, victim);
    this.#evicted++;
    // Where budgets start empty, the one that was dropped starts so now: it must not get once more what it has spent.
    if (this.#emptySinceUs !== undefined) this.#emptySinceUs = Math.max(this.#emptySinceUs, nowUs);
  }

  /** The next entry of the round, from any limit; there must be one. */
  #advanceHand(): [string, Entry] {
    for (;;) {
      const step = this.#nextEntries.next();
      if (step.done !== true) return step.value;
      let limit = this.#nextLimits.next();
      if (limit.done === true) {
        this.#nextLimits = this.#limits.entries();
        limit = this.#nextLimits.next();
      }
      if (limit.done === true) throw new TypeError('the hand needs an entry to point at');
      this.#limitAtHand = limit.value[0];
      this.#nextEntries = limit.value[1].entries();
    }
  }

  #drop(limitId: string, key: string): void {
    const budgets = this.#limits.get(limitId);
    if (budgets === undefined || !budgets.delete(key)) return;
    this.#size--;
    if (budgets.size === 0) this.#limits.delete(limitId);
  }

  #nowUs(): number {
    return Math.floor(this.#clock.monoMs() * 1000);
  }
}
