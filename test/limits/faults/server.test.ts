import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openControl, type RedisServer, startRedis } from '../../servers/redis.ts';
import { describeWithTool } from '../../system/require-tool.ts';
import { nowUs, startLoad } from './load.ts';
import { expectAftermath, faultLimits } from './scene.ts';

// Faults of one real server under load.

const processes = 3;
const timeout = 60_000;

describeWithTool('redis-server', 'three processes that saturate their limits', (binary) => {
  let server: RedisServer;
  let control: Redis;

  beforeEach(async () => {
    server = await startRedis(binary);
    control = openControl(server);
  });
  afterEach(async () => {
    control.disconnect();
    await server.stop();
  });

  /** A busy machine can keep an answer for longer than the 25 ms that a decision waits by default. */
  const start = (answerWithin = '250ms') =>
    startLoad({ redis: { url: server.url, timeout: answerWithin }, processes, limits: faultLimits });

  it('while Redis hangs for three seconds', { timeout }, async () => {
    const load = await start();
    await sleep(500);
    server.pause();
    await load.untilFailing();
    await sleep(3000);
    server.resume();
    const healedUs = nowUs();
    await expectAftermath(load, healedUs, { lostBursts: 0, shareBursts: 0.3, recoveryMs: 6000 });
  });

  it('while Redis is killed and comes back empty', { timeout }, async () => {
    const load = await start();
    await sleep(500);
    await server.kill();
    await load.untilFailing();
    await sleep(500);
    await server.start();
    const healedUs = nowUs();
    await expectAftermath(load, healedUs, { lostBursts: 0.5, shareBursts: 0.3, recoveryMs: 6000 });
  });

  it('while somebody empties Redis', { timeout }, async () => {
    const load = await start('2s');
    await sleep(500);
    await control.flushall();
    const healedUs = nowUs();
    await expectAftermath(load, healedUs, { lostBursts: 0.5, shareBursts: 0, recoveryMs: 3000 });
    expect(load.modeChanges).toEqual([]);
  });

  it('while Redis forgets its scripts, time and again', { timeout }, async () => {
    const load = await start('2s');
    for (let i = 0; i < 5; i++) {
      await sleep(100);
      await control.script('FLUSH');
    }
    const healedUs = nowUs();
    await expectAftermath(load, healedUs, { lostBursts: 0, shareBursts: 0, recoveryMs: 3000 });
    expect(load.modeChanges).toEqual([]);
  });

  it('while the memory of Redis is full', { timeout }, async () => {
    const load = await start();
    await sleep(500);
    await control.set('ballast', 'x'.repeat(2_000_000));
    await control.config('SET', 'maxmemory', '1mb');
    await load.untilFailing();
    await sleep(500);
    await control.config('SET', 'maxmemory', '0');
    const healedUs = nowUs();
    await expectAftermath(load, healedUs, { lostBursts: 0, shareBursts: 0.3, recoveryMs: 6000 });
    expect(load.modeChanges[0]?.cause).toMatch(/OOM command not allowed/);
  });

  it('while their Redis is a replica that refuses to write', { timeout }, async () => {
    const load = await start();
    await sleep(500);
    await control.replicaof('127.0.0.1', 1);
    await load.untilFailing();
    await sleep(500);
    await control.replicaof('NO', 'ONE');
    const healedUs = nowUs();
    await expectAftermath(load, healedUs, { lostBursts: 0, shareBursts: 0.3, recoveryMs: 6000 });
  });
});
