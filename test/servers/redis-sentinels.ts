import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import {
  type ControlOptions,
  freePort,
  type RedisServer,
  type RedisStart,
  type ServerProcess,
  startRedis,
  startServerProcess,
} from './redis.ts';
import { untilHolds } from './until-holds.ts';

const host = '127.0.0.1';

/** Name under which the Sentinels watch the primary. */
export const sentinelName = 'limits';

export interface SentinelEstate {
  /** The first primary, then its replicas. */
  readonly servers: readonly RedisServer[];
  /** The test's own connections to them. */
  readonly controls: readonly Redis[];
  readonly sentinels: readonly ServerProcess[];
  readonly sentinelControls: readonly Redis[];
  /** The Sentinels as `host:port`. */
  readonly addresses: readonly string[];
  /** The index in `servers` of the primary that the Sentinels name. */
  primary(): Promise<number>;
  /** Orders a failover while the primary is well. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

export interface SentinelStart {
  replicas: number;
  sentinels: number;
  /** Then all of them, the Sentinels too, speak TLS alone, also among each other. */
  tls?: NonNullable<RedisStart['tls']>;
  /** Further directives of each server. */
  args?: readonly string[];
  /** Further lines of each Sentinel's file. */
  sentinelLines?: readonly string[];
  /** How the test itself connects to the servers, and to the Sentinels. */
  control?: ControlOptions;
  sentinelControl?: ControlOptions;
}

/** A primary, its replicas and Sentinels, all real; the Sentinels take half a second's silence for death. */
export async function startSentinels(binary: string, start: SentinelStart): Promise<SentinelEstate> {
  const {
    replicas,
    sentinels,
    tls,
    args = [],
    sentinelLines = [],
    control = {},
    sentinelControl = {},
  } = start;
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-sentinels-'));
  const servers: RedisServer[] = [];
  const controls: Redis[] = [];
  const watchers: (ServerProcess & { port: number; control: Redis })[] = [];

  function connect(port: number, options: ControlOptions): Redis {
    const redis = new Redis(port, host, { ...options, retryStrategy: () => 50, disableClientInfo: true });
    redis.on('error', () => undefined);
    return redis;
  }

  async function stop(): Promise<void> {
    for (const redis of [...controls, ...watchers.map((watcher) => watcher.control)]) redis.disconnect();
    await Promise.all([...watchers, ...servers].map((server) => server.stop()));
    await rm(directory, { recursive: true });
  }

  async function addServer(index: number): Promise<void> {
    const files = ['--dir', directory, '--dbfilename', `dump-${index}.rdb`];
    const follow = index === 0 ? [] : ['--replicaof', `${host} ${servers[0]!.port}`];
    const inside = tls === undefined ? [] : ['--tls-replication', 'yes'];
    const server = await startRedis(binary, {
      ...(tls !== undefined && { tls }),
      args: [...files, '--repl-diskless-sync-delay', '0', ...inside, ...follow, ...args],
    });
    servers.push(server);
    controls.push(connect(server.port, control));
  }

  async function addWatcher(index: number): Promise<void> {
    const port = await freePort();
    const file = join(directory, `sentinel-${index}.conf`);
    const lines = [
      ...(tls === undefined ? [`port ${port}`] : tlsLines(port, tls)),
      `bind ${host}`,
      `dir ${directory}`,
      `sentinel monitor ${sentinelName} ${host} ${servers[0]!.port} ${Math.floor(sentinels / 2) + 1}`,
      `sentinel down-after-milliseconds ${sentinelName} 500`,
      `sentinel failover-timeout ${sentinelName} 5000`,
      ...sentinelLines,
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    const watcher = await startServerProcess(binary, [file, '--sentinel'], '+monitor');
    watchers.push({ ...watcher, port, control: connect(port, sentinelControl) });
  }

  const ask = (redis: Redis, ...words: string[]) =>
    redis.call('SENTINEL', ...(words as [string])) as Promise<string[]>;

  try {
    for (let i = 0; i <= replicas; i++) await addServer(i);
    await untilHolds('every replica follows', async () => {
      const infos = await Promise.all(controls.slice(1).map((redis) => redis.info('replication')));
      return infos.every((info) => info.includes('master_link_status:up'));
    });
    for (let i = 0; i < sentinels; i++) await addWatcher(i);
    await untilHolds('every Sentinel knows all', async () => {
      const told = await Promise.all(watchers.map((watcher) => ask(watcher.control, 'master', sentinelName)));
      const figure = (list: string[], name: string) => Number(list[list.indexOf(name) + 1]);
      return told.every(
        (list) =>
          figure(list, 'num-slaves') === replicas && figure(list, 'num-other-sentinels') === sentinels - 1,
      );
    });
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    servers,
    controls,
    sentinels: watchers,
    sentinelControls: watchers.map((watcher) => watcher.control),
    addresses: watchers.map(({ port }) => `${host}:${port}`),
    async primary() {
      const [, port] = await ask(watchers[0]!.control, 'get-master-addr-by-name', sentinelName);
      return servers.findIndex((server) => server.port === Number(port));
    },
    async failOver() {
      await ask(watchers[0]!.control, 'FAILOVER', sentinelName);
    },
    stop,
  };
}

function tlsLines(port: number, { ca, cert, key }: NonNullable<SentinelStart['tls']>): string[] {
  const files = [`tls-ca-cert-file ${ca}`, `tls-cert-file ${cert}`, `tls-key-file ${key}`];
  return ['port 0', `tls-port ${port}`, ...files, 'tls-replication yes'];
}
