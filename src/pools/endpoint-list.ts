// hot path: the list is read for every request, and changed when an endpoint comes, goes, fails or is back.
import type { Clock } from '../core/clock.ts';
import type { Scheduler } from '../core/scheduler.ts';
import { type EndpointState, newEndpoint, relistEndpoints } from './endpoint.ts';
import type { PoolOptions } from './options.ts';
import { SlowStart } from './slow-start.ts';

/** The endpoints of one pool, and those that it had and that still have requests. */
export class EndpointList {
  readonly #slowStart: SlowStart;
  /** No more listed, but with seats taken: an address that comes back must not have them twice. */
  #leaving: EndpointState[] = [];
  listed: EndpointState[];
  /** Whether some are to be given more than others. */
  weighted = false;

  /** `onStep`: seats are to be opened, `settle` does it. */
  constructor(
    { endpoints }: Pick<PoolOptions, 'endpoints'>,
    environment: { clock: Clock; scheduler: Scheduler },
    onStep: () => void,
  ) {
    this.listed = endpoints.map(newEndpoint);
    this.#slowStart = new SlowStart(environment, onStep);
  }

  /** How many are no more listed and still have requests. */
  get leaving(): number {
    return this.#leaving.filter(({ listed, busy }) => !listed && busy > 0).length;
  }

  /** Makes the list what these options say; those that are new start slowly. */
  relist(options: PoolOptions): void {
    const before = [...this.listed, ...this.#leaving];
    const stay = new Set(this.listed);
    this.listed = relistEndpoints(before, options);
    for (const endpoint of this.listed) if (!stay.has(endpoint)) this.#slowStart.begin(endpoint);
    this.#leaving = before.filter(({ listed, busy }) => !listed && busy > 0);
  }

  setUp(endpoint: EndpointState, up: boolean): void {
    if (up && !endpoint.up) this.#slowStart.begin(endpoint);
    endpoint.up = up;
  }

  /** Opens the seats that are due; to be called after every change. */
  settle(slowStartMs: number): void {
    this.weighted = this.listed.some(({ weight }) => weight !== 1);
    for (const endpoint of this.listed) endpoint.given = 0;
    this.#slowStart.open(this.listed, slowStartMs);
  }

  /** Lists nothing any more. */
  clear(): void {
    for (const endpoint of this.listed) endpoint.listed = false;
    this.listed = [];
  }
}
