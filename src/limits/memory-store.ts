import type { Clock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import { ownText } from '../core/own-text.ts';
import { convertDebt, debtAt, hasRoom, untilFullUs } from './bucket.ts';
import type { Bucket } from './bucket.ts';
import type { CompiledLimit } from './compile.ts';
import { outcomeOf } from './store.ts';
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
export class MemoryStore implements LimitStore {
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #limits = new Map<string, Budgets>();
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
  }

  /** Keys that are held. */
  get size(): number {
    return this.#size;
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
    const outcomes: LimitOutcome[] = [];
    for (let i = 0; i < charges.length; i++) {
      const charge = charges[i]!;
      const debt = this.#debts[i]!;
      const outcome = outcomeOf(charge, debt, admitted);
      if (admitted && outcome.admitted && charge.cost > 0) this.#spend(charge, this.#entries[i], debt, nowUs);
      outcomes.push(outcome);
    }
    return outcomes;
  }

  peek(charges: readonly Charge[]): LimitOutcome[] {
    this.#read(charges, this.#nowUs());
    return charges.map((charge, i) => outcomeOf(charge, this.#debts[i]!, false));
  }

  /** Forgets everything and takes every budget to be empty now; they refill from here. */
  restartEmpty(): void {
    this.#clear();
    this.#emptySinceUs = this.#nowUs();
  }

  close(): Promise<void> {
    this.#clear();
    return Promise.resolve();
  }

  #clear(): void {
    this.#limits.clear();
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
      const entry = this.#limits.get(limit.id)?.get(key);
      const debt = this.#debtOf(limit.bucket, entry, nowUs);
      if (entry === undefined) this.#unknown++;
      this.#entries[i] = entry;
      this.#debts[i] = debt;
      if (!limit.shadow && !hasRoom(limit.bucket, debt, cost)) admitted = false;
    }
    return admitted;
  }

  #debtOf(bucket: Bucket, entry: Entry | undefined, nowUs: number): number {
    if (entry === undefined)
      return this.#emptySinceUs === undefined
        ? 0
        : debtAt(bucket, bucket.capacity, this.#emptySinceUs, nowUs);
    const debt = convertDebt(entry.debt, entry.bucket.unitsPerToken, bucket.unitsPerToken);
    return debtAt(bucket, debt, entry.atUs, nowUs);
  }

  #spend({ limit, key, cost }: Charge, entry: Entry | undefined, debtBefore: number, nowUs: number): void {
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
