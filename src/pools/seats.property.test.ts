import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { classesWithDeadline, poolOptions } from '../../test/pools/pool-options.ts';
import { manualClock } from '../core/clock.ts';
import { type WorkClass, workClasses } from '../core/work-class.ts';
import { reportCap } from './class-caps.ts';
import type { PoolOptions } from './options.ts';
import { manualScheduler } from '../core/scheduler.ts';
import type { Seat, SeatOutcome, Waiter } from './seat.ts';
import { Pool } from './seats.ts';

/**
 * Any sequence of events against a plain model: a list of who waits and a list of who sits. After each event the pool must
 * agree with the model, so no seat leaks, no waiter is lost or called twice, no bound is exceeded, and nobody waits who could sit.
 */

const maxQueue = 6;
const perTenant = 4;
const deadlineMs = 100;

type Event =
  | { do: 'take'; tenant: string; workClass: WorkClass; isReport: boolean }
  | { do: 'release'; which: number; outcome: SeatOutcome }
  | { do: 'releaseAgain'; which: number }
  | { do: 'leave'; which: number }
  | { do: 'setUp'; endpoint: number; up: boolean }
  | { do: 'resize'; endpoint: number; seats: number }
  | { do: 'advance'; ms: number };

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('take' as const),
      tenant: fc.constantFrom('acme', 'beta', 'gamma'),
      workClass: fc.constantFrom(...workClasses),
      isReport: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      which: fc.nat(20),
      outcome: fc.constantFrom<SeatOutcome>('ok', 'unwanted', 'failed', 'unknown'),
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
      seats: fc.integer({ min: 1, max: 5 }),
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

interface Sitting {
  seat: Seat;
  waiter: Waiter;
}

class World {
  readonly clock = manualClock();
  readonly scheduler = manualScheduler(this.clock);
  options: PoolOptions;
  readonly pool: Pool;
  /** Who waits, since when. */
  readonly waiting = new Map<Waiter, number>();
  sitting: Sitting[] = [];
  readonly released: Seat[] = [];
  readonly left = new Set<Waiter>();
  /** How many outcomes each waiter got. */
  readonly calls = new Map<Waiter, number>();
  readonly faults: string[] = [];

  constructor(seats: readonly number[]) {
    this.options = {
      ...poolOptions({ seats, queue: { max: maxQueue, perTenant } }),
      classes: classesWithDeadline(deadlineMs),
      // Of a health check, so that a resize does not bring endpoints back.
      health: {
        path: '/',
        host: undefined,
        intervalMs: 1,
        timeoutMs: 1,
        unhealthyAfter: 1,
        healthyAfter: 1,
      },
    };
    this.pool = new Pool(this.options, { clock: this.clock, scheduler: this.scheduler });
  }

  run(step: Event): void {
    switch (step.do) {
      case 'take':
        return this.take(step);
      case 'release': {
        const [one] = this.sitting.splice(step.which % Math.max(1, this.sitting.length), 1);
        if (one === undefined) return undefined;
        this.released.push(one.seat);
        return one.seat.release(step.outcome);
      }
      case 'releaseAgain':
        return this.released[step.which % Math.max(1, this.released.length)]?.release('ok');
      case 'leave': {
        const gone = [...this.waiting.keys()][step.which % Math.max(1, this.waiting.size)];
        if (gone === undefined) return undefined;
        this.waiting.delete(gone);
        this.left.add(gone);
        if (!this.pool.leave(gone)) this.faults.push('a waiter was lost');
        if (this.pool.leave(gone)) this.faults.push('a waiter left twice');
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
        this.options = { ...this.options, endpoints };
        this.pool.reconfigure(this.options);
        if (this.pool.endpoints.some(({ up }, index) => up !== ups[index]))
          this.faults.push('health was not kept');
        return undefined;
      }
      case 'advance':
        return this.scheduler.advance(step.ms);
    }
  }

  take({ tenant, workClass, isReport }: Event & { do: 'take' }): void {
    const waiter: Waiter = {
      zone: this.calls.size % 2 === 0 ? 'partner' : 'employee',
      tenant,
      workClass,
      route: '/odoo',
      isReport,
      onSeat: (seat) => {
        this.called(waiter);
        this.sit(seat, waiter);
      },
      onRefused: ({ reason, retryAfterMs }) => {
        this.called(waiter);
        const allDown = this.pool.endpoints.every(({ up }) => !up);
        if (reason === 'pool_down' && !allDown) this.faults.push('refused although an endpoint is up');
        if (retryAfterMs < 1) this.faults.push('told to come again at once');
      },
    };
    this.calls.set(waiter, 0);
    const up = this.pool.endpoints.some((endpoint) => endpoint.up);
    const mayHold = this.maySit(waiter);
    const taken = this.pool.take(waiter);
    if ((taken.kind === 'refused' && taken.reason === 'pool_down') === up) this.faults.push('down or not');
    if ((taken.kind === 'seat') !== mayHold) this.faults.push(`take gave ${taken.kind}`);
    if (taken.kind === 'queued') this.waiting.set(waiter, this.clock.monoMs());
    else this.calls.set(waiter, 1);
    if (taken.kind === 'seat') this.sit(taken, waiter);
  }

