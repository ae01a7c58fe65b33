// hot path: one entry for each request that waits.
import type { WorkClass } from '../core/work-class.ts';
import type { Waiter } from './seat.ts';
import { StandingQueue } from './standing-queue.ts';

/** Somebody who waits. */
export interface Entry {
  readonly waiter: Waiter;
  readonly lane: Lane;
  readonly arrivedMs: number;
  /** What it was expected to take when it came. */
  readonly estimateMs: number;
  /** Where the like of it is learnt (`ServiceTimes`). */
  readonly place: number;
  /** Neighbours in the lane. */
  older: Entry | undefined;
  newer: Entry | undefined;
  /** Neighbours in the class. */
  before: Entry | undefined;
  after: Entry | undefined;
}

export type Arrival = Pick<Entry, 'arrivedMs' | 'estimateMs' | 'place'>;

/** Requests of one tenant and class in the order of coming: reports in one lane, all others in another. */
export class Lane {
  readonly workClass: WorkClass;
  readonly flow: Flow;
  oldest: Entry | undefined = undefined;
  newest: Entry | undefined = undefined;
  /** Place in the heap of its class, -1 outside. */
  heapAt = -1;

  constructor(flow: Flow) {
    this.flow = flow;
    this.workClass = flow.workClass;
  }

  push(waiter: Waiter, { arrivedMs, estimateMs, place }: Arrival): Entry {
    const older = this.newest;
    const entry: Entry = {
      waiter,
      lane: this,
      arrivedMs,
      estimateMs,
      place,
      older,
      newer: undefined,
      before: undefined,
      after: undefined,
    };
    if (older === undefined) this.oldest = entry;
    else older.newer = entry;
    this.newest = entry;
    this.flow.length++;
    return entry;
  }

  /** `entry` stands in this lane. */
  remove(entry: Entry): void {
    const { older, newer } = entry;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    this.flow.length--;
  }
}

/** What one tenant has in one class of a pool. */
export class Flow {
  readonly workClass: WorkClass;
  readonly tenant: string;
  readonly ordinary: Lane;
  /** Requests that wait for a report: they may have to wait while others need not. */
  readonly reports: Lane;
  readonly standing: StandingQueue = new StandingQueue();
  /** Seat time that was charged so far, on the scale of its class. */
  virtualMs = 0;
  /** Seats taken. */
  busy = 0;
  /** How many wait. */
  length = 0;
  /** Neighbours among the flows of the same length (`LengthOrder`). */
  before: Flow | undefined = undefined;
  after: Flow | undefined = undefined;

  constructor(workClass: WorkClass, tenant: string) {
    this.workClass = workClass;
    this.tenant = tenant;
    this.ordinary = new Lane(this);
    this.reports = new Lane(this);
  }

  /** Who has waited longest. */
  get oldest(): Entry | undefined {
    const a = this.ordinary.oldest;
    const b = this.reports.oldest;
    if (a === undefined || b === undefined) return a ?? b;
    return a.arrivedMs <= b.arrivedMs ? a : b;
  }

  /** Who came last. */
  get newest(): Entry | undefined {
    const a = this.ordinary.newest;
    const b = this.reports.newest;
    if (a === undefined || b === undefined) return a ?? b;
    return a.arrivedMs > b.arrivedMs ? a : b;
  }
}
