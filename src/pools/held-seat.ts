// hot path: one for each request that is served.
import type { EndpointState } from './endpoint.ts';
import type { Charge } from './fair-queue.ts';
import type { Seat, SeatOutcome } from './seat.ts';
import type { ZoneCount } from './zone-counts.ts';

/** What a seat goes back to. */
export interface SeatOwner {
  settle(seat: HeldSeat, outcome: SeatOutcome): void;
}

/** Where somebody sits, and who is charged for it. */
export interface Sitting {
  endpoint: EndpointState;
  count: ZoneCount;
  charge: Charge;
  takenMs: number;
  /** How many seats were taken then, this one included. */
  busy: number;
}

export class HeldSeat implements Seat {
  readonly kind = 'seat';
  readonly endpoint: EndpointState;
  readonly count: ZoneCount;
  readonly charge: Charge;
  readonly takenMs: number;
  readonly busy: number;
  released = false;
  readonly #owner: SeatOwner;

  constructor(owner: SeatOwner, { endpoint, count, charge, takenMs, busy }: Sitting) {
    this.#owner = owner;
    this.endpoint = endpoint;
    this.count = count;
    this.charge = charge;
    this.takenMs = takenMs;
    this.busy = busy;
  }

  release(outcome: SeatOutcome): void {
    this.#owner.settle(this, outcome);
  }
}
