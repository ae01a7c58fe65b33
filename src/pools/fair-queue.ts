// hot path: one turn for each request; nothing here makes a promise or sets a timer.
import { type WorkClass, workClasses } from '../core/work-class.ts';
import { classCaps, tenantCap } from './class-caps.ts';
import { ClassQueue } from './class-queue.ts';
import type { Entry, Flow, Lane } from './flow.ts';
import type { ShedCause } from './ledger.ts';
import type { PoolOptions } from './options.ts';
import type { Claim, PoolRefusal, Shed, Waiter } from './seat.ts';
import { ServiceTimes } from './service-time.ts';

/** A seat that is charged to somebody, from `begin` to `end`. */
export interface Charge {
  readonly line: ClassQueue;
  readonly flow: Flow;
  /** Where its service time is learnt. */
  readonly place: number;
  readonly estimateMs: number;
  readonly isReport: boolean;
}

/** Bounds of what `Retry-After` says. */
const leastRetryMs = 1_000;
const mostRetryMs = 30_000;

/**
 * Who waits in a pool, and whose turn it is: the class whose weight was used least, in it the tenant that was charged least, of
 * that tenant whoever came first. Knows nothing of endpoints; whoever calls it has a seat to give.
 */
export class FairQueue {
  /** Those that were shed and not told yet; the caller empties it. */
  readonly shed: Shed[] = [];
  /** Told when a request is given up. */
  readonly #onShed: (workClass: WorkClass, cause: ShedCause) => void;
  readonly #lines: Record<WorkClass, ClassQueue>;
  readonly #ordered: readonly ClassQueue[];
  readonly #times = new ServiceTimes();
  #options: PoolOptions;
  #seats = 0;
  #tenantSeats = 1;
  #nowVirtualMs = 0;
  #size = 0;

