import { describe, expect, it } from 'vitest';
import { type PoolShape, plainClaim, poolOptions } from '../../test/pools/pool-options.ts';
import { manualClock } from '../core/clock.ts';
import { manualScheduler } from '../core/scheduler.ts';
import type { Claim, PoolRefusal, Seat, Waiter } from './seat.ts';
import { Pool } from './seats.ts';

function setUp(shape: PoolShape) {
  const clock = manualClock();
  const scheduler = manualScheduler(clock);
  const shed: string[] = [];
  const served: object[] = [];
  const pool = new Pool(poolOptions(shape), {
    clock,
    scheduler,
    ledger: {
      served: (name, use) => served.push({ pool: name, ...use }),
      shed: (_pool, workClass, cause) => shed.push(`${workClass} ${cause}`),
    },
  });
  const log: string[] = [];
  const seats: Seat[] = [];
  const sitting = new Map<string, Seat>();
  const refusals = new Map<string, PoolRefusal>();
  const waiter = (name: string, claim: Partial<Claim> = {}): Waiter => ({
    ...plainClaim(claim),
    onSeat(seat) {
      seats.push(seat);
      sitting.set(name, seat);
      log.push(`${name} sits`);
    },
    onRefused(refusal) {
      refusals.set(name, refusal);
      log.push(`${name} ${refusal.reason}`);
    },
  });
  /** What becomes of a request at once. */
  const send = (name: string, claim: Partial<Claim> = {}): string => {
    const one = waiter(name, claim);
    const taken = pool.take(one);
    if (taken.kind === 'seat') one.onSeat(taken);
    if (taken.kind === 'refused') refusals.set(name, taken);
    return taken.kind === 'refused' ? taken.reason : taken.kind;
  };
  /** Gives back the seat that was given out first. */
  const release = (): void => seats.shift()?.release('ok');
  return { pool, clock, scheduler, shed, served, log, refusals, waiter, send, release, sitting };
}

describe('a full queue', () => {
  it('takes the place of the newest of the longest queue, not of whoever comes', () => {
    const { pool, send, log, shed } = setUp({ seats: 1, queue: { max: 4 } });
    send('first');
    for (const name of ['a1', 'a2', 'a3']) send(name);
    send('b1', { tenant: 'beta' });
    expect(send('c1', { tenant: 'gamma' })).toBe('queued');
    expect(log).toEqual(['first sits', 'a3 tenant_share_exceeded']);
    expect(shed).toEqual(['interactive pool_queue_full']);
    expect(pool.status().queued).toBe(4);
  });

  it('has no room for somebody who would have the longest queue, or as long a one', () => {
    const { send, log, refusals } = setUp({ seats: 1, queue: { max: 3 } });
    send('first');
    expect(['a1', 'a2'].map((name) => send(name))).toEqual(['queued', 'queued']);
    expect(send('b1', { tenant: 'beta' })).toBe('queued');
    expect(send('a3')).toBe('tenant_share_exceeded');
    expect(send('b2', { tenant: 'beta' })).toBe('pool_queue_full');
    expect(log).toEqual(['first sits']);
    expect(refusals.get('a3')).toEqual({
      kind: 'refused',
      reason: 'tenant_share_exceeded',
      retryAfterMs: 1_000,
    });
  });

  it('takes places from the least urgent class first, also from a short queue', () => {
    const { send, log } = setUp({ seats: 1, queue: { max: 3 } });
    send('first');
    for (const name of ['a1', 'a2']) send(name);
    send('b1', { tenant: 'beta', workClass: 'batch' });
    expect(send('login', { workClass: 'critical' })).toBe('queued');
    expect(log).toEqual(['first sits', 'b1 pool_queue_full']);
    expect(send('b2', { tenant: 'beta', workClass: 'batch' })).toBe('pool_queue_full');
    expect(send('c1', { tenant: 'gamma' })).toBe('queued');
    expect(log.at(-1)).toBe('a2 pool_queue_full');
  });

  it('of one tenant leaves room for others', () => {
    const { send, shed } = setUp({ seats: 1, queue: { max: 100, perTenant: 2 } });
    send('first');
    expect(['a1', 'a2', 'a3'].map((name) => send(name))).toEqual(['queued', 'queued', 'pool_queue_full']);
    expect(send('b1', { tenant: 'beta' })).toBe('queued');
    expect(send('a4')).toBe('tenant_share_exceeded');
    expect(shed).toEqual(['interactive tenant_queue_full', 'interactive tenant_queue_full']);
  });

  it('says when its work will be done, from one second to thirty', () => {
    const { send, release, refusals, scheduler } = setUp({ seats: 2, queue: { max: 4 } });
    for (let i = 0; i < 40; i++) {
      send(`long ${i}`);
      scheduler.advance(20_000);
      release();
    }
    send('s1');
    send('s2');
    for (const name of ['q1', 'q2', 'q3', 'q4', 'late']) send(name);
    // Four that take about 20 s each, for two workers, would be 40 s.
    expect(refusals.get('late')?.retryAfterMs).toBe(30_000);
  });

  it('survives those who come again at once when they are refused', () => {
    const { pool, send, waiter } = setUp({ seats: 1, queue: { max: 2 } });
    send('first');
    let again = 0;
    const stubborn = (): Waiter => ({
      ...waiter('stubborn', { workClass: 'batch' }),
      onRefused() {
        again++;
        if (again < 1_000) pool.take(stubborn());
      },
    });
    pool.take(stubborn());
    pool.take(stubborn());
    for (let i = 0; i < 3; i++) send(`p${i}`, { tenant: `t${i}` });
    expect(pool.status()).toMatchObject({ busy: 1, queued: 2 });
    expect(again).toBe(2);
  });
});

