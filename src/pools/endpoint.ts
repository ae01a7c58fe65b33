// hot path: one choice per proxied request.
import type { EndpointOptions } from './options.ts';

/** One Odoo port of a pool, as the data path may see it. */
export interface Endpoint {
  /** Origin, `http://host:port`. */
  readonly url: string;
  readonly seats: number;
  /** Seats taken. */
  readonly busy: number;
  /** Whether it is in service. */
  readonly up: boolean;
}

/** The same with what its pool and its health monitor write. Times are readings of `Clock.monoMs`. */
export interface EndpointState extends Endpoint {
  seats: number;
  busy: number;
  up: boolean;
  /** When the newest request that it answered was sent to it. */
  answeredMs: number;
  /** When it last failed. */
  failedMs: number;
  /** When a probe last ran into its time-out. */
  saturatedMs: number;
  /** Failures in a row. */
  failures: number;
  /** Good probes in a row while it is out of service. */
  successes: number;
}

/**
 * A new endpoint counts as healthy: a gateway that starts, or a reload that adds a worker, would otherwise refuse
 * everything until the first probe is back, and a dead endpoint costs no more than its first few requests.
 */
export function newEndpoint(options: EndpointOptions): EndpointState {
  return {
    url: options.url,
    seats: options.seats,
    busy: 0,
    up: true,
    answeredMs: -Infinity,
    failedMs: -Infinity,
    saturatedMs: -Infinity,
    failures: 0,
    successes: 0,
  };
}

/**
 * Index of the endpoint in service with the smallest part of its seats taken, -1 when none has a free seat. Equal ones are
 * taken in turn: the search begins at `start`, and the first of them wins.
 */
export function findLeastLoaded(endpoints: readonly EndpointState[], start: number): number {
  const count = endpoints.length;
  let best = -1;
  let bestBusy = 0;
  let bestSeats = 1;
  for (let i = 0; i < count; i++) {
    let at = start + i;
    if (at >= count) at -= count;
    const candidate = endpoints[at];
    if (candidate === undefined || !candidate.up || candidate.busy >= candidate.seats) continue;
    // busy/seats compared by cross-multiplication, exact in integers.
    if (best === -1 || candidate.busy * bestSeats < bestBusy * candidate.seats) {
      best = at;
      bestBusy = candidate.busy;
      bestSeats = candidate.seats;
    }
  }
  return best;
}
