import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Bucket, compileBucket, debtAt } from '../../src/limits/bucket.ts';
import { type CompiledLimit, compileLimit } from '../../src/limits/compile.ts';
import { RedisLeaseBackend } from '../../src/limits/leases/lease-backend-redis.ts';
import { renderLeaseScript } from '../../src/limits/leases/lease-script.ts';
import { LeaseStore } from '../../src/limits/leases/lease-store.ts';
import { MemoryStore } from '../../src/limits/memory-store.ts';
import { limitSchema } from '../../src/limits/options.ts';
import { renderQuotaScript } from '../../src/limits/leases/quota-script.ts';
import { renderSlotScript } from '../../src/limits/leases/slot-script.ts';
import { isAdmitted } from '../../src/limits/store.ts';
import { type ManualTime, manualTime } from '../servers/manual-time.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { describeWithTool } from '../system/require-tool.ts';

// The real scripts but for their first line: time comes from a key that the test sets.
const script = renderLeaseScript("local now = tonumber(redis.call('GET', 'test:now')) * 1000");
const quotaScript = renderQuotaScript("local now = tonumber(redis.call('GET', 'test:now'))");
const slotScript = renderSlotScript("local now = tonumber(redis.call('GET', 'test:now'))");

function limitOf(figures: object): CompiledLimit {
  const entry = limitSchema.parse({ name: 'calls', key: 'tenant', ...figures });
  const { limit } = compileLimit(entry, { id: 'partner/calls', path: [], at: 'zones/partner.yaml:6:5' });
  if (limit === undefined) throw new TypeError('"figures" are of no limit');
  return limit;
}

type Step =
  | { kind: 'advance'; ms: number }
  | { kind: 'take'; cost: number; at: number }
  | { kind: 'grant'; tokens: number; at: number }
  | { kind: 'reset'; at: number };

const at = fc.nat({ max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat({ max: 700 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat({ max: 20_000 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('take' as const), cost: fc.integer({ min: 1, max: 3 }), at }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('grant' as const), tokens: fc.integer({ min: 1, max: 8 }), at }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const), at }) },
);
const steps = fc.array(step, { maxLength: 40, size: 'max' });

