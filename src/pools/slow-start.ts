import type { Clock } from '../core/clock.ts';
import type { Scheduler } from '../core/scheduler.ts';
import type { EndpointState } from './endpoint.ts';

/** Seats are not opened in finer steps. */
const leastStepMs = 50;

/**
 * Opens the seats of an endpoint one by one. Each worker of an Odoo that has just started loads its registry with its first request,
 * for seconds of processor time: all of them at once would be slower than half of them. While no other endpoint serves at full
 * strength there is nothing to be gained, and all seats are open.
 */
export class SlowStart {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #onStep: () => void;
  #cancelTimer: (() => void) | undefined;

  constructor({ clock, scheduler }: { clock: Clock; scheduler: Scheduler }, onStep: () => void) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#onStep = onStep;
  }

  begin(endpoint: EndpointState): void {
    endpoint.startedMs = this.#clock.monoMs();
  }

  /** Sets the open seats of all endpoints of a pool; to be called whenever one of them changed, and after `onStep`. */
  open(endpoints: readonly EndpointState[], durationMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.monoMs();
    const othersServe = endpoints.some(({ up, startedMs }) => up && nowMs - startedMs >= durationMs);
    let dueMs = Infinity;
    for (const endpoint of endpoints) {
      const { allSeats, startedMs, up } = endpoint;
      const passedMs = nowMs - startedMs;
      if (!othersServe || !up || passedMs >= durationMs) {
        endpoint.startedMs = -Infinity;
        endpoint.seats = allSeats;
        continue;
      }
      endpoint.seats = 1 + Math.floor(((allSeats - 1) * passedMs) / durationMs);
      dueMs = Math.min(dueMs, startedMs + (durationMs * endpoint.seats) / Math.max(1, allSeats - 1));
    }
    if (dueMs === Infinity) return;
    this.#cancelTimer = this.#scheduler.after(Math.max(leastStepMs, Math.ceil(dueMs - nowMs)), this.#onStep);
  }
}
