import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { leaseKeyOf } from '../../../src/limits/leases/lease-call.ts';
import { type RedisCluster, startCluster } from '../../servers/redis-cluster.ts';
import { clusterRights, refusedCommands, serverRights } from '../../servers/redis-rights.ts';
import { untilHolds } from '../../servers/until-holds.ts';
import { describeWithTool } from '../../system/require-tool.ts';
import { worldLimit } from '../lease-world.ts';
import { nowUs, startLoad } from './load.ts';
import { expectAftermath, faultLimits } from './scene.ts';

describeWithTool(
  'redis-server',
  'three processes on a Cluster of three primaries and three replicas',
  (binary) => {
    let cluster: RedisCluster;
    let slot: number;

    beforeAll(async () => {
      cluster = await startCluster(binary, { primaries: 3, replicasOfEach: 1 });
      const user = ['bulkhead', 'on', '>few-rights', ...serverRights, ...clusterRights];
      for (const { control } of cluster.nodes) await control.call('ACL', 'SETUSER', ...user);
      const key = leaseKeyOf(worldLimit('closed', 1, 1), 'acme');
      slot = await cluster.nodes[0]!.control.cluster('KEYSLOT', key);
    });
    afterAll(() => cluster.stop());

    const start = () =>
      startLoad({
        redis: {
          cluster: { nodes: cluster.addresses },
          username: 'bulkhead',
          password: 'few-rights',
          timeout: '250ms',
        },
        processes: 3,
        limits: faultLimits,
      });

    it('do not notice that the slot of their tenant moves', { timeout: 60_000 }, async () => {
      const load = await start();
      await sleep(500);
      const first = await cluster.ownerOf(slot);
      const others = cluster.nodes.slice(0, 3).filter((node) => node !== first);
      for (const target of [...others, first]) {
        await cluster.moveSlot(slot, target);
        await sleep(300);
      }
      const healedUs = nowUs();
      await expectAftermath(load, healedUs, { lostBursts: 0, shareBursts: 0, recoveryMs: 3000 });
      expect(await refusedCommands(cluster.nodes.map(({ control }) => control))).toEqual([]);
    });

    it('follow when the primary of their tenant dies', { timeout: 60_000 }, async () => {
      const load = await start();
      await sleep(500);
      const first = await cluster.ownerOf(slot);
      const witness = cluster.nodes.find((node) => node !== first)!;
      await first.server.kill();
      await untilHolds('a new primary', async () => (await cluster.ownerOf(slot, witness)) !== first);
      const healedUs = nowUs();
      await expectAftermath(load, healedUs, { lostBursts: 0.5, shareBursts: 1, recoveryMs: 8000 });
      const living = cluster.nodes.filter((node) => node !== first);
      expect(await refusedCommands(living.map(({ control }) => control))).toEqual([]);
    });
  },
);
