// The gateway does not run this store: it is the plain peer of the leases, for the conformance suite and the benchmark.
import { Redis } from 'ioredis';
import type { LimitOutcome } from '../../src/core/limit.ts';
import { type Scheduler, systemScheduler } from '../../src/core/scheduler.ts';
import { withinBudget } from '../../src/limits/answer-budget.ts';
import {
  connectionOptions,
  evaluateScript,
  messageOf,
  reconnectPauseMs,
  type RedisScript,
  whenReady,
} from '../../src/limits/redis-connection.ts';
import { renderRedisScript, renderScriptArguments } from './redis-script.ts';
import { isAdmitted, isRateCharge, outcomeOf } from '../../src/limits/store.ts';
import type { Charge, LimitStore } from '../../src/limits/store.ts';
import { StoreError } from '../../src/limits/store-error.ts';

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, with user, password and database where needed. */
  url: string;
  /** Budget of one decision in milliseconds. */
  timeoutMs: number;
  connectTimeoutMs: number;
  /** 0 to 1, for the jitter between attempts to connect. */
  random?: () => number;
  scheduler?: Scheduler;
  /** Called each time the connection is ready, first and again. */
  onReady?: () => void;
  /** Called for each failed attempt to connect and each broken connection; the message holds no password. */
  onConnectionError?: (message: string) => void;
  /** A socket that owes an answer for so long is given up: a peer that vanished without a word never closes it. */
  silentSocketMs?: number;
  script?: RedisScript;
}

/**
 * Budgets in one Redis or Valkey server, shared by every instance and exact on the server's clock. One script call a
 * request; a Cluster cannot run it, because the budgets of a request live in different slots.
 *
 * `take` and `peek` reject with `StoreError`, within the budget, when there is no answer; wrap the store in
 * `FailoverStore`, which never does. A charge whose answer came too late may have been spent: never too much is
 * admitted, at worst a little less. A server that lost its data starts with full budgets: each key may then get once what
 * it had spent, at most its burst. The connection is kept up in the background for as long as the store is open.
 */
export class RedisStore implements LimitStore {
  readonly #redis: Redis;
  readonly #script: RedisScript;
  readonly #timeoutMs: number;
  readonly #scheduler: Scheduler;
  #lastConnectionError = 'not connected yet';
  #closed = false;

  constructor(options: RedisStoreOptions) {
    const random = options.random ?? Math.random;
    this.#script = options.script ?? renderRedisScript();
    this.#timeoutMs = options.timeoutMs;
    this.#scheduler = options.scheduler ?? systemScheduler;
    this.#redis = new Redis(options.url, {
      ...connectionOptions,
      connectionName: 'bulkhead',
      connectTimeout: options.connectTimeoutMs,
      socketTimeout: options.silentSocketMs ?? Math.max(2000, options.timeoutMs * 2),
      // A command that waits for a connection misses its budget anyway.
      enableOfflineQueue: false,
      retryStrategy: (attempt) => reconnectPauseMs(attempt, random),
    });
    this.#redis.on('error', (error: Error) => {
      this.#lastConnectionError = error.message;
      options.onConnectionError?.(error.message);
    });
    this.#redis.on('ready', () => options.onReady?.());
    // Told by the 'error' event; the attempts go on by themselves.
    this.#redis.connect().catch(() => undefined);
  }

  /** Whether commands can be sent; says nothing about how fast they are answered. */
  get connected(): boolean {
    return !this.#closed && this.#redis.status === 'ready';
  }

  take(charges: readonly Charge[]): Promise<LimitOutcome[]> {
    return this.#run(charges, true);
  }

  /** Rates alone: nothing comes back. */
  complete(): void {}

  peek(charges: readonly Charge[]): Promise<LimitOutcome[]> {
    return this.#run(charges, false);
  }

  /** Waits for the first connection, at most so long; gives whether there is one. */
  whenConnected(budgetMs: number): Promise<boolean> {
    if (this.connected) return Promise.resolve(true);
    return whenReady(this.#redis, { scheduler: this.#scheduler, budgetMs });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#lastConnectionError = 'the store is closed';
    this.#redis.disconnect();
    return Promise.resolve();
  }

  async #run(all: readonly Charge[], spend: boolean): Promise<LimitOutcome[]> {
    const charges = all.filter(isRateCharge);
    if (charges.length < all.length) throw new TypeError('this store counts rates alone');
    if (charges.length === 0) return [];
    if (!this.connected) throw new StoreError('connection', `Redis: ${this.#lastConnectionError}`);
    const budget = { scheduler: this.#scheduler, timeoutMs: this.#timeoutMs };
    const debts = await withinBudget(this.#evaluate(renderScriptArguments(charges, spend)), budget);
    if (!isDebtList(debts, charges.length)) throw new StoreError('reply', 'Redis: the script gave no debts');
    const outcomes = charges.map((charge, i) => outcomeOf(charge, debts[i]!, false));
    if (!spend || !isAdmitted(outcomes)) return outcomes;
    return charges.map((charge, i) => outcomeOf(charge, debts[i]!, true));
  }

  async #evaluate(args: (string | number)[]): Promise<unknown> {
    try {
      return await evaluateScript(this.#redis, this.#script, args);
    } catch (error) {
      const code = this.connected ? 'reply' : 'connection';
      throw new StoreError(code, `Redis: ${messageOf(error)}`, error);
    }
  }
}

function isDebtList(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length && value.every((debt) => Number.isSafeInteger(debt));
}
