import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type ControlOptions, freePort, type RedisServer, type RedisStart, startRedis } from './redis.ts';
import { untilHolds } from './until-holds.ts';

const host = '127.0.0.1';
const tlsInside = ['--tls-cluster', 'yes', '--tls-replication', 'yes'];

export interface ClusterNode {
  readonly id: string;
  readonly port: number;
  readonly server: RedisServer;
  /** The test's own connection. */
  readonly control: Redis;
}

export interface RedisCluster {
  /** Primaries first, each with an equal part of the slots, then their replicas in the same order. */
  readonly nodes: readonly ClusterNode[];
  /** Every node as `host:port`. */
  readonly addresses: readonly string[];
  /** The primary that has a slot, as the node `from` sees it. */
  ownerOf(slot: number, from?: ClusterNode): Promise<ClusterNode>;
  /** Moves a slot and the keys in it to another primary, as `redis-cli --cluster reshard` does. */
  moveSlot(slot: number, target: ClusterNode): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterStart {
  primaries: number;
  replicasOfEach?: number;
  /** Then all of them speak TLS alone, also among each other. */
  tls?: RedisStart['tls'];
  /** Further directives of each server. */
  args?: readonly string[];
  /** How the test itself connects. */
  control?: ControlOptions;
}

/** A Cluster of real servers, each a process of its own; it notices within a second that a node is gone. */
export async function startCluster(
  binary: string,
  { primaries, replicasOfEach = 0, tls, args = [], control = {} }: ClusterStart,
): Promise<RedisCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-cluster-'));
  const nodes: (ClusterNode & { busPort: number })[] = [];

  async function stop(): Promise<void> {
    for (const node of nodes) node.control.disconnect();
    await Promise.all(nodes.map(({ server }) => server.stop()));
    await rm(directory, { recursive: true });
  }

  async function add(index: number): Promise<void> {
    const busPort = await freePort();
    const cluster = [
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(busPort),
      '--cluster-node-timeout',
      '1000',
    ];
    const files = ['--cluster-config-file', `node-${index}.conf`, '--dir', directory];
    const server = await startRedis(binary, {
      ...(tls !== undefined && { tls }),
      args: [
        ...cluster,
        ...files,
        '--repl-diskless-sync-delay',
        '0',
        ...(tls === undefined ? [] : tlsInside),
        ...args,
      ],
    });
    const redis = new Redis(server.port, host, {
      ...control,
      retryStrategy: () => 50,
      disableClientInfo: true,
    });
    redis.on('error', () => undefined);
    const id = String(await redis.call('CLUSTER', 'MYID'));
    nodes.push({ id, port: server.port, server, control: redis, busPort });
  }

  async function form(): Promise<void> {
    for (let i = 0; i < primaries; i++) {
      const first = Math.floor((16_384 * i) / primaries);
      const last = Math.floor((16_384 * (i + 1)) / primaries) - 1;
      await nodes[i]!.control.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
      await nodes[i]!.control.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (const node of nodes.slice(1)) {
      await nodes[0]!.control.call('CLUSTER', 'MEET', host, node.port, node.busPort);
    }
    await untilHolds('every node knows all', async () => {
      const infos = await Promise.all(nodes.map((node) => node.control.call('CLUSTER', 'INFO')));
      return infos
        .map(String)
        .every(
          (info) =>
            info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}\r`),
        );
    });
    for (const [i, node] of nodes.entries()) {
      if (i >= primaries) await node.control.call('CLUSTER', 'REPLICATE', nodes[i % primaries]!.id);
    }
    await untilHolds('every replica follows', async () => {
      const infos = await Promise.all(nodes.slice(primaries).map((node) => node.control.info('replication')));
      return infos.every((info) => info.includes('master_link_status:up'));
    });
  }

  try {
    for (let i = 0; i < primaries * (1 + replicasOfEach); i++) await add(i);
    await form();
  } catch (error) {
    await stop();
    throw error;
  }

  async function ownerOf(slot: number, from: ClusterNode = nodes[0]!): Promise<ClusterNode> {
    type Range = [first: number, last: number, primary: [host: string, port: number, id: string]];
    const ranges = (await from.control.call('CLUSTER', 'SLOTS')) as Range[];
    const range = ranges.find(([first, last]) => slot >= first && slot <= last);
    const owner = nodes.find(({ id }) => id === range?.[2][2]);
    if (owner === undefined) throw new Error(`slot ${slot} has no owner`);
    return owner;
  }

  return {
    nodes,
    addresses: nodes.map(({ port }) => `${host}:${port}`),
    ownerOf,
    async moveSlot(slot, target) {
      const source = await ownerOf(slot);
      await target.control.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source.id);
      await source.control.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id);
      for (;;) {
        const keys = (await source.control.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
        if (keys.length === 0) break;
        await source.control.call('MIGRATE', host, target.port, '', 0, 5000, 'KEYS', ...keys);
      }
      await target.control.call('CLUSTER', 'SETSLOT', slot, 'NODE', target.id);
      await source.control.call('CLUSTER', 'SETSLOT', slot, 'NODE', target.id);
    },
    stop,
  };
}
