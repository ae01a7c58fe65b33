import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startRedis } from '../../test/servers/redis.ts';
import type { RedisServer } from '../../test/servers/redis.ts';
import { describeWithTool } from '../../test/system/require-tool.ts';
import { manualClock } from '../core/clock.ts';
import { compileLimits } from './compile.ts';
import { FailoverStore } from './failover.ts';
import { limitSchema } from './options.ts';
import { RedisStore } from '../../test/peers/redis-store.ts';
import type { Charge } from './store.ts';

/**
 * The failure ladder on a real server with real faults. The clock of the breaker and the time-out of a decision belong to
 * the test; an unhandled rejection anywhere fails the run.
 */

const [share, open, closed] = compileLimits(
  'partner',
  (['share', 'open', 'closed'] as const).map((onStoreFailure) =>
    limitSchema.parse({ name: onStoreFailure, key: 'tenant', rate: '10/h', burst: 5, onStoreFailure }),
  ),
  () => 'zones/partner.yaml:14:5',
).limits;
const charge = (limit = share!): Charge => ({ limit, key: 'acme', cost: 1 });

describeWithTool('redis-server', 'FailoverStore over Redis', (binary) => {
  let server: RedisServer;
  let close: () => Promise<void>;

  beforeEach(async () => {
    server = await startRedis(binary);
  });

  afterEach(async () => {
    await close();
    await server.stop();
  });

  function room(url = server.url) {
    const clock = manualClock();
    const waiting = new Set<() => void>();
    const modes: string[] = [];
    const error = Promise.withResolvers<string>();
    const redis = new RedisStore({
      url,
      timeoutMs: 25,
      connectTimeoutMs: 1000,
      silentSocketMs: 60_000,
      onReady: () => store.retryNow(),
      onConnectionError: error.resolve,
      scheduler: {
        after(_, run) {
          waiting.add(run);
          return () => waiting.delete(run);
        },
      },
    });
    const store = new FailoverStore({
      store: redis,
      clock,
      instances: () => 1,
      random: () => 0,
      onModeChange: (mode, cause) => modes.push(cause === undefined ? mode : `${mode}: ${cause}`),
    });
    close = () => store.close();
    return {
      clock,
      redis,
      store,
      modes,
      firstError: error.promise,
      /** Ends the budget of every decision that is waiting. */
      expire: () => {
        for (const run of waiting) run();
        waiting.clear();
      },
    };
  }

  async function connectedRoom() {
    const built = room();
    expect(await built.redis.whenConnected(0)).toBe(true);
    expect(await built.store.take([charge()])).toMatchObject([{ admitted: true, remaining: 4 }]);
    return built;
  }

  it('a stopped server costs three time-outs, then nothing, and is used again after it goes on', async () => {
    const { clock, store, modes, expire } = await connectedRoom();
    server.pause();
    const waiting = [share, open, closed].map(async (limit) => store.take([charge(limit)]));
    expire();
    expect(await Promise.all(waiting)).toEqual([
      [expect.objectContaining({ admitted: false, remaining: 0, mode: 'share', retryAfterMs: 360_000 })],
      [expect.objectContaining({ admitted: true, mode: 'open' })],
      { unavailable: closed, retryAfterMs: 250 },
    ]);
    expect(modes).toEqual(['local: Redis: no answer within 25 ms']);
    // Nobody waits any more: these are values, not promises.
    expect(store.take([charge()])).toMatchObject([{ admitted: false, mode: 'share' }]);
    expect(store.take([charge(open)])).toMatchObject([{ admitted: true, mode: 'open' }]);
    expect(store.take([charge(closed)])).toEqual({ unavailable: closed, retryAfterMs: 250 });

    clock.advance(250);
    const failedProbe = store.take([charge(open)]);
    expire();
    expect(await failedProbe).toMatchObject([{ mode: 'open' }]);
    clock.advance(499);
    expect(store.take([charge(open)])).toMatchObject([{ mode: 'open' }]);

    server.resume();
    clock.advance(1);
    // One was spent before; of the charges that timed out `share` was spent too.
    expect(await store.take([charge()])).toMatchObject([{ admitted: true, remaining: 2 }]);
    expect(modes).toEqual(['local: Redis: no answer within 25 ms', 'store']);
  });

  it('a killed server fails its requests at once, and is used as soon as it is back', async () => {
    const { redis, store, modes } = await connectedRoom();
    await server.kill();
    const replies = [];
    for (let i = 0; i < 4; i++) replies.push(await store.take([charge(open)]));
    expect(replies).toEqual(Array.from({ length: 4 }, () => [expect.objectContaining({ mode: 'open' })]));
    expect(modes).toHaveLength(1);
    await server.start();
    // The breaker's clock stands still: only the connection's return ends the pause.
    expect(await redis.whenConnected(0)).toBe(true);
    expect(await store.take([charge()])).toMatchObject([{ admitted: true, remaining: 4 }]);
    expect(modes.at(-1)).toBe('store');
  });

  it('a server that is not there at the start is used when it comes', async () => {
    await server.kill();
    const { redis, store, modes } = room();
    expect(await store.take([charge(closed)])).toEqual({ unavailable: closed, retryAfterMs: 1 });
    expect(await store.take([charge()])).toMatchObject([{ admitted: false, mode: 'share' }]);
    expect(await store.take([charge(open)])).toMatchObject([{ admitted: true, mode: 'open' }]);
    expect(modes).toEqual([expect.stringMatching(/^local: Redis: (not connected yet|connect ECONNREFUSED)/)]);
    await server.start();
    expect(await redis.whenConnected(0)).toBe(true);
    expect(await store.take([charge()])).toMatchObject([{ admitted: true, remaining: 4 }]);
    expect(modes.at(-1)).toBe('store');
  });

  it('a wrong password is a failing store, and its cause is told without the password', async () => {
    const guarded = await startRedis(binary, { password: 's3cret' });
    try {
      const { store, modes, firstError } = room(guarded.url.replace('s3cret', 'wr0ng'));
      expect(await firstError).toBe('WRONGPASS invalid username-password pair or user is disabled.');
      expect(await store.take([charge(closed)])).toEqual({ unavailable: closed, retryAfterMs: 1 });
      expect(await store.take([charge(open)])).toMatchObject([{ admitted: true, mode: 'open' }]);
      expect(await store.take([charge()])).toMatchObject([{ admitted: false, mode: 'share' }]);
      expect(modes).toEqual(['local: Redis: WRONGPASS invalid username-password pair or user is disabled.']);
    } finally {
      await guarded.stop();
    }
  });

  it('lost data and lost scripts are no failure', async () => {
    const { store, modes } = await connectedRoom();
    const control = new Redis(server.url);
    try {
      await control.flushall();
      await control.script('FLUSH');
    } finally {
      control.disconnect();
    }
    expect(await store.take([charge(), charge(closed)])).toMatchObject([
      { admitted: true, remaining: 4 },
      { admitted: true, remaining: 4 },
    ]);
    expect(modes).toEqual([]);
  });
});
