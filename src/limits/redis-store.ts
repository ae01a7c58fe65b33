// The gateway does not run this store: it is the plain peer of the leases, for the conformance suite and the benchmark.
import { Redis } from 'ioredis';
import type { LimitOutcome } from '../core/limit.ts';
import { type Scheduler, systemScheduler } from '../core/scheduler.ts';
import { renderRedisScript, renderScriptArguments } from './redis-script.ts';
import type { RedisScript } from './redis-script.ts';
import { isAdmitted, outcomeOf } from './store.ts';
import type { Charge, LimitStore } from './store.ts';
import { StoreError } from './store-error.ts';

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
      lazyConnect: true,
      connectionName: 'bulkhead',
      disableClientInfo: true,
      connectTimeout: options.connectTimeoutMs,
      socketTimeout: options.silentSocketMs ?? Math.max(2000, options.timeoutMs * 2),
      // A command that is sent again charges twice, and one that waits for a connection misses its budget anyway.
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt - 1, 6), 2000) * (0.8 + 0.4 * random()),
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

  peek(charges: readonly Charge[]): Promise<LimitOutcome[]> {
    return this.#run(charges, false);
  }

  /** Waits for the first connection, at most so long; gives whether there is one. */
  whenConnected(budgetMs: number): Promise<boolean> {
    if (this.connected) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (connected: boolean) => {
        cancel();
        this.#redis.off('ready', ready);
        resolve(connected);
      };
      const ready = () => settle(true);
      const cancel = this.#scheduler.after(budgetMs, () => settle(false));
      this.#redis.on('ready', ready);
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#lastConnectionError = 'the store is closed';
    this.#redis.disconnect();
    return Promise.resolve();
  }

  async #run(charges: readonly Charge[], spend: boolean): Promise<LimitOutcome[]> {
    if (charges.length === 0) return [];
    if (!this.connected) throw new StoreError('connection', `Redis: ${this.#lastConnectionError}`);
    const debts = await this.#withinBudget(this.#evaluate(renderScriptArguments(charges, spend)));
    if (!isDebtList(debts, charges.length)) throw new StoreError('reply', 'Redis: the script gave no debts');
    const outcomes = charges.map((charge, i) => outcomeOf(charge, debts[i]!, false));
    if (!spend || !isAdmitted(outcomes)) return outcomes;
    return charges.map((charge, i) => outcomeOf(charge, debts[i]!, true));
  }

  async #evaluate(args: (string | number)[]): Promise<unknown> {
    try {
      return await this.#redis.call('EVALSHA', [this.#script.sha1, ...args]);
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      // A fresh or flushed server does not know the script; EVAL runs it and makes it known.
      return await this.#redis.call('EVAL', [this.#script.text, ...args]);
    }
  }

  /** The answer, or a `StoreError` when the budget is used up before. */
  #withinBudget(answer: Promise<unknown>): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const cancel = this.#scheduler.after(this.#timeoutMs, () => {
      // Timers run before sockets are read: after a blocked event loop the answer may be there already, and a busy
      // gateway is no slow store. setImmediate comes after the reading.
      setImmediate(() => reject(new StoreError('timeout', `Redis: no answer within ${this.#timeoutMs} ms`)));
    });
    const fail = (error: unknown) => {
      const code = this.connected ? 'reply' : 'connection';
      reject(new StoreError(code, `Redis: ${messageOf(error)}`, error));
    };
    answer.then(resolve, fail).finally(cancel);
    return promise;
  }
}

function isDebtList(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length && value.every((debt) => Number.isSafeInteger(debt));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
