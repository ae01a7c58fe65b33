import type { Clock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { CompiledLimit } from './compile.ts';
import { MemoryStore } from './memory-store.ts';
import { shareOf } from './share.ts';
import { StoreBreaker } from './store-breaker.ts';
import { isAdmitted } from './store.ts';
import type { Charge, LimitStore, LimitReply } from './store.ts';

/** `store`: the shared store decides. `local`: it fails, and every limit does what its `onStoreFailure` says. */
export type StoreMode = 'store' | 'local';

/** A store that several instances share. Its promises may reject. */
export interface SharedStore extends LimitStore {
  /** Decides from what this instance holds already, or gives undefined; says nothing about the store's health. */
  takeHeld?(charges: readonly Charge[]): LimitOutcome[] | undefined;
  /** Is told of what a share admitted, so that it becomes debt when the store answers again. */
  owe?(charge: Charge): void;
}

export interface FailoverOptions {
  store: SharedStore;
  clock: Clock;
  /** How many instances share the store. */
  instances: number;
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

/**
 * A shared store that never fails: what a limit says in `onStoreFailure` holds while the store gives no answer. `share`
 * enforces this instance's part, from buckets that start empty when the failure starts, so that a store that comes and
 * goes hands out no burst each time. `open` lets the request pass uncounted. `closed` gives `StoreUnavailable`, and
 * nothing is charged. A shadow limit never closes anything.
 */
export class FailoverStore implements LimitStore {
  readonly decisions: StoreDecisions = { store: 0, share: 0, open: 0, closed: 0 };
  readonly #options: FailoverOptions;
  readonly #breaker: StoreBreaker;
  readonly #local: MemoryStore;
  readonly #shares = new WeakMap<CompiledLimit, CompiledLimit>();
  #mode: StoreMode = 'store';
  /** Failures since the last answer; the first one starts the empty buckets. */
  #failures = 0;

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#breaker = new StoreBreaker(options.clock, options.random ?? Math.random);
    this.#local = new MemoryStore({ clock: options.clock });
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

  /** Lets the next request probe at once, for when the connection is back. */
  retryNow(): void {
    this.#breaker.allowProbe();
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
    // A late answer to a request from before the breaker opened ends nothing.
    if (!this.#breaker.isOpen) this.#recover();
    if (action === 'take') this.decisions.store += charges.length;
    return reply;
  }

  #startFailing(cause: string): void {
    this.#failures++;
    if (this.#failures === 1) this.#local.restartEmpty();
    // The breaker stays closed while failures are rare, but where requests are rare too nothing else would tell of them.
    if (this.#breaker.isOpen || this.#failures >= failuresToTell) this.#enterMode('local', cause);
  }

  #recover(): void {
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
      if (limit.onStoreFailure === 'share') shared.push({ limit: this.#shareOf(limit), key, cost });
    }
    const shares = this.#local[action](shared);
    const spent = action === 'take' && isAdmitted(shares);
    const outcomes: LimitOutcome[] = [];
    let next = 0;
    for (const charge of charges) {
      const share = charge.limit.onStoreFailure === 'share' ? shares[next++] : undefined;
      const outcome: LimitOutcome = share === undefined ? openOutcome(charge) : { ...share, mode: 'share' };
      if (spent && share?.admitted === true) this.#options.store.owe?.(charge);
      if (action === 'take') this.decisions[outcome.mode ?? 'open']++;
      outcomes.push(outcome);
    }
    return outcomes;
  }

  #shareOf(limit: CompiledLimit): CompiledLimit {
    let share = this.#shares.get(limit);
    if (share === undefined) {
      share = shareOf(limit, this.#options.instances);
      this.#shares.set(limit, share);
    }
    return share;
  }
}

function openOutcome({ limit, key, cost }: Charge): LimitOutcome {
  return {
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
