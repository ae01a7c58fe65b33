import type { Clock } from '../core/clock.ts';

const failuresToOpen = 3;
const failureWindowMs = 1000;
const firstPauseMs = 250;
const longestPauseMs = 5000;
/** A store that fails again sooner never was well: an answer that is just too slow also comes in time now and then. */
const steadyMs = 5000;

/**
 * Decides whether the store is asked at all. Three failures within a second open the breaker: no request then waits for a
 * store that does not answer. After a pause one request at a time probes; the pauses double from 250 ms to 5 s, each
 * shortened by up to a fifth so that the instances do not probe together. They go on from where they were when the store
 * fails again within 5 s.
 */
export class StoreBreaker {
  readonly #clock: Clock;
  readonly #random: () => number;
  #failureTimes: number[] = [];
  #pauses = 0;
  #closedAtMs = -Infinity;
  /** Undefined while the breaker is closed. */
  #probeAtMs: number | undefined;
  #probing = false;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  get isOpen(): boolean {
    return this.#probeAtMs !== undefined;
  }

  /** Milliseconds until the next probe; 0 when the store may be asked now. */
  get pauseLeftMs(): number {
    return this.#probeAtMs === undefined ? 0 : Math.max(0, this.#probeAtMs - this.#clock.monoMs());
  }

  /** Asks to use the store. `probe` must be told how it went, by `succeed` or `fail`, before another one is let through. */
  enter(): 'normal' | 'probe' | 'no' {
    if (this.#probeAtMs === undefined) return 'normal';
    if (this.#probing || this.#clock.monoMs() < this.#probeAtMs) return 'no';
    this.#probing = true;
    return 'probe';
  }

  /** Ends the pause: something says that the store is back. */
  allowProbe(): void {
    if (this.#probeAtMs !== undefined) this.#probeAtMs = this.#clock.monoMs();
  }

  succeed(entry: 'normal' | 'probe'): void {
    // An answer to a request sent before the breaker opened says nothing about now.
    if (entry !== 'probe') return;
    this.#probing = false;
    this.close();
  }

  /** Something else than a decision says that the store answers. */
  close(): void {
    if (this.isOpen) this.#closedAtMs = this.#clock.monoMs();
    this.#probeAtMs = undefined;
    this.#failureTimes = [];
  }

  fail(entry: 'normal' | 'probe'): void {
    const nowMs = this.#clock.monoMs();
    if (entry === 'probe') {
      this.#probing = false;
      this.#pause(nowMs);
      return;
    }
    if (this.isOpen) return;
    this.#failureTimes = this.#failureTimes.filter((atMs) => nowMs - atMs < failureWindowMs);
    this.#failureTimes.push(nowMs);
    if (this.#failureTimes.length < failuresToOpen) return;
    if (nowMs - this.#closedAtMs >= steadyMs) this.#pauses = 0;
    this.#pause(nowMs);
  }

  #pause(nowMs: number): void {
    const pauseMs = Math.min(firstPauseMs * 2 ** Math.min(this.#pauses, 16), longestPauseMs);
    this.#pauses++;
    this.#probeAtMs = nowMs + pauseMs * (1 - 0.2 * this.#random());
  }
}
