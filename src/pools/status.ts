import type { WorkClass } from '../core/work-class.ts';
import type { ClassQueue } from './class-queue.ts';
import type { EndpointState } from './endpoint.ts';
import type { NameStatus } from './name-watch.ts';
import type { SeatAdvice } from './seat-advice.ts';
import type { ZoneCounts } from './zone-counts.ts';

/** A pool for metrics and the admin surface. */
export interface PoolStatus {
  name: string;
  seats: number;
  /** How many seats got most done so far (`SeatAdvice`). */
  recommendedSeats: number;
  /** Seats taken, those at endpoints that a reload removed included. */
  busy: number;
  busyByZone: Record<string, number>;
  queued: number;
  queuedByZone: Record<string, number>;
  /** Most urgent first. */
  classes: ClassStatus[];
  endpoints: EndpointStatus[];
  /** Endpoints that the pool has no more, where requests are still in progress. */
  leaving: number;
}

export interface ClassStatus {
  name: WorkClass;
  busy: number;
  /** Seats that it may hold at once, of those in service. */
  cap: number;
  queued: number;
  /** How long the one has waited who waits longest; 0 when nobody does. */
  longestWaitMs: number;
}

export interface EndpointStatus {
  url: string;
  up: boolean;
  /** The last probe ran into its time-out: probably all workers are busy. */
  saturated: boolean;
  busy: number;
  seats: number;
}

/** What a pool is made of, as its status shows it. */
export interface PoolParts {
  name: string;
  busy: number;
  zones: ZoneCounts;
  endpoints: readonly EndpointState[];
  leaving: number;
  lines: readonly ClassQueue[];
  advice: SeatAdvice;
  nowMs: number;
}

export function poolStatus({
  name,
  busy,
  zones,
  endpoints,
  leaving,
  lines,
  advice,
  nowMs,
}: PoolParts): PoolStatus {
  const seats = endpoints.reduce((sum, endpoint) => sum + endpoint.seats, 0);
  const busyByZone: Record<string, number> = {};
  const queuedByZone: Record<string, number> = {};
  for (const [zone, count] of zones.entries()) {
    busyByZone[zone] = count.busy;
    queuedByZone[zone] = count.queued;
  }
  return {
    name,
    seats,
    recommendedSeats: advice.recommend(seats),
    busy,
    busyByZone,
    queued: lines.reduce((sum, line) => sum + line.waiting.size, 0),
    queuedByZone,
    classes: lines.map((line) => ({
      name: line.name,
      busy: line.busy,
      cap: line.cap,
      queued: line.waiting.size,
      longestWaitMs: line.oldest === undefined ? 0 : nowMs - line.oldest.arrivedMs,
    })),
    endpoints: endpoints.map((endpoint) => ({
      url: endpoint.url,
      up: endpoint.up,
      saturated: endpoint.saturatedMs > endpoint.answeredMs,
      busy: endpoint.busy,
      seats: endpoint.seats,
    })),
    leaving,
  };
}

/** For readiness: `odoo 1/2 up`, and what else is not as usual. */
export function describePool({
  name,
  endpoints,
  leaving,
  names = [],
}: PoolStatus & { names?: readonly NameStatus[] }): string {
  const up = endpoints.filter((endpoint) => endpoint.up).length;
  const lost = names.filter(({ failure }) => failure !== undefined).map((one) => `${one.name} not found`);
  const parts = [`${up}/${endpoints.length} up`, ...(leaving === 0 ? [] : [`${leaving} leaving`]), ...lost];
  return `${name} ${parts.join(' and ')}`;
}
