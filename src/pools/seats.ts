// hot path: one take and one release per proxied request; nothing here makes a promise.
import { RetryBudget } from './retry-budget.ts';
import type { Clock } from '../core/clock.ts';
import { type EndpointState, findLeastLoaded, newEndpoint } from './endpoint.ts';
import type { PoolOptions } from './options.ts';
import type { Scheduler } from '../core/scheduler.ts';
import type { PoolStatus } from './status.ts';
import type { PoolRefusal, Queued, Seat, SeatOutcome, Waiter } from './seat.ts';

/** What a pool needs from outside. */
export interface PoolEnvironment {
  clock: Clock;
  scheduler: Scheduler;
}

/** Told about connections that could not be made, while the seat is being given back. */
export interface EndpointWatcher {
  onConnectFailure(endpoint: EndpointState): void;
}

interface ZoneCount {
  busy: number;
  queued: number;
}

const queued: Queued = { kind: 'queued' };

/**
 * The live state of one pool: who sits where, and who waits. No endpoint ever has more seats taken than it has, whoever
 * waits is called in the order of coming, and nobody waits while a seat is free.
 */
export class Pool {
  readonly retries = new RetryBudget();
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  #options: PoolOptions;
  #endpoints: EndpointState[];
  #upCount: number;
  #cursor = 0;
  #busy = 0;
  /** Deadline by waiter. A Map keeps the order of coming and forgets a waiter that leaves in constant time. */
  readonly #queue = new Map<Waiter, number>();
  readonly #zones = new Map<string, ZoneCount>();
  #down: PoolRefusal;
  #full: PoolRefusal;
  #late: PoolRefusal;
  #cancelTimer: (() => void) | undefined;
  #watcher: EndpointWatcher | undefined;
  #dispatching = false;

  constructor(options: PoolOptions, { clock, scheduler }: PoolEnvironment) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#options = options;
    this.#endpoints = options.endpoints.map(newEndpoint);
    this.#upCount = this.#endpoints.length;
    [this.#down, this.#full, this.#late] = makeRefusals(options);
  }

  get options(): PoolOptions {
    return this.#options;
  }

  get endpoints(): readonly EndpointState[] {
    return this.#endpoints;
  }

  watch(watcher: EndpointWatcher): void {
    this.#watcher = watcher;
  }