describeWithTool('redis-server', 'what an operator does to budgets', (binary) => {
  let server: RedisServer;
  let redis: Redis;
  let backends: RedisLeaseBackend[];

  beforeAll(async () => {
    server = await startRedis(binary);
    redis = new Redis(server.url);
    backends = [0, 1].map(
      () =>
        new RedisLeaseBackend({
          place: { kind: 'standalone', url: server.url },
          connectTimeoutMs: 1000,
          silentSocketMs: 5000,
          script,
          quotaScript,
          slotScript,
        }),
    );
    await Promise.all(backends.map((backend) => backend.whenConnected(5000)));
  });
  afterAll(async () => {
    redis.disconnect();
    await Promise.all(backends.map((backend) => backend.close()));
    await server.stop();
  });

  /** As many instances on the empty server, with time in the test's hands. */
  async function open(count: number) {
    const time: ManualTime = manualTime(Date.UTC(2026, 0, 1, 12));
    const { clock, scheduler } = time;
    await redis.flushall();
    const setNow = () => redis.set('test:now', clock.wallMs());
    await setNow();
    const stores = backends.slice(0, count).map(
      (backend) =>
        new LeaseStore({
          backend,
          clock,
          scheduler,
          timeoutMs: 5000,
          instances: count,
          random: () => 0.5,
        }),
    );
    return {
      clock,
      stores,
      async advance(ms: number) {
        scheduler.advance(ms);
        await setNow();
      },
    };
  }

  it.each([
    ['a rate', { rate: '10/s', burst: 5 }],
    ['a rate that is leased in pieces', { rate: '40/s', burst: 60 }],
    ['a slow rate', { rate: '7/m', burst: 3 }],
    ['a quota', { quota: '40/day' }],
  ])('a reset and a grant do in Redis what they do in memory: %s', async (_kind, figures) => {
    const limit = limitOf(figures);
    const key = 'acme';
    let admitted = 0;
    let credited = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (story) => {
        const { stores, clock, advance } = await open(1);
        const memory = new MemoryStore({ clock });
        const [store] = stores;
        const { desk } = store!;
        for (const one of story) {
          if (one.kind === 'advance') await advance(one.ms);
          else if (one.kind === 'take') {
            const charges = [{ limit, key, cost: one.cost }];
            // Whoever leases gets at most what an exact bucket would give, so that one admits it as well.
            if (!isAdmitted(await store!.take(charges))) continue;
            admitted++;
            expect(isAdmitted(memory.take(charges))).toBe(true);
          } else {
            const tokens = one.kind === 'grant' ? one.tokens : Infinity;
            await desk.settle(limit, key);
            for (const place of [memory, desk]) {
              const { free } = await place.look(limit, key);
              const after = await place.credit(limit, key, tokens);
              expect(after.free).toBe(Math.min(limit.burst, free + tokens));
              expect((await place.look(limit, key)).free).toBe(after.free);
              if (after.free > free) credited++;
            }
          }
          await desk.settle(limit, key);
          const [inMemory, inRedis] = [await memory.look(limit, key), await desk.look(limit, key)];
          expect(inRedis.free).toBeLessThanOrEqual(inMemory.free);
          if (limit.kind === 'quota') expect(inRedis.free).toBe(inMemory.free);
        }
      }),
      { numRuns: 60 },
    );
    expect(admitted).toBeGreaterThan(100);
    expect(credited).toBeGreaterThan(50);
  });

  it.each([
    ['few tokens', { rate: '10/s', burst: 5 }],
    ['many tokens, which are leased in pieces', { rate: '40/s', burst: 60 }],
  ])('two instances never admit more than the bucket and what was credited: %s', async (_title, figures) => {
    const limit = limitOf(figures);
    const bucket: Bucket = limit.kind === 'rate' ? limit.bucket : compileBucket(1, 1, 1);
    let admitted = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (story, eager) => {
        const { stores, clock, advance } = await open(2);
        // What an exact bucket would owe that gets every credit whole.
        let debt = 0;
        let sinceUs = clock.monoMs() * 1000;
        const leak = () => {
          const nowUs = clock.monoMs() * 1000;
          debt = debtAt(bucket, debt, sinceUs, nowUs);
          sinceUs = nowUs;
        };
        for (const one of story) {
          if (one.kind === 'advance') {
            await advance(one.ms);
            continue;
          }
          const { desk } = stores[one.at]!;
          if (one.kind !== 'take') {
            const tokens = one.kind === 'grant' ? one.tokens : Infinity;
            await desk.credit(limit, 'acme', tokens);
            leak();
            debt = Math.max(0, debt - tokens * bucket.unitsPerToken);
            continue;
          }
          // Busy instances lease more than they are asked for.
          for (let i = 0; i < (eager ? 15 : 1); i++) {
            if (!isAdmitted(await stores[one.at]!.take([{ limit, key: 'acme', cost: one.cost }]))) continue;
            admitted++;
            leak();
            debt += one.cost * bucket.unitsPerToken;
            expect(debt).toBeLessThanOrEqual(bucket.capacity);
          }
        }
      }),
      { numRuns: 60 },
    );
    expect(admitted).toBeGreaterThan(400);
  });

  it('a reset does not give out again what another instance still holds', async () => {
    const limit = limitOf({ rate: '1/m', burst: 200 });
    const { stores, advance } = await open(2);
    const [mine, other] = stores;
    const take = (store: LeaseStore | undefined) => store!.take([{ limit, key: 'acme', cost: 1 }]);
    // Busy for a while, so that the other one holds a chunk.
    for (let i = 0; i < 60; i++) {
      await take(other);
      await advance(5);
    }
    const before = await mine!.desk.look(limit, 'acme');
    expect(before).toMatchObject({ kind: 'rate', keptBy: 'redis', held: 0 });
    const leased = before.kind === 'rate' ? before.leased : 0;
    expect(leased).toBeGreaterThan(2);
    const after = await mine!.desk.credit(limit, 'acme', Infinity);
    expect(after).toMatchObject({ free: 200 - leased, leased });
  });

  it('an instance that was refused asks again at once after a credit of its own, others within 10 s', async () => {
    const limit = limitOf({ rate: '1/h', burst: 3 });
    const { stores, advance } = await open(2);
    const [mine, other] = stores;
    const admits = async (store: LeaseStore | undefined) =>
      isAdmitted(await store!.take([{ limit, key: 'acme', cost: 1 }]));
    const seen: boolean[] = [];
    for (let i = 0; i < 4; i++) seen.push(await admits(mine));
    // Nothing is outstanding any more that might come back, so the other one believes for long what it is told.
    await advance(2500);
    seen.push(await admits(other));
    expect(seen).toEqual([true, true, true, false, false]);
    expect(await other!.desk.look(limit, 'acme')).toMatchObject({ free: 0, refusingMs: 10_000 });
    await mine!.desk.credit(limit, 'acme', Infinity);
    expect([await admits(mine), await admits(other)]).toEqual([true, false]);
    await advance(9999);
    expect(await admits(other)).toBe(false);
    await advance(1);
    expect([await admits(other), await admits(other), await admits(other)]).toEqual([true, true, false]);
    // Or at once, where somebody tells it to.
    await mine!.desk.credit(limit, 'acme', 1);
    await other!.desk.settle(limit, 'acme');
    expect(await admits(other)).toBe(true);
  });

  it('shows slots in use here and elsewhere', async () => {
    const limit = limitOf({ inFlight: 5 });
    const { stores } = await open(2);
    const [mine, other] = stores;
    const charge = { limit, key: 'acme', cost: 1 };
    await mine!.take([charge]);
    await other!.take([charge]);
    await other!.take([charge]);
    expect(await mine!.desk.look(limit, 'acme')).toEqual({
      kind: 'inFlight',
      keptBy: 'redis',
      figures: '5',
      burst: 5,
      free: 2,
      held: 0,
      inUse: 1,
      elsewhere: 2,
      retryAfterMs: 0,
      refusingMs: 0,
    });
  });

  it('shows a quota by the calendar of its time zone', async () => {
    const limit = limitOf({ quota: '100/day', timezone: 'Europe/Berlin' });
    const { stores } = await open(2);
    const [mine, other] = stores;
    for (const store of [mine, mine, other]) await store!.take([{ limit, key: 'acme', cost: 10 }]);
    expect(await mine!.desk.look(limit, 'acme')).toEqual({
      kind: 'quota',
      keptBy: 'redis',
      figures: '100/day',
      burst: 100,
      free: 70,
      used: 30,
      held: 0,
      windowStartMs: Date.UTC(2025, 11, 31, 23),
      windowEndMs: Date.UTC(2026, 0, 1, 23),
      retryAfterMs: 0,
      refusingMs: 0,
    });
    expect(await other!.desk.credit(limit, 'acme', 5)).toMatchObject({ used: 25, free: 75 });
    expect(await other!.desk.credit(limit, 'acme', Infinity)).toMatchObject({ used: 0, free: 100 });
  });
});
