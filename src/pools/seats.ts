// hot path: one take and one release per proxied request; nothing here makes a promise.
import { RetryBudget } from './retry-budget.ts';
import type { Clock } from '../core/clock.ts';
import { workClasses } from '../core/work-class.ts';
import { type EndpointState, findForReport, findHome, findLeastLoaded } from './endpoint.ts';
import { EndpointList } from './endpoint-list.ts';
import { type Charge, FairQueue } from './fair-queue.ts';
import type { PoolLedger } from './ledger.ts';
import { HeldSeat } from './held-seat.ts';
import type { PoolOptions } from './options.ts';
import { SeatAdvice } from './seat-advice.ts';
import type { Scheduler } from '../core/scheduler.ts';
import { type PoolStatus, poolStatus } from './status.ts';
import type { Claim, PoolRefusal, Queued, Seat, SeatOutcome, Waiter } from './seat.ts';
import { ZoneCounts } from './zone-counts.ts';

/** What a pool needs from outside. */
export interface PoolEnvironment {
  clock: Clock;
  scheduler: Scheduler;
  ledger?: PoolLedger;
}

/** Told about requests that came to nothing, while the seat is being given back. */
export interface EndpointWatcher {
  onConnectFailure(endpoint: EndpointState): void;
  /** The connection that was begun at `takenMs` broke, or brought what is no HTTP. */
  onBroken(endpoint: EndpointState, takenMs: number): void;
}

const queued: Queued = { kind: 'queued' };

/**
 * The live state of one pool: who sits where, and who waits. No endpoint ever has more seats taken than it has, whoever
 * waits is called when it is his turn (`FairQueue`), and nobody waits while there is a seat that he may have.
 */
export class Pool {
  readonly retries = new RetryBudget();
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #ledger: PoolLedger | undefined;
  readonly #queue: FairQueue;
  #options: PoolOptions;
  readonly #list: EndpointList;
  #upCount = 0;
  #cursor = 0;
  #busy = 0;
  readonly #zones = new ZoneCounts();
  readonly #advice = new SeatAdvice();
  #down: PoolRefusal;
  #cancelTimer: (() => void) | undefined;
  #timerMs = Infinity;
  #watcher: EndpointWatcher | undefined;
  #dispatching = false;
  #refusing = false;

