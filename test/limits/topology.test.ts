import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RedisLeaseBackend, type RedisPlace } from '../../src/limits/lease-backend-redis.ts';
import { leaseKeyOf } from '../../src/limits/lease-call.ts';
import { LeaseStore } from '../../src/limits/lease-store.ts';
import { systemClock } from '../../src/core/clock.ts';
import { startRedis } from '../servers/redis.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { worldLimit } from './lease-world.ts';

// That leases find their way to the right server where there are several. What faults do to them is tested elsewhere.

const host = '127.0.0.1';

describeWithTool('redis-server', 'leases', (binary) => {
  let directory: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bulkhead-topology-'));
  });

  afterEach(async () => {
    for (const child of children.splice(0)) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
    await rm(directory, { recursive: true });
  });

  async function run(args: string[], readyLine: RegExp): Promise<void> {
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    for await (const line of createInterface({ input: child.stdout })) if (readyLine.test(line)) return;
    throw new Error(`redis-server ended at its start: ${args.join(' ')}`);
  }

  async function freePort(): Promise<number> {
    const probe = createServer().listen(0, host);
    await once(probe, 'listening');
    const address = probe.address();
    probe.close();
    await once(probe, 'close');
    if (address === null || typeof address === 'string') throw new Error('the probe socket has no port');
    return address.port;
  }

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

  async function cluster(nodes: number): Promise<number[]> {
    const ports: number[] = [];
    const busPorts: number[] = [];
    for (let i = 0; i < nodes; i++) {
      ports.push(await freePort());
      busPorts.push(await freePort());
      const address = ['--port', String(ports[i]), '--bind', host, '--cluster-port', String(busPorts[i])];
      const files = ['--dir', directory, '--cluster-config-file', `node-${i}.conf`];
      await run(
        [...address, ...files, '--cluster-enabled', 'yes', '--save', ''],
        /Ready to accept connections/,
      );
    }
    const control = ports.map((port) => new Redis(port, host));
    try {
      for (const [i, redis] of control.entries()) {
        const first = Math.floor((16_384 * i) / nodes);
        const last = Math.floor((16_384 * (i + 1)) / nodes) - 1;
        await redis.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
        await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
      }
      for (let i = 1; i < nodes; i++)
        await control[0]!.call('CLUSTER', 'MEET', host, ports[i]!, busPorts[i]!);
      await expect
        .poll(
          async () => (await Promise.all(control.map((redis) => redis.call('CLUSTER', 'INFO')))).join(' '),
          {
            timeout: 15_000,
          },
        )
        .toMatch(new RegExp(Array.from({ length: nodes }, () => 'cluster_state:ok').join('[^]*')));
    } finally {
      for (const redis of control) redis.disconnect();
    }
    return ports;
  }

  it('are kept in a Cluster, each on the node of its slot', { timeout: 60_000 }, async () => {
    const ports = await cluster(3);
    await expectLeases({ kind: 'cluster', nodes: ports.map((port) => ({ host, port })) });
  });

  it('of one tenant and its callers have one slot', async () => {
    const server = await startRedis(binary);
    const redis = new Redis(server.url);
    try {
      const tag = (key: string) => /\{([^}]*)\}/.exec(key)?.[1];
      const ofTenant = leaseKeyOf(worldLimit('a', 1, 5), 'acme');
      const ofCaller = leaseKeyOf({ ...worldLimit('b', 1, 5), key: 'principal' }, 'acme/edi-acme');
      expect([ofTenant, ofCaller]).toEqual(['bh:t:{t:acme}:world/a', 'bh:p:{t:acme}/edi-acme:world/b']);
      expect(tag(ofTenant)).toBe(tag(ofCaller));
    } finally {
      redis.disconnect();
      await server.stop();
    }
  });

  it('are kept by the primary that a Sentinel names', { timeout: 60_000 }, async () => {
    const primary = await startRedis(binary);
    try {
      const port = await freePort();
      const file = join(directory, 'sentinel.conf');
      await writeFile(
        file,
        [
          `port ${port}`,
          `bind ${host}`,
          `dir ${directory}`,
          `sentinel monitor limits ${host} ${primary.port} 1`,
          '',
        ].join('\n'),
      );
      await run([file, '--sentinel'], /\+monitor/);
      await expectLeases({ kind: 'sentinel', sentinels: [{ host, port }], name: 'limits' });
    } finally {
      await primary.stop();
    }
  });
});
