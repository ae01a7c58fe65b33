// hot path: setting a deadline is one addition; no timer is made, moved or cleared per request.

/** Something that may take too long. */
export interface Timed {
  /** From `Deadlines.after`; 0 while nothing is waited for. */
  deadline: number;
  /** Called once the deadline has passed; it is 0 then. */
  onDeadline(): void;
}

/**
 * Watches many deadlines with one timer that looks at all of them every `tickMs`. A deadline passes between one and two
 * ticks late, never early; a process that stood still gives its peers that time too.
 */
export class Deadlines {
  readonly #tickMs: number;
  readonly #watched = new Set<Timed>();
  #tick = 1;
  #timer: NodeJS.Timeout | undefined;

  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  /** The deadline that passes when `ms` from now are over. */
  after(ms: number): number {
    return this.#tick + Math.ceil(ms / this.#tickMs) + 1;
  }

  watch(timed: Timed): void {
    this.#watched.add(timed);
    this.#timer ??= setInterval(() => this.#look(), this.#tickMs).unref();
  }

  forget(timed: Timed): void {
    this.#watched.delete(timed);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#tick++;
    for (const timed of this.#watched) {
      if (timed.deadline === 0 || timed.deadline > this.#tick) continue;
      timed.deadline = 0;
      timed.onDeadline();
    }
  }
}
