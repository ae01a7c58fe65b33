import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { systemClock } from '../src/core/clock.ts';
import { compileBucket } from '../src/limits/bucket.ts';
import type { RateLimit } from '../src/limits/compile.ts';
import { compileCost } from '../src/limits/cost.ts';
import { RedisLeaseBackend } from '../src/limits/leases/lease-backend-redis.ts';
import { LeaseStore } from '../src/limits/leases/lease-store.ts';
import { RedisStore } from '../test/peers/redis-store.ts';
import { isAdmitted, isUnavailable, type LimitReply, type LimitStore } from '../src/limits/store.ts';

export const limiterNames = ['leases', 'script', 'rlf'] as const;
export type LimiterName = (typeof limiterNames)[number];

/** One way to ask the same question: may this key, by its place in the list, spend one token? */
export interface Limiter {
  decide(place: number): boolean | Promise<boolean>;
  close(): Promise<void>;
}

export interface Contest {
  url: string;
  /** Tokens a second, and what a full bucket holds. */
  rate: { tokens: number; perSeconds: number; burst: number };
  keys: readonly string[];
  /** As the leases are told. */
  instances: number;
}

/** Long enough for a benchmark that fills the event loop: nothing here may be decided by a time limit. */
const patienceMs = 10_000;

export function openLimiter(name: LimiterName, contest: Contest): Promise<Limiter> {
  if (name === 'rlf') return openRateLimiterFlexible(contest);
  return name === 'leases' ? openLeases(contest) : openScript(contest);
}

async function openLeases({ url, rate, keys, instances }: Contest): Promise<Limiter> {
  const backend = new RedisLeaseBackend({
    place: { kind: 'standalone', url },
    connectTimeoutMs: patienceMs,
    silentSocketMs: patienceMs,
  });
  if (!(await backend.whenConnected(patienceMs))) throw new Error('no connection to Redis');
  const maxKeys = keys.length * 2;
  const store = new LeaseStore({ backend, clock: systemClock, timeoutMs: patienceMs, instances, maxKeys });
  return limiterOf(store, rate, keys);
}

async function openScript({ url, rate, keys }: Contest): Promise<Limiter> {
  const store = new RedisStore({ url, timeoutMs: patienceMs, connectTimeoutMs: patienceMs });
  if (!(await store.whenConnected(patienceMs))) throw new Error('no connection to Redis');
  return limiterOf(store, rate, keys);
}

function limiterOf(store: LimitStore, rate: Contest['rate'], keys: readonly string[]): Limiter {
  const limit = benchLimit(rate);
  const charges = keys.map((key) => [{ limit, key, cost: 1 }]);
  const admits = (reply: LimitReply): boolean => {
    if (isUnavailable(reply)) throw new Error('the store gave no answer');
    return isAdmitted(reply);
  };
  return {
    decide(place) {
      const reply = store.take(charges[place]!);
      return reply instanceof Promise ? reply.then(admits) : admits(reply);
    },
    close: () => store.close(),
  };
}

/** Its windows are fixed, and begin with the first request of a key: the burst is what one window holds. */
async function openRateLimiterFlexible({ url, rate, keys }: Contest): Promise<Limiter> {
  const client = new Redis(url, { lazyConnect: true, disableClientInfo: true, enableOfflineQueue: false });
  await client.connect();
  const limiter = new RateLimiterRedis({
    storeClient: client,
    keyPrefix: 'rlf',
    points: rate.burst,
    duration: (rate.burst * rate.perSeconds) / rate.tokens,
  });
  const refused = (reason: unknown): boolean => {
    if (reason instanceof RateLimiterRes) return false;
    throw reason;
  };
  return {
    decide: (place) => limiter.consume(keys[place]!, 1).then(() => true, refused),
    close: () => Promise.resolve(client.disconnect()),
  };
}

