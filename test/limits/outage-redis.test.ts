import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { openLimitStore } from '../../src/limits/open-store.ts';
import { storeSchema } from '../../src/limits/options.ts';
import { isAdmitted, isUnavailable } from '../../src/limits/store.ts';
import { startRedis } from '../servers/redis.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { worldLimit } from './lease-world.ts';

// The stories of `outage.test.ts` on a real server, as instances of `gateway.yaml` would live through them.

const instances = 3;
const ratePerSecond = 100;
const burst = 100;
const everyMs = 10;

describeWithTool('redis-server', 'an outage of Redis', (binary) => {
  it('lets three instances together admit no more than one bucket, and goes on where it was', async () => {
    const server = await startRedis(binary);
    const options = storeSchema.parse({ redis: { url: server.url, timeout: '100ms' } });
    const modes: string[] = [];
    const stores = Array.from({ length: instances }, () =>
      openLimitStore(options, {
        clock: systemClock,
        onModeChange: (mode) => modes.push(mode),
        onConnectionError: () => undefined,
      }),
    );
    const limit = worldLimit('outage', ratePerSecond, burst);
    let debt = 0;
    let atMs = systemClock.monoMs();
    let excess = 0;
    let admitted = 0;
    const take = async (index: number): Promise<void> => {
      const reply = await stores[index]!.store.take([{ limit, key: 'acme', cost: 1 }]);
      if (isUnavailable(reply) || !isAdmitted(reply)) return;
      const nowMs = systemClock.monoMs();
      debt = Math.max(0, debt - (ratePerSecond * (nowMs - atMs)) / 1000) + 1;
      atMs = nowMs;
      excess = Math.max(excess, debt - burst);
      admitted++;
    };
    /** How many are admitted while every instance is asked for more than there is. */
    const saturate = async (ms: number): Promise<number> => {
      const before = admitted;
      const untilMs = systemClock.monoMs() + ms;
      while (systemClock.monoMs() < untilMs) {
        for (const index of stores.keys()) for (let n = 0; n < 3; n++) void take(index);
        await sleep(everyMs);
      }
      return admitted - before;
    };
    try {
      await Promise.all(stores.map((store) => store.ready()));
      await eventually(() => expect(stores.map((store) => store.instances())).toEqual([3, 3, 3]));
      await saturate(1500);
      server.pause();
      const awayMs = 2500;
      const meanwhile = await saturate(awayMs);
      server.resume();
      const afterwards = await saturate(3500);
      // Decided a little earlier than counted; a machine that is held up lets the counts crowd.
      expect(excess).toBeLessThan(0.03 * ratePerSecond);
      // Half a second passes until the shares fill, and the time-outs before.
      expect(meanwhile).toBeGreaterThan((0.6 * ratePerSecond * (awayMs - 800)) / 1000);
      expect(afterwards).toBeGreaterThan(0.4 * ratePerSecond * 3.5);
      expect(modes.filter((mode) => mode === 'local').length).toBeGreaterThanOrEqual(instances);
    } finally {
      await Promise.all(stores.map((store) => store.close()));
      await server.stop();
    }
  }, 30_000);
});