  constructor(options: PoolOptions, { clock, scheduler, ledger }: PoolEnvironment) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#ledger = ledger;
    this.#options = options;
    this.#list = new EndpointList(options, { clock, scheduler }, () => this.#afterEndpointChange());
    this.#down = downRefusal(options);
    this.#queue = new FairQueue(options, (workClass, cause) =>
      this.#ledger?.shed(this.#options.name, workClass, cause),
    );
    this.#countSeats();
  }

  get options(): PoolOptions {
    return this.#options;
  }

  get endpoints(): readonly EndpointState[] {
    return this.#list.listed;
  }

  watch(watcher: EndpointWatcher): void {
    this.#watcher = watcher;
  }

  /** A seat at once when there is one that nobody else has a right to, else a place in the queue, else a refusal. */
  take(waiter: Waiter): Seat | Queued | PoolRefusal {
    if (this.#upCount === 0) return this.#down;
    const nowMs = this.#clock.monoMs();
    // While those who wait are being seated, whoever comes waits behind them.
    if (!this.#dispatching && this.#queue.mayBegin(waiter)) {
      const at = this.#findSeat(waiter);
      if (at !== -1) return this.#occupy(at, waiter.zone, { charge: this.#queue.begin(waiter), nowMs });
    }
    const refusal = this.#queue.enqueue(waiter, nowMs);
    if (refusal === undefined) {
      this.#zones.of(waiter.zone).queued++;
      const lateMs = nowMs + this.#queue.longestWaitMs(waiter);
      if (lateMs < this.#timerMs) this.#armTimer(lateMs - nowMs, nowMs);
    }
    this.#tellShed();
    return refusal ?? queued;
  }

  /** Gives up the place in the queue; the waiter is not called any more. False when it does not wait. */
  leave(waiter: Waiter): boolean {
    if (!this.#queue.leave(waiter)) return false;
    this.#zones.of(waiter.zone).queued--;
    return true;
  }

  /** For `Seat.release` only. */
  settle(seat: HeldSeat, outcome: SeatOutcome): void {
    if (seat.released) return;
    seat.released = true;
    const { endpoint, charge } = seat;
    const { line } = charge;
    endpoint.busy--;
    endpoint.busyByClass[line.name]--;
    if (charge.isReport) endpoint.reports--;
    if (endpoint.up && endpoint.listed) line.inService--;
    seat.count.busy--;
    this.#busy--;
    const nowMs = this.#clock.monoMs();
    const serviceMs = nowMs - seat.takenMs;
    if (outcome !== 'failed') this.#advice.note(seat.busy, charge.place, serviceMs);
    this.#queue.end(charge, serviceMs, outcome !== 'failed');
    this.#ledger?.served(this.#options.name, {
      workClass: line.name,
      tenant: charge.flow.tenant,
      serviceMs,
      outcome,
    });
    if (outcome === 'ok' || outcome === 'unwanted') {
      // The time of taking, not of now: a worker that finishes an old request proves nothing about the port, which Odoo
      // closes at SIGTERM while its workers finish.
      if (seat.takenMs > endpoint.answeredMs) endpoint.answeredMs = seat.takenMs;
      if (seat.takenMs > endpoint.failedMs) endpoint.failures = 0;
    } else if (outcome === 'failed') {
      // Before the next waiter is served, so that it does not get the endpoint that has just gone down.
      this.#watcher?.onConnectFailure(endpoint);
    } else if (outcome === 'broken') this.#watcher?.onBroken(endpoint, seat.takenMs);
    this.#dispatch(nowMs);
  }

  /** Takes an endpoint out of service or back; with the last one gone, everyone who waits is refused at once. */
  setUp(endpoint: EndpointState, up: boolean): void {
    this.#list.setUp(endpoint, up);
    this.#afterEndpointChange();
  }

  /**
   * Goes on with new options. Seats in use stay in use, whoever waits keeps the place, and an endpoint with the same URL
   * keeps its load and health, so a reload neither drops a request nor sends more to Odoo than it has seats. With fewer
   * seats than are taken, none is given out until enough of them are back.
   */
  reconfigure(options: PoolOptions): void {
    this.#options = options;
    this.#list.relist(options);
    this.#cursor = 0;
    this.#down = downRefusal(options);
    this.#queue.reconfigure(options);
    if (this.#queue.size > 0) this.#armTimer(0, this.#clock.monoMs());
    this.#afterEndpointChange();
  }

  /** Forgets zones and tenants that have nothing here, so that those of past configurations do not pile up. */
  forgetIdle(): void {
    this.#zones.forgetIdle();
    this.#queue.forgetIdle();
  }

  /** Refuses whoever waits and whoever comes; seats in use can still be given back. */
  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#list.clear();
    this.#afterEndpointChange();
  }

  status(): PoolStatus {
    return poolStatus({
      name: this.#options.name,
      busy: this.#busy,
      zones: this.#zones,
      endpoints: this.#list.listed,
      leaving: this.#list.leaving,
      lines: this.#queue.lines,
      advice: this.#advice,
      nowMs: this.#clock.monoMs(),
    });
  }

  #findSeat({ isReport, affinity }: Claim): number {
    if (isReport) return findForReport(this.#list.listed, this.#cursor);
    const at = findLeastLoaded(this.#list.listed, this.#cursor);
    return at === -1 || affinity === undefined ? at : findHome(this.#list.listed, affinity, at);
  }

  #occupy(at: number, zone: string, { charge, nowMs }: { charge: Charge; nowMs: number }): HeldSeat {
    // Written bound: `at` comes from a search over these endpoints.
    const endpoint = this.#list.listed[at]!;
    const count = this.#zones.of(zone);
    endpoint.busy++;
    endpoint.busyByClass[charge.line.name]++;
    if (charge.isReport) endpoint.reports++;
    charge.line.inService++;
    if (this.#list.weighted) endpoint.given += 1 / endpoint.weight;
    count.busy++;
    this.#busy++;
    this.#cursor = at + 1 === this.#list.listed.length ? 0 : at + 1;
    return new HeldSeat(this, { endpoint, count, charge, takenMs: nowMs, busy: this.#busy });
  }

  /** Seats whoever waits, all of them at one time of the clock. A loop with a flag: a waiter that gives its seat back at once must not deepen the stack. */
  #dispatch(nowMs: number): void {
    if (this.#dispatching || this.#queue.size === 0) return;
    this.#dispatching = true;
    try {
      for (;;) {
        const at = findLeastLoaded(this.#list.listed, this.#cursor);
        if (at === -1) break;
        const forReport = this.#queue.reportsWait ? findForReport(this.#list.listed, this.#cursor) : -1;
        const turn = this.#queue.next(nowMs, forReport !== -1);
        if (turn === undefined) break;
        const { waiter, charge } = turn;
        this.#zones.of(waiter.zone).queued--;
        const { affinity } = waiter;
        const home = affinity === undefined ? at : findHome(this.#list.listed, affinity, at);
        const found = charge.isReport ? forReport : home;
        waiter.onSeat(this.#occupy(found, waiter.zone, { charge, nowMs }));
      }
    } finally {
      this.#dispatching = false;
    }
    this.#tellShed();
  }

  #afterEndpointChange(): void {
    this.#countSeats();
    if (this.#upCount > 0) {
      this.#dispatch(this.#clock.monoMs());
      return;
    }
    this.#queue.clear(this.#down);
    this.#tellShed();
  }

  #countSeats(): void {
    let seats = 0;
    const held = { critical: 0, interactive: 0, batch: 0 };
    this.#upCount = 0;
    this.#list.settle(this.#options.slowStartMs ?? 0);
    this.retries.hold(Math.max(0, ...this.#list.listed.map(({ allSeats }) => allSeats)));
    for (const endpoint of this.#list.listed) {
      if (!endpoint.up) continue;
      this.#upCount++;
      seats += endpoint.seats;
      for (const name of workClasses) held[name] += endpoint.busyByClass[name];
    }
    this.#queue.resize(seats, held);
  }

  /** Tells those that were shed. A loop with a flag as well: who hears of it may come again at once, and shed others. */
  #tellShed(): void {
    const { shed } = this.#queue;
    if (this.#refusing || shed.length === 0) return;
    this.#refusing = true;
    try {
      for (const { waiter, refusal } of shed) {
        this.#zones.of(waiter.zone).queued--;
        waiter.onRefused(refusal);
      }
    } finally {
      shed.length = 0;
      this.#refusing = false;
    }
  }

  /** One timer for the whole queue. It is not moved when the head leaves: it fires early then, and is set again. */
  #armTimer(delayMs: number, nowMs: number): void {
    this.#cancelTimer?.();
    this.#timerMs = nowMs + delayMs;
    this.#cancelTimer = this.#scheduler.after(Math.ceil(delayMs), this.#onTimer);
  }

  readonly #onTimer = (): void => {
    this.#cancelTimer = undefined;
    this.#timerMs = Infinity;
    const nowMs = this.#clock.monoMs();
    const againMs = this.#queue.expire(nowMs);
    if (againMs !== undefined) this.#armTimer(Math.max(1, againMs), nowMs);
    this.#tellShed();
  };
}

/** Built once per configuration, so that refusing a flood allocates nothing. */
function downRefusal({ health }: PoolOptions): PoolRefusal {
  const lookMs = health === undefined ? 5_000 : health.intervalMs * health.healthyAfter;
  return { kind: 'refused', reason: 'pool_down', retryAfterMs: Math.max(1_000, lookMs) };
}
