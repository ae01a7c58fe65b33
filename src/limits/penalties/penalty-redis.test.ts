import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openControl, startRedis, type RedisServer } from '../../../test/servers/redis.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { describeWithTool } from '../../../test/system/require-tool.ts';
import { manualClock } from '../../core/clock.ts';
import {
  applyPenalty,
  forgottenAtMs,
  type PenaltyAction,
  type PenaltyRecord,
  type PenaltyRule,
} from './penalty.ts';
import { SharedPenalties } from './penalty-redis.ts';
import { renderPenaltyArguments, renderPenaltyScript } from './penalty-script.ts';

const rule: PenaltyRule = {
  free: 3,
  windowMs: 60_000,
  firstMs: 1000,
  longestMs: 60_000,
  forgetMs: 300_000,
};

describeWithTool('redis-server', 'failed attempts in Redis', (binary) => {
  let server: RedisServer;
  let control: Redis;
  const opened: SharedPenalties[] = [];

  beforeEach(async () => {
    server = await startRedis(binary);
    control = openControl(server);
  });
  afterEach(async () => {
    control.disconnect();
    for (const store of opened.splice(0)) await store.close();
    await server.stop();
  });

  async function open(clock = manualClock()): Promise<SharedPenalties> {
    const store = new SharedPenalties({
      place: { kind: 'standalone', url: server.url },
      timeoutMs: 2000,
      connectTimeoutMs: 1000,
      clock,
      random: () => 0,
    });
    opened.push(store);
    await store.ready(5000);
    return store;
  }

  it('agree with the arithmetic in memory after every action, and expire when they are forgotten', async () => {
    // The test's own time in place of the server's: ten seconds of it are none.
    const script = renderPenaltyScript('local now = tonumber(ARGV[7])');
    const action = fc.constantFrom<PenaltyAction>('look', 'try', 'try', 'fail', 'fail', 'forgive', 'clear');
    const steps = fc.array(fc.tuple(action, fc.integer({ min: 0, max: 40_000 })), { maxLength: 40 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const key = `run ${run++}`;
        let nowMs = 1_700_000_000_000;
        let record: PenaltyRecord | undefined;
        for (const [one, pauseMs] of taken) {
          nowMs += pauseMs;
          const done = applyPenalty(rule, record, { action: one, nowMs });
          record = done.record;
          const reply = await control.call('EVAL', [
            script.text,
            ...renderPenaltyArguments(one, key, rule),
            nowMs,
          ]);
          const { passed, failures, waitMs } = done.standing;
          expect(reply).toEqual([passed ? 1 : 0, failures, waitMs]);
          if (record === undefined || one === 'look') continue;
          const { sinceMs, lastMs, untilMs } = record;
          expect(await control.get(`bh:{penalty:${key}}`)).toBe(
            [record.failures, sinceMs, lastMs, untilMs].join(':'),
          );
          const leftMs = await control.pttl(`bh:{penalty:${key}}`);
          const wantedMs = forgottenAtMs(rule, record) - nowMs;
          expect(leftMs).toBeLessThanOrEqual(wantedMs);
          expect(leftMs).toBeGreaterThan(wantedMs - 5000);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are counted for all instances together', async () => {
    const [a, b] = [await open(), await open()];
    const seen: boolean[] = [];
    for (const store of [a, b, a, b, a, b]) seen.push((await store.act('try', 'guesser', rule)).passed);
    expect(seen).toEqual([true, true, true, true, false, false]);
    await b.act('clear', 'guesser', rule);
    expect(await a.act('look', 'guesser', rule)).toEqual({ passed: true, failures: 0, waitMs: 0 });
  });

  it('of many attempts at once let through no more than may fail', async () => {
    const stores = [await open(), await open(), await open()];
    const standings = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => stores[i % 3]!.act('try', 'guesser', rule)),
    );
    expect(standings.filter(({ passed }) => passed)).toHaveLength(4);
  });

  it('hold in an instance that has heard of them, without another question', async () => {
    const store = await open();
    for (let i = 0; i < 4; i++) await store.act('fail', 'guesser', rule);
    expect(store.heldMs('guesser', rule)).toBeGreaterThan(900);
    expect(store.heldMs('other', rule)).toBe(0);
  });

  it('are known again to a server that has lost its scripts', async () => {
    const store = await open();
    await store.act('fail', 'guesser', rule);
    await control.script('FLUSH');
    expect(await store.act('fail', 'guesser', rule)).toMatchObject({ failures: 2 });
  });

  it('are counted in memory while the server is away, from what was known, and shared again afterwards', async () => {
    const clock = manualClock();
    const store = await open(clock);
    for (let i = 0; i < 4; i++) await store.act('fail', 'guesser', rule);
    await server.kill();
    await eventually(async () =>
      expect(await store.act('try', 'guesser', rule)).toMatchObject({ passed: false, failures: 4 }),
    );
    const others = [];
    for (let i = 0; i < 5; i++) others.push((await store.act('try', 'another', rule)).passed);
    expect(others).toEqual([true, true, true, true, false]);
    await server.start();
    await eventually(async () => {
      clock.advance(5000);
      await store.act('fail', 'third', rule);
      expect(await control.exists('bh:{penalty:third}')).toBe(1);
    });
  });
});
