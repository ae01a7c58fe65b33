// hot path: for calls of zones that learn, a look-up before and one after; nothing where no method was slow yet.
import type { Clock } from '../core/clock.ts';
import type { OdooCall } from '../core/facts.ts';
import { ownText } from '../core/own-text.ts';
import type { Workload } from '../core/workload.ts';

/** Methods that were slow at least once, of all zones and tenants: about 1 MiB at most. */
export const maxLearned = 2048;
/** Tenants of a zone whose share of slow calls is known. */
const maxTenants = 10_000;
/** Calls without which nothing is concluded. */
export const minCalls = 20;
/** How much the newest call counts, once there are enough. */
const newest = 1 / minCalls;
/** What one call counts at most, in times of the limit: one that hangs must not decide. */
export const mostTimes = 4;
/** How much the newest call changes the share of slow ones. */
const newestOfShare = 0.02;
/** A method that nobody called for so long is like one that was never seen. */
export const forgetAfterMs = 24 * 3600 * 1000;
/** Odoo's own names are far shorter: a model is a table, of 63 characters at most. */
const maxNameLength = 200;

/** Whose calls are one: those of a tenant in a zone, or of the zone where it has no tenants. */
export interface Caller {
  zone: string;
  tenant: string | undefined;
}

/** What is known of a method. */
export interface Timing {
  readonly meanMs: number;
  /** How many calls the mean is made of, older ones counting less. */
  readonly calls: number;
}

/** A method that is batch work from now on, or interactive again: it became fast, or was not called for long. */
export interface ClassMove extends Caller {
  model: string;
  method: string;
  to: Workload & ('interactive' | 'batch');
  cause: 'slow' | 'fast' | 'forgotten';
  meanMs: number;
  calls: number;
}

interface Learned extends Caller {
  model: string;
  method: string;
  meanMs: number;
  calls: number;
  lastMs: number;
  batch: boolean;
}

interface SlowShare {
  calls: number;
  share: number;
}

/**
 * Which methods of Odoo are too slow for interactive work, by the time that a worker took for them: each (zone, tenant, method) by
 * itself. One becomes batch work when its mean over at least 20 calls is above the limit of its zone, and interactive again when it
 * is below half of it. While most of a tenant's interactive calls are slow nothing is learned: then its Odoo is slow, and not a method.
 *
 * Only a method that was slow once is remembered, so names that nobody serves take no room: Odoo refuses them at once. The slow call
 * that makes it known does not count, because it was picked for being slow.
 */
export class LearnedClasses {
  readonly #clock: Clock;
  readonly #onMove: (move: ClassMove) => void;
  /** Those whose last call is the oldest come first. */
  readonly #methods = new Map<string, Learned>();
  readonly #shares = new Map<string, Map<string, SlowShare>>();
  #batch = 0;

  constructor({ clock, onMove }: { clock: Clock; onMove: (move: ClassMove) => void }) {
    this.#clock = clock;
    this.#onMove = onMove;
  }