  called(waiter: Waiter): void {
    this.calls.set(waiter, (this.calls.get(waiter) ?? 0) + 1);
    if (!this.waiting.delete(waiter)) this.faults.push('called without waiting');
  }

  sit(seat: Seat, waiter: Waiter): void {
    if (!seat.endpoint.up) this.faults.push('seated at an endpoint that is down');
    if (seat.endpoint.busy > seat.endpoint.seats) this.faults.push('more seats given than there are');
    this.sitting.push({ seat, waiter });
    const reports = this.sitting.filter((one) => one.waiter.isReport && one.seat.endpoint === seat.endpoint);
    if (waiter.isReport && reports.length > reportCap(seat.endpoint.seats))
      this.faults.push('too many reports');
    const { interactive, batch } = this.heldInService();
    const caps = this.caps();
    if (waiter.workClass === 'batch' && batch > caps.batch) this.faults.push('too much batch work');
    if (waiter.workClass !== 'critical' && interactive + batch > caps.interactive)
      this.faults.push('too little left for what is critical');
  }

  /** Whether the rules let somebody sit down now. */
  maySit({ workClass, isReport }: Waiter): boolean {
    const free = this.pool.endpoints.filter(({ up, busy, seats }) => up && busy < seats);
    const { interactive, batch } = this.heldInService();
    const caps = this.caps();
    if (workClass === 'batch' && batch >= caps.batch) return false;
    if (workClass !== 'critical' && interactive + batch >= caps.interactive) return false;
    if (!isReport) return free.length > 0;
    const inService = this.pool.endpoints.filter(({ up }) => up);
    const rendering = inService.reduce((sum, endpoint) => sum + this.reportsAt(endpoint.url), 0);
    const seats = inService.reduce((sum, endpoint) => sum + endpoint.seats, 0);
    return (
      rendering < reportCap(seats) &&
      free.some((endpoint) => this.reportsAt(endpoint.url) < reportCap(endpoint.seats))
    );
  }

  reportsAt(url: string): number {
    return this.sitting.filter(({ seat, waiter }) => waiter.isReport && seat.endpoint.url === url).length;
  }

  held(): Record<WorkClass, number> {
    const held = { critical: 0, interactive: 0, batch: 0 };
    for (const { waiter } of this.sitting) held[waiter.workClass]++;
    return held;
  }

  heldInService(): Record<WorkClass, number> {
    const held = { critical: 0, interactive: 0, batch: 0 };
    for (const { seat, waiter } of this.sitting) if (seat.endpoint.up) held[waiter.workClass]++;
    return held;
  }

  /** Written out once more: a quarter of the seats in service is kept from batch work, and none for what is critical. */
  caps(): { interactive: number; batch: number } {
    const seats = this.pool.endpoints.reduce((sum, one) => sum + (one.up ? one.seats : 0), 0);
    return {
      interactive: Math.max(1, seats),
      batch: Math.max(1, seats - Math.max(1, Math.floor(seats / 4))),
    };
  }

  check(): void {
    const status = this.pool.status();
    expect(this.faults).toEqual([]);
    expect({
      busy: status.busy,
      atEndpoints: status.endpoints.reduce((total, { busy }) => total + busy, 0),
      byZone: sumOf(status.busyByZone),
      byClass: Object.fromEntries(status.classes.map(({ name, busy }) => [name, busy])),
      queued: status.queued,
      queuedByZone: sumOf(status.queuedByZone),
      queuedByClass: status.classes.reduce((total, { queued }) => total + queued, 0),
    }).toEqual({
      busy: this.sitting.length,
      atEndpoints: this.sitting.length,
      byZone: this.sitting.length,
      byClass: this.held(),
      queued: this.waiting.size,
      queuedByZone: this.waiting.size,
      queuedByClass: this.waiting.size,
    });
    expect(status.queued).toBeLessThanOrEqual(maxQueue);
    for (const [waiter, sinceMs] of this.waiting) {
      expect(this.maySit(waiter)).toBe(false);
      expect(sinceMs + deadlineMs).toBeGreaterThan(this.clock.monoMs());
    }
  }
}

it('keeps seats, bounds and turns right for every sequence of events', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
      fc.array(event, { maxLength: 80 }),
      (seats, events) => {
        const world = new World(seats);
        for (const step of events) {
          world.run(step);
          world.check();
        }
        // In the end everyone who waited has exactly one outcome, and every seat is back.
        world.scheduler.advance(deadlineMs);
        expect([...world.waiting.keys()]).toEqual([]);
        for (const { seat } of world.sitting.splice(0)) seat.release('ok');
        world.check();
        for (const [waiter, count] of world.calls) expect(count).toBe(world.left.has(waiter) ? 0 : 1);
      },
    ),
    { numRuns: 500 },
  );
});
