import type { Clock } from '../../core/clock.ts';

/** How far the wall clock may run ahead before it counts; below lies the jitter of two clocks that are read in turn. */
export const clockSlackMs = 5;

/**
 * Monotonic milliseconds that do not stand still with the machine. The monotonic clock stops while a machine or its virtual
 * twin is suspended, and a lease that was counted by it alone would outlive its tokens. When the wall clock ran ahead of it
 * that time is added. A wall clock that is set forward voids leases early, which is safe; one that is set back changes
 * nothing, unless it is set back in the machine's sleep, which it then hides. Never behind true time by more than `clockSlackMs`.
 */
export class LeaseClock {
  /** What the last call of `read` found. */
  nowMs = 0;
  monoMs = 0;
  readonly #clock: Clock;
  #addedMs = 0;
  /** Wall minus monotonic time, the lowest since something was added. */
  #offsetMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.wallMs() - clock.monoMs();
    this.read();
  }

  /** Gives the time, and leaves it in `nowMs` with the plain monotonic time beside it. */
  read(): number {
    const monoMs = this.#clock.monoMs();
    const offsetMs = this.#clock.wallMs() - monoMs;
    const aheadMs = offsetMs - this.#offsetMs;
    if (aheadMs < 0) this.#offsetMs = offsetMs;
    else if (aheadMs > clockSlackMs) {
      this.#addedMs += aheadMs;
      this.#offsetMs = offsetMs;
    }
    this.monoMs = monoMs;
    this.nowMs = monoMs + this.#addedMs;
    return this.nowMs;
  }
}
