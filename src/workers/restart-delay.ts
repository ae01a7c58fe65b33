import type { Clock } from '../core/clock.ts';

const firstMs = 100;
const mostMs = 5_000;
/** A worker that lived this long was healthy: what ends it is news. */
const forgetMs = 30_000;

/** How long the place of a dead worker stays empty: not at all the first time, then longer each time. */
export class RestartDelay {
  readonly #clock: Clock;
  #deaths = 0;
  #startedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be called when a worker is started in this place. */
  started(): void {
    this.#startedMs = this.#clock.monoMs();
  }

  /** To be called when it has died: milliseconds until the next one is to be started. */
  next(): number {
    if (this.#clock.monoMs() - this.#startedMs >= forgetMs) this.#deaths = 0;
    this.#deaths++;
    return this.#deaths === 1 ? 0 : Math.min(mostMs, firstMs * 2 ** (this.#deaths - 2));
  }
}
