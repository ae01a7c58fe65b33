import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openControl, startRedis } from '../servers/redis.ts';
import type { RedisServer } from '../servers/redis.ts';
import { failureOf } from '../support/store-failure.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { compileLimits } from '../../src/limits/compile.ts';
import type { CompiledLimit } from '../../src/limits/compile.ts';
import { limitSchema } from '../../src/limits/options.ts';
import { RedisStore } from './redis-store.ts';
import type { Scheduler } from '../../src/core/scheduler.ts';
import type { RedisStoreOptions } from './redis-store.ts';
import type { Charge } from '../../src/limits/store.ts';

/** Faults of a real server. What the failures lead to is in `src/limits/failover.test.ts`; here is what the store says of them. */

function limitOf(entry: Record<string, unknown> = {}): CompiledLimit {
  const authored = limitSchema.parse({
    name: 'partner-rate',
    key: 'tenant',
    rate: '1/h',
    burst: 5,
    ...entry,
  });
  return compileLimits('partner', [authored], () => 'zones/partner.yaml:14:5').limits[0]!;
}

const perHour = limitOf();
const charge = (limit = perHour, key = 'acme', cost = 1): Charge => ({ limit, key, cost });

/** A delay that ends only when the test says so: no test waits for a time-out. */
function manualDelay(): { scheduler: Scheduler; expire: () => void } {
  const waiting = new Set<() => void>();
  return {
    scheduler: {
      after(_, run) {
        waiting.add(run);
        return () => waiting.delete(run);
      },
    },
    expire: () => {
      for (const run of waiting) run();
      waiting.clear();
    },
  };
}

