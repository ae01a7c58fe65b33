import { describe, expect, it } from 'vitest';
import { classesWithDeadline, plainClaim } from '../../test/pools/pool-options.ts';
import { manualClock } from '../core/clock.ts';
import { workClasses } from '../core/work-class.ts';
import { type HealthChange, HealthMonitor } from './health.ts';
import type { PoolOptions } from './options.ts';
import type { ProbeOutcome, ProbeRequest } from './probe.ts';
import { manualScheduler } from '../core/scheduler.ts';
import type { Seat } from './seat.ts';
import { Pool } from './seats.ts';

const url = 'http://a:8069';
const answered: ProbeOutcome = { kind: 'answered' };
const refused: ProbeOutcome = { kind: 'failed', cause: 'ECONNREFUSED' };
const late: ProbeOutcome = { kind: 'timeout' };

function options(changes: Partial<PoolOptions> = {}): PoolOptions {
  return {
    name: 'odoo',
    kind: 'http',
    endpoints: [{ url, seats: 2 }],
    keepAlive: false,
    queue: { max: 3, perTenant: 64 },
    classes: classesWithDeadline(60_000),
    serves: workClasses,
    timeoutMs: 130_000,
    connectTimeoutMs: 2_000,
    maxBodyBytes: 1024,
    requestBody: 'collect',
    shared: false,
    health: {
      path: '/web/health',
      host: undefined,
      intervalMs: 5_000,
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
  const changesSeen: HealthChange[] = [];
  const probes: (ProbeRequest & { answer(outcome: ProbeOutcome): Promise<void> })[] = [];
  const pool = new Pool(options(changes), { clock, scheduler });
  const monitor = new HealthMonitor(pool, {
    clock,
    scheduler,
    probe: (request) => {
      const { promise, resolve } = Promise.withResolvers<ProbeOutcome>();
      probes.push({
        ...request,
        async answer(outcome) {
          resolve(outcome);
          // Two turns: the probe's promise, and the monitor that waits for it.
          await promise;
          await Promise.resolve();
        },
      });
      return promise;
    },
    random: () => 0,
    onChange: (change) => changesSeen.push(change),
  });
  monitor.restart();
  const sit = (): Seat => {
    const taken = pool.take({ ...plainClaim(), onSeat() {}, onRefused() {} });
    if (taken.kind !== 'seat') throw new Error(`got ${taken.kind}`);
    return taken;
  };
  /** Answers the probe that is on its way, then lets the next interval pass. */
  const round = async (outcome: ProbeOutcome): Promise<void> => {
    await probes.at(-1)?.answer(outcome);
    scheduler.advance(5_000);
  };
  return {
    clock,
    scheduler: { ...scheduler, now: () => clock.monoMs() },
    pool,
    monitor,
    probes,
    changesSeen,
    sit,
    round,
  };
}

/** One endpoint that failed often enough. */
async function down() {
  const world = setUp();
  for (const outcome of [refused, refused, refused]) await world.round(outcome);
  world.changesSeen.length = 0;
  return world;
}

describe('a new endpoint', () => {
  it('is in service before its first probe, which is sent at once', () => {
    const { pool, probes } = setUp();
    expect(pool.status().endpoints).toEqual([{ url, up: true, saturated: false, busy: 0, seats: 2 }]);
    expect(probes.map((probe) => [probe.url, probe.health.path])).toEqual([[url, '/web/health']]);
  });

  it('is never probed when the health check is off', () => {
    const { probes, scheduler } = setUp({ health: undefined });
    scheduler.advance(60_000);
    expect([probes.length, scheduler.pending()]).toEqual([0, 0]);
  });
});

describe('an endpoint in service', () => {
  it('goes down after the configured number of failures in a row', async () => {
    const { round, pool, changesSeen } = setUp();
    await round(refused);
    await round({ kind: 'failed', cause: 'HTTP 503' });
    expect([pool.endpoints[0]?.up, changesSeen]).toEqual([true, []]);
    await round(refused);
    expect([pool.endpoints[0]?.up, changesSeen]).toEqual([
      false,
      [{ pool: 'odoo', url, up: false, cause: 'ECONNREFUSED', kind: 'unreachable' }],
    ]);
  });

  it('starts counting anew after a good probe', async () => {
    const { round, changesSeen } = setUp();
    for (const outcome of [refused, refused, answered, refused, refused]) await round(outcome);
    expect(changesSeen).toEqual([]);
  });

  it('stays in service however many probes are late, and is shown as saturated', async () => {
    const { round, pool, changesSeen } = setUp();
    for (let i = 0; i < 10; i++) await round(late);
    expect([pool.status().endpoints[0], changesSeen]).toEqual([
      { url, up: true, saturated: true, busy: 0, seats: 2 },
      [],
    ]);
    await round(answered);
    expect(pool.status().endpoints[0]?.saturated).toBe(false);
  });

  it('does not count failures anew because of a late probe between them', async () => {
    const { round, changesSeen } = setUp();
    for (const outcome of [refused, late, refused, late, refused]) await round(outcome);
    expect(changesSeen).toHaveLength(1);
  });

  it('is not saturated any more once it answers a request', async () => {
    const { round, pool, sit } = setUp();
    await round(late);
    sit().release('ok');
    expect(pool.status().endpoints[0]?.saturated).toBe(false);
  });

  it('goes down when connections fail, without waiting for a probe', () => {
    const { pool, sit, changesSeen } = setUp();
    for (let i = 0; i < 3; i++) sit().release('failed');
    expect([pool.endpoints[0]?.up, changesSeen]).toEqual([
      false,
      [{ pool: 'odoo', url, up: false, cause: 'connection failed', kind: 'unreachable' }],
    ]);
  });

  it('counts probes and failed connections together', async () => {
    const { round, sit, changesSeen } = setUp();
    sit().release('failed');
    await round(refused);
    sit().release('failed');
    expect(changesSeen).toHaveLength(1);
  });

  it('starts counting anew when it answers a request that was sent after the failure', () => {
    const { sit, scheduler, changesSeen } = setUp();
    for (let i = 0; i < 4; i++) {
      sit().release('failed');
      scheduler.advance(1);
      sit().release('ok');
    }
    expect(changesSeen).toEqual([]);
  });

  // Odoo closes its port at SIGTERM and lets its workers finish: answers still arrive while every new connection fails.
  it('goes down although answers to older requests still arrive', () => {
    const { sit, scheduler, changesSeen } = setUp({ endpoints: [{ url, seats: 9 }] });
    const older = [sit(), sit(), sit()];
    for (const seat of older) {
      scheduler.advance(1);
      sit().release('failed');
      seat.release('ok');
    }
    expect(changesSeen).toHaveLength(1);
  });
});

describe('an endpoint without a health check', () => {
  it('stays in service when it fails, as the last choice until it answers', () => {
    const { pool, sit, scheduler, changesSeen } = setUp({
      health: undefined,
      endpoints: [
        { url, seats: 2 },
        { url: 'http://b:8069', seats: 2 },
      ],
    });
    sit().release('failed');
    scheduler.advance(1);
    const others = [sit(), sit()];
    expect(others.map(({ endpoint }) => endpoint.url)).toEqual(['http://b:8069', 'http://b:8069']);
    const last = sit();
    expect([last.endpoint.url, pool.endpoints[0]?.up, changesSeen]).toEqual([url, true, []]);
    last.release('ok');
    expect(sit().endpoint.url).toBe(url);
  });
});

describe('probes spare the workers', () => {
  it('of an endpoint that answered a request since the last look', async () => {
    const { probes, scheduler, sit } = setUp();
    await probes[0]?.answer(answered);
    scheduler.advance(100);
    sit().release('ok');
    scheduler.advance(4_900);
    expect(probes).toHaveLength(1);
    scheduler.advance(5_000);
    expect(probes).toHaveLength(2);
  });

  it('of an endpoint whose seats are all taken', async () => {
    const { probes, scheduler, sit } = setUp();
    await probes[0]?.answer(answered);
    const [seat] = [sit(), sit()];
    scheduler.advance(15_000);
    expect(probes).toHaveLength(1);
    seat.release('unknown');
    scheduler.advance(5_000);
    expect(probes).toHaveLength(2);
  });

  it('of an endpoint that still owes an answer to the last probe', () => {
    const { probes, scheduler } = setUp();
    scheduler.advance(20_000);
    expect(probes).toHaveLength(1);
  });
});

describe('an endpoint out of service', () => {
  it('comes back after the configured number of good probes in a row', async () => {
    const { round, changesSeen, pool } = await down();
    for (const outcome of [answered, refused, answered]) await round(outcome);
    expect([pool.endpoints[0]?.up, changesSeen]).toEqual([false, []]);
    await round(answered);
    expect([pool.endpoints[0]?.up, changesSeen]).toEqual([
      true,
      [{ pool: 'odoo', url, up: true, cause: 'probe answered' }],
    ]);
  });

  it('stays out of service while probes are late', async () => {
    const { round, pool } = await down();
    for (let i = 0; i < 5; i++) await round(late);
    expect(pool.status().endpoints[0]).toMatchObject({ up: false, saturated: true });
  });

  it('needs the full number of failures again after it came back', async () => {
    const { round, changesSeen } = await down();
    for (const outcome of [answered, answered, refused, refused]) await round(outcome);
    expect(changesSeen).toEqual([{ pool: 'odoo', url, up: true, cause: 'probe answered' }]);
  });
});

describe('an endpoint that goes out of service again and again', () => {
  it('stays out for one interval, three, seven, at least, however good its probes are', async () => {
    const { round, pool, sit, scheduler, probes } = setUp({
      health: { ...options().health!, healthyAfter: 1 },
    });
    await probes[0]?.answer(answered);
    const outMs: number[] = [];
    for (let i = 0; i < 4; i++) {
      for (let k = 0; k < 3; k++) sit().release('failed');
      const fromMs = scheduler.now();
      while (!pool.endpoints[0]?.up) await round(answered);
      outMs.push(scheduler.now() - fromMs);
    }
    expect(outMs).toEqual([5_000, 10_000, 20_000, 40_000]);
  });

  it('begins anew after ten minutes in service', async () => {
    const { round, pool, sit, scheduler, probes } = setUp({
      health: { ...options().health!, healthyAfter: 1 },
    });
    await probes[0]?.answer(answered);
    for (let i = 0; i < 2; i++) {
      for (let k = 0; k < 3; k++) sit().release('failed');
      while (!pool.endpoints[0]?.up) await round(answered);
      scheduler.advance(600_000);
      await probes.at(-1)?.answer(answered);
    }
    expect(pool.endpoints[0]?.ejections).toBe(1);
  });
});

describe('an endpoint that can be reached and seems ill', () => {
  const four = ['a', 'b', 'c', 'd'].map((host) => ({ url: `http://${host}:8069`, seats: 2 }));
  const bad: ProbeOutcome = { kind: 'failed', cause: 'HTTP 503' };

  /** Lets every probe that is under way end, and the next begin. */
  async function allRounds(world: ReturnType<typeof setUp>, times: number, outcome: ProbeOutcome) {
    for (let i = 0; i < times; i++) {
      for (const probe of world.probes.splice(0)) await probe.answer(outcome);
      world.scheduler.advance(5_000);
    }
  }

  it('stays in service when it is the only one', async () => {
    const { round, pool, changesSeen } = setUp();
    for (let i = 0; i < 5; i++) await round(bad);
    expect([pool.endpoints[0]?.up, changesSeen]).toEqual([true, []]);
  });

  it('goes, with others like it, until half of the pool is left', async () => {
    const world = setUp({ endpoints: four });
    await allRounds(world, 5, bad);
    expect(world.changesSeen).toEqual(
      ['a', 'b'].map((host) => ({
        pool: 'odoo',
        url: `http://${host}:8069`,
        up: false,
        cause: 'HTTP 503',
        kind: 'probe',
      })),
    );
  });

  it('is brought back when the others cannot be reached any more', async () => {
    const world = setUp({ endpoints: four });
    await allRounds(world, 3, bad);
    world.changesSeen.length = 0;
    for (let i = 0; i < 2; i++) world.sit().release('failed');
    expect(world.changesSeen.map(({ url: at, up, cause }) => `${at} ${up} ${cause}`)).toEqual([
      'http://c:8069 false connection failed',
      'http://d:8069 false connection failed',
      'http://a:8069 true no other endpoint is left',
      'http://b:8069 true no other endpoint is left',
    ]);
  });

  it('goes when its connections break, one after the other', () => {
    const { pool, scheduler, changesSeen } = setUp({ endpoints: four.slice(0, 2) });
    const [first] = pool.endpoints;
    for (let i = 0; i < 3; i++) {
      scheduler.advance(1);
      // The other one is full, so that each of these has to go to the first.
      pool.endpoints[1]!.busy = 2;
      const taken = pool.take({ ...plainClaim(), onSeat() {}, onRefused() {} });
      if (taken.kind === 'seat') taken.release('broken');
    }
    expect([first?.up, changesSeen]).toEqual([
      false,
      [{ pool: 'odoo', url, up: false, cause: 'connection broke', kind: 'broken' }],
    ]);
  });

  it('has failed once when many of its connections break together', () => {
    const { pool, sit, scheduler } = setUp({ endpoints: [{ url, seats: 8 }] });
    scheduler.advance(1);
    const seats = Array.from({ length: 6 }, sit);
    scheduler.advance(1);
    for (const seat of seats) seat.release('broken');
    expect(pool.endpoints[0]?.failures).toBe(1);
  });
});

describe('a pool none of whose endpoints can be reached', () => {
  const many = Array.from({ length: 6 }, (_, i) => ({ url: `http://odoo-${i}:8069`, seats: 2 }));

  it('is down after one failure at each, refuses at once, and is probed at once', async () => {
    const { pool, sit, probes, changesSeen, scheduler } = setUp({ endpoints: many });
    for (const probe of probes.splice(0)) await probe.answer(answered);
    scheduler.advance(1);
    for (let i = 0; i < 6; i++) sit().release('failed');
    expect(changesSeen).toHaveLength(6);
    expect(pool.take({ ...plainClaim(), onSeat() {}, onRefused() {} })).toEqual({
      kind: 'refused',
      reason: 'pool_down',
      retryAfterMs: 10_000,
    });
    expect(probes).toHaveLength(6);
  });

  it('is not down while one of them answers', () => {
    const { pool, sit, scheduler } = setUp({ endpoints: many });
    for (let i = 0; i < 12; i++) {
      scheduler.advance(1);
      const seat = sit();
      seat.release(seat.endpoint.url === many[3]?.url ? 'ok' : 'failed');
    }
    expect(pool.endpoints.filter(({ up }) => up).length).toBe(6);
  });
});

describe('a monitor that is stopped or restarted', () => {
  it('gives up its probes and ignores what they say', async () => {
    const { probes, monitor, scheduler, pool, sit } = setUp();
    monitor.stop();
    expect([probes[0]?.signal.aborted, scheduler.pending()]).toEqual([true, 0]);
    await probes[0]?.answer(refused);
    for (let i = 0; i < 3; i++) sit().release('failed');
    expect(pool.endpoints[0]).toMatchObject({ failures: 0, up: true });
  });

  it('says nothing of an endpoint that is gone when its last probe fails', async () => {
    const { probes, pool, changesSeen } = setUp({ health: { ...options().health!, unhealthyAfter: 1 } });
    pool.reconfigure({ ...pool.options, endpoints: [{ url: 'http://b:8069', seats: 2 }] });
    await probes[0]?.answer(refused);
    expect(changesSeen).toEqual([]);
  });

  it('probes with the new options at once, and once per interval', () => {
    const { probes, monitor, scheduler, pool } = setUp();
    const { health } = options();
    pool.reconfigure(options({ health: { ...health!, path: '/other' } }));
    monitor.restart();
    expect(probes.map((probe) => probe.health.path)).toEqual(['/web/health', '/other']);
    expect(scheduler.pending()).toBe(1);
  });
});