export function benchLimit({ tokens, perSeconds, burst }: Contest['rate']): RateLimit {
  const bucket = compileBucket(tokens, perSeconds * 1_000_000, burst);
  return {
    kind: 'rate',
    id: 'bench/rate',
    name: 'rate',
    key: 'tenant',
    bucket,
    burst,
    windowMs: Math.ceil(bucket.capacity / bucket.leakPerUs / 1000),
    cost: compileCost({}),
    shadow: false,
    onStoreFailure: 'share',
    at: 'bench/limits.ts:1:1',
  };
}

export interface Load {
  decisions: number;
  admitted: number;
  seconds: number;
  /** Admissions by key, and the time from before the first to after the last of all. */
  admittedByKey: Uint32Array;
}

export interface SaturateOptions {
  keys: number;
  callers: number;
  /** Decisions that one caller takes in one turn of the event loop, when none has to wait. */
  batch?: number;
  until: { ms: number } | { decisions: number };
}

/** Callers that each ask for one key after the other, without pause, for so long or so often. */
export async function saturate(
  limiter: Limiter,
  { keys, callers, batch = 32, until }: SaturateOptions,
): Promise<Load> {
  const admittedByKey = new Uint32Array(keys);
  const start = performance.now();
  const endMs = 'ms' in until ? start + until.ms : Infinity;
  const most = 'decisions' in until ? until.decisions : Infinity;
  let decisions = 0;
  let admitted = 0;
  let next = 0;
  const call = async (): Promise<void> => {
    for (let done = 0; decisions < most;) {
      const place = next;
      next = next + 1 === keys ? 0 : next + 1;
      decisions++;
      const decided = limiter.decide(place);
      if (typeof decided === 'boolean' ? decided : await decided) {
        admitted++;
        admittedByKey[place]!++;
      }
      // A decision that is there at once must not keep the answers of others from being read.
      if (++done % batch === 0) {
        if (typeof decided === 'boolean') await turn();
        if (performance.now() >= endMs) return;
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  return { decisions, admitted, seconds: (performance.now() - start) / 1000, admittedByKey };
}

/** One key, asked for so many times a second, evenly. */
export async function pace(
  limiter: Limiter,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<Load> {
  const start = performance.now();
  const total = perSecond * seconds;
  let decisions = 0;
  let admitted = 0;
  const pending: Promise<void>[] = [];
  while (decisions < total) {
    const due = Math.min(total, ((performance.now() - start) / 1000) * perSecond);
    for (; decisions < due; decisions++) {
      const decided = limiter.decide(0);
      if (decided === true) admitted++;
      else if (decided !== false) pending.push(decided.then((yes) => void (admitted += Number(yes))));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  const tookSeconds = (performance.now() - start) / 1000;
  return { decisions, admitted, seconds: tookSeconds, admittedByKey: Uint32Array.of(admitted) };
}

/** What Redis itself has done so far. */
export interface RedisWork {
  /** Script calls, with EVAL or EVALSHA. */
  calls: number;
  /** Microseconds inside of them. */
  scriptUs: number;
  /** Microseconds of processor time of the server, all threads, user and kernel mode. */
  cpuUs: number;
  usedMemory: number;
}

export async function readWork(redis: Redis): Promise<RedisWork> {
  const info = await redis.info('everything');
  const read = (pattern: RegExp): number => Number(pattern.exec(info)?.[1] ?? 0);
  const scripts = ['eval', 'evalsha'];
  const sum = (field: string): number =>
    scripts.reduce(
      (total, name) => total + read(new RegExp(`^cmdstat_${name}:.*?\\b${field}=(\\d+)`, 'm')),
      0,
    );
  return {
    calls: sum('calls'),
    scriptUs: sum('usec'),
    cpuUs: (read(/^used_cpu_sys:([\d.]+)/m) + read(/^used_cpu_user:([\d.]+)/m)) * 1e6,
    usedMemory: read(/^used_memory:(\d+)/m),
  };
}

export function subtractWork(after: RedisWork, before: RedisWork): RedisWork {
  return {
    calls: after.calls - before.calls,
    scriptUs: after.scriptUs - before.scriptUs,
    cpuUs: after.cpuUs - before.cpuUs,
    usedMemory: after.usedMemory - before.usedMemory,
  };
}
