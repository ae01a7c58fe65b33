// hot path: one choice per proxied request.
import { foldText, mixBits } from '../core/hash-text.ts';
import type { WorkClass } from '../core/work-class.ts';
import { reportCap } from './class-caps.ts';
import type { EndpointOptions, PoolOptions } from './options.ts';

/** One Odoo port of a pool, as the data path may see it. */
export interface Endpoint {
  /** Origin, `http://host:port`. */
  readonly url: string;
  /** How many may be taken now. */
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
  /** Whether the pool still has it; one that a reload removed may have seats taken for a while. */
  listed: boolean;
  /** Seats when it is at full strength; while it starts slowly fewer are open. */
  allSeats: number;
  /** When it began to start slowly; -Infinity when it does not. */
  startedMs: number;
  weight: number;
  /** Of its URL, for `findHome`. */
  readonly hash: number;
  /** Requests that it was given, each divided by its weight, since the endpoints changed; only kept where weights differ. */
  given: number;
  /** Seats taken, by class. */
  busyByClass: Record<WorkClass, number>;
  /** Seats taken by requests that wait for a report. */
  reports: number;
  /** When the newest request that it answered was sent to it. */
  answeredMs: number;
  /** When it last failed. */
  failedMs: number;
  /** When the probe was sent that last ran into its time-out. */
  saturatedMs: number;
  /** Failures in a row, not interrupted by an answer to a request that was sent later. */
  failures: number;
  /** Good probes in a row while it is out of service. */
  successes: number;
  /** What its last failure says of it: nothing can connect to it, or what it answers is bad. */
  trouble: 'dead' | 'ill' | undefined;
  /** How often it was taken out of service, until it has stayed in service for a while. */
  ejections: number;
  /** When it came back into service. */
  backMs: number;
  /** It stays out of service until then, however good its probes are. */
  outUntilMs: number;
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
    listed: true,
    allSeats: options.seats,
    startedMs: -Infinity,
    weight: options.weight ?? 1,
    hash: foldText(options.url, 0),
    given: 0,
    busyByClass: { critical: 0, interactive: 0, batch: 0 },
    reports: 0,
    answeredMs: -Infinity,
    failedMs: -Infinity,
    saturatedMs: -Infinity,
    failures: 0,
    successes: 0,
    trouble: undefined,
    ejections: 0,
    backMs: -Infinity,
    outUntilMs: -Infinity,
  };
}

/** The endpoints of new options: one with the same URL goes on with its load and health, one that is gone is listed no more. */
export function relistEndpoints(
  endpoints: readonly EndpointState[],
  { endpoints: wanted, health }: Pick<PoolOptions, 'endpoints' | 'health'>,
): EndpointState[] {
  const known = new Map(endpoints.map((endpoint) => [endpoint.url, endpoint]));
  for (const endpoint of endpoints) endpoint.listed = false;
  return wanted.map((options) => {
    const endpoint = known.get(options.url) ?? newEndpoint(options);
    endpoint.allSeats = options.seats;
    endpoint.seats = options.seats;
    endpoint.weight = options.weight ?? 1;
    endpoint.listed = true;
    if (health === undefined) {
      endpoint.up = true;
      endpoint.trouble = undefined;
      endpoint.saturatedMs = -Infinity;
    }
    return endpoint;
  });
}

/**
 * Index of the endpoint in service with the smallest part of its seats taken, -1 when none has a free seat. One that has just failed is
 * the last choice. Equal ones are taken in turn: the search begins at `start`, and the first of them wins.
 */
export function findLeastLoaded(
  endpoints: readonly EndpointState[],
  start: number,
  forReport = false,
): number {
  const count = endpoints.length;
  let best: EndpointState | undefined;
  let bestAt = -1;
  for (let i = 0; i < count; i++) {
    let at = start + i;
    if (at >= count) at -= count;
    const candidate = endpoints[at];
    if (candidate === undefined || !candidate.up || candidate.busy >= candidate.seats) continue;
    if (forReport && candidate.reports >= reportCap(candidate.seats)) continue;
    if (best !== undefined && !isBetter(candidate, best)) continue;
    best = candidate;
    bestAt = at;
  }
  return bestAt;
}

/**
 * The same for a request that waits for a report: -1 also when the pool, or every endpoint with a free seat, renders as many as it
 * may (`reportCap`).
 */
export function findForReport(endpoints: readonly EndpointState[], start: number): number {
  let seats = 0;
  let reports = 0;
  for (const endpoint of endpoints) {
    if (!endpoint.up) continue;
    seats += endpoint.seats;
    reports += endpoint.reports;
  }
  return reports < reportCap(seats) ? findLeastLoaded(endpoints, start, true) : -1;
}

/**
 * The endpoint that whoever has this hash goes to as long as it has a free seat, else `otherwise`. Each hash orders the endpoints in its own
 * way (rendezvous hashing), so when one comes or goes only those change that it takes or leaves.
 */
export function findHome(endpoints: readonly EndpointState[], hash: number, otherwise: number): number {
  let home: EndpointState | undefined;
  let homeAt = -1;
  let most = -1;
  for (let at = 0; at < endpoints.length; at++) {
    const candidate = endpoints[at];
    if (candidate === undefined || !candidate.up) continue;
    const rank = mixBits(hash ^ candidate.hash);
    if (rank <= most) continue;
    most = rank;
    home = candidate;
    homeAt = at;
  }
  return home !== undefined && home.failures === 0 && home.busy < home.seats ? homeAt : otherwise;
}

/** A second try must not go where the first one failed, which has the most free seats just because it fails at once. */
function isBetter(candidate: EndpointState, best: EndpointState): boolean {
  if (candidate.failures > 0 !== best.failures > 0) return best.failures > 0;
  // Loads compared by cross-multiplication, exact in integers.
  const ours = candidate.busy * best.seats * best.weight;
  const theirs = best.busy * candidate.seats * candidate.weight;
  return ours < theirs || (ours === theirs && candidate.given < best.given);
}
