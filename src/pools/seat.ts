import type { Reason } from '../core/reason.ts';
import type { WorkClass } from '../core/work-class.ts';
import type { Endpoint } from './endpoint.ts';

/** What tells slow requests from quick ones: model and method of an Odoo call, else the path. */
export type Route = string | { readonly model: string; readonly method: string };

/** What a pool has to know of a request. */
export interface Claim {
  /** A metric label: the set of zones is bounded by the configuration. */
  readonly zone: string;
  /** With whom the pool is shared: a tenant, or a zone that knows none. Bounded by the configuration as well. */
  readonly tenant: string;
  readonly workClass: WorkClass;
  readonly route: Route;
  /** Whether Odoo may fetch something from itself while it serves the request. */
  readonly isReport: boolean;
  /** A hash of who calls, where its requests are to go to one endpoint if they can. */
  readonly affinity?: number | undefined;
}

/**
 * Someone who wants a seat. At most one of the two is called, once, never from inside its own
 * `take` or `leave`, and neither may throw.
 */
export interface Waiter extends Claim {
  onSeat(seat: Seat): void;
  onRefused(refusal: PoolRefusal): void;
}

/**
 * What the user of a seat learned about its endpoint. `ok`: it sent an answer. `unwanted`: it sent one when the client had gone.
 * `failed`: no connection could be made. `broken`: the
 * connection broke, or what came was no HTTP, before there was an answer. `unknown`: anything else, such as a time-out, or a connection that broke: a busy or
 * restarting worker does that too, so it says nothing about the endpoint.
 */
export type SeatOutcome = 'ok' | 'unwanted' | 'failed' | 'broken' | 'unknown';

/** The right to have one request in progress at one endpoint. */
export interface Seat {
  readonly kind: 'seat';
  readonly endpoint: Endpoint;
  /** When it was taken, by `Clock.monoMs`. */
  readonly takenMs: number;
  /** Gives the seat back; every call after the first does nothing. May call the next waiter before it returns. */
  release(outcome: SeatOutcome): void;
}

export interface PoolRefusal {
  readonly kind: 'refused';
  readonly reason: Extract<
    Reason,
    'pool_down' | 'pool_queue_full' | 'pool_queue_timeout' | 'tenant_share_exceeded'
  >;
  /** A hint for `Retry-After`, at least one second. */
  readonly retryAfterMs: number;
}

/** The waiter has a place in the queue and will be called. */
export interface Queued {
  readonly kind: 'queued';
}

/** Somebody who waited and has to be told that it was for nothing. */
export interface Shed {
  waiter: Waiter;
  refusal: PoolRefusal;
}
