import type { Scheduler } from '../../core/scheduler.ts';
import type { LeaseTuning } from './lease-tuning.ts';

export interface WalletSweepOptions<Held> {
  scheduler: Scheduler;
  /** How often, and how many at a time: no sweep may stall requests. */
  tuning: Pick<LeaseTuning, 'sweepMs' | 'sweepMax'>;
  /** Looks at one of them; false when it need not be looked at again. */
  look: (held: Held) => boolean;
  /** Called before each sweep; true when there has to be another one, even if nothing is held. */
  before?: () => boolean;
}

/** What has to be looked at again and again while it holds something, those looked at longest ago first. */
export class WalletSweep<Held> {
  readonly #held = new Set<Held>();
  readonly #options: WalletSweepOptions<Held>;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(options: WalletSweepOptions<Held>) {
    this.#options = options;
  }

  add(held: Held): void {
    this.#held.add(held);
    this.later();
  }

  delete(held: Held): void {
    this.#held.delete(held);
  }

  /** Sees to it that a sweep comes. */
  later(): void {
    if (this.#closed || this.#cancel !== undefined) return;
    this.#cancel = this.#options.scheduler.after(this.#options.tuning.sweepMs, () => {
      this.#cancel = undefined;
      const again = this.#options.before?.() ?? false;
      this.#sweep();
      if (this.#held.size > 0 || again) this.later();
    });
  }

  [Symbol.iterator](): Iterator<Held> {
    return this.#held[Symbol.iterator]();
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#held.clear();
  }

  #sweep(): void {
    let left = Math.min(this.#held.size, this.#options.tuning.sweepMax);
    for (const held of this.#held) {
      if (left-- === 0) break;
      this.#held.delete(held);
      if (this.#options.look(held)) this.#held.add(held);
    }
  }
}
