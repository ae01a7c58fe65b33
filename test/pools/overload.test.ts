import { describe, expect, it } from 'vitest';
import type { ShedCause } from '../../src/pools/ledger.ts';
import { Pool } from '../../src/pools/seats.ts';
import { EventClock, seededRandom } from './event-clock.ts';
import {
  batch,
  fairPool,
  moreBatch,
  noisy,
  policies,
  type Policy,
  type Row,
  simulate,
  users,
} from './overload.ts';
import { poolOptions } from './pool-options.ts';
import { type Clients, quantile, SimulatedClients } from './simulated-clients.ts';

const seeds = [1, 2, 3];
const seconds = 600;

/** The mean over all seeds: what a user of the pool sees. */
function meanRow(policy: Policy, clients: readonly Clients[]): Row {
  const rows = seeds.map((seed) => simulate(policies[policy], clients, { seed, seconds }).row);
  const mean = (key: keyof Row): number => rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
  return {
    usersOk: mean('usersOk'),
    usersP50Ms: mean('usersP50Ms'),
    usersP99Ms: mean('usersP99Ms'),
    noisyOk: mean('noisyOk'),
    batchOk: mean('batchOk'),
    wasted: mean('wasted'),
  };
}

describe('eight workers, asked for twice of what they can do', () => {
  const twofold = [users, moreBatch, noisy];

  it.each(seeds)('people of other tenants are served to 99 % within 1.5 s (seed %i)', (seed) => {
    const { row } = simulate(policies.fair, twofold, { seed, seconds });
    expect(row.usersOk).toBeGreaterThanOrEqual(0.99);
    expect(row.usersP99Ms).toBeLessThanOrEqual(1_500);
    expect(row.wasted).toBeLessThanOrEqual(0.01);
    // Its weight is a ninth of the seats; work that is quick enough gets more.
    expect(row.batchOk).toBeGreaterThanOrEqual(8 / 9 / (moreBatch.tenants * moreBatch.perSecond * 4.4));
    expect(row.noisyOk).toBeGreaterThanOrEqual(0.4);
  });

  it('first come, first served without a bound serves nobody, and works for those who have left', () => {
    const row = meanRow('FIFO unbounded', twofold);
    expect(row.usersOk).toBeLessThan(0.05);
    expect(row.wasted).toBeGreaterThan(0.7);
  });

  it('a short queue alone turns half of everybody away', () => {
    const row = meanRow('FIFO 64, wait <= 5 s', twofold);
    expect(row.usersOk).toBeGreaterThan(0.4);
    expect(row.usersOk).toBeLessThan(0.6);
    expect(row.usersP99Ms).toBeGreaterThan(3_000);
  });
});

it('fair turns cost people nothing while there is no overload', () => {
  const fair = meanRow('fair', [users, batch]);
  const fifo = meanRow('FIFO 64, wait <= 5 s', [users, batch]);
  expect(fair.usersOk).toBeGreaterThanOrEqual(0.99);
  expect(fair.usersP99Ms).toBeLessThanOrEqual(1.05 * fifo.usersP99Ms);
  expect(fair.batchOk).toBeGreaterThanOrEqual(0.99);
});

it('when everybody asks for too much, as many are served as there are seats for, and soon', () => {
  const { row } = simulate(policies.fair, [{ ...users, perSecond: 4 }], { seed: 1, seconds });
  expect(row.usersOk).toBeGreaterThan(0.95 * (8 / (20 * 4 * 0.15)));
  expect(row.usersP50Ms).toBeLessThanOrEqual(1_000);
});

it('a flood of logins gets its part, and takes little from people', () => {
  const logins: Clients = {
    ...users,
    group: 'logins',
    tenants: 5,
    perSecond: 0.1,
    workClass: 'critical',
    meanServiceMs: 300,
  };
  const flood: Clients = { ...logins, group: 'flood', tenants: 1, perSecond: 60 };
  const { row, world } = simulate(policies.fair, [users, batch, logins, flood], { seed: 1, seconds });
  const { ok, sent } = world.outcome('logins');
  expect(row.usersOk).toBeGreaterThanOrEqual(0.95);
  expect(ok / sent).toBeGreaterThanOrEqual(0.99);
});

it.each([1, 2, 3])(
  'a spike of five times the load with retries is over 16 s after its end (seed %i)',
  (seed) => {
    const spike: Clients = {
      ...users,
      group: 'spike',
      tenants: 20,
      perSecond: 4,
      retries: 3,
      fromMs: 100_000,
      untilMs: 110_000,
    };
    const after: Clients = { ...users, group: 'after', fromMs: 126_000 };
    const { world } = simulate(
      policies.fair,
      [{ ...users, untilMs: 126_000 }, { ...batch, retries: 3 }, spike, after],
      { seed, seconds: 300 },
    );
    const { ok, sent, latenciesMs } = world.outcome('after');
    expect(ok / sent).toBeGreaterThanOrEqual(0.99);
    const unspiked = simulate(policies.fair, [users, { ...batch, retries: 3 }], { seed, seconds: 300 });
    expect(quantile(latenciesMs, 0.99)).toBeLessThanOrEqual(Math.max(1_500, 1.2 * unspiked.row.usersP99Ms));
  },
);

it('clients that leave by the thousand leave no seat taken and nobody behind', () => {
  const clock = new EventClock();
  const random = seededRandom(9);
  const shed = new Map<ShedCause, number>();
  const pool = new Pool(poolOptions({ seats: 8 }), {
    clock,
    scheduler: clock,
    ledger: {
      served() {},
      shed: (_pool, _class, cause) => shed.set(cause, (shed.get(cause) ?? 0) + 1),
    },
  });
  const world = new SimulatedClients(clock, random, {
    take: (waiter) => pool.take(waiter),
    leave: (waiter) => pool.leave(waiter),
  });
  world.start({ ...users, perSecond: 50, patienceMs: 300, untilMs: 20_000 });
  world.start({ ...batch, perSecond: 20, patienceMs: 300, untilMs: 20_000 });
  clock.runUntil(10_000);
  const { busy, queued } = pool.status();
  expect([busy, world.seated, queued <= 128]).toEqual([8, 8, true]);
  clock.runUntil(200_000);
  expect(pool.status()).toMatchObject({
    busy: 0,
    queued: 0,
    busyByZone: { zone: 0 },
    queuedByZone: { zone: 0 },
  });
  expect(world.seated).toBe(0);
  expect(shed.get('client_gone')).toBeGreaterThan(1_000);
});

it('batch work alone has every seat of a pool to which nothing else is sent', () => {
  const { row } = simulate(fairPool({ seats: 8, serves: ['batch'] }), [{ ...batch, perSecond: 0.5 }], {
    seed: 1,
    seconds,
  });
  expect(row.batchOk).toBeGreaterThan(0.99);
});