  constructor(options: PoolOptions, onShed: (workClass: WorkClass, cause: ShedCause) => void) {
    this.#options = options;
    this.#onShed = onShed;
    this.#lines = {
      critical: new ClassQueue('critical', options.classes.critical),
      interactive: new ClassQueue('interactive', options.classes.interactive),
      batch: new ClassQueue('batch', options.classes.batch),
    };
    this.#ordered = workClasses.map((name) => this.#lines[name]);
  }

  get size(): number {
    return this.#size;
  }

  get lines(): readonly ClassQueue[] {
    return this.#ordered;
  }

  get reportsWait(): boolean {
    const { critical, interactive, batch } = this.#lines;
    return batch.reportsWait || interactive.reportsWait || critical.reportsWait;
  }

  /** Goes on with new options; who waits keeps the place, and the deadline is the new one. */
  reconfigure(options: PoolOptions): void {
    this.#options = options;
    for (const line of this.#ordered) line.options = options.classes[line.name];
    this.#setCaps(this.#seats);
  }

  /** How many seats are in service, and how many of them each class holds. */
  resize(seats: number, held: Readonly<Record<WorkClass, number>>): void {
    for (const line of this.#ordered) line.inService = held[line.name];
    this.#setCaps(seats);
  }

  #setCaps(seats: number): void {
    this.#seats = seats;
    this.#tenantSeats = tenantCap(seats);
    const caps = classCaps(seats, this.#options);
    for (const line of this.#ordered) line.cap = caps[line.name];
  }

  /** Whether somebody who comes now may have a seat that is free. Nobody of the same class waits then who could have it. */
  mayBegin({ workClass }: Claim): boolean {
    return this.#mayHoldMore(this.#lines[workClass]);
  }

  /** Charges a seat to somebody who did not have to wait. */
  begin(claim: Claim): Charge {
    const line = this.#lines[claim.workClass];
    const flow = line.flowOf(claim.tenant);
    const place = this.#times.placeOf(claim.tenant, claim.route);
    const estimateMs = this.#times.meanMs(place);
    this.#wake(line);
    line.begin(flow, estimateMs);
    return this.#charge(line, { flow, place, estimateMs, isReport: claim.isReport });
  }

  /** The seat is back after `serviceMs`; `learn` is false when nothing was served. */
  end({ line, flow, place, estimateMs }: Charge, serviceMs: number, learn: boolean): void {
    const errorMs = serviceMs - estimateMs;
    line.end(flow, errorMs);
    line.virtualMs += errorMs / line.options.weight;
    if (!learn) return;
    this.#times.learn(place, serviceMs);
    line.serviceTime.add(serviceMs);
  }

  /** Gives a place in the queue, if need be that of somebody less urgent or of whoever waits with the most; else a refusal. */
  enqueue(waiter: Waiter, nowMs: number): PoolRefusal | undefined {
    const line = this.#lines[waiter.workClass];
    if (line.waiting.has(waiter)) throw new TypeError('"waiter" waits in this pool already');
    const { max, perTenant } = this.#options.queue;
    const flow = line.flowOf(waiter.tenant);
    this.#dropLate(line, nowMs);
    this.#dropStale(line, flow, nowMs);
    if (flow.length >= perTenant) return this.#refuse(line, flow, 'tenant_queue_full');
    if (this.#size >= max && !this.#makeRoom(line, flow)) return this.#refuse(line, flow, 'pool_queue_full');
    this.#wake(line);
    const place = this.#times.placeOf(waiter.tenant, waiter.route);
    line.add(waiter, flow, { arrivedMs: nowMs, estimateMs: this.#times.meanMs(place), place });
    this.#size++;
    return undefined;
  }

  /** Whoever has the next turn, charged for a seat and out of the queue. Who is too late by now is shed on the way. */
  next(nowMs: number, reportFits: boolean): { waiter: Waiter; charge: Charge } | undefined {
    for (;;) {
      const lane = this.#nextLane(reportFits);
      if (lane === undefined) return undefined;
      const line = this.#lines[lane.workClass];
      const { flow } = lane;
      line.observe(flow, nowMs);
      this.#dropLate(line, nowMs);
      this.#dropStale(line, flow, nowMs);
      // People who gave up waiting are at the head; whoever came last is most likely still there.
      const entry = flow.standing.stands && line.name !== 'batch' ? lane.newest : lane.oldest;
      if (entry === undefined) continue;
      const { waiter, place } = entry;
      // Not what was expected when it came: more is known by now.
      const estimateMs = this.#times.meanMs(place);
      line.beginWaiting(entry, estimateMs);
      this.#size--;
      const isReport = lane === flow.reports;
      return { waiter, charge: this.#charge(line, { flow, place, estimateMs, isReport }) };
    }
  }

  /** Takes out somebody who does not want to wait any more; false when nobody of that name does. */
  leave(waiter: Waiter): boolean {
    const line = this.#lines[waiter.workClass];
    const entry = line.waiting.get(waiter);
    if (entry === undefined) return false;
    this.#remove(line, entry);
    this.#onShed(line.name, 'client_gone');
    return true;
  }

  /** Sheds everybody who has waited too long, and says in how many milliseconds to look again; undefined when nobody waits. */
  expire(nowMs: number): number | undefined {
    let againMs: number | undefined;
    for (const line of this.#ordered) {
      this.#dropLate(line, nowMs);
      const { oldest } = line;
      if (oldest === undefined) continue;
      const leftMs = oldest.arrivedMs + line.longestWaitMs - nowMs;
      if (againMs === undefined || leftMs < againMs) againMs = leftMs;
    }
    return againMs;
  }

  /** How long somebody of this class may wait from now on. */
  longestWaitMs({ workClass }: Claim): number {
    return this.#lines[workClass].longestWaitMs;
  }

  /** Sheds everybody, with one and the same refusal. */
  clear(refusal: PoolRefusal): void {
    for (const line of this.#ordered) {
      for (const entry of line.waiting.values()) {
        this.#remove(line, entry);
        this.shed.push({ waiter: entry.waiter, refusal });
      }
    }
  }

  forgetIdle(): void {
    for (const line of this.#ordered) line.forgetIdle();
  }

  #nextLane(reportFits: boolean): Lane | undefined {
    const { critical } = this.#lines;
    let best: Lane | undefined;
    let bestMs = Infinity;
    for (const line of this.#ordered) {
      if (line.waiting.size === 0 || line.virtualMs >= bestMs || !this.#mayHoldMore(line)) continue;
      const lane = line.first(reportFits, this.#tenantSeats);
      if (lane === undefined) continue;
      best = lane;
      // Anybody may send what is critical, so beyond its part it goes behind everybody else.
      bestMs = line === critical && line.inService >= line.cap ? Infinity : line.virtualMs;
    }
    return best;
  }

  #charge(line: ClassQueue, seat: Omit<Charge, 'line'>): Charge {
    const { flow, place, estimateMs, isReport } = seat;
    if (line.virtualMs > this.#nowVirtualMs) this.#nowVirtualMs = line.virtualMs;
    line.virtualMs += estimateMs / line.options.weight;
    return { line, flow, place, estimateMs, isReport };
  }

  /** What is kept for the critical class is kept from the two others together. There is no bound for the critical class itself. */
  #mayHoldMore(line: ClassQueue): boolean {
    const { critical, interactive, batch } = this.#lines;
    if (line === critical) return true;
    return line.inService < line.cap && interactive.inService + batch.inService < interactive.cap;
  }

  /** A class that comes back after a pause starts at the time of the others. */
  #wake(line: ClassQueue): void {
    if (line.waiting.size === 0 && line.virtualMs < this.#nowVirtualMs) line.virtualMs = this.#nowVirtualMs;
  }

  #remove(line: ClassQueue, entry: Entry): void {
    line.remove(entry);
    this.#size--;
  }

  /** Those at the head who would have their answer too late, if they were seated now. */
  #dropLate(line: ClassQueue, nowMs: number): void {
    const untilMs = nowMs - line.longestWaitMs;
    for (;;) {
      const { oldest } = line;
      if (oldest === undefined || oldest.arrivedMs > untilMs) return;
      this.#shed(line, oldest, 'deadline');
    }
  }

  /** While the queue of a tenant stands, whoever has waited for two targets goes, but for the last one (RFC 8290). */
  #dropStale(line: ClassQueue, flow: Flow, nowMs: number): void {
    if (!flow.standing.stands) return;
    const untilMs = nowMs - 2 * line.options.targetMs;
    for (;;) {
      const { oldest } = flow;
      if (oldest === undefined || flow.length === 1 || oldest.arrivedMs > untilMs) return;
      this.#shed(line, oldest, 'delay');
    }
  }

  /**
   * Frees a place for one more of `flow`: the newest of the longest queue of the least urgent class goes. False when that would
   * be the one who comes, or somebody who is no better off.
   */
  #makeRoom(line: ClassQueue, flow: Flow): boolean {
    for (let i = this.#ordered.length - 1; i >= 0; i--) {
      // Written bound: `i` is an index.
      const victims = this.#ordered[i]!;
      const { longest } = victims;
      if (longest !== undefined && (victims !== line || longest.length > flow.length + 1)) {
        // Written bound: who is the longest has somebody who waits.
        this.#shed(victims, longest.newest!, 'pool_queue_full');
        return true;
      }
      if (victims === line) return false;
    }
    return false;
  }

  #shed(line: ClassQueue, entry: Entry, cause: Exclude<ShedCause, 'client_gone'>): void {
    const refusal = this.#refuse(line, entry.lane.flow, cause);
    this.#remove(line, entry);
    this.shed.push({ waiter: entry.waiter, refusal });
  }

  /** Whose fault it is: a tenant with more than its share is told so, anybody else that the pool is overloaded. */
  #refuse(line: ClassQueue, flow: Flow, cause: Exclude<ShedCause, 'client_gone'>): PoolRefusal {
    this.#onShed(line.name, cause);
    const late = cause === 'deadline' || cause === 'delay';
    const reason = line.isOverShare(flow)
      ? 'tenant_share_exceeded'
      : late
        ? 'pool_queue_timeout'
        : 'pool_queue_full';
    return { kind: 'refused', reason, retryAfterMs: this.#retryAfterMs() };
  }

  /** When the work that waits now will be done. */
  #retryAfterMs(): number {
    let workMs = 0;
    for (const line of this.#ordered) workMs += line.workMs;
    return Math.min(mostRetryMs, Math.max(leastRetryMs, workMs / Math.max(1, this.#seats)));
  }
}
