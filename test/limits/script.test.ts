import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { manualClock } from '../../src/core/clock.ts';
import { compileBucket } from '../../src/limits/bucket.ts';
import {
  type LeaseRequest,
  parseLeaseReply,
  renderLeaseArguments,
  type SeenBucket,
} from '../../src/limits/leases/lease-call.ts';
import { renderLeaseScript } from '../../src/limits/leases/lease-script.ts';
import { LimitVersions, maxRelease } from '../../src/limits/leases/limit-versions.ts';
import { nothingSeen } from '../../src/limits/leases/wallet.ts';
import { startRedis } from '../servers/redis.ts';
import type { RedisServer } from '../servers/redis.ts';
import { leaseRequest, nothingUsed, tokensAsked } from '../support/lease-request.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { runLease, type StoredBucket } from './lease-port.ts';
import { worldLimit } from './lease-world.ts';

// The real script but for its first line: time comes from a key that the test sets.
const script = renderLeaseScript("local now = tonumber(redis.call('GET', 'test:now'))").text;
const key = 'bh:t:{t:acme}:partner/partner-rate';

const buckets = [
  compileBucket(10, 1e6, 5),
  compileBucket(7, 60e6, 3),
  compileBucket(1000, 1e6, 400),
  compileBucket(199_999, 86_400e6, 52_124),
  compileBucket(999_983, 1e6, 1_000_000),
];

