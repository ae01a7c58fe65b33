import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../servers/redis.ts';
import { startTcpProxy, type TcpProxy } from '../../servers/tcp-proxy.ts';
import { describeWithTool } from '../../system/require-tool.ts';
import { nowUs, startLoad } from './load.ts';
import { expectAftermath, faultLimits } from './scene.ts';

// Faults between gateways and their Redis, and of a gateway itself.

const timeout = 60_000;

describeWithTool('redis-server', 'processes that saturate their limits', (binary) => {
  let server: RedisServer;
  let proxy: TcpProxy;

  beforeEach(async () => {
    server = await startRedis(binary);
    proxy = await startTcpProxy(server.port);
  });
  afterEach(async () => {
    await proxy.close();
    await server.stop();
  });

  const start = (answerWithin = '250ms') =>
    startLoad({
      redis: { url: `redis://127.0.0.1:${proxy.port}`, timeout: answerWithin },
      processes: 3,
      limits: faultLimits,
    });

  it('while an answer takes 200 ms, and a decision may take 100 ms', { timeout }, async () => {
    const load = await start('100ms');
    await sleep(500);
    proxy.delay(100);
    await load.untilFailing();
    await sleep(2500);
    proxy.delay(0);
    const healedUs = nowUs();
    await expectAftermath(load, healedUs, { lostBursts: 0, shareBursts: 1, recoveryMs: 8000 });
  });

  it('while an answer takes 200 ms, and a decision may take two seconds', { timeout }, async () => {
    const load = await start('2s');
    await sleep(500);
    proxy.delay(100);
    await sleep(2500);
    proxy.delay(0);
    const healedUs = nowUs();
    await expectAftermath(load, healedUs, { lostBursts: 0, shareBursts: 0, recoveryMs: 3000 });
    expect(load.modeChanges).toEqual([]);
  });

  it('while nothing arrives on their connections any more', { timeout }, async () => {
    const load = await start();
    await sleep(500);
    proxy.swallow();
    await load.untilFailing();
    await sleep(3000);
    proxy.heal();
    const healedUs = nowUs();
    await expectAftermath(load, healedUs, { lostBursts: 0, shareBursts: 0.3, recoveryMs: 8000 });
  });

  it('while one of them is killed', { timeout }, async () => {
    const load = await start('2s');
    await sleep(500);
    load.processes[0]!.kill('SIGKILL');
    // What it held is void after two seconds at most; until then the others have what flows in.
    await sleep(2000);
    const healedUs = nowUs();
    await expectAftermath(load, healedUs, { lostBursts: 0, shareBursts: 0, recoveryMs: 3000 });
    expect(load.modeChanges).toEqual([]);
  });
});