describe('a queue that stands', () => {
  /** A tenant sends ten requests a second for `seconds` to a worker that serves five. */
  function overload(seconds: number, claim: Partial<Claim> = {}) {
    const scene = setUp({ seats: 1 });
    for (let tick = 0; tick < seconds * 10; tick++) {
      scene.send(`r${tick}`, claim);
      scene.scheduler.advance(100);
      if (tick % 2 === 1) scene.release();
    }
    return scene;
  }

  it('is left alone while it may be a burst', () => {
    expect(overload(3).shed).toEqual([]);
  });

  it('sheds whoever waits for two targets, and serves people who came last', () => {
    const { shed, log, pool } = overload(10);
    expect(shed.length).toBeGreaterThan(20);
    expect(new Set(shed)).toEqual(new Set(['interactive delay']));
    expect(pool.status().classes[1]?.longestWaitMs).toBeLessThanOrEqual(1_200);
    const lastSeated = log.filter((line) => line.endsWith('sits')).at(-1);
    expect(Number(/^r(\d+)/.exec(lastSeated ?? '')?.[1])).toBeGreaterThanOrEqual(98);
  });

  it('of batch work keeps its order', () => {
    const { shed, log } = overload(90, { workClass: 'batch' });
    expect(new Set(shed)).toEqual(new Set(['batch tenant_queue_full']));
    const order = log.filter((line) => line.endsWith('sits')).map((line) => Number(/\d+/.exec(line)?.[0]));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it('never sheds the last one of a tenant', () => {
    const { pool, scheduler, send, release, shed, waiter, log } = setUp({
      seats: 1,
      classes: { interactive: { deadlineMs: 60_000 } },
    });
    send('long');
    send('patient');
    for (let i = 0; i < 8; i++) {
      scheduler.advance(1_000);
      const passing = waiter('passing');
      pool.take(passing);
      pool.leave(passing);
    }
    release();
    expect(new Set(shed)).toEqual(new Set(['interactive client_gone']));
    expect(log.at(-1)).toBe('patient sits');
  });
});

describe('a deadline', () => {
  it('leaves time for the work itself, but takes no more than half of the wait for that', () => {
    const { send, release, scheduler, log, clock } = setUp({ seats: 1 });
    send('typical');
    scheduler.advance(3_000);
    release();
    send('long');
    send('late');
    const sentMs = clock.monoMs();
    scheduler.advance(4_999);
    expect(log).toEqual(['typical sits', 'long sits']);
    scheduler.advance(1);
    expect([log.at(-1), clock.monoMs() - sentMs]).toEqual(['late pool_queue_timeout', 5_000]);
    scheduler.advance(60_000);
    release();
    send('very long');
    send('half');
    scheduler.advance(3_999);
    expect(log.at(-1)).toBe('very long sits');
  });

  it('is each class its own', () => {
    const { send, scheduler, log, shed } = setUp({
      seats: 1,
      classes: { critical: { deadlineMs: 1_000 }, batch: { deadlineMs: 3_000 } },
    });
    send('long');
    send('b', { workClass: 'batch' });
    send('i');
    send('c', { workClass: 'critical' });
    scheduler.advance(100_000);
    expect(log).toEqual([
      'long sits',
      'c pool_queue_timeout',
      'b pool_queue_timeout',
      'i pool_queue_timeout',
    ]);
    expect(shed).toEqual(['critical deadline', 'batch deadline', 'interactive deadline']);
    expect(scheduler.pending()).toBe(0);
  });
});

it('the ledger hears of every seat once, and whether anybody had something of it', () => {
  const { pool, send, scheduler, served, shed, waiter, sitting } = setUp({ seats: 2 });
  send('a');
  send('b', { tenant: 'beta', workClass: 'batch' });
  const gone = waiter('gone');
  pool.take(gone);
  pool.leave(gone);
  scheduler.advance(250);
  sitting.get('a')?.release('ok');
  sitting.get('a')?.release('ok');
  sitting.get('b')?.release('unwanted');
  expect(served).toEqual([
    { pool: 'odoo', workClass: 'interactive', tenant: 'acme', serviceMs: 250, outcome: 'ok' },
    { pool: 'odoo', workClass: 'batch', tenant: 'beta', serviceMs: 250, outcome: 'unwanted' },
  ]);
  expect(shed).toEqual(['interactive client_gone']);
});

it('a seat that comes back from an endpoint out of service frees none elsewhere', () => {
  const { pool, send, release } = setUp({ seats: [2, 2] });
  for (let i = 0; i < 3; i++) send(`b${i}`, { workClass: 'batch' });
  const [first] = pool.endpoints;
  if (first !== undefined) pool.setUp(first, false);
  // Of the two seats that are left one is kept for people, and batch work has the other.
  expect(send('more', { workClass: 'batch' })).toBe('queued');
  release();
  expect(pool.status()).toMatchObject({ busy: 2, queued: 1 });
  expect(send('person')).toBe('seat');
});

it('seats at an endpoint that is out of service take nothing from anybody', () => {
  const { pool, send } = setUp({ seats: [2, 2] });
  for (let i = 0; i < 4; i++) send(`s${i}`);
  const [first] = pool.endpoints;
  if (first !== undefined) pool.setUp(first, false);
  expect(send('waits')).toBe('queued');
  pool.reconfigure(poolOptions({ seats: [2, 2, 3] }));
  expect(pool.status().queued).toBe(0);
  // Two of the old endpoint, two of the other, one that waited: four seats of the new one and the other are left to three more.
  expect(['n1', 'n2', 'n3'].map((name) => send(name))).toEqual(['seat', 'seat', 'queued']);
});
