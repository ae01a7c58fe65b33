// hot path: one look-up for each seat that is taken, one note for each that is given back.
import { foldText } from '../core/hash-text.ts';
import type { Route } from './seat.ts';

/** What a request is expected to take before anything like it was seen. */
const firstGuessMs = 200;
/** How much the newest request counts. */
const newest = 0.25;
/** Places for (tenant, route): 64 KiB for each pool, however many there are. Two that share one share their estimate. */
export const places = 16_384;

/**
 * How long requests of a tenant to a route hold a seat: a moving mean for each. Estimates only decide who is charged how much
 * before the truth is known, so a wrong one costs a turn and is made good when the seat comes back.
 */
export class ServiceTimes {
  readonly #meansMs = new Float32Array(places).fill(firstGuessMs);

  /** The place of a route. A call has that of the text `model/method`, which nobody has to join for this. */
  placeOf(tenant: string, route: Route): number {
    const ofTenant = foldText(tenant);
    const hash =
      typeof route === 'string'
        ? foldPath(route, ofTenant)
        : foldText(route.method, foldText('/', foldText(route.model, ofTenant)));
    return (hash ^ (hash >>> 15)) & (places - 1);
  }

  meanMs(place: number): number {
    // Written bound: `placeOf` gives no other.
    return this.#meansMs[place]!;
  }

  learn(place: number, serviceMs: number): void {
    const meanMs = this.#meansMs[place]!;
    this.#meansMs[place] = meanMs + (serviceMs - meanMs) * newest;
  }
}

/** The first two segments of a path: what follows is ids. */
function foldPath(path: string, seed: number): number {
  let end = -1;
  for (let slashes = 0; slashes < 3; slashes++) {
    end = path.indexOf('/', end + 1);
    if (end === -1) return foldText(path, seed);
  }
  return foldText(path.slice(0, end), seed);
}

/** How far one value moves the median. */
const step = 1.1;

/** A running median: right within a tenth after some dozen values, and one number however many there were. */
export class RunningMedian {
  /** 0 until there is a value. */
  valueMs = 0;

  add(ms: number): void {
    if (this.valueMs === 0) this.valueMs = Math.max(1, ms);
    else if (ms > this.valueMs) this.valueMs *= step;
    else if (ms < this.valueMs) this.valueMs = Math.max(1, this.valueMs / step);
  }
}