describeWithTool('redis-server', 'RedisStore', (binary) => {
  let server: RedisServer;
  let control: Redis;
  const stores: RedisStore[] = [];

  beforeEach(async () => {
    server = await startRedis(binary);
    control = openControl(server);
  });

  afterEach(async () => {
    control.disconnect();
    for (const store of stores.splice(0)) await store.close();
    await server.stop();
  });

  function open(options: Partial<RedisStoreOptions> = {}): RedisStore {
    const store = new RedisStore({ url: server.url, timeoutMs: 5000, connectTimeoutMs: 1000, ...options });
    stores.push(store);
    return store;
  }

  async function opened(options: Partial<RedisStoreOptions> = {}): Promise<RedisStore> {
    const store = open(options);
    expect(await store.whenConnected(5000)).toBe(true);
    return store;
  }

  it('shares one budget among its clients, and one server clock', async () => {
    const [a, b] = [await opened(), await opened()];
    const remaining: number[] = [];
    for (const store of [a, b, a, b, a]) remaining.push((await store.take([charge()]))[0]!.remaining);
    expect(remaining).toEqual([4, 3, 2, 1, 0]);
    expect((await a.take([charge()]))[0]!.admitted).toBe(false);
    expect((await b.take([charge()]))[0]!.admitted).toBe(false);
  });

  it('admits no more than burst and rate when four clients hammer one key', async () => {
    const clients = await Promise.all([opened(), opened(), opened(), opened()]);
    const limit = limitOf({ rate: '200/s', burst: 50 });
    const startMs = performance.now();
    let admitted = 0;
    await Promise.all(
      clients.map(async (store) => {
        for (let i = 0; i < 100; i++) {
          const replies = await Promise.all(Array.from({ length: 8 }, () => store.take([charge(limit)])));
          for (const [outcome] of replies) if (outcome!.admitted) admitted++;
        }
      }),
    );
    const elapsedMs = performance.now() - startMs;
    expect(admitted).toBeLessThanOrEqual(50 + (200 * elapsedMs) / 1000);
    expect(admitted).toBeGreaterThanOrEqual(50);
  });

  it('names keys by who is limited and by which limit, in one Cluster slot for each caller', async () => {
    const store = await opened();
    await store.take([charge(), charge(limitOf({ name: 'client-rate', key: 'principal' }), 'acme/edi')]);
    expect((await control.keys('*')).toSorted()).toEqual([
      'bh:{principal:acme/edi}:partner/client-rate',
      'bh:{tenant:acme}:partner/partner-rate',
    ]);
  });

  it('lets a budget expire soon after its debt is gone and never before', async () => {
    const store = await opened();
    const key = 'bh:{tenant:acme}:partner/partner-rate';
    const hourMs = 3_600_000;
    await store.take([charge(perHour, 'acme', 3)]);
    const ttlMs = await control.pttl(key);
    expect(ttlMs).toBeGreaterThan(3 * hourMs);
    expect(ttlMs).toBeLessThanOrEqual(3 * hourMs + 1000);
    await store.take([charge()]);
    const longerMs = await control.pttl(key);
    expect(longerMs).toBeGreaterThan(4 * hourMs);
    expect(longerMs).toBeLessThanOrEqual(4 * hourMs + 1000);
  });

  it('lets a budget that was written by a faster clock expire only when that clock says so', async () => {
    const store = await opened();
    const key = 'bh:{tenant:acme}:partner/partner-rate';
    const dayMs = 86_400_000;
    await control.set(key, `0:${(Date.now() + dayMs) * 1000}:3600000000`);
    await store.take([charge()]);
    expect(await control.pttl(key)).toBeGreaterThan(dayMs + 3_600_000 - 60_000);
  });

  it('writes microseconds since the epoch without losing a digit', async () => {
    const store = await opened();
    await store.take([charge()]);
    expect(await control.get('bh:{tenant:acme}:partner/partner-rate')).toMatch(
      /^3600000000:\d{16}:3600000000$/,
    );
  });

  it('takes a value that it cannot read for a full budget', async () => {
    const store = await opened();
    await control.hset('bh:{tenant:acme}:partner/partner-rate', 'd', '1');
    await control.set('bh:{tenant:globex}:partner/partner-rate', 'nonsense');
    expect((await store.take([charge()]))[0]!.remaining).toBe(4);
    expect((await store.take([charge()]))[0]!.remaining).toBe(3);
    expect((await store.take([charge(perHour, 'globex')]))[0]!.remaining).toBe(4);
  });

  it('teaches a server the script that forgot it', async () => {
    const store = await opened();
    await store.take([charge()]);
    await control.script('FLUSH');
    expect((await store.take([charge()]))[0]!.remaining).toBe(3);
    expect((await store.take([charge()]))[0]!.remaining).toBe(2);
  });

  it('starts with full budgets on a server that lost its data, and no worse', async () => {
    const store = await opened();
    await store.take([charge(perHour, 'acme', 5)]);
    await control.flushall();
    const admitted = await Promise.all(Array.from({ length: 20 }, () => store.take([charge()])));
    expect(admitted.filter(([outcome]) => outcome!.admitted)).toHaveLength(5);
  });

  it('fails when its budget is used up by a server that does not answer', async () => {
    const { scheduler, expire } = manualDelay();
    const store = await opened();
    const slow = await opened({ scheduler, timeoutMs: 25 });
    await store.take([charge()]);
    server.pause();
    const failure = failureOf(slow.take([charge()]));
    expire();
    expect(await failure).toEqual({ code: 'timeout', message: 'Redis: no answer within 25 ms' });
    server.resume();
    // The charge that nobody waited for was spent: never too much is admitted.
    expect((await slow.take([charge()]))[0]!.remaining).toBe(2);
  });

  it('does not take a busy event loop for a slow server', async () => {
    const store = await opened({ timeoutMs: 5 });
    await store.peek([charge()]);
    // ioredis writes in this turn; the answer is in the socket long before the loop comes to read it.
    const answer = store.take([charge()]);
    const blockedUntilMs = performance.now() + 60;
    while (performance.now() < blockedUntilMs);
    expect((await answer)[0]!.remaining).toBe(4);
  });

  it('fails at once while nothing listens, says why, and works when something does', async () => {
    await server.kill();
    const store = open();
    expect(await store.whenConnected(50)).toBe(false);
    expect(await failureOf(store.take([charge()]))).toEqual({
      code: 'connection',
      message: `Redis: connect ECONNREFUSED 127.0.0.1:${server.port}`,
    });
    await server.start();
    expect(await store.whenConnected(10_000)).toBe(true);
    expect((await store.take([charge()]))[0]!.remaining).toBe(4);
  });

  it('fails what is under way when the server dies, sends nothing twice, and reconnects', async () => {
    const readiness: string[] = [];
    const store = await opened({ onReady: () => readiness.push('ready') });
    server.pause();
    const failure = failureOf(store.take([charge()]));
    await server.kill();
    expect(await failure).toMatchObject({ code: 'connection' });
    await server.start();
    expect(await store.whenConnected(10_000)).toBe(true);
    expect(readiness).toEqual(['ready', 'ready']);
    expect((await store.take([charge()]))[0]!.remaining).toBe(4);
  });

  it('gives a connection up that stays silent', async () => {
    // Nothing but the socket's own limit notices: the budget of the decision never ends here.
    const store = await opened({ scheduler: manualDelay().scheduler, silentSocketMs: 100 });
    server.pause();
    expect(await failureOf(store.take([charge()]))).toMatchObject({ code: 'connection' });
    expect(store.connected).toBe(false);
    server.resume();
    expect(await store.whenConnected(10_000)).toBe(true);
    expect((await store.take([charge()]))[0]!.admitted).toBe(true);
  });

  it('says that a password is wrong without saying the password', async () => {
    const guarded = await startRedis(binary, { password: 's3cret' });
    try {
      const store = open({ url: guarded.url.replace('s3cret', 'wr0ng') });
      expect(await store.whenConnected(200)).toBe(false);
      expect(await failureOf(store.take([charge()]))).toEqual({
        code: 'connection',
        message: 'Redis: WRONGPASS invalid username-password pair or user is disabled.',
      });
      const welcome = open({ url: guarded.url });
      expect(await welcome.whenConnected(5000)).toBe(true);
      expect((await welcome.take([charge()]))[0]!.remaining).toBe(4);
    } finally {
      await guarded.stop();
    }
  });

  it('tells the error of a server that will not write', async () => {
    const store = await opened();
    await store.take([charge()]);
    await control.config('SET', 'maxmemory', '1');
    expect(await failureOf(store.take([charge()]))).toMatchObject({
      code: 'reply',
      message: expect.stringMatching(/^Redis: OOM command not allowed/) as unknown,
    });
  });

  it('fails at once after it is closed', async () => {
    const store = await opened();
    await store.close();
    expect(await failureOf(store.take([charge()]))).toEqual({
      code: 'connection',
      message: 'Redis: the store is closed',
    });
  });
});
