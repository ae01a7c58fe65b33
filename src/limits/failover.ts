import type { Clock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { CalendarWindow } from './calendar.ts';
import type { CompiledLimit, InFlightLimit, QuotaLimit, RateLimit } from './compile.ts';
import type { BudgetState } from './inspect.ts';
import type { Outage } from './leases/lease-debts.ts';
import { MemoryStore } from './memory-store.ts';
import { shareOf } from './share.ts';
import { StoreBreaker } from './store-breaker.ts';
import { isAdmitted, isUnavailable } from './store.ts';
import type { Charge, LimitStore, LimitReply } from './store.ts';
import { fixedTerms, type OwedTerms } from './leases/wallet.ts';

/** `store`: the shared store decides. `local`: it fails, and every limit does what its `onStoreFailure` says. */
export type StoreMode = 'store' | 'local';

/** A store that several instances share. Its promises may reject. */
export interface SharedStore extends LimitStore {
  /** Decides from what this instance holds already, or gives undefined; says nothing about the store's health. */
  takeHeld?(charges: readonly Charge[]): LimitOutcome[] | undefined;
  /** Is told of what a share admitted, so that it becomes debt when the store answers again; leaks by `terms` until then. */
  owe?(charge: Charge, terms: OwedTerms): void;
  /** Is told that each instance decides by its share from here on. */
  startOutage?(outage: Outage): void;
  /** Is told that the store answers again. */
  endOutage?(): void;
  /** Tokens of a quota that are left for all instances, as far as known; undefined when nothing is. */
  leftOf?(limit: QuotaLimit, key: string): number | undefined;
  /** Slots that requests use here which the store granted. */
  inUse?(limit: InFlightLimit, key: string): number;
}

export interface FailoverOptions {
  store: SharedStore;
  clock: Clock;
  /** How many instances share the store, as far as known. */
  instances: () => number;
  /** The shares begin to fill so long after the first failure: by then nobody spends any more what the store gave before. */
  shareAfterMs?: number;
  /** 0 to 1, for the jitter of the breaker. */
  random?: () => number;
  /**
   * Called when the store has failed three times without an answer between, and when it answers again; `cause` is the last
   * failure, without secrets.
   */
  onModeChange?: (mode: StoreMode, cause: string | undefined) => void;
}

/** One failure alone may be a slow moment. */
const failuresToTell = 3;

/** Limit decisions since the start, by who decided; `closed` counts requests that no limit decided. */
export type StoreDecisions = Record<'store' | 'share' | 'open' | 'closed', number>;

/** This instance's part of a limit, and how what it lets pass leaks until the store hears of it; slots are not owed. */
interface Share {
  limit: CompiledLimit;
  terms: OwedTerms | undefined;
}

/**
 * A shared store that never fails: what a limit says in `onStoreFailure` holds while the store gives no answer. `share`
 * enforces this instance's part, from buckets that start empty when the failure starts, so that a store that comes and
 * goes hands out no burst each time; as many parts as instances were known then. What they let pass becomes debt in the
 * store afterwards, but for what would have leaked there, so that one exact bucket would have admitted it all. `open` lets the request pass uncounted. `closed` gives `StoreUnavailable`, and
 * nothing is charged. A shadow limit never closes anything.
 */
export class FailoverStore implements LimitStore {
  readonly decisions: StoreDecisions = { store: 0, share: 0, open: 0, closed: 0 };
  readonly #options: FailoverOptions;
  readonly #breaker: StoreBreaker;
  readonly #local: MemoryStore;
  #shares = new WeakMap<CompiledLimit, Share>();
  /** Of the last failure: among how many the limits are divided, and from when on the shares fill. */
  #parts = 0;
  #fillsFromMonoMs = 0;
  #mode: StoreMode = 'store';
  /** Failures since the last answer; the first one starts the empty buckets. */
  #failures = 0;

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#breaker = new StoreBreaker(options.clock, options.random ?? Math.random);
    this.#local = new MemoryStore({
      clock: options.clock,
      keptBy: 'share',
      spentBefore: (limit, key, window) => this.#spentBefore(limit, key, window),
      usedBeside: (limit, key) => options.store.inUse?.(limit, key) ?? 0,
    });
  }

  get mode(): StoreMode {
    return this.#mode;
  }

  /** Keys in the local share buckets. */
  get localSize(): number {
    return this.#local.size;
  }

  get localMaxKeys(): number {
    return this.#local.maxKeys;
  }

  take(charges: readonly Charge[]): LimitReply | Promise<LimitReply> {
    const held = this.#options.store.takeHeld?.(charges);
    // A failing store's last refusal is no reason to refuse what `onStoreFailure` lets pass.
    if (held !== undefined && (!this.#breaker.isOpen || isAdmitted(held))) {
      this.decisions.store += held.length;
      return held;
    }
    return this.#decide(charges, 'take');
  }

  peek(charges: readonly Charge[]): LimitReply | Promise<LimitReply> {
    return this.#decide(charges, 'peek');
  }

  complete(charge: Charge, due: number, mode: LimitOutcome['mode']): void {
    if (mode === undefined) this.#options.store.complete(charge, due, mode);
    if (mode !== 'share') return;
    const { limit, key, cost } = charge;
    this.#local.complete({ limit: this.#shareOf(limit).limit, key, cost }, due);
    // What came back is not taken off the debt: it may have been told already.
    if (due > cost) this.#owe({ limit, key, cost: due - cost });
  }

  /** This instance's part of a limit, by which it decides while the store fails. */
  lookAtShare(limit: CompiledLimit, key: string): Promise<BudgetState> {
    return this.#local.look(this.#shareOf(limit).limit, key);
  }

  /** Lets the next request probe at once, for when the connection is back. */
  retryNow(): void {
    this.#breaker.allowProbe();
  }

  /** The store is known to answer, from elsewhere than a decision: nobody has to probe any more. */
  answered(): void {
    this.#breaker.close();
    this.#recover();
  }

  close(): Promise<void> {
    return this.#options.store.close();
  }

  #decide(charges: readonly Charge[], action: 'take' | 'peek'): LimitReply | Promise<LimitReply> {
    if (charges.length === 0) return [];
    const entry = this.#breaker.enter();
    if (entry === 'no') return this.#decideLocally(charges, action);
    return this.#decideShared(charges, action, entry);
  }

  async #decideShared(
    charges: readonly Charge[],
    action: 'take' | 'peek',
    entry: 'normal' | 'probe',
  ): Promise<LimitReply> {
    let reply: LimitReply;
    try {
      reply = await this.#options.store[action](charges);
    } catch (error) {
      this.#breaker.fail(entry);
      this.#startFailing(error instanceof Error ? error.message : String(error));
      return this.#decideLocally(charges, action);
    }
    this.#breaker.succeed(entry);
    if (this.#failures > 0 && !isUnavailable(reply) && !isAdmitted(reply) && charges.every(isShared)) {
      // The store has left alone what the share may have spent; what the share has not is still to be had.
      reply = this.#decideLocally(charges, action);
    } else if (action === 'take') this.decisions.store += charges.length;
    // A late answer to a request from before the breaker opened ends nothing.
    if (!this.#breaker.isOpen) this.#recover();
    return reply;
  }

  #startFailing(cause: string): void {
    this.#failures++;
    if (this.#failures === 1) this.#startShares();
    // The breaker stays closed while failures are rare, but where requests are rare too nothing else would tell of them.
    if (this.#breaker.isOpen || this.#failures >= failuresToTell) this.#enterMode('local', cause);
  }

  /** The number of parts stays for the whole failure: shares of two sizes would not add up. */
  #startShares(): void {
    const { clock, instances, shareAfterMs = 0 } = this.#options;
    this.#fillsFromMonoMs = clock.monoMs() + shareAfterMs;
    this.#local.restartEmpty(shareAfterMs);
    this.#parts = instances();
    this.#shares = new WeakMap();
    this.#options.store.startOutage?.({ fillsFromMonoMs: this.#fillsFromMonoMs, parts: this.#parts });
  }

  #recover(): void {
    if (this.#failures > 0) this.#options.store.endOutage?.();
    this.#failures = 0;
    this.#enterMode('store', undefined);
  }

  #enterMode(mode: StoreMode, cause: string | undefined): void {
    if (this.#mode === mode) return;
    this.#mode = mode;
    this.#options.onModeChange?.(mode, cause);
  }

  #decideLocally(charges: readonly Charge[], action: 'take' | 'peek'): LimitReply {
    const shared: Charge[] = [];
    for (const { limit, key, cost } of charges) {
      if (limit.onStoreFailure === 'closed' && !limit.shadow) {
        if (action === 'take') this.decisions.closed++;
        return { unavailable: limit, retryAfterMs: Math.max(1, Math.ceil(this.#breaker.pauseLeftMs)) };
      }
      if (limit.onStoreFailure === 'share') shared.push({ limit: this.#shareOf(limit).limit, key, cost });
    }
    const shares = this.#local[action](shared);
    const spent = action === 'take' && isAdmitted(shares);
    const outcomes: LimitOutcome[] = [];
    let next = 0;
    for (const charge of charges) {
      const share = charge.limit.onStoreFailure === 'share' ? shares[next++] : undefined;
      const outcome = share === undefined ? openOutcome(charge) : this.#shareOutcome(charge, share);
      if (spent && share?.admitted === true) this.#owe(charge);
      if (action === 'take') this.decisions[outcome.mode ?? 'open']++;
      outcomes.push(outcome);
    }
    return outcomes;
  }

  #shareOutcome({ limit }: Charge, share: LimitOutcome): LimitOutcome {
    if (limit.kind !== 'rate') return { ...share, burst: limit.burst, mode: 'share' };
    const notYetMs = Math.max(0, Math.ceil(this.#fillsFromMonoMs - this.#options.clock.monoMs()));
    return {
      ...share,
      retryAfterMs: share.admitted ? 0 : share.retryAfterMs + notYetMs,
      moreAfterMs: share.moreAfterMs + notYetMs,
      mode: 'share',
    };
  }

  #owe(charge: Charge): void {
    const { terms } = this.#shareOf(charge.limit);
    if (terms !== undefined) this.#options.store.owe?.(charge, terms);
  }

  #shareOf(limit: CompiledLimit): Share {
    let share = this.#shares.get(limit);
    if (share === undefined) {
      share = this.#divide(limit);
      this.#shares.set(limit, share);
    }
    return share;
  }

  #divide(limit: CompiledLimit): Share {
    // What of a quota is this instance's to spend differs by key: `#spentBefore` tells it.
    if (limit.kind === 'quota') return { limit, terms: fixedTerms };
    const part = shareOf(limit, Math.max(1, this.#parts));
    return { limit: part, terms: part.kind === 'rate' ? this.#termsOf(part) : undefined };
  }

  /**
   * The share of a quota is what was left of it, divided; where nothing is known of it, as if it had been used up evenly so far.
   * The rest counts as spent.
   */
  #spentBefore(limit: QuotaLimit, key: string, { startMs, endMs }: CalendarWindow): number {
    const { store, clock } = this.#options;
    const ahead = Math.min(1, (endMs - clock.wallMs()) / (endMs - startMs));
    const left = store.leftOf?.(limit, key) ?? limit.burst * ahead;
    return limit.burst - Math.floor(left / Math.max(1, this.#parts));
  }

  /** A full share filled from empty: until then the store's bucket was leaking as well. */
  #termsOf({ bucket }: RateLimit): OwedTerms {
    const fillMs = bucket.capacity / bucket.leakPerUs / 1000;
    return { leaksFromMonoMs: this.#fillsFromMonoMs + fillMs, parts: this.#parts };
  }
}

function isShared({ limit }: Charge): boolean {
  return limit.onStoreFailure === 'share';
}

function openOutcome({ limit, key, cost }: Charge): LimitOutcome {
  return {
    kind: limit.kind,
    name: limit.name,
    key,
    cost,
    remaining: limit.burst,
    shadow: limit.shadow,
    admitted: true,
    burst: limit.burst,
    windowMs: limit.windowMs,
    retryAfterMs: 0,
    moreAfterMs: 0,
    at: limit.at,
    mode: 'open',
  };
}
