import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import type { PoolOptions } from './options.ts';
import { manualScheduler } from '../core/scheduler.ts';
import type { Seat, SeatOutcome, Waiter } from './seat.ts';
import { Pool } from './seats.ts';

/**
 * Any sequence of events against a plain model: a list of who waits and a list of who sits. After each event the pool must
 * agree with the model, so no seat leaks, no waiter is lost or called twice, and nobody overtakes.
 */

const maxQueue = 4;
const deadlineMs = 100;

type Event =
  | { do: 'take' }
  | { do: 'release'; which: number; outcome: SeatOutcome }
  | { do: 'releaseAgain'; which: number }
  | { do: 'leave'; which: number }
  | { do: 'setUp'; endpoint: number; up: boolean }
  | { do: 'resize'; endpoint: number; seats: number }
  | { do: 'advance'; ms: number };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      which: fc.nat(20),
      outcome: fc.constantFrom<SeatOutcome>('ok', 'failed', 'unknown'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('releaseAgain' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('setUp' as const), endpoint: fc.nat(2), up: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('resize' as const),
      endpoint: fc.nat(2),
      seats: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 60 }) }),
  },
);

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, one) => total + one, 0);
}

class World {
  readonly clock = manualClock();
  readonly scheduler = manualScheduler(this.clock);
  options: PoolOptions;
  readonly pool: Pool;
  /** Who waits, in the order of coming, with the deadline: the model of the queue. */
  waiting: { waiter: Waiter; deadlineMs: number }[] = [];
  sitting: Seat[] = [];
  readonly released: Seat[] = [];
  readonly left = new Set<Waiter>();
  /** How many outcomes each waiter got. */
  readonly calls = new Map<Waiter, number>();
  readonly faults: string[] = [];

  constructor(seats: readonly number[]) {
    this.options = {
      name: 'odoo',
      kind: 'http',
      endpoints: seats.map((count, index) => ({ url: `http://odoo-${index}:8069`, seats: count })),
      keepAlive: false,
      queue: { max: maxQueue, deadlineMs },
      timeoutMs: 1,
      connectTimeoutMs: 1,
      maxBodyBytes: 1,
      requestBody: 'collect',
      health: undefined,
    };
    this.pool = new Pool(this.options, { clock: this.clock, scheduler: this.scheduler });
  }

  run(step: Event): void {
    switch (step.do) {
      case 'take':
        return this.take();
      case 'release': {
        const [seat] = this.sitting.splice(step.which % Math.max(1, this.sitting.length), 1);
        if (seat === undefined) return undefined;
        this.released.push(seat);
        return seat.release(step.outcome);
      }
      case 'releaseAgain':
        return this.released[step.which % Math.max(1, this.released.length)]?.release('ok');
      case 'leave': {
        const [gone] = this.waiting.splice(step.which % Math.max(1, this.waiting.length), 1);
        if (gone === undefined) return undefined;
        this.left.add(gone.waiter);
        if (!this.pool.leave(gone.waiter)) this.faults.push('a waiter was lost');
        return undefined;
      }
      case 'setUp': {
        const endpoint = this.pool.endpoints[step.endpoint % this.pool.endpoints.length];
        return endpoint === undefined ? undefined : this.pool.setUp(endpoint, step.up);
      }
      case 'resize': {
        const at = step.endpoint % this.options.endpoints.length;
        const endpoints = this.options.endpoints.map((one, index) =>
          index === at ? { ...one, seats: step.seats } : one,
        );
        const ups = this.pool.endpoints.map(({ up }) => up);
        this.options = {
          ...this.options,
          endpoints,
          // With a health check, so that a resize does not bring endpoints back.
          health: {
            path: '/',
            host: undefined,
            intervalMs: 1,
            timeoutMs: 1,
            unhealthyAfter: 1,
            healthyAfter: 1,
          },
        };
        this.pool.reconfigure(this.options);
        if (this.pool.endpoints.some(({ up }, index) => up !== ups[index]))
          this.faults.push('health was not kept');
        return undefined;
      }
      case 'advance':
        return this.scheduler.advance(step.ms);
    }
  }

