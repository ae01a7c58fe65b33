import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  parseQuotaReply,
  type QuotaRequest,
  renderQuotaArguments,
} from '../../src/limits/leases/quota-call.ts';
import { renderQuotaScript } from '../../src/limits/leases/quota-script.ts';
import { parseSlotReply, renderSlotArguments, type SlotRequest } from '../../src/limits/leases/slot-call.ts';
import { renderSlotScript } from '../../src/limits/leases/slot-script.ts';
import { startRedis } from '../servers/redis.ts';
import type { RedisServer } from '../servers/redis.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { runQuota, type StoredQuota } from './quota-port.ts';
import { runSlots, type StoredSlots } from './slot-port.ts';

// The real scripts but for their first line: time comes from a key that the test sets.
const testTime = "local now = tonumber(redis.call('GET', 'test:now'))";
const key = 'bh:t:{t:acme}:partner/any@day@UTC';
const dayMs = 86_400_000;

const counts = {
  need: fc.nat({ max: 6 }),
  more: fc.nat({ max: 20 }),
  chunk: fc.nat({ max: 100 }),
  share: fc.integer({ min: 1, max: 8 }),
  write: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  lose: fc.oneof({ weight: 15, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  version: fc.oneof(
    { weight: 8, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 ** 52 }) },
  ),
};

const quotaOperation = fc.record({
  ...counts,
  advanceMs: fc.oneof(
    { weight: 8, arbitrary: fc.nat({ max: 5000 }) },
    { weight: 2, arbitrary: fc.nat({ max: dayMs }) },
    { weight: 1, arbitrary: fc.integer({ min: -2 * dayMs, max: 0 }) },
  ),
  /** Which window the caller believes in, counted from the true one. */
  window: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -1, max: 1 }) },
  ),
  quota: fc.constantFrom(10, 10, 10, 50, 10 ** 12),
  back: fc.nat({ max: 5 }),
  backBefore: fc.boolean(),
  owe: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: -5, max: 50 }) },
  ),
  sight: fc.constantFrom<'last' | 'older' | 'none'>('last', 'last', 'last', 'older', 'none'),
});

const slotOperation = fc.record({
  ...counts,
  advanceMs: fc.oneof(
    { weight: 8, arbitrary: fc.nat({ max: 500 }) },
    { weight: 2, arbitrary: fc.nat({ max: 5000 }) },
    { weight: 1, arbitrary: fc.nat({ max: 70_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: -20_000, max: 0 }) },
  ),
  holder: fc.constantFrom('a', 'b', 'c'),
  /** Below 0: a call that comes late. */
  step: fc.oneof(
    { weight: 9, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: -3, max: 0 }) },
  ),
  keep: fc.nat({ max: 6 }),
  capacity: fc.constantFrom(8, 8, 8, 3, 100),
});

