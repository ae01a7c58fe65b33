import { Cluster, Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { type Scheduler, systemScheduler } from '../core/scheduler.ts';
import {
  type LeaseBackend,
  type LeaseGrant,
  type LeaseRequest,
  parseLeaseReply,
  renderLeaseArguments,
} from './lease-call.ts';
import { type LeaseScript, renderLeaseScript } from './lease-script.ts';
import { connectionOptions, messageOf, reconnectPauseMs, whenReady } from './redis-connection.ts';
import { StoreError } from './store-error.ts';

interface Address {
  host: string;
  port: number;
}

/** How to reach Redis or Valkey. User, password and TLS are those of every node. */
export type RedisPlace =
  | { kind: 'standalone'; url: string }
  | { kind: 'sentinel'; sentinels: Address[]; name: string; options?: RedisAccess }
  | { kind: 'cluster'; nodes: Address[]; options?: RedisAccess };

export type RedisAccess = Pick<
  RedisOptions,
  'username' | 'password' | 'db' | 'tls' | 'sentinelUsername' | 'sentinelPassword'
>;

export interface RedisLeaseBackendOptions {
  place: RedisPlace;
  connectTimeoutMs: number;
  /** A socket that owes an answer for so long is given up: a peer that vanished without a word never closes it. */
  silentSocketMs: number;
  /** 0 to 1, for the jitter between attempts to connect. */
  random?: () => number;
  scheduler?: Scheduler;
  /** Called each time the connection is ready, first and again. */
  onReady?: () => void;
  /** Called for each failed attempt to connect and each broken connection; the message holds no password. */
  onConnectionError?: (message: string) => void;
  script?: LeaseScript;
}

/** What ioredis makes of a defined command. */
interface LeaseCommand {
  bulkheadLease(key: string, ...args: number[]): Promise<unknown>;
}

/**
 * Leased buckets in Redis or Valkey: one server, a primary that Sentinels watch, or a Cluster. `call` has no time limit of
 * its own, because tokens of a late answer are good tokens; it rejects with `StoreError` at the latest when the socket is
 * given up. A command is never sent twice: the script tells tokens that were spent, and would be told so again.
 */
export class RedisLeaseBackend implements LeaseBackend {
  readonly #redis: Redis | Cluster;
  readonly #scheduler: Scheduler;
  #generation = 0;
  #lastError = 'not connected yet';
  #closed = false;

  constructor(options: RedisLeaseBackendOptions) {
    this.#scheduler = options.scheduler ?? systemScheduler;
    this.#redis = connect(options);
    this.#redis.defineCommand('bulkheadLease', {
      numberOfKeys: 1,
      lua: (options.script ?? renderLeaseScript()).text,
    });
    this.#redis.on('error', (error: Error) => this.#noteError(error, options));
    this.#redis.on('ready', () => options.onReady?.());
    this.#redis.on('close', () => this.#suspect());
    // Cluster only: one of its nodes.
    this.#redis.on('node error', (error: Error) => this.#noteError(error, options));
    this.#redis.on('-node', () => this.#suspect());
    // Told by the 'error' event; the attempts go on by themselves.
    this.#redis.connect().catch(() => undefined);
  }

  get generation(): number {
    return this.#generation;
  }

  /** Whether commands can be sent; says nothing about how fast they are answered. */
  get connected(): boolean {
    return !this.#closed && this.#redis.status === 'ready';
  }

  async call(key: string, request: LeaseRequest): Promise<LeaseGrant> {
    if (!this.connected) throw new StoreError('connection', `Redis: ${this.#lastError}`);
    let reply: unknown;
    try {
      reply = await (this.#redis as unknown as LeaseCommand).bulkheadLease(
        key,
        ...renderLeaseArguments(request),
      );
    } catch (error) {
      throw new StoreError(this.connected ? 'reply' : 'connection', `Redis: ${messageOf(error)}`, error);
    }
    const grant = parseLeaseReply(reply);
    if (grant === undefined) throw new StoreError('reply', 'Redis: the script gave no lease');
    return grant;
  }

  /** Waits for the first connection, at most so long; gives whether there is one. */
  whenConnected(budgetMs: number): Promise<boolean> {
    if (this.connected) return Promise.resolve(true);
    return whenReady(this.#redis, { scheduler: this.#scheduler, budgetMs });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#lastError = 'the store is closed';
    this.#redis.disconnect();
    return Promise.resolve();
  }

  #noteError(error: Error, { onConnectionError }: RedisLeaseBackendOptions): void {
    this.#suspect();
    this.#lastError = error.message;
    onConnectionError?.(error.message);
  }

  /** Whoever answers next may be another server, or the same one without its memory. */
  #suspect(): void {
    this.#generation++;
  }
}

function connect(options: RedisLeaseBackendOptions): Redis | Cluster {
  const { place, connectTimeoutMs, silentSocketMs, random = Math.random } = options;
  const pauseMs = (attempt: number) => reconnectPauseMs(attempt, random);
  const common = {
    ...connectionOptions,
    connectionName: 'bulkhead',
    connectTimeout: connectTimeoutMs,
    socketTimeout: silentSocketMs,
    // A primary that became a replica keeps its sockets and refuses to write: look for the new one.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 1 : false),
  } as const;
  if (place.kind === 'standalone') {
    return new Redis(place.url, { ...common, enableOfflineQueue: false, retryStrategy: pauseMs });
  }
  if (place.kind === 'sentinel') {
    return new Redis({
      ...common,
      ...place.options,
      enableOfflineQueue: false,
      sentinels: place.sentinels,
      name: place.name,
      role: 'master',
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
    redisOptions: { ...common, ...place.options },
  });
}
