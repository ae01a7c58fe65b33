import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { ClientKeys, sharedClientKeys } from '../../src/limits/client-keys.ts';
import type { RateLimit } from '../../src/limits/compile.ts';
import { leaseKeyOf } from '../../src/limits/leases/lease-call.ts';
import { RedisLeaseBackend } from '../../src/limits/leases/lease-backend-redis.ts';
import { LeaseStore } from '../../src/limits/leases/lease-store.ts';
import { MemoryStore } from '../../src/limits/memory-store.ts';
import { MemoryPenalties } from '../../src/limits/penalties/penalty-memory.ts';
import { isAdmitted } from '../../src/limits/store.ts';
import { manualTime } from '../servers/manual-time.ts';
import { startRedis } from '../servers/redis.ts';
import type { RedisServer } from '../servers/redis.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { runLease, type StoredBucket } from './lease-port.ts';
import { worldLimit } from './lease-world.ts';
import { noCounts } from './no-counts.ts';

/**
 * What a flood of addresses can fill: at most this many keys of each limit that is counted by address. All figures are of one
 * instance; `docs/limits.md` tells them.
 */
const atOnce = 10_000;
const perSecond = 20;
const bytesPerKey = 250;

const addresses = 200_000;
const address = (i: number): string => `10.${(i >>> 16) & 255}.${(i >>> 8) & 255}.${i & 255}`;
const known = Array.from({ length: 100 }, (_, i) => `192.0.2.${i}`);

describeWithTool('redis-server', 'a flood of 200,000 addresses', (binary) => {
  let server: RedisServer;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedis(binary);
    redis = new Redis(server.url);
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  async function usedMemory(): Promise<number> {
    return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
  }

  it('fills Redis and the tables here no further than stated, and nobody who was there before notices', async () => {
    // Nothing of it comes back or expires during the test.
    const limit: RateLimit = { ...worldLimit('public-client', 8, 8), key: 'client' };
    const slow = { ...limit, bucket: { ...limit.bucket, unitsPerToken: limit.bucket.unitsPerToken * 3600 } };
    const visit: RateLimit = { ...slow, bucket: { ...slow.bucket, capacity: 8 * slow.bucket.unitsPerToken } };
    const rule = { free: 20, windowMs: 900_000, firstMs: 1000, longestMs: 900_000, forgetMs: 3_600_000 };
    const backend = new RedisLeaseBackend({
      place: { kind: 'standalone', url: server.url },
      connectTimeoutMs: 5000,
      silentSocketMs: 30_000,
    });
    expect(await backend.whenConnected(5000)).toBe(true);
    const store = new LeaseStore({ backend, clock: systemClock, timeoutMs: 30_000, instances: 2 });
    const guard = new MemoryStore({ clock: systemClock });
    const penalties = new MemoryPenalties({ clock: systemClock });
    const clients = new ClientKeys({ clock: systemClock, secret: 'flood' });
    const request = async (from: string): Promise<boolean> => {
      const key = clients.keyOf(from);
      guard.take([{ limit: visit, key, cost: 1 }]);
      penalties.act('fail', key, rule);
      return isAdmitted(await store.take([{ limit: visit, key, cost: 1 }]));
    };

    const startMs = performance.now();
    for (const one of known) for (let i = 0; i < 2; i++) expect(await request(one)).toBe(true);
    // The script is loaded and the first keys are there: only what the flood adds is weighed.
    const [keysBefore, memoryBefore] = [await redis.dbsize(), await usedMemory()];
    expect(keysBefore).toBe(known.length);

    let served = 0;
    const batch = 500;
    for (let from = 0; from < addresses; from += batch) {
      const asked = Array.from({ length: batch }, (_, i) => request(address(from + i)));
      for (const admitted of await Promise.all(asked)) served += Number(admitted);
      // Those who were there before come again while the flood lasts, and have just what they had.
      if (from % 50_000 === 0) for (const one of known) expect(await request(one)).toBe(true);
    }
    const seconds = (performance.now() - startMs) / 1000;
    const bound = known.length + atOnce + Math.ceil(perSecond * seconds) + sharedClientKeys;

    const keys = await redis.dbsize();
    expect(keys).toBeGreaterThan(atOnce + sharedClientKeys / 2);
    expect(keys).toBeLessThanOrEqual(bound);
    expect((await usedMemory()) - memoryBefore).toBeLessThan(bound * bytesPerKey);
    expect(store.size).toBeLessThanOrEqual(bound);
    expect(guard.size).toBeLessThanOrEqual(bound);
    expect(penalties.size).toBeLessThanOrEqual(bound);
    // New ones are served as far as the budgets go that they share.
    expect(served).toBeGreaterThan(atOnce + sharedClientKeys * 6);

    // Eight tokens less the two from before and one in each of the four looks above.
    for (const one of known) {
      for (let i = 0; i < 2; i++) expect(await request(one)).toBe(true);
      expect(await request(one)).toBe(false);
    }
    await store.close();
  }, 120_000);
});

describe('a flood of keys', () => {
  it('pushes no wallet out that is in use, and what was leased for those that leave goes back', async () => {
    const { clock, scheduler, advance } = manualTime();
    const buckets = new Map<string, StoredBucket>();
    let calls = 0;
    const store = new LeaseStore({
      backend: {
        generation: 1,
        call(key, request) {
          calls++;
          return Promise.resolve(runLease(buckets, key, request, Math.floor(clock.wallMs() * 1000)));
        },
        close: () => Promise.resolve(),
        ...noCounts,
      },
      clock,
      scheduler,
      timeoutMs: 1000,
      instances: 1,
      maxKeys: 500,
      random: () => 0.5,
    });
    const limit = worldLimit('rate', 1000, 1000);
    const tenants = Array.from({ length: 20 }, (_, i) => `tenant-${i}`);
    const take = (key: string) => store.take([{ limit, key, cost: 1 }]);
    // Long enough for the leases to learn how much is spent.
    for (let ms = 0; ms < 1000; ms++) {
      for (const tenant of tenants) await take(tenant);
      advance(1);
    }
    const held = () => tenants.filter((tenant) => store.heldOf(limit, tenant) > 0).length;
    expect(held()).toBe(tenants.length);

    const before = calls;
    let asked = 0;
    const left: string[] = [];
    for (let i = 0; i < 100_000; i++) {
      await take(`flood-${i}`);
      if (i % 100 !== 0) continue;
      advance(1);
      for (const tenant of tenants) {
        if (take(tenant) instanceof Promise) asked++;
      }
      if (i % 5000 !== 0) continue;
      // Some of the others were busy for a while, and hold something when they leave.
      for (let ms = 0; ms < 50; ms++) {
        await take(`flood-${i}`);
        for (const tenant of tenants) await take(tenant);
        advance(1);
      }
      expect(store.heldOf(limit, `flood-${i}`)).toBeGreaterThan(0);
      left.push(leaseKeyOf(limit, `flood-${i}`));
    }
    expect(store.size).toBe(500);
    // Who is busy is decided from memory as before: a wallet that was pushed out would have to ask.
    expect(asked).toBe(0);
    expect(held()).toBe(tenants.length);
    expect(calls - before).toBeGreaterThan(100_000);
    for (const key of left) {
      const { a, b } = buckets.get(key)!;
      expect({ key, outstanding: a + b }).toEqual({ key, outstanding: 0 });
    }
    expect(left).toHaveLength(20);
    await store.close();
  }, 60_000);
});
