import { expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { RedisLeaseBackend } from '../../src/limits/leases/lease-backend-redis.ts';
import { leaseKeyOf } from '../../src/limits/leases/lease-call.ts';
import { LeaseStore } from '../../src/limits/leases/lease-store.ts';
import type { RedisPlace } from '../../src/limits/redis-connection.ts';
import { startCluster } from '../servers/redis-cluster.ts';
import { sentinelName, startSentinels } from '../servers/redis-sentinels.ts';
import { describeOnServers } from '../system/require-tool.ts';
import { worldLimit } from './lease-world.ts';

// That leases find their way to the right server where there are several. What faults do to them is tested in `faults/`.

describeOnServers('leases', (binary) => {
  async function expectLeases(place: RedisPlace): Promise<void> {
    const backend = new RedisLeaseBackend({ place, connectTimeoutMs: 2000, silentSocketMs: 5000 });
    const store = new LeaseStore({ backend, clock: systemClock, timeoutMs: 5000, instances: 1 });
    try {
      expect(await backend.whenConnected(10_000)).toBe(true);
      const limits = [worldLimit('a', 1, 5), worldLimit('b', 1, 3)];
      const charges = limits.map((limit) => ({ limit, key: 'acme', cost: 1 }));
      const left = async () => (await store.take(charges)).map(({ remaining }) => remaining);
      expect([await left(), await left(), await left()]).toEqual([
        [4, 2],
        [3, 1],
        [2, 0],
      ]);
      expect(await store.take(charges)).toMatchObject([{ admitted: true }, { admitted: false }]);
    } finally {
      await store.close();
    }
  }

  const addressesOf = (texts: readonly string[]) =>
    texts.map((text) => ({ host: text.split(':')[0]!, port: Number(text.split(':')[1]) }));

  it('are kept in a Cluster, each on the node of its slot', { timeout: 60_000 }, async () => {
    const cluster = await startCluster(binary, { primaries: 3 });
    try {
      await expectLeases({ kind: 'cluster', nodes: addressesOf(cluster.addresses) });
      const tags = ['acme', 'globex', 'initech', 'umbrella'];
      const keys = tags.map((tag) => leaseKeyOf(worldLimit('a', 1, 5), tag));
      const slots = await Promise.all(keys.map((key) => cluster.nodes[0]!.control.cluster('KEYSLOT', key)));
      expect(new Set(slots).size).toBe(tags.length);
    } finally {
      await cluster.stop();
    }
  });

  it('doubt what they saw when another node has the slots', { timeout: 60_000 }, async () => {
    const cluster = await startCluster(binary, { primaries: 3, replicasOfEach: 1 });
    const backend = new RedisLeaseBackend({
      place: { kind: 'cluster', nodes: addressesOf(cluster.addresses) },
      connectTimeoutMs: 2000,
      silentSocketMs: 5000,
    });
    const store = new LeaseStore({ backend, clock: systemClock, timeoutMs: 5000, instances: 1 });
    try {
      expect(await backend.whenConnected(10_000)).toBe(true);
      const charges = [{ limit: worldLimit('a', 1, 1000), key: 'acme', cost: 1 }];
      await store.take(charges);
      const { generation } = backend;
      const key = leaseKeyOf(worldLimit('a', 1, 1), 'acme');
      const slot = await cluster.nodes[0]!.control.cluster('KEYSLOT', key);
      const replica = cluster.nodes[cluster.nodes.indexOf(await cluster.ownerOf(slot)) + 3]!;
      // The primary is well and its connections stay; what it had not copied yet is lost all the same.
      await replica.control.call('CLUSTER', 'FAILOVER', 'TAKEOVER');
      await expect
        .poll(
          async () => {
            await store.take(charges);
            return backend.generation;
          },
          { timeout: 10_000 },
        )
        .toBeGreaterThan(generation);
    } finally {
      await store.close();
      await cluster.stop();
    }
  });

  it('come from the primary although one Sentinel hangs', { timeout: 60_000 }, async () => {
    const estate = await startSentinels(binary, { replicas: 0, sentinels: 2 });
    try {
      estate.sentinels[0]!.pause();
      const sentinels = addressesOf(estate.addresses);
      await expectLeases({ kind: 'sentinel', sentinels, name: sentinelName });
    } finally {
      await estate.stop();
    }
  });

  it('are kept by the primary that a Sentinel names', { timeout: 60_000 }, async () => {
    const estate = await startSentinels(binary, { replicas: 0, sentinels: 1 });
    try {
      const sentinels = addressesOf(estate.addresses);
      await expectLeases({ kind: 'sentinel', sentinels, name: sentinelName });
    } finally {
      await estate.stop();
    }
  });
});

it('leases of one tenant and its callers have one slot', () => {
  const tag = (key: string) => /\{([^}]*)\}/.exec(key)?.[1];
  const ofTenant = leaseKeyOf(worldLimit('a', 1, 5), 'acme');
  const ofCaller = leaseKeyOf({ ...worldLimit('b', 1, 5), key: 'principal' }, 'acme/edi-acme');
  expect([ofTenant, ofCaller]).toEqual(['bh:t:{t:acme}:world/a', 'bh:p:{t:acme}/edi-acme:world/b']);
  expect(tag(ofTenant)).toBe(tag(ofCaller));
});
