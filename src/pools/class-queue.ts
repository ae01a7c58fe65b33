// hot path: one flow look-up for each request, and a few comparisons when it has to wait.
import type { WorkClass } from '../core/work-class.ts';
import { type Arrival, type Entry, Flow, type Lane } from './flow.ts';
import { isEarlier, LaneHeap } from './lane-heap.ts';
import { LengthOrder } from './length-order.ts';
import type { ClassOptions } from './options.ts';
import type { Waiter } from './seat.ts';
import { RunningMedian } from './service-time.ts';

/**
 * One class of a pool: its tenants are served by start-time fair queueing. Each tenant has a virtual time, which grows by the
 * seat time that it is charged, and whoever has the least goes first. A tenant that comes back after a pause starts at the time of
 * the others, so a pause earns nothing.
 */
export class ClassQueue {
  readonly name: WorkClass;
  options: ClassOptions;
  /** Seats that the class may hold (`classCaps`). */
  cap = 1;
  /** Seats that it holds. */
  busy = 0;
  /** Those of them at endpoints in service: what is held elsewhere takes nothing from anybody. */
  inService = 0;
  /** Seat time that was charged so far by the weight of the class, on the scale of the pool. */
  virtualMs = 0;
  /** Seat time that those who wait are expected to need. */
  workMs = 0;
  /** Who has waited longest. */
  oldest: Entry | undefined = undefined;
  readonly waiting = new Map<Waiter, Entry>();
  readonly serviceTime = new RunningMedian();
  readonly #flows = new Map<string, Flow>();
  readonly #ordinary = new LaneHeap();
  readonly #reports = new LaneHeap();
  readonly #lengths = new LengthOrder();
  /** Flows that wait or have seats. */
  #active = 0;
  #newest: Entry | undefined = undefined;
  #nowVirtualMs = 0;

  constructor(name: WorkClass, options: ClassOptions) {
    this.name = name;
    this.options = options;
  }

  get longest(): Flow | undefined {
    return this.#lengths.longest;
  }

  get reportsWait(): boolean {
    return this.#reports.size > 0;
  }

  /** How long somebody may wait here and still be served in time; at least half of the deadline. */
  get longestWaitMs(): number {
    const { deadlineMs } = this.options;
    return deadlineMs - Math.min(this.serviceTime.valueMs, deadlineMs / 2);
  }

  flowOf(tenant: string): Flow {
    let flow = this.#flows.get(tenant);
    if (flow === undefined) {
      flow = new Flow(this.name, tenant);
      this.#flows.set(tenant, flow);
    }
    return flow;
  }

  add(waiter: Waiter, flow: Flow, arrival: Arrival): void {
    const { arrivedMs, estimateMs } = arrival;
    this.#wake(flow);
    const lane = waiter.isReport ? flow.reports : flow.ordinary;
    const entry = lane.push(waiter, arrival);
    this.waiting.set(waiter, entry);
    this.#link(entry);
    this.workMs += estimateMs;
    this.#lengths.move(flow, flow.length - 1);
    if (lane.heapAt === -1) this.#heapOf(lane).update(lane);
    this.observe(flow, arrivedMs);
  }

  /** Takes somebody out who waits, to be seated or refused. */
  remove(entry: Entry): void {
    const { lane } = entry;
    const { flow } = lane;
    lane.remove(entry);
    this.waiting.delete(entry.waiter);
    this.#unlink(entry);
    this.workMs = this.waiting.size === 0 ? 0 : this.workMs - entry.estimateMs;
    this.#lengths.move(flow, flow.length + 1);
    const heap = this.#heapOf(lane);
    if (lane.oldest === undefined) heap.remove(lane);
    else heap.update(lane);
    if (flow.length > 0) return;
    flow.standing.clear();
    if (flow.busy === 0) this.#active--;
  }

  observe(flow: Flow, nowMs: number): void {
    flow.standing.observe(nowMs, nowMs - (flow.oldest?.arrivedMs ?? nowMs), this.options.targetMs);
  }

  /** Whose turn it is; a tenant with `tenantSeats` seats lets others go first. Undefined when nobody can be seated. */
  first(reportFits: boolean, tenantSeats: number): Lane | undefined {
    return (
      earlier(
        this.#ordinary.firstBelow(tenantSeats),
        reportFits ? this.#reports.firstBelow(tenantSeats) : undefined,
      ) ?? earlier(this.#ordinary.first, reportFits ? this.#reports.first : undefined)
    );
  }

  /** A request that did not wait takes a seat. */
  begin(flow: Flow, estimateMs: number): void {
    this.#wake(flow);
    this.#sit(flow);
    this.#charge(flow, estimateMs);
  }

  /** One that waited takes a seat, and leaves the queue. */
  beginWaiting(entry: Entry, estimateMs: number): void {
    const { flow } = entry.lane;
    this.#sit(flow);
    // Before it is removed, which puts its lane in order.
    flow.virtualMs += estimateMs;
    this.remove(entry);
    const other = entry.lane === flow.reports ? flow.ordinary : flow.reports;
    if (other.heapAt !== -1) this.#heapOf(other).update(other);
  }

  /** It gives the seat back; `errorMs` is what it took beyond the estimate. */
  end(flow: Flow, errorMs: number): void {
    flow.busy--;
    this.busy--;
    this.#charge(flow, errorMs);
    if (flow.busy === 0 && flow.length === 0) this.#active--;
  }

  /** Whether this tenant has more than twice of what others who are here have on average. */
  isOverShare(flow: Flow): boolean {
    if (this.#active < 2) return false;
    const own = flow.busy + flow.length;
    const others = this.busy + this.waiting.size - own;
    return own * (this.#active - 1) > 2 * others;
  }

  /** Forgets tenants that have nothing here and owe nothing. */
  forgetIdle(): void {
    for (const [tenant, flow] of this.#flows) {
      if (flow.busy === 0 && flow.length === 0 && flow.virtualMs <= this.#nowVirtualMs)
        this.#flows.delete(tenant);
    }
  }

  #sit(flow: Flow): void {
    flow.busy++;
    this.busy++;
    if (flow.virtualMs > this.#nowVirtualMs) this.#nowVirtualMs = flow.virtualMs;
  }

  #wake(flow: Flow): void {
    if (flow.length > 0) return;
    if (flow.virtualMs < this.#nowVirtualMs) flow.virtualMs = this.#nowVirtualMs;
    if (flow.busy === 0) this.#active++;
  }

  #charge(flow: Flow, ms: number): void {
    flow.virtualMs += ms;
    if (flow.ordinary.heapAt !== -1) this.#ordinary.update(flow.ordinary);
    if (flow.reports.heapAt !== -1) this.#reports.update(flow.reports);
  }

  /** A list beside the map: a map keeps what was deleted at its head for a while, and would be searched for the oldest. */
  #link(entry: Entry): void {
    entry.before = this.#newest;
    if (this.#newest === undefined) this.oldest = entry;
    else this.#newest.after = entry;
    this.#newest = entry;
  }

  #unlink({ before, after }: Entry): void {
    if (before === undefined) this.oldest = after;
    else before.after = after;
    if (after === undefined) this.#newest = before;
    else after.before = before;
  }

  #heapOf(lane: Lane): LaneHeap {
    return lane === lane.flow.reports ? this.#reports : this.#ordinary;
  }
}

function earlier(a: Lane | undefined, b: Lane | undefined): Lane | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return isEarlier(b, a) ? b : a;
}