  take(): void {
    const waiter: Waiter = {
      zone: this.calls.size % 2 === 0 ? 'partner' : 'employee',
      onSeat: (seat) => {
        this.called(waiter);
        this.sit(seat);
      },
      onRefused: (refusal) => {
        const entry = this.called(waiter);
        const late = entry !== undefined && entry.deadlineMs <= this.clock.monoMs();
        const allDown = this.pool.endpoints.every(({ up }) => !up);
        if (refusal.reason === 'pool_queue_timeout' && !late) this.faults.push('refused before its deadline');
        if (refusal.reason === 'pool_down' && !allDown)
          this.faults.push('refused although an endpoint is up');
        if (refusal.reason === 'pool_queue_full') this.faults.push('refused as full while it had a place');
      },
    };
    const before = { waiting: this.waiting.length, free: this.freeSeats(), up: this.upCount() };
    const taken = this.pool.take(waiter);
    const expected =
      before.up === 0
        ? 'pool_down'
        : before.free > 0
          ? 'seat'
          : before.waiting < maxQueue
            ? 'queued'
            : 'pool_queue_full';
    const actual = taken.kind === 'refused' ? taken.reason : taken.kind;
    if (actual !== expected) this.faults.push(`take gave ${actual} instead of ${expected}`);
    if (taken.kind === 'queued') this.waiting.push({ waiter, deadlineMs: this.clock.monoMs() + deadlineMs });
    if (taken.kind === 'seat') this.sit(taken);
    this.calls.set(waiter, taken.kind === 'queued' ? 0 : 1);
  }

  called(waiter: Waiter): { deadlineMs: number } | undefined {
    this.calls.set(waiter, (this.calls.get(waiter) ?? 0) + 1);
    if (this.waiting[0]?.waiter !== waiter) this.faults.push('called out of turn');
    const at = this.waiting.findIndex((entry) => entry.waiter === waiter);
    return this.waiting.splice(at, at === -1 ? 0 : 1)[0];
  }

  sit(seat: Seat): void {
    if (!seat.endpoint.up) this.faults.push('seated at an endpoint that is down');
    if (seat.endpoint.busy > seat.endpoint.seats) this.faults.push('more seats given than there are');
    this.sitting.push(seat);
  }

  freeSeats(): number {
    return this.pool.endpoints.reduce(
      (sum, { up, seats, busy }) => sum + (up ? Math.max(0, seats - busy) : 0),
      0,
    );
  }

  upCount(): number {
    return this.pool.endpoints.filter(({ up }) => up).length;
  }

  check(): void {
    const status = this.pool.status();
    expect(this.faults).toEqual([]);
    expect({
      busy: status.busy,
      atEndpoints: status.endpoints.reduce((total, { busy }) => total + busy, 0),
      byZone: sumOf(status.busyByZone),
      queued: status.queued,
      queuedByZone: sumOf(status.queuedByZone),
    }).toEqual({
      busy: this.sitting.length,
      atEndpoints: this.sitting.length,
      byZone: this.sitting.length,
      queued: this.waiting.length,
      queuedByZone: this.waiting.length,
    });
    expect(status.queued).toBeLessThanOrEqual(maxQueue);
    if (this.waiting.length > 0) expect(this.freeSeats()).toBe(0);
    for (const entry of this.waiting) expect(entry.deadlineMs).toBeGreaterThan(this.clock.monoMs());
  }
}

it('keeps seats, queue and order right for every sequence of events', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
      fc.array(event, { maxLength: 60 }),
      (seats, events) => {
        const world = new World(seats);
        for (const step of events) {
          world.run(step);
          world.check();
        }
        // In the end everyone who waited has exactly one outcome, and every seat is back.
        world.scheduler.advance(deadlineMs);
        expect(world.waiting).toEqual([]);
        for (const seat of world.sitting.splice(0)) seat.release('ok');
        world.check();
        for (const [waiter, count] of world.calls) expect(count).toBe(world.left.has(waiter) ? 0 : 1);
      },
    ),
    { numRuns: 500 },
  );
});