/** One operation: time that passes, and a request whose epochs and sight are relative to the last answer. */
const operation = fc.record({
  advanceUs: fc.oneof(
    { weight: 6, arbitrary: fc.nat({ max: 300_000 }) },
    { weight: 3, arbitrary: fc.nat({ max: 5_000_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: -3_000_000, max: 0 }) },
    { weight: 1, arbitrary: fc.nat({ max: 70_000_000 }) },
    { weight: 1, arbitrary: fc.constant(86_400_000_000) },
  ),
  bucket: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 4 }) }),
  version: fc.oneof(
    { weight: 8, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }) },
  ),
  need: fc.nat({ max: 6 }),
  more: fc.nat({ max: 20 }),
  chunk: fc.nat({ max: 100 }),
  share: fc.integer({ min: 1, max: 8 }),
  spare: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 20 }) }),
  write: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  reports: fc.array(
    fc.record({
      back: fc.integer({ min: -1, max: 3 }),
      used: fc.nat({ max: 8 }),
      returned: fc.nat({ max: 4 }),
    }),
    { maxLength: 2 },
  ),
  ageUs: fc.oneof(fc.constant(0), fc.nat({ max: 3_000_000 })),
  owe: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 50 }) }),
  held: fc.nat({ max: 30 }),
  sight: fc.constantFrom<'last' | 'older' | 'none'>('last', 'last', 'last', 'older', 'none'),
  suspect: fc.oneof(
    { weight: 7, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  lose: fc.oneof({ weight: 15, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

describeWithTool('redis-server', 'the lease script', (binary) => {
  let server: RedisServer;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedis(binary);
    redis = new Redis(server.url);
    redis.defineCommand('runLease', { numberOfKeys: 1, lua: script });
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  async function callRedis(request: LeaseRequest, nowUs: number): Promise<unknown> {
    await redis.set('test:now', nowUs);
    const reply: unknown = await (
      redis as unknown as { runLease(key: string, ...args: number[]): Promise<unknown> }
    ).runLease(key, ...renderLeaseArguments(request));
    return parseLeaseReply(reply) ?? reply;
  }

  it('answers and stores what its port in the model check does, for any operations', async () => {
    let steps = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 40, size: 'max' }), async (operations) => {
        await redis.flushall();
        const port = new Map<string, StoredBucket>();
        let nowUs = 1_700_000_000_000_000;
        const sights: SeenBucket[] = [nothingSeen];
        let epoch = Math.floor(nowUs / 1e6);
        for (const op of operations) {
          steps++;
          nowUs += op.advanceUs;
          if (op.lose) {
            await redis.del(key);
            port.clear();
          }
          const bucket = buckets[op.bucket]!;
          const [first, second] = op.reports.map(({ back, used, returned }) => ({
            epoch: epoch - back,
            used,
            returned,
          }));
          const seen = op.sight === 'none' ? nothingSeen : sights.at(op.sight === 'last' ? -1 : -3);
          const ask = op.need === 0 ? 0 : op.need + op.more;
          const request = leaseRequest(bucket, {
            version: op.version,
            need: op.need,
            ask,
            want: ask + op.chunk,
            share: op.share,
            spare: op.spare,
            write: op.write,
            first: first ?? nothingUsed,
            second: second ?? nothingUsed,
            ageUs: op.ageUs,
            owe: op.owe,
            held: op.held,
            seen: seen ?? nothingSeen,
            suspect: op.suspect,
          });
          const expected = runLease(port, key, request, nowUs);
          expect(await callRedis(request, nowUs)).toEqual(expected);
          const { debt, at, a, b, born, version, leak, units, burst, unheard } = port.get(key) ?? {};
          const stored = [debt, at, a, b, born, version, leak, units, burst, unheard].join(':');
          expect((await redis.get(key)) ?? ':::::::::').toBe(stored);
          const { debt: seenDebt, atUs, born: seenBorn, unitsPerToken } = expected;
          sights.push({ born: seenBorn, debt: seenDebt, atUs, units: unitsPerToken });
          epoch = expected.epoch;
          // The test's clock is not the server's, so the server forgets nothing by itself.
          const kept = port.get(key);
          if (kept !== undefined) kept.expiresAt = Infinity;
        }
      }),
      { numRuns: 150 },
    );
    expect(steps).toBeGreaterThan(1000);
  });

  const plain = leaseRequest({ leakPerUs: 10, unitsPerToken: 1e6, burst: 100 }, tokensAsked(100));

  it('keeps a key until its debt is paid and its leases are void, also when its clock stands behind', async () => {
    await redis.flushall();
    const slow = { ...plain, leakPerUs: 1, unitsPerToken: 100_000 };
    await callRedis(slow, 1e12);
    // 100 tokens at 10/s are 10 s of debt; leases live 2 s.
    expect(await redis.pttl(key)).toBeGreaterThan(12_900);
    await callRedis({ ...slow, ...tokensAsked(0) }, 1e12 - 5_000_000);
    expect(await redis.pttl(key)).toBeGreaterThan(17_900);
    await callRedis({ ...slow, ...tokensAsked(0), owe: 100 }, 1e12);
    expect(await redis.pttl(key)).toBeGreaterThan(22_900);
  });

  it('takes at most 250 bytes of the server for a key', async () => {
    await redis.flushall();
    const day = compileBucket(199_999, 86_400e6, 52_124);
    const { leakPerUs, unitsPerToken, burst } = day;
    const versions = new LimitVersions(manualClock(Date.UTC(2040, 0, 1)));
    versions.startRelease(maxRelease);
    const version = versions.of({ ...worldLimit('a', 1, 1), bucket: day });
    const full = { ...plain, leakPerUs, unitsPerToken, burst, version, need: burst, ask: burst, want: burst };
    await callRedis(full, 1_790_000_000_000_000);
    await callRedis({ ...full, version: 1, need: 0, owe: 9_000 }, 1_790_000_055_123_456);
    expect((await redis.get(key))?.length).toBeGreaterThan(85);
    expect(await redis.memory('USAGE', key)).toBeLessThanOrEqual(250);
  });

  it('forgets a version that nobody has named for a minute, and takes the debt along', async () => {
    await redis.flushall();
    const look = { ...plain, ...tokensAsked(0) };
    const newer = { ...look, version: plain.version + 1, unitsPerToken: 500_000, owe: 40 };
    const at = (seconds: number) => 1e12 + seconds * 1e6;
    // 40 of 100 at 20/s; the old figures say 10/s.
    expect(await callRedis(newer, at(0))).toMatchObject({ unitsPerToken: 500_000, debt: 20e6 });
    expect(await callRedis({ ...newer, owe: 1160 }, at(59))).toMatchObject({ debt: 580e6 });
    // Heard again by then: a minute from there, however many others ask meanwhile.
    for (const second of [60, 80, 100, 119]) {
      expect(await callRedis(look, at(second))).toMatchObject({ unitsPerToken: 500_000 });
    }
    // 1160 tokens less 1200 in a minute; what is owed now is told in the units of the old figures.
    expect(await callRedis({ ...look, owe: 50 }, at(119))).toMatchObject({
      unitsPerToken: 500_000,
      debt: 25e6,
    });
    expect(await callRedis(look, at(119) + 1)).toMatchObject({ unitsPerToken: 1_000_000, debt: 50e6 - 10 });
    expect(await callRedis({ ...newer, owe: 0 }, at(120))).toMatchObject({ unitsPerToken: 500_000 });
  });

  it('leaves what it is told to leave, and says when there is more', async () => {
    await redis.flushall();
    const spared = { ...plain, need: 1, ask: 30, want: 60, share: 1, spare: 75 };
    expect(await callRedis(spared, 1e12)).toMatchObject({ granted: 25 });
    expect(await callRedis(spared, 1e12)).toMatchObject({ granted: 0, retryUs: 100_000 });
  });

  it('lets the newest version of a limit hold for everybody', async () => {
    await redis.flushall();
    const look = { ...plain, ...tokensAsked(0) };
    await callRedis({ ...plain, burst: 10, ...tokensAsked(10) }, 1e12);
    const newer = { ...look, version: plain.version + 1, burst: 4 };
    expect(await callRedis(newer, 1e12)).toMatchObject({ burst: 4, outstanding: 10, debt: 4e6 });
    expect(await callRedis({ ...look, burst: 10 }, 1e12)).toMatchObject({ burst: 4, debt: 4e6 });
    // What was leased of the old burst keeps the new one empty until it is void after 2 s, and is not owed then.
    const asked = { ...plain, burst: 10, ...tokensAsked(1) };
    expect(await callRedis(asked, 1e12 + 2_099_999)).toMatchObject({ granted: 0, retryUs: 1 });
    expect(await callRedis(asked, 1e12 + 2_100_000)).toMatchObject({ granted: 1, burst: 4 });
  });
});
