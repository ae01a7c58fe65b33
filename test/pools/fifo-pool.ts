import type { PoolRefusal, Queued, Seat, Waiter } from '../../src/pools/seat.ts';
import type { EventClock } from './event-clock.ts';
import type { SeatSource } from './simulated-clients.ts';

export interface FifoOptions {
  seats: number;
  /** Most that may wait. */
  max: number;
  maxWaitMs: number;
  /** Whether somebody who leaves gives up the place; in the backlog of a kernel nobody does. */
  canLeave: boolean;
}

const queued: Queued = { kind: 'queued' };
const refused: PoolRefusal = { kind: 'refused', reason: 'pool_queue_full', retryAfterMs: 1_000 };

/** First come, first served: what the pool is compared with. */
export class FifoPool implements SeatSource {
  readonly #clock: EventClock;
  readonly #options: FifoOptions;
  readonly #queue = new Set<Waiter>();
  #busy = 0;

  constructor(clock: EventClock, options: FifoOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  take(waiter: Waiter): ReturnType<SeatSource['take']> {
    if (this.#busy < this.#options.seats) return this.#seat();
    if (this.#queue.size >= this.#options.max) return refused;
    this.#queue.add(waiter);
    if (this.#options.maxWaitMs < Infinity) {
      this.#clock.after(this.#options.maxWaitMs, () => {
        if (this.#queue.delete(waiter)) waiter.onRefused(refused);
      });
    }
    return queued;
  }

  leave(waiter: Waiter): boolean {
    return this.#options.canLeave && this.#queue.delete(waiter);
  }

  #seat(): Seat {
    this.#busy++;
    return {
      kind: 'seat',
      endpoint: undefined as never,
      takenMs: this.#clock.monoMs(),
      release: () => {
        this.#busy--;
        const [next] = this.#queue;
        if (next === undefined) return;
        this.#queue.delete(next);
        next.onSeat(this.#seat());
      },
    };
  }
}