describeWithTool('redis-server', 'the scripts of quotas and slots', (binary) => {
  let server: RedisServer;
  let redis: Redis;
  const run = async (script: 'runQuota' | 'runSlots', args: (string | number)[]): Promise<unknown> =>
    await (redis as unknown as Record<typeof script, (key: string, ...more: unknown[]) => Promise<unknown>>)[
      script
    ](key, ...args);

  beforeAll(async () => {
    server = await startRedis(binary);
    redis = new Redis(server.url);
    redis.defineCommand('runQuota', { numberOfKeys: 1, lua: renderQuotaScript(testTime).text });
    redis.defineCommand('runSlots', { numberOfKeys: 1, lua: renderSlotScript(testTime).text });
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('agree with the port for any operations on a quota', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(quotaOperation, { maxLength: 30 }), async (operations) => {
        await redis.del(key);
        const stored = new Map<string, StoredQuota>();
        let nowMs = 1_800_000_000_000;
        const seen = [{ startMs: 0, granted: 0, returned: 0, born: 0 }];
        for (const operation of operations) {
          nowMs += operation.advanceMs;
          await redis.set('test:now', nowMs);
          if (operation.lose) {
            stored.clear();
            await redis.del(key);
          }
          const startMs = (Math.floor(nowMs / dayMs) + operation.window) * dayMs;
          const ask = operation.need + operation.more;
          const sight =
            operation.sight === 'none' ? undefined : seen.at(operation.sight === 'last' ? -1 : -3);
          const request: QuotaRequest = {
            startMs,
            endMs: startMs + dayMs,
            quota: operation.quota,
            version: operation.version,
            need: operation.need,
            ask,
            want: ask + operation.chunk,
            share: operation.share,
            write: operation.write,
            lifeMs: 10_000,
            back: operation.back,
            backIn: operation.backBefore ? startMs - dayMs : startMs,
            owe: operation.owe,
            seenIn: sight?.startMs ?? 0,
            seenGranted: sight?.granted ?? 0,
            seenReturned: sight?.returned ?? 0,
            seenBorn: sight?.born ?? 0,
          };
          const expected = runQuota(stored, key, request, nowMs);
          expect(parseQuotaReply(await run('runQuota', renderQuotaArguments(request)))).toEqual(expected);
          const kept = stored.get(key);
          expect(await redis.get(key)).toBe(
            kept === undefined
              ? null
              : [
                  kept.startMs,
                  kept.granted,
                  kept.returned,
                  kept.born,
                  kept.version,
                  kept.quota,
                  kept.heardMs,
                ].join(':'),
          );
          if (!expected.stale && operation.write)
            seen.push({
              startMs,
              granted: expected.totalGranted,
              returned: expected.totalReturned,
              born: expected.born,
            });
        }
      }),
      { numRuns: 150 },
    );
  });

  it('agree with the port for any operations on slots', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(slotOperation, { maxLength: 30 }), async (operations) => {
        await redis.del(key);
        const stored = new Map<string, StoredSlots>();
        const sequences: Record<string, number> = { a: 10, b: 10, c: 10 };
        let nowMs = 1_800_000_000_000;
        for (const operation of operations) {
          const { holder } = operation;
          nowMs += operation.advanceMs;
          await redis.set('test:now', nowMs);
          if (operation.lose) {
            stored.clear();
            await redis.del(key);
          }
          const ask = operation.need + operation.more;
          const sequence = (sequences[holder] ?? 0) + operation.step;
          if (operation.step > 0) sequences[holder] = sequence;
          const request: SlotRequest = {
            holder,
            sequence,
            keep: operation.keep,
            need: operation.need,
            ask,
            want: ask + operation.chunk,
            share: operation.share,
            capacity: operation.capacity,
            version: operation.version,
            ttlMs: 2000,
            write: operation.write,
          };
          const expected = runSlots(stored, key, request, nowMs);
          expect(parseSlotReply(await run('runSlots', renderSlotArguments(request)))).toEqual(expected);
          const fields: Record<string, string> = {};
          const kept = stored.get(key);
          for (const [name, { slots, expiresMs, sequence: last }] of kept?.holders ?? [])
            fields[name] = `${slots}:${expiresMs}:${last}`;
          if (kept !== undefined && kept.version > 0)
            fields['@'] = `${kept.version}:${kept.capacity}:${kept.heardMs}`;
          expect(await redis.hgetall(key)).toEqual(fields);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('keep a key no longer than it can matter, and small', async () => {
    await redis.flushall();
    await redis.set('test:now', 1_800_000_000_000);
    const startMs = Math.floor(1_800_000_000_000 / dayMs) * dayMs;
    const quota = { startMs, endMs: startMs + dayMs, quota: 200_000, version: 2 ** 52, need: 1, ask: 1 };
    await run(
      'runQuota',
      renderQuotaArguments({
        ...quota,
        want: 150_000,
        share: 1,
        write: true,
        lifeMs: 10_000,
        back: 0,
        backIn: 0,
        owe: 0,
        seenIn: 0,
        seenGranted: 0,
        seenReturned: 0,
        seenBorn: 0,
      }),
    );
    const leftMs = startMs + dayMs - 1_800_000_000_000;
    expect(Math.abs((await redis.pttl(key)) - (leftMs + dayMs))).toBeLessThan(5000);
    expect(await redis.memory('USAGE', key)).toBeLessThan(250);
    await redis.del(key);
    for (const holder of ['aaaaaaaaaaaa', 'bbbbbbbbbbbb']) {
      await run(
        'runSlots',
        renderSlotArguments({
          holder,
          sequence: 1,
          keep: 0,
          need: 1,
          ask: 1,
          want: 1,
          share: 1,
          capacity: 8,
          version: 2 ** 52,
          ttlMs: 10_000,
          write: true,
        }),
      );
    }
    expect(Math.abs((await redis.pttl(key)) - 11_000)).toBeLessThan(1000);
    expect(await redis.memory('USAGE', key)).toBeLessThan(350);
  });
});
