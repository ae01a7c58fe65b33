import { describe, expect, it } from 'vitest';
import { classesWithDeadline, plainClaim } from '../../test/pools/pool-options.ts';
import { manualClock } from '../core/clock.ts';
import { workClasses } from '../core/work-class.ts';
import type { PoolOptions } from './options.ts';
import { manualScheduler } from '../core/scheduler.ts';
import type { PoolRefusal, Seat, Waiter } from './seat.ts';
import { Pool } from './seats.ts';

function options(changes: Partial<PoolOptions> = {}): PoolOptions {
  return {
    name: 'odoo',
    kind: 'http',
    endpoints: [{ url: 'http://a:8069', seats: 1 }],
    keepAlive: false,
    queue: { max: 3, perTenant: 64 },
    classes: classesWithDeadline(5_000),
    serves: workClasses,
    timeoutMs: 130_000,
    connectTimeoutMs: 2_000,
    maxBodyBytes: 1024,
    requestBody: 'collect',
    shared: false,
    health: {
      path: '/web/health',
      host: undefined,
      intervalMs: 7_000,
      timeoutMs: 2_000,
      unhealthyAfter: 3,
      healthyAfter: 2,
    },
    ...changes,
  };
}

function setUp(changes: Partial<PoolOptions> = {}) {
  const clock = manualClock();
  const scheduler = manualScheduler(clock);
  const pool = new Pool(options(changes), { clock, scheduler });
  const log: string[] = [];
  const seats = new Map<string, Seat>();
  const waiter = (name: string, zone = 'partner'): Waiter => ({
    ...plainClaim({ zone }),
    onSeat(seat) {
      seats.set(name, seat);
      log.push(`${name} sits`);
    },
    onRefused(refusal) {
      log.push(`${name} ${refusal.reason} at ${clock.monoMs()}`);
    },
  });
  /** Takes a seat that must be free. */
  const sit = (zone = 'partner'): Seat => {
    const taken = pool.take(waiter('sitter', zone));
    if (taken.kind !== 'seat') throw new Error(`got ${taken.kind}`);
    return taken;
  };
  /** Joins a queue that must have a place. */
  const wait = (name: string, zone = 'partner'): Waiter => {
    const one = waiter(name, zone);
    expect(pool.take(one)).toEqual({ kind: 'queued' });
    return one;
  };
  return { clock, scheduler, pool, log, seats, waiter, sit, wait };
}

const down: PoolRefusal = { kind: 'refused', reason: 'pool_down', retryAfterMs: 14_000 };
const full: PoolRefusal = { kind: 'refused', reason: 'pool_queue_full', retryAfterMs: 1_000 };

