import type { Cluster, Redis } from 'ioredis';
import { type Scheduler, systemScheduler } from '../../core/scheduler.ts';
import { type LeaseGrant, type LeaseRequest, parseLeaseReply, renderLeaseArguments } from './lease-call.ts';
import { type LeaseScript, renderLeaseScript } from './lease-script.ts';
import type { InstanceBoard, InstancePlace } from '../instance-count.ts';
import { instanceScript, instancesKey } from '../instance-script.ts';
import { parseQuotaReply, type QuotaGrant, type QuotaRequest, renderQuotaArguments } from './quota-call.ts';
import { renderQuotaScript } from './quota-script.ts';
import { parseSlotReply, renderSlotArguments, type SlotGrant, type SlotRequest } from './slot-call.ts';
import { renderSlotScript } from './slot-script.ts';
import type { StoreBackend } from './store-backend.ts';
import {
  connectionErrorOf,
  createRedisConnection,
  messageOf,
  type RedisPlace,
  slotOwnersOf,
  whenReady,
} from '../redis-connection.ts';
import { StoreError } from '../store-error.ts';

export interface RedisLeaseBackendOptions {
  place: RedisPlace;
  connectTimeoutMs: number;
  /** A socket that owes an answer for so long is given up: a peer that vanished without a word never closes it. */
  silentSocketMs: number;
  /** 0 to 1, for the jitter between attempts to connect. */
  random?: () => number;
  scheduler?: Scheduler;
  /** Called each time the connection is ready, first and again, and when nodes of a Cluster took slots over. */
  onReady?: () => void;
  /** Called for each failed attempt to connect and each broken connection; the message holds no password. */
  onConnectionError?: (message: string) => void;
  script?: LeaseScript;
  quotaScript?: LeaseScript;
  slotScript?: LeaseScript;
}

/** What ioredis makes of a defined command. */
interface LeaseCommand {
  bulkheadLease(key: string, ...args: number[]): Promise<unknown>;
  bulkheadQuota(key: string, ...args: number[]): Promise<unknown>;
  bulkheadSlots(key: string, ...args: (string | number)[]): Promise<unknown>;
  bulkheadInstance(key: string, id: string, lives: 0 | 1): Promise<unknown>;
}

/**
 * Leased buckets in Redis or Valkey: one server, a primary that Sentinels watch, or a Cluster. `call` has no time limit of
 * its own, because tokens of a late answer are good tokens; it rejects with `StoreError` at the latest when the socket is
 * given up. A command is never sent twice: the script tells tokens that were spent, and would be told so again.
 */
export class RedisLeaseBackend implements StoreBackend, InstanceBoard {
  readonly #redis: Redis | Cluster;
  readonly #scheduler: Scheduler;
  #generation = 0;
  #slotOwners = '';
  #lastError = 'not connected yet';
  #closed = false;

  constructor(options: RedisLeaseBackendOptions) {
    this.#scheduler = options.scheduler ?? systemScheduler;
    const { place, connectTimeoutMs, silentSocketMs, random = Math.random } = options;
    this.#redis = createRedisConnection({
      place,
      connectionName: 'bulkhead',
      connectTimeoutMs,
      silentSocketMs,
      random,
    });
    this.#redis.defineCommand('bulkheadLease', {
      numberOfKeys: 1,
      lua: (options.script ?? renderLeaseScript()).text,
    });
    this.#redis.defineCommand('bulkheadQuota', {
      numberOfKeys: 1,
      lua: (options.quotaScript ?? renderQuotaScript()).text,
    });
    this.#redis.defineCommand('bulkheadSlots', {
      numberOfKeys: 1,
      lua: (options.slotScript ?? renderSlotScript()).text,
    });
    this.#redis.defineCommand('bulkheadInstance', { numberOfKeys: 1, lua: instanceScript.text });
    this.#redis.on('error', (error: Error) => this.#noteError(error, options));
    this.#redis.on('ready', () => options.onReady?.());
    this.#redis.on('close', () => this.#suspect());
    // Cluster only: one of its nodes.
    this.#redis.on('node error', (error: Error) => this.#noteError(error, options));
    this.#redis.on('-node', () => this.#suspect());
    this.#redis.on('refresh', () => this.#noteSlotOwners(options));
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
    const args = renderLeaseArguments(request);
    const grant = parseLeaseReply(await this.#run((redis) => redis.bulkheadLease(key, ...args)));
    if (grant === undefined) throw new StoreError('reply', 'Redis: the script gave no lease');
    return grant;
  }

  async callQuota(key: string, request: QuotaRequest): Promise<QuotaGrant> {
    const args = renderQuotaArguments(request);
    const grant = parseQuotaReply(await this.#run((redis) => redis.bulkheadQuota(key, ...args)));
    if (grant === undefined) throw new StoreError('reply', 'Redis: the script gave no part of the quota');
    return grant;
  }

  async callSlots(key: string, request: SlotRequest): Promise<SlotGrant> {
    const args = renderSlotArguments(request);
    const grant = parseSlotReply(await this.#run((redis) => redis.bulkheadSlots(key, ...args)));
    if (grant === undefined) throw new StoreError('reply', 'Redis: the script gave no slots');
    return grant;
  }

  async announce(id: string): Promise<InstancePlace> {
    const reply = await this.#run((redis) => redis.bulkheadInstance(instancesKey, id, 1));
    const [of, index]: unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof of !== 'number' || typeof index !== 'number')
      throw new StoreError('reply', 'Redis: the script gave no count');
    return { index, of };
  }

  async leave(id: string): Promise<void> {
    await this.#run((redis) => redis.bulkheadInstance(instancesKey, id, 0));
  }

  async #run(send: (redis: LeaseCommand) => Promise<unknown>): Promise<unknown> {
    if (!this.connected) throw new StoreError('connection', `Redis: ${this.#lastError}`);
    try {
      return await send(this.#redis as unknown as LeaseCommand);
    } catch (error) {
      throw new StoreError(this.connected ? 'reply' : 'connection', `Redis: ${messageOf(error)}`, error);
    }
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
    this.#lastError = connectionErrorOf(error);
    onConnectionError?.(this.#lastError);
  }

  /** A replica that took over may lack what its primary had answered, although no connection broke. */
  #noteSlotOwners({ onReady }: RedisLeaseBackendOptions): void {
    const before = this.#slotOwners;
    this.#slotOwners = slotOwnersOf(this.#redis);
    if (before === '' || before === this.#slotOwners) return;
    this.#suspect();
    onReady?.();
  }

  /** Whoever answers next may be another server, or the same one without its memory. */
  #suspect(): void {
    this.#generation++;
  }
}
