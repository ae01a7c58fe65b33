import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { manualClock, type ManualClock } from '../../src/core/clock.ts';
import { manualScheduler, type ManualScheduler } from '../../src/core/scheduler.ts';
import type { CompiledLimit } from '../../src/limits/compile.ts';
import { RedisLeaseBackend } from '../../src/limits/leases/lease-backend-redis.ts';
import { renderLeaseScript } from '../../src/limits/leases/lease-script.ts';
import { LeaseStore } from '../../src/limits/leases/lease-store.ts';
import { isAdmitted } from '../../src/limits/store.ts';
import type { LimitOutcome } from '../../src/core/limit.ts';
import { startRedis } from '../servers/redis.ts';
import type { RedisServer } from '../servers/redis.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { worldLimit } from './lease-world.ts';

/** Failures that other limiters show, played again on the real script: the server's clock is the test's. */

interface Instance {
  store: LeaseStore;
  clock: ManualClock;
  scheduler: ManualScheduler;
}

describeWithTool('redis-server', 'leases, where other limiters fail,', (binary) => {
  let server: RedisServer;
  let control: Redis;
  let backend: RedisLeaseBackend;
  let nowMs: number;
  let instances: Instance[];

  beforeAll(async () => {
    server = await startRedis(binary);
    control = new Redis(server.url);
    backend = new RedisLeaseBackend({
      place: { kind: 'standalone', url: server.url },
      connectTimeoutMs: 5000,
      silentSocketMs: 20_000,
      script: renderLeaseScript("local now = tonumber(redis.call('GET', 'test:now'))"),
    });
    expect(await backend.whenConnected(5000)).toBe(true);
  });

  beforeEach(async () => {
    await control.flushall();
    nowMs = 1_790_000_000_000;
    instances = [];
    await advance(0);
  });

  afterEach(() => {
    instances = [];
  });

  afterAll(async () => {
    await backend.close();
    control.disconnect();
    await server.stop();
  });

  /** An instance whose wall clock is so much ahead of the others'. */
  function open(aheadMs = 0, told = 2): LeaseStore {
    const clock = manualClock(nowMs + aheadMs);
    const timers = manualScheduler(clock);
    // Budgets belong to the system's time here, so their timers are not run.
    const store = new LeaseStore({
      backend,
      clock,
      scheduler: manualScheduler(manualClock()),
      timeoutMs: 5000,
      instances: told,
    });
    instances.push({ store, clock, scheduler: timers });
    return store;
  }

  async function advance(ms: number): Promise<void> {
    nowMs += ms;
    for (const { clock } of instances) clock.advance(ms);
    await control.set('test:now', nowMs * 1000);
  }

  async function take(store: LeaseStore, limits: CompiledLimit[], cost = 1): Promise<LimitOutcome[]> {
    return await store.take(limits.map((limit) => ({ limit, key: 'acme', cost })));
  }

  async function commands(): Promise<number> {
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(await control.info('commandstats'))?.[1] ?? 0);
  }

  const steady = worldLimit('steady', 10, 100);

  it('admit no more when the clocks of two instances are 500 ms apart', async () => {
    const stores = [open(0), open(500)];
    let admitted = 0;
    for (let i = 0; i < 400; i++) {
      if (isAdmitted(await take(stores[i % 2]!, [steady]))) admitted++;
      await advance(1);
    }
    // 100 of the burst and 4 of the 0.4 s; a few may be in the other's wallet or refused until the next look.
    expect(admitted).toBeLessThanOrEqual(104);
    expect(admitted).toBeGreaterThanOrEqual(98);
  });

  it('admit after 2.2 idle seconds what 2.2 seconds give, not a new burst', async () => {
    const store = open(0, 1);
    let admitted = 0;
    for (let i = 0; i < 110; i++) if (isAdmitted(await take(store, [steady]))) admitted++;
    expect(admitted).toBe(100);
    await advance(2200);
    admitted = 0;
    for (let i = 0; i < 110; i++) if (isAdmitted(await take(store, [steady]))) admitted++;
    // A hundredth of the time is left to the clocks' drift.
    expect(admitted).toBeGreaterThanOrEqual(21);
    expect(admitted).toBeLessThanOrEqual(22);
  });

  it('give no second burst at the edge of any window', async () => {
    const store = open(0, 1);
    const minutely = worldLimit('minutely', 1, 60);
    let admitted = 0;
    // All before the end of a minute, and all after it.
    await advance(60_000 - (nowMs % 60_000) - 500);
    for (let i = 0; i < 100; i++) {
      if (isAdmitted(await take(store, [minutely]))) admitted++;
      await advance(10);
    }
    expect(admitted).toBe(60);
  });

  it('count no refused request, and ask nobody about it', async () => {
    const store = open(0, 1);
    await take(store, [steady], 100);
    await take(store, [steady]);
    const before = await commands();
    for (let i = 0; i < 1000; i++) expect(isAdmitted(await take(store, [steady]))).toBe(false);
    expect((await commands()) - before).toBe(0);
    await advance(102);
    expect(await take(store, [steady])).toMatchObject([{ admitted: true, remaining: 0 }]);
  });

  it('let no exhausted limit burn the budget of another', async () => {
    const store = open(0, 1);
    const narrow = worldLimit('narrow', 1, 2);
    const refused: LimitOutcome[][] = [];
    for (let i = 0; i < 200; i++) {
      const outcomes = await take(store, [steady, narrow]);
      if (!isAdmitted(outcomes)) refused.push(outcomes);
    }
    expect(refused).toHaveLength(198);
    expect(
      refused
        .at(-1)!
        .filter(({ admitted }) => !admitted)
        .map(({ name }) => name),
    ).toEqual(['narrow']);
    const [left] = await store.peek([{ limit: steady, key: 'acme', cost: 1 }]);
    expect(left).toMatchObject({ remaining: 98 });
  });

  describe('when FLUSHALL comes under saturation', () => {
    it('admit at most what the bucket held and the wallets, and nothing where the last debt was seen', async () => {
      const stores = [open(), open(), open()];
      const busy = worldLimit('busy', 200, 100);
      let admitted = 0;
      for (let i = 0; i < 1500; i++) {
        if (i === 900) {
          await control.flushall();
          await advance(0);
        }
        if (isAdmitted(await take(stores[i % 3]!, [busy]))) admitted++;
        await advance(1);
      }
      // 1.5 s at 200/s and one burst; what the flush gave away is at most another burst, and with the repair nearly none.
      expect(admitted).toBeLessThanOrEqual(400 + 10);
      expect(admitted).toBeGreaterThanOrEqual(360);
    });
  });
});
