import type { Clock } from '../core/clock.ts';
import type { EndpointState } from './endpoint.ts';

/** An endpoint that has been in service for so long begins anew. */
const forgivenAfterMs = 600_000;
const longestMs = 300_000;
/** Several gateways that saw the same must not come back in the same moment. */
const jitter = 0.25;

/**
 * How long an endpoint that goes out of service again and again stays out at least: the first time not longer than its probes are bad,
 * then one interval between probes, three, seven, and so on, up to five minutes.
 */
export class Ejections {
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  begin(endpoint: EndpointState, intervalMs: number): void {
    const nowMs = this.#clock.monoMs();
    if (nowMs - endpoint.backMs >= forgivenAfterMs) endpoint.ejections = 0;
    const outMs = Math.min(longestMs, (2 ** endpoint.ejections - 1) * intervalMs);
    endpoint.outUntilMs = nowMs + outMs * (1 + jitter * this.#random());
    endpoint.ejections++;
  }

  isHeld({ outUntilMs }: EndpointState): boolean {
    return this.#clock.monoMs() < outUntilMs;
  }
}
