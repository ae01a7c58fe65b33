import type { Reason } from '../core/reason.ts';
import type { Endpoint } from './endpoint.ts';

/**
 * Someone who wants a seat. At most one of the two is called, once, never from inside its own
 * `take` or `leave`, and neither may throw.
 */
export interface Waiter {
  /** Zone of the request, a metric label: the set of zones is bounded by the configuration. */
  readonly zone: string;
  onSeat(seat: Seat): void;
  onRefused(refusal: PoolRefusal): void;
}

/**
 * What the user of a seat learned about its endpoint. `ok`: it sent an answer. `failed`: no connection could be made.
 * `unknown`: anything else, such as a client that went away, a time-out, or a connection that broke: a busy or restarting
 * worker does that too, so it says nothing about the endpoint.
 */
export type SeatOutcome = 'ok' | 'failed' | 'unknown';

/** The right to have one request in progress at one endpoint. */
export interface Seat {
  readonly kind: 'seat';
  readonly endpoint: Endpoint;
  /** Gives the seat back; every call after the first does nothing. May call the next waiter before it returns. */
  release(outcome: SeatOutcome): void;
}

export interface PoolRefusal {
  readonly kind: 'refused';
  readonly reason: Extract<Reason, 'pool_down' | 'pool_queue_full' | 'pool_queue_timeout'>;
  /** A hint for `Retry-After`, at least one second. */
  readonly retryAfterMs: number;
}

/** The waiter has a place in the queue and will be called. */
export interface Queued {
  readonly kind: 'queued';
}
