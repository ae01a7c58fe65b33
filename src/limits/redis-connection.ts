import { Cluster, Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import type { Scheduler } from '../core/scheduler.ts';

interface Address {
  host: string;
  port: number;
}

/** User, password and TLS of every server, beside what a URL says; Sentinels are reached with the same TLS. */
export type RedisAccess = Pick<RedisOptions, 'username' | 'password' | 'tls'>;

/** How to reach Redis or Valkey. */
export type RedisPlace =
  | { kind: 'standalone'; url: string; access?: RedisAccess }
  | {
      kind: 'sentinel';
      sentinels: Address[];
      name: string;
      access?: RedisAccess;
      /** At the Sentinels themselves. */
      sentinelUsername?: string | undefined;
      sentinelPassword?: string | undefined;
    }
  | { kind: 'cluster'; nodes: Address[]; access?: RedisAccess };

/** What every connection to the store shares, whatever is asked over it. */
export const connectionOptions = {
  lazyConnect: true,
  disableClientInfo: true,
  // A command that is sent again is counted twice.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
} as const;

export interface RedisConnectionOptions {
  place: RedisPlace;
  /** As the server lists it among its clients. */
  connectionName: string;
  connectTimeoutMs: number;
  /** A socket that owes an answer for so long is given up: a peer that vanished without a word never closes it. */
  silentSocketMs: number;
  /** 0 to 1, for the jitter between attempts to connect. */
  random: () => number;
}

/**
 * A connection that begins to be made when it is told to. It sends nothing twice, keeps nothing for later, and goes on trying for
 * ever. Emits `error` for each failed attempt and broken connection, in a Cluster `node error` for those of one node.
 */
export function createRedisConnection(options: RedisConnectionOptions): Redis | Cluster {
  const { place, connectionName, connectTimeoutMs, silentSocketMs, random } = options;
  const pauseMs = (attempt: number) => reconnectPauseMs(attempt, random);
  const common = {
    ...connectionOptions,
    connectionName,
    connectTimeout: connectTimeoutMs,
    socketTimeout: silentSocketMs,
    // A primary that became a replica keeps its sockets and refuses to write: look for the new one.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 1 : false),
    ...place.access,
  } as const;
  if (place.kind === 'standalone') {
    return new Redis(place.url, { ...common, enableOfflineQueue: false, retryStrategy: pauseMs });
  }
  if (place.kind === 'sentinel') {
    return new Redis({
      ...common,
      enableOfflineQueue: false,
      sentinels: place.sentinels,
      name: place.name,
      role: 'master',
      ...(place.sentinelUsername !== undefined && { sentinelUsername: place.sentinelUsername }),
      ...(place.sentinelPassword !== undefined && { sentinelPassword: place.sentinelPassword }),
      ...(common.tls !== undefined && { sentinelTLS: common.tls, enableTLSForSentinelMode: true }),
      // Else one that hangs is waited for without end, while another would answer.
      sentinelCommandTimeout: connectTimeoutMs,
      retryStrategy: pauseMs,
      sentinelRetryStrategy: pauseMs,
    });
  }
  return new Cluster(place.nodes, {
    lazyConnect: true,
    // Nodes are connected to when they are first needed, and what comes meanwhile has to wait: it is sent once all the same.
    enableOfflineQueue: true,
    scaleReads: 'master',
    clusterRetryStrategy: pauseMs,
    // Each of these sends a command again whose fate is unknown; MOVED and ASK do not, and stay.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 0,
    slotsRefreshTimeout: connectTimeoutMs,
    slotsRefreshInterval: 5000,
    // Certificates hold names: a node that is given by name has to be connected to by name.
    dnsLookup: (name, found) => found(null, name),
    redisOptions: common,
  });
}

/** Which node has which slots, as one text that changes when they do; empty where there is no Cluster. */
export function slotOwnersOf(redis: Redis | Cluster): string {
  if (!redis.isCluster) return '';
  let owners = '';
  let last: string | undefined;
  const { slots } = redis as Cluster;
  for (let slot = 0; slot < slots.length; slot++) {
    const owner = slots[slot]?.[0];
    if (owner !== last) owners += `${slot}=${owner} `;
    last = owner;
  }
  return owners;
}

/** What a failed connection says of itself, without secrets. A Cluster's own error only says that no node helped. */
export function connectionErrorOf(error: Error & { lastNodeError?: unknown }): string {
  const { lastNodeError } = error;
  const said = messageOf(error);
  return lastNodeError instanceof Error ? `${said} ${messageOf(lastNodeError)}` : said;
}

/** Milliseconds before an attempt to connect, from 1 on: doubling to 2 s, with a fifth of jitter; `random` gives 0 to 1. */
export function reconnectPauseMs(attempt: number, random: () => number): number {
  return Math.min(50 * 2 ** Math.min(attempt - 1, 6), 2000) * (0.8 + 0.4 * random());
}

/** Waits until commands can be sent, at most so long; gives whether they can. */
export function whenReady(
  redis: Redis | Cluster,
  { scheduler, budgetMs }: { scheduler: Scheduler; budgetMs: number },
): Promise<boolean> {
  if (redis.status === 'ready') return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (ready: boolean): void => {
      cancel();
      redis.off('ready', onReady);
      resolve(ready);
    };
    const onReady = (): void => settle(true);
    const cancel = scheduler.after(budgetMs, () => settle(false));
    redis.on('ready', onReady);
  });
}

export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

/** Runs a script; `args` are the number of keys, the keys and the arguments. */
export async function evaluateScript(
  redis: Redis | Cluster,
  script: RedisScript,
  args: (string | number)[],
): Promise<unknown> {
  try {
    return await redis.call('EVALSHA', [script.sha1, ...args]);
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
    // A fresh or flushed server does not know the script; EVAL runs it and makes it known.
    return await redis.call('EVAL', [script.text, ...args]);
  }
}

/** What the library says of a command that a broken connection took with it, in words for whoever reads the log. */
const brokenWords: readonly [RegExp, string][] = [
  [/^Reached the max retries per request/, 'the connection broke before the answer'],
  [/^(Connection is closed\.|Command aborted|Stream isn't writeable)/, 'the connection is broken'],
  [/^Socket timeout\./, 'the connection was silent for too long'],
];

export function messageOf(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  return brokenWords.find(([pattern]) => pattern.test(said))?.[1] ?? said;
}