  /** A seat at once when one is free and nobody waits, else a place in the queue, else a refusal. */
  take(waiter: Waiter): Seat | Queued | PoolRefusal {
    if (this.#upCount === 0) return this.#down;
    if (this.#queue.size === 0) {
      const at = findLeastLoaded(this.#endpoints, this.#cursor);
      if (at !== -1) return this.#occupy(at, this.#zone(waiter.zone));
    }
    if (this.#queue.has(waiter)) throw new TypeError('"waiter" waits in this pool already');
    if (this.#queue.size >= this.#options.queue.max) return this.#full;
    this.#queue.set(waiter, this.#clock.monoMs() + this.#options.queue.deadlineMs);
    this.#zone(waiter.zone).queued++;
    if (this.#cancelTimer === undefined) this.#armTimer(this.#options.queue.deadlineMs);
    return queued;
  }

  /** Gives up the place in the queue; the waiter is not called any more. False when it does not wait. */
  leave(waiter: Waiter): boolean {
    if (!this.#queue.delete(waiter)) return false;
    this.#zone(waiter.zone).queued--;
    return true;
  }

  /** For `Seat.release` only. */
  settle(seat: HeldSeat, outcome: SeatOutcome): void {
    if (seat.released) return;
    seat.released = true;
    const endpoint = seat.endpoint;
    endpoint.busy--;
    seat.count.busy--;
    this.#busy--;
    if (outcome === 'ok') {
      // The time of taking, not of now: a worker that finishes an old request proves nothing about the port, which Odoo
      // closes at SIGTERM while its workers finish.
      if (seat.takenMs > endpoint.answeredMs) endpoint.answeredMs = seat.takenMs;
    } else if (outcome === 'failed') {
      // Before the next waiter is served, so that it does not get the endpoint that has just gone down.
      this.#watcher?.onConnectFailure(endpoint);
    }
    this.#dispatch();
  }

  /** Takes an endpoint out of service or back; with the last one gone, everyone who waits is refused at once. */
  setUp(endpoint: EndpointState, up: boolean): void {
    endpoint.up = up;
    this.#afterEndpointChange();
  }

  /**
   * Goes on with new options. Seats in use stay in use, whoever waits keeps the place, and an endpoint with the same URL
   * keeps its load and health, so a reload neither drops a request nor sends more to Odoo than it has seats. With fewer
   * seats than are taken, none is given out until enough of them are back.
   */
  reconfigure(options: PoolOptions): void {
    const known = new Map(this.#endpoints.map((endpoint) => [endpoint.url, endpoint]));
    this.#options = options;
    this.#endpoints = options.endpoints.map((wanted) => {
      const endpoint = known.get(wanted.url) ?? newEndpoint(wanted);
      endpoint.seats = wanted.seats;
      if (options.health === undefined) {
        endpoint.up = true;
        endpoint.saturatedMs = -Infinity;
      }
      return endpoint;
    });
    this.#cursor = 0;
    [this.#down, this.#full, this.#late] = makeRefusals(options);
    // Deadlines must stay in the order of the queue, because the timer watches its head only.
    const latestMs = this.#clock.monoMs() + options.queue.deadlineMs;
    for (const [waiter, deadlineMs] of this.#queue) {
      if (deadlineMs > latestMs) this.#queue.set(waiter, latestMs);
    }
    if (this.#queue.size > 0) this.#armTimer(0);
    this.#afterEndpointChange();
  }

  /** Forgets the counts of zones that have nothing here, so that zones of past configurations do not pile up. */
  forgetIdleZones(): void {
    for (const [zone, count] of this.#zones) {
      if (count.busy === 0 && count.queued === 0) this.#zones.delete(zone);
    }
  }

  /** Refuses whoever waits and whoever comes; seats in use can still be given back. */
  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#endpoints = [];
    this.#afterEndpointChange();
  }

  status(): PoolStatus {
    const busyByZone: Record<string, number> = {};
    const queuedByZone: Record<string, number> = {};
    for (const [zone, count] of this.#zones) {
      busyByZone[zone] = count.busy;
      queuedByZone[zone] = count.queued;
    }
    return {
      name: this.#options.name,
      seats: this.#endpoints.reduce((sum, endpoint) => sum + endpoint.seats, 0),
      busy: this.#busy,
      busyByZone,
      queued: this.#queue.size,
      queuedByZone,
      endpoints: this.#endpoints.map((endpoint) => ({
        url: endpoint.url,
        up: endpoint.up,
        saturated: endpoint.saturatedMs > endpoint.answeredMs,
        busy: endpoint.busy,
        seats: endpoint.seats,
      })),
    };
  }

  #occupy(at: number, count: ZoneCount): HeldSeat {
    // Written bound: `at` comes from findLeastLoaded over these endpoints.
    const endpoint = this.#endpoints[at]!;
    endpoint.busy++;
    count.busy++;
    this.#busy++;
    this.#cursor = at + 1 === this.#endpoints.length ? 0 : at + 1;
    return new HeldSeat(this, endpoint, count, this.#clock.monoMs());
  }

  /** Seats whoever waits. A loop with a flag: a waiter that gives its seat back at once must not deepen the stack. */
  #dispatch(): void {
    if (this.#dispatching || this.#queue.size === 0) return;
    this.#dispatching = true;
    try {
      for (const waiter of this.#queue.keys()) {
        const at = findLeastLoaded(this.#endpoints, this.#cursor);
        if (at === -1) break;
        this.#queue.delete(waiter);
        const count = this.#zone(waiter.zone);
        count.queued--;
        waiter.onSeat(this.#occupy(at, count));
      }
    } finally {
      this.#dispatching = false;
    }
  }

  #afterEndpointChange(): void {
    this.#upCount = this.#endpoints.reduce((sum, endpoint) => sum + (endpoint.up ? 1 : 0), 0);
    if (this.#upCount > 0) {
      this.#dispatch();
      return;
    }
    for (const waiter of this.#queue.keys()) this.#refuse(waiter, this.#down);
  }

  #refuse(waiter: Waiter, refusal: PoolRefusal): void {
    this.#queue.delete(waiter);
    this.#zone(waiter.zone).queued--;
    waiter.onRefused(refusal);
  }

  /** One timer for the whole queue. It is not moved when the head leaves: it fires early then, and is set again. */
  #armTimer(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#scheduler.after(delayMs, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.monoMs();
    for (const [waiter, deadlineMs] of this.#queue) {
      if (deadlineMs > nowMs) {
        this.#armTimer(Math.ceil(deadlineMs - nowMs));
        return;
      }
      this.#refuse(waiter, this.#late);
    }
  };

  #zone(name: string): ZoneCount {
    let count = this.#zones.get(name);
    if (count === undefined) {
      count = { busy: 0, queued: 0 };
      this.#zones.set(name, count);
    }
    return count;
  }
}

class HeldSeat implements Seat {
  readonly kind = 'seat';
  readonly endpoint: EndpointState;
  readonly count: ZoneCount;
  readonly takenMs: number;
  released = false;
  readonly #pool: Pool;

  constructor(pool: Pool, endpoint: EndpointState, count: ZoneCount, takenMs: number) {
    this.#pool = pool;
    this.endpoint = endpoint;
    this.count = count;
    this.takenMs = takenMs;
  }

  release(outcome: SeatOutcome): void {
    this.#pool.settle(this, outcome);
  }
}

/** Built once per configuration, so that refusing a flood allocates nothing. */
function makeRefusals(options: PoolOptions): [down: PoolRefusal, full: PoolRefusal, late: PoolRefusal] {
  const lookMs =
    options.health === undefined ? 5_000 : options.health.intervalMs * options.health.healthyAfter;
  const queueMs = Math.max(1_000, options.queue.deadlineMs);
  return [
    { kind: 'refused', reason: 'pool_down', retryAfterMs: Math.max(1_000, lookMs) },
    { kind: 'refused', reason: 'pool_queue_full', retryAfterMs: queueMs },
    { kind: 'refused', reason: 'pool_queue_timeout', retryAfterMs: queueMs },
  ];
}