  /** What is known of a call that is batch work by what was learned; undefined for others. */
  findBatch(caller: Caller, call: OdooCall): Timing | undefined {
    if (this.#batch === 0) return undefined;
    const key = keyOf(caller, call);
    const found = this.#methods.get(key);
    if (found === undefined || !found.batch) return undefined;
    if (this.#isCurrent(found)) return found;
    this.#forget(key, found);
    return undefined;
  }

  /** A worker was busy with the call for so long; `slowerThanMs` is the limit of the zone. */
  observe(caller: Caller, call: OdooCall, { serviceMs, slowerThanMs }: ObservedCall): void {
    const slow = serviceMs * 2 >= slowerThanMs;
    if (!slow && this.#methods.size === 0) {
      this.#countSlow(caller, slow);
      return;
    }
    const key = keyOf(caller, call);
    const known = this.#methods.get(key);
    const ownFault = known?.batch === true ? this.#isUsuallyFast(caller) : this.#countSlow(caller, slow);
    if (!ownFault) return;
    if (known === undefined) {
      if (slow) this.#open(key, caller, call);
      return;
    }
    // It goes to the end of those that are to be forgotten.
    this.#methods.delete(key);
    if (!this.#isCurrent(known)) {
      this.#leaveBatch(known, 'forgotten');
      known.calls = 0;
    }
    this.#methods.set(key, known);
    count(known, Math.min(serviceMs, mostTimes * slowerThanMs));
    known.lastMs = this.#clock.monoMs();
    if (known.batch) {
      if (known.meanMs * 2 < slowerThanMs) this.#leaveBatch(known, 'fast');
    } else if (known.calls >= minCalls && known.meanMs > slowerThanMs) {
      known.batch = true;
      this.#batch++;
      this.#tell(known, 'slow');
    }
  }

  /** Forgets the zones that learn no more. */
  retain(learns: (zone: string) => boolean): void {
    for (const [key, learned] of this.#methods) if (!learns(learned.zone)) this.#forget(key, learned);
    for (const zone of this.#shares.keys()) if (!learns(zone)) this.#shares.delete(zone);
  }

  /** Methods that are remembered. */
  get size(): number {
    return this.#methods.size;
  }

  /** How many methods are batch work by what was learned, by zone. */
  batchByZone(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const learned of this.#methods.values()) {
      if (learned.batch && this.#isCurrent(learned))
        counts.set(learned.zone, (counts.get(learned.zone) ?? 0) + 1);
    }
    return counts;
  }

  #open(key: string, { zone, tenant }: Caller, { model, method }: OdooCall): void {
    if (model.length + method.length > maxNameLength) return;
    if (this.#methods.size >= maxLearned) {
      const oldest = this.#methods.entries().next().value;
      if (oldest !== undefined) this.#forget(...oldest);
    }
    this.#methods.set(ownText(key), {
      zone,
      tenant,
      model: ownText(model),
      method: ownText(method),
      meanMs: 0,
      calls: 0,
      lastMs: this.#clock.monoMs(),
      batch: false,
    });
  }

  #forget(key: string, learned: Learned): void {
    this.#methods.delete(key);
    this.#leaveBatch(learned, 'forgotten');
  }

  #leaveBatch(learned: Learned, cause: 'fast' | 'forgotten'): void {
    if (!learned.batch) return;
    learned.batch = false;
    this.#batch--;
    this.#tell(learned, cause);
  }

  #tell(learned: Learned, cause: ClassMove['cause']): void {
    const { zone, tenant, model, method, meanMs, calls, batch } = learned;
    this.#onMove({ zone, tenant, model, method, to: batch ? 'batch' : 'interactive', cause, meanMs, calls });
  }

  #isCurrent({ lastMs }: Learned): boolean {
    return this.#clock.monoMs() - lastMs <= forgetAfterMs;
  }

  #isUsuallyFast({ zone, tenant = '' }: Caller): boolean {
    const share = this.#shares.get(zone)?.get(tenant);
    return share === undefined || share.share < 0.5;
  }

  /** Counts an interactive call; tells whether the usual one is fast. */
  #countSlow({ zone, tenant = '' }: Caller, slow: boolean): boolean {
    let tenants = this.#shares.get(zone);
    if (tenants === undefined) {
      tenants = new Map();
      this.#shares.set(zone, tenants);
    }
    let share = tenants.get(tenant);
    if (share === undefined) {
      if (tenants.size >= maxTenants) tenants.clear();
      share = { calls: 0, share: 0 };
      tenants.set(tenant, share);
    }
    share.calls++;
    share.share += ((slow ? 1 : 0) - share.share) * Math.max(newestOfShare, 1 / share.calls);
    return share.share < 0.5;
  }
}

export interface ObservedCall {
  serviceMs: number;
  slowerThanMs: number;
}

function count(learned: Learned, ms: number): void {
  learned.calls++;
  learned.meanMs += (ms - learned.meanMs) * Math.max(newest, 1 / learned.calls);
}

function keyOf({ zone, tenant = '' }: Caller, { model, method }: OdooCall): string {
  return `${zone}\0${tenant}\0${model}\0${method}`;
}
