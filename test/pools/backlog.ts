import type { WorkClass } from '../../src/core/work-class.ts';
import type { Seat, Waiter } from '../../src/pools/seat.ts';
import { Pool } from '../../src/pools/seats.ts';
import { EventClock } from './event-clock.ts';
import { type PoolShape, poolOptions } from './pool-options.ts';

/** Somebody who always has more to send: whenever a request ends, another one comes. */
export interface Sender {
  tenant: string;
  workClass?: WorkClass;
  serviceMs: () => number;
  /** How many requests it has here at a time. */
  depth?: number;
  isReport?: boolean;
  /** One route for all requests by default. */
  route?: () => string;
}

/** Endless patience, so that nothing but the order of turns is looked at. */
const patient = { deadlineMs: 1e9, targetMs: 1e9 };

/** A pool with senders that never run dry. */
export class Backlog {
  readonly clock = new EventClock();
  readonly pool: Pool;
  /** Seat time of requests that have ended, by tenant. */
  readonly servedMs = new Map<string, number>();
  /** Requests that were seated, by tenant. */
  readonly seated = new Map<string, number>();
  readonly busy = new Map<string, number>();
  refused = 0;
  /** Called after each end. */
  onEnd: () => void = () => {};
  /** Called after each time that somebody was seated. */
  onSeated: () => void = () => {};

  constructor(shape: PoolShape) {
    const { classes = {} } = shape;
    const options = poolOptions({
      queue: { max: 100_000, perTenant: 100_000 },
      ...shape,
      classes: {
        critical: { ...patient, ...classes.critical },
        interactive: { ...patient, ...classes.interactive },
        batch: { ...patient, ...classes.batch },
      },
    });
    this.pool = new Pool(options, { clock: this.clock, scheduler: this.clock });
  }

  add(sender: Sender): void {
    for (let i = 0; i < (sender.depth ?? 16); i++) this.#send(sender);
  }

  run(seconds: number): void {
    this.clock.runUntil(this.clock.monoMs() + seconds * 1_000);
  }

  #send(sender: Sender): void {
    const { tenant, workClass = 'interactive', isReport = false, route = () => '/odoo' } = sender;
    const waiter: Waiter = {
      zone: 'zone',
      tenant,
      workClass,
      route: route(),
      isReport,
      onSeat: (seat) => this.#serve(sender, seat),
      onRefused: () => this.refused++,
    };
    const taken = this.pool.take(waiter);
    if (taken.kind === 'seat') this.#serve(sender, taken);
    else if (taken.kind === 'refused') this.refused++;
  }

  #serve(sender: Sender, seat: Seat): void {
    const serviceMs = sender.serviceMs();
    count(this.seated, sender.tenant, 1);
    count(this.busy, sender.tenant, 1);
    this.onSeated();
    this.clock.after(serviceMs, () => {
      count(this.servedMs, sender.tenant, serviceMs);
      count(this.busy, sender.tenant, -1);
      // The next one comes before the seat is free, so that the sender never stops waiting.
      this.#send(sender);
      seat.release('ok');
      this.onEnd();
    });
  }
}

function count(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
