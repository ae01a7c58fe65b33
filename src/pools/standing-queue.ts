// hot path: one look for each request that waits and each that is served after a wait.

/** How many targets long a window is. */
const windowTargets = 4;

/**
 * Tells a queue that stands from one that only takes up a burst, as CoDel does (RFC 8289): a burst goes, so within a window
 * there is a moment at which nobody has waited for long. It looks at the one who has waited longest, not at whoever is served:
 * with the newest served first, a standing queue would look like none.
 */
export class StandingQueue {
  /** Whether the queue stood through the whole of the last window. */
  stands = false;
  #leastMs = Infinity;
  #windowEndMs = Infinity;

  /** Notes how long the one at the head has waited; called whenever somebody comes or goes. */
  observe(nowMs: number, longestWaitMs: number, targetMs: number): void {
    if (this.#windowEndMs === Infinity) this.#windowEndMs = nowMs + windowTargets * targetMs;
    if (nowMs >= this.#windowEndMs) {
      this.stands = this.#leastMs > targetMs;
      this.#leastMs = longestWaitMs;
      this.#windowEndMs = nowMs + windowTargets * targetMs;
    } else if (longestWaitMs < this.#leastMs) this.#leastMs = longestWaitMs;
  }

  /** Nobody waits any more. */
  clear(): void {
    this.stands = false;
    this.#leastMs = Infinity;
    this.#windowEndMs = Infinity;
  }
}
