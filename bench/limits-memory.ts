import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import type { Redis } from 'ioredis';
import { systemClock } from '../src/core/clock.ts';
import { ClientKeys } from '../src/limits/client-keys.ts';
import { RedisLeaseBackend } from '../src/limits/leases/lease-backend-redis.ts';
import { leaseKeyOf } from '../src/limits/leases/lease-call.ts';
import { LeaseStore } from '../src/limits/leases/lease-store.ts';
import { MemoryStore } from '../src/limits/memory-store.ts';
import { MemoryPenalties } from '../src/limits/penalties/penalty-memory.ts';
import { leaseRequest } from '../test/support/lease-request.ts';
import { benchLimit, readWork } from './limits-contest.ts';

/** What keys take: a million of them in Redis, and as many in this process as it may hold. */
export interface MemoryReading {
  what: string;
  entries: number;
  bytesEach: number;
  totalMiB: number;
}

const keysInRedis = 1_000_000;
/** Calls under way at a time. */
const batch = 2000;
const patienceMs = 60_000;
/** Nothing expires while it is counted. */
const rate = { tokens: 100, perSeconds: 360_000, burst: 100 };

const shortName = (i: number): string => `tenant-${String(i).padStart(7, '0')}`;
const longName = (i: number): string =>
  `${'a-tenant-with-the-longest-name-that-there-may-be'.padEnd(56, '-')}${String(i).padStart(7, '0')}`;
const address = (i: number): string => `10.${(i >>> 16) & 255}.${(i >>> 8) & 255}.${i & 255}`;

export async function measureMemory(url: string, redis: Redis): Promise<MemoryReading[]> {
  const place = { kind: 'standalone', url } as const;
  const backend = new RedisLeaseBackend({ place, connectTimeoutMs: patienceMs, silentSocketMs: patienceMs });
  if (!(await backend.whenConnected(patienceMs))) throw new Error('no connection to Redis');
  try {
    return [
      ...(await fillRedis(backend, redis, { title: 'short names', nameOf: shortName, keys: keysInRedis })),
      ...(await fillRedis(backend, redis, { title: 'longest names', nameOf: longName, keys: 100_000 })),
      await fillWallets(backend),
      ...measureLocal(),
    ];
  } finally {
    await backend.close();
  }
}

/** One token of each key, by the script itself. */
async function fillRedis(
  backend: RedisLeaseBackend,
  redis: Redis,
  { title, nameOf, keys }: { title: string; nameOf: (i: number) => string; keys: number },
): Promise<MemoryReading[]> {
  await redis.flushall();
  const limit = benchLimit(rate);
  const spend = (key: string) =>
    backend.call(leaseKeyOf(limit, key), leaseRequest(limit.bucket, { share: 8 }));
  // The script is loaded: only keys come on top.
  await spend('first');
  const before = (await readWork(redis)).usedMemory;
  for (let from = 0; from < keys; from += batch)
    await Promise.all(Array.from({ length: batch }, (_, i) => spend(nameOf(from + i))));
  const held = (await redis.dbsize()) - 1;
  if (held !== keys) throw new Error(`Redis keeps ${held} keys of ${keys}`);
  const used = (await readWork(redis)).usedMemory - before;
  const told = (await redis.memory('USAGE', (await redis.randomkey()) ?? '')) ?? NaN;
  return [
    reading(`Redis, used_memory, ${title}`, held, used),
    reading(`Redis, MEMORY USAGE of one, ${title}`, held, told * held),
  ];
}

/** As many wallets as one process holds. */
async function fillWallets(backend: RedisLeaseBackend): Promise<MemoryReading> {
  const store = new LeaseStore({ backend, clock: systemClock, timeoutMs: patienceMs, instances: 4 });
  const limit = benchLimit(rate);
  await store.take([{ limit, key: 'first', cost: 1 }]);
  const before = heapUsed();
  for (let from = 1; from < store.maxKeys; from += batch) {
    const asked = Array.from({ length: batch }, async (_, i) => {
      await store.take([{ limit, key: shortName(from + i), cost: 1 }]);
    });
    await Promise.all(asked);
  }
  return reading('wallets in the process', store.size, heapUsed() - before);
}

function measureLocal(): MemoryReading[] {
  const limit = benchLimit(rate);
  const rule = { free: 20, windowMs: 900_000, firstMs: 1000, longestMs: 900_000, forgetMs: 3_600_000 };
  const memory = new MemoryStore({ clock: systemClock });
  const penalties = new MemoryPenalties({ clock: systemClock });
  let nowMs = 0;
  const clients = new ClientKeys({ clock: { wallMs: () => nowMs, monoMs: () => nowMs }, secret: 'bench' });
  const known = (): number => clients.sizes()[0]?.size ?? 0;
  return [
    weigh('budgets in memory', () => {
      for (let i = 0; i < memory.maxKeys; i++) memory.take([{ limit, key: shortName(i), cost: 1 }]);
      return memory.size;
    }),
    weigh('known addresses', () => {
      // The last 50,000 and those before: as many as there can be.
      for (let i = 0; i < 100_000; i++) {
        nowMs += 50;
        clients.keyOf(address(i));
      }
      return known();
    }),
    weigh('failed attempts in memory', () => {
      for (let i = 0; i < penalties.maxKeys; i++) penalties.act('fail', `address:${address(i)}`, rule);
      return penalties.size;
    }),
  ];
}

function weigh(what: string, fill: () => number): MemoryReading {
  const before = heapUsed();
  const entries = fill();
  return reading(what, entries, heapUsed() - before);
}

function reading(what: string, entries: number, bytes: number): MemoryReading {
  return { what, entries, bytesEach: bytes / entries, totalMiB: bytes / 2 ** 20 };
}

/** Of this process, when everything that is not needed is gone. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
