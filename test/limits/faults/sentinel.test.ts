import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { sentinelName, startSentinels } from '../../servers/redis-sentinels.ts';
import { untilHolds } from '../../servers/until-holds.ts';
import { describeWithTool } from '../../system/require-tool.ts';
import { nowUs, startLoad } from './load.ts';
import { expectAftermath, faultLimits } from './scene.ts';

describeWithTool('redis-server', 'three processes behind three Sentinels', (binary) => {
  it('follow the primary when it is moved and when it dies', { timeout: 60_000 }, async () => {
    const estate = await startSentinels(binary, { replicas: 2, sentinels: 3 });
    try {
      const redis = { sentinel: { name: sentinelName, nodes: estate.addresses }, timeout: '250ms' };
      const load = await startLoad({ redis, processes: 3, limits: faultLimits });
      await sleep(500);

      const orderedUs = nowUs();
      await estate.failOver();
      await untilHolds('another primary', async () => (await estate.primary()) !== 0);
      await sleep(1000);
      await load.untilServed();
      // The one that was ordered to step down follows as a replica before the next accident.
      await untilHolds('the old primary follows', async () =>
        (await estate.controls[0]!.info('replication')).includes('master_link_status:up'),
      );
      // Until it steps down it takes writes of those who have not heard of the other yet.
      const splitMs = (nowUs() - orderedUs) / 1000;
      await sleep(500);

      const second = await estate.primary();
      await estate.servers[second]!.kill();
      await untilHolds('a third primary', async () => (await estate.primary()) !== second);
      const healedUs = nowUs();
      // Each of the two changes may lose what was not yet copied; what is known of it is told to the new primary.
      await expectAftermath(load, healedUs, {
        lostBursts: 1,
        splitMs,
        shareBursts: 1,
        recoveryMs: 8000,
      });
      expect(load.modeChanges.map(({ mode }) => mode)).toContain('local');
    } finally {
      await estate.stop();
    }
  });
});