describe('a pool with a free seat', () => {
  it('gives it at once and tells the waiter nothing more', () => {
    const { pool, log, sit } = setUp();
    const seat = sit();
    expect(seat.endpoint.url).toBe('http://a:8069');
    expect(pool.status()).toEqual({
      name: 'odoo',
      seats: 1,
      recommendedSeats: 1,
      busy: 1,
      busyByZone: { partner: 1 },
      queued: 0,
      queuedByZone: { partner: 0 },
      classes: [
        { name: 'critical', busy: 0, cap: 1, queued: 0, longestWaitMs: 0 },
        { name: 'interactive', busy: 1, cap: 1, queued: 0, longestWaitMs: 0 },
        { name: 'batch', busy: 0, cap: 1, queued: 0, longestWaitMs: 0 },
      ],
      endpoints: [{ url: 'http://a:8069', up: true, saturated: false, busy: 1, seats: 1 }],
      leaving: 0,
    });
    seat.release('ok');
    expect(pool.status()).toMatchObject({ busy: 0, busyByZone: { partner: 0 }, endpoints: [{ busy: 0 }] });
    expect(log).toEqual([]);
  });

  it('spreads requests over equal endpoints in turn', () => {
    const { sit } = setUp({
      endpoints: ['a', 'b', 'c'].map((host) => ({ url: `http://${host}:8069`, seats: 4 })),
    });
    const urls = Array.from({ length: 6 }, () => {
      const seat = sit();
      seat.release('ok');
      return seat.endpoint.url.slice(7, 8);
    });
    expect(urls).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('fills endpoints in proportion to their seats', () => {
    const { pool, sit } = setUp({
      endpoints: [
        { url: 'http://small:8069', seats: 2 },
        { url: 'http://big:8069', seats: 6 },
      ],
    });
    for (let i = 0; i < 4; i++) sit();
    expect(pool.status().endpoints.map(({ busy }) => busy)).toEqual([1, 3]);
  });

  it('frees one seat only when it is released twice', () => {
    const { pool, sit } = setUp({ endpoints: [{ url: 'http://a:8069', seats: 2 }] });
    const seat = sit();
    sit();
    seat.release('ok');
    seat.release('ok');
    expect(pool.status()).toMatchObject({ busy: 1, endpoints: [{ busy: 1 }] });
  });
});

describe('a pool whose seats are all taken', () => {
  it('seats whoever waits in the order of coming', () => {
    const { sit, wait, seats, log } = setUp();
    const first = sit();
    wait('one');
    wait('two');
    first.release('ok');
    expect(log).toEqual(['one sits']);
    seats.get('one')?.release('unknown');
    expect(log).toEqual(['one sits', 'two sits']);
  });

  it('counts who waits by zone', () => {
    const { pool, sit, wait } = setUp();
    sit('employee');
    wait('one', 'partner');
    wait('two', 'employee');
    expect(pool.status()).toMatchObject({
      busyByZone: { employee: 1, partner: 0 },
      queued: 2,
      queuedByZone: { employee: 1, partner: 1 },
    });
  });

  it('refuses when the queue is full as well, and says when to come again', () => {
    const { pool, sit, wait, waiter } = setUp();
    sit();
    for (const name of ['one', 'two', 'three']) wait(name);
    expect(pool.take(waiter('four'))).toEqual(full);
    expect(pool.status().queued).toBe(3);
  });

  it('refuses at once when there is no queue', () => {
    const { pool, sit, waiter } = setUp({ queue: { max: 0, perTenant: 1 } });
    sit();
    expect(pool.take(waiter('one'))).toEqual(full);
  });

  it('gives the place of a client that left to the next one', () => {
    const { pool, sit, wait, log } = setUp();
    const seat = sit();
    const one = wait('one');
    wait('two');
    expect([pool.leave(one), pool.leave(one)]).toEqual([true, false]);
    seat.release('ok');
    expect(log).toEqual(['two sits']);
    expect(pool.status()).toMatchObject({ queued: 0, queuedByZone: { partner: 0 } });
  });

  it('refuses each waiter at its own deadline with one timer for all', () => {
    const { sit, wait, scheduler, log } = setUp();
    sit();
    wait('one');
    scheduler.advance(1_000);
    wait('two');
    expect(scheduler.pending()).toBe(1);
    scheduler.advance(10_000);
    expect(log).toEqual(['one pool_queue_timeout at 5000', 'two pool_queue_timeout at 6000']);
    expect(scheduler.pending()).toBe(0);
  });

  it('keeps the deadline of those behind a head that left', () => {
    const { pool, sit, wait, scheduler, log } = setUp();
    sit();
    const one = wait('one');
    scheduler.advance(1_000);
    wait('two');
    pool.leave(one);
    scheduler.advance(4_999);
    expect(log).toEqual([]);
    scheduler.advance(1);
    expect(log).toEqual(['two pool_queue_timeout at 6000']);
  });

  it('does not let a waiter wait twice', () => {
    const { pool, sit, wait } = setUp();
    sit();
    const one = wait('one');
    expect(() => pool.take(one)).toThrow(new TypeError('"waiter" waits in this pool already'));
  });

  it('seats a long queue of waiters that give up at once without deepening the stack', () => {
    const { pool, sit } = setUp({ queue: { max: 50_000, perTenant: 50_000 } });
    const seat = sit();
    let served = 0;
    for (let i = 0; i < 50_000; i++) {
      pool.take({
        ...plainClaim(),
        onSeat(given) {
          served++;
          given.release('unknown');
        },
        onRefused() {},
      });
    }
    seat.release('ok');
    expect([served, pool.status().busy]).toEqual([50_000, 0]);
  });

  it('puts one who comes during the seating behind those who wait', () => {
    const { pool, sit, wait, waiter, log } = setUp({ endpoints: [{ url: 'http://a:8069', seats: 2 }] });
    const [a, b] = [sit(), sit()];
    pool.take({
      ...plainClaim(),
      onSeat() {
        log.push('first sits');
        b.release('ok');
        pool.take(waiter('pusher'));
      },
      onRefused() {},
    });
    wait('second');
    a.release('ok');
    expect(log).toEqual(['first sits', 'second sits']);
    expect(pool.status().queued).toBe(1);
  });
});

describe('a pool whose endpoints go down', () => {
  it('uses the others', () => {
    const { pool, sit } = setUp({
      endpoints: [
        { url: 'http://a:8069', seats: 2 },
        { url: 'http://b:8069', seats: 2 },
      ],
    });
    pool.setUp(pool.endpoints[0]!, false);
    expect([sit(), sit()].map((seat) => seat.endpoint.url)).toEqual(['http://b:8069', 'http://b:8069']);
  });

  it('refuses everyone at once when the last one is gone, and serves again when one is back', () => {
    const { pool, sit, wait, waiter, log } = setUp();
    const seat = sit();
    wait('one');
    wait('two');
    pool.setUp(pool.endpoints[0]!, false);
    expect(log).toEqual(['one pool_down at 0', 'two pool_down at 0']);
    expect(pool.take(waiter('three'))).toEqual(down);
    seat.release('ok');
    pool.setUp(pool.endpoints[0]!, true);
    expect(sit().endpoint.up).toBe(true);
  });

  it('tells the watcher about a failed connection before it seats the next waiter', () => {
    const { pool, sit, wait, log } = setUp();
    pool.watch({ onConnectFailure: (endpoint) => pool.setUp(endpoint, false), onBroken() {} });
    const seat = sit();
    wait('one');
    seat.release('failed');
    expect(log).toEqual(['one pool_down at 0']);
  });

  it('seats those who wait when an endpoint comes back', () => {
    const { pool, sit, wait, log } = setUp({
      endpoints: [
        { url: 'http://a:8069', seats: 1 },
        { url: 'http://b:8069', seats: 1 },
      ],
    });
    pool.setUp(pool.endpoints[1]!, false);
    sit();
    wait('one');
    pool.setUp(pool.endpoints[1]!, true);
    expect(log).toEqual(['one sits']);
  });

  it('dates an answer by when its request was sent', () => {
    const { pool, sit, scheduler } = setUp({ endpoints: [{ url: 'http://a:8069', seats: 2 }] });
    scheduler.advance(10);
    const old = sit();
    scheduler.advance(10);
    sit().release('ok');
    expect(pool.endpoints[0]?.answeredMs).toBe(20);
    scheduler.advance(10);
    old.release('ok');
    expect(pool.endpoints[0]?.answeredMs).toBe(20);
  });

  it.each(['failed', 'unknown'] as const)('takes a seat released as %s for no answer', (outcome) => {
    const { pool, sit } = setUp();
    sit().release(outcome);
    expect(pool.endpoints[0]?.answeredMs).toBe(-Infinity);
  });
});

describe('a pool that is reconfigured', () => {
  const two = [
    { url: 'http://a:8069', seats: 1 },
    { url: 'http://b:8069', seats: 1 },
  ];

  it('keeps seats, queue and health of an endpoint with the same URL', () => {
    const { pool, sit, wait, log } = setUp({ endpoints: two });
    pool.setUp(pool.endpoints[1]!, false);
    const seat = sit();
    wait('one');
    pool.reconfigure(options({ endpoints: two, timeoutMs: 1_000 }));
    expect(pool.options.timeoutMs).toBe(1_000);
    expect(pool.status()).toMatchObject({
      busy: 1,
      queued: 1,
      endpoints: [
        { up: true, busy: 1 },
        { up: false, busy: 0 },
      ],
    });
    expect(log).toEqual([]);
    seat.release('ok');
    expect(log).toEqual(['one sits']);
  });

  it('seats those who wait on seats that are new', () => {
    const { pool, sit, wait, log } = setUp();
    sit();
    wait('one');
    pool.reconfigure(options({ endpoints: two }));
    expect(log).toEqual(['one sits']);
  });

  it('gives out no seat while more are taken than are left', () => {
    const { pool, sit, wait, log } = setUp({ endpoints: [{ url: 'http://a:8069', seats: 2 }] });
    const [first, second] = [sit(), sit()];
    pool.reconfigure(options());
    wait('one');
    first.release('ok');
    expect(log).toEqual([]);
    second.release('ok');
    expect(log).toEqual(['one sits']);
  });

  it('lets a seat at an endpoint that is gone be given back', () => {
    const { pool, sit } = setUp();
    const seat = sit();
    pool.reconfigure(options({ endpoints: [{ url: 'http://b:8069', seats: 1 }] }));
    expect(pool.status()).toMatchObject({
      seats: 1,
      busy: 1,
      endpoints: [{ url: 'http://b:8069', busy: 0 }],
    });
    seat.release('ok');
    expect(pool.status()).toMatchObject({ busy: 0, busyByZone: { partner: 0 }, endpoints: [{ busy: 0 }] });
  });

  it('applies a shorter deadline to those who wait already', () => {
    const { pool, sit, wait, scheduler, log } = setUp();
    sit();
    wait('one');
    pool.reconfigure(options({ classes: classesWithDeadline(100) }));
    wait('two');
    scheduler.advance(100);
    expect(log).toEqual(['one pool_queue_timeout at 100', 'two pool_queue_timeout at 100']);
  });

  it('applies a longer deadline to those who wait already', () => {
    const { pool, sit, wait, scheduler, log } = setUp();
    sit();
    wait('one');
    pool.reconfigure(options({ classes: classesWithDeadline(60_000) }));
    scheduler.advance(60_000);
    expect(log).toEqual(['one pool_queue_timeout at 60000']);
  });

  it('brings every endpoint back when the health check is switched off', () => {
    const { pool, sit } = setUp();
    pool.setUp(pool.endpoints[0]!, false);
    pool.reconfigure(options({ health: undefined }));
    expect(sit().endpoint.up).toBe(true);
  });

  it('forgets zones that have nothing here only when told to', () => {
    const { pool, sit } = setUp();
    sit('old').release('ok');
    sit('current');
    expect(pool.status().busyByZone).toEqual({ old: 0, current: 1 });
    pool.forgetIdle();
    expect(pool.status().busyByZone).toEqual({ current: 1 });
  });
});

describe('a pool that is closed', () => {
  it('refuses whoever waits or comes, leaves no timer, and takes seats back', () => {
    const { pool, sit, wait, waiter, scheduler, log } = setUp();
    const seat = sit();
    wait('one');
    pool.close();
    expect(log).toEqual(['one pool_down at 0']);
    expect(pool.take(waiter('two'))).toEqual(down);
    expect(scheduler.pending()).toBe(0);
    seat.release('ok');
    expect(pool.status().busy).toBe(0);
  });
});
