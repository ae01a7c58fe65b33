import { Redis } from 'ioredis';
import type { Clock } from '../core/clock.ts';
import { type Scheduler, systemScheduler } from '../core/scheduler.ts';
import type { PenaltyAction, PenaltyRule, Standing } from './penalty.ts';
import { MemoryPenalties } from './penalty-memory.ts';
import { renderPenaltyArguments, renderPenaltyScript } from './penalty-script.ts';
import type { PenaltyStore } from './penalty-store.ts';
import type { RedisScript } from './redis-script.ts';
import { StoreBreaker } from './store-breaker.ts';

export interface SharedPenaltiesOptions {
  /** `redis://` or `rediss://`, with user, password and database where needed. */
  url: string;
  /** How long one answer may take. */
  timeoutMs: number;
  connectTimeoutMs: number;
  clock: Clock;
  scheduler?: Scheduler;
  /** 0 to 1, for jitter. */
  random?: () => number;
  script?: RedisScript;
}

/**
 * Failed attempts in one Redis or Valkey server, counted for all instances together. While it does not answer each instance
 * counts in its memory, where it also keeps what it saw last: a penalty that holds goes on, and nobody is let through
 * uncounted. A connection of its own, because what is asked here is asked seldom, and a slow script of the limits must not delay it.
 */
export class SharedPenalties implements PenaltyStore {
  readonly #redis: Redis;
  readonly #memory: MemoryPenalties;
  readonly #breaker: StoreBreaker;
  readonly #timeoutMs: number;
  readonly #scheduler: Scheduler;
  readonly #script: RedisScript;

  constructor(options: SharedPenaltiesOptions) {
    const random = options.random ?? Math.random;
    this.#memory = new MemoryPenalties({ clock: options.clock });
    this.#breaker = new StoreBreaker(options.clock, random);
    this.#timeoutMs = options.timeoutMs;
    this.#scheduler = options.scheduler ?? systemScheduler;
    this.#script = options.script ?? renderPenaltyScript();
    this.#redis = new Redis(options.url, {
      lazyConnect: true,
      connectionName: 'bulkhead-penalties',
      disableClientInfo: true,
      connectTimeout: options.connectTimeoutMs,
      socketTimeout: Math.max(2000, options.timeoutMs * 2),
      // A command that is sent again counts twice.
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt - 1, 6), 2000) * (0.8 + 0.4 * random()),
    });
    // The store of the limits has the same address and tells of its failures.
    this.#redis.on('error', () => undefined);
    this.#redis.on('ready', () => this.#breaker.allowProbe());
    this.#redis.connect().catch(() => undefined);
  }

  get quiet(): boolean {
    return false;
  }

  get size(): number {
    return this.#memory.size;
  }

  get maxKeys(): number {
    return this.#memory.maxKeys;
  }

  act(action: PenaltyAction, key: string, rule: PenaltyRule): Standing | Promise<Standing> {
    const entry = this.#breaker.enter();
    return entry === 'no' ? this.#memory.act(action, key, rule) : this.#share(action, { key, rule, entry });
  }

  heldMs(key: string, rule: PenaltyRule): number {
    return this.#memory.heldMs(key, rule);
  }

  /** Waits for the first connection, at most so long. */
  async ready(budgetMs: number): Promise<void> {
    if (this.#redis.status === 'ready') return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#scheduler.after(budgetMs, resolve);
    this.#redis.once('ready', resolve);
    await promise;
    cancel();
    this.#redis.off('ready', resolve);
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
    await this.#memory.close();
  }

  async #share(
    action: PenaltyAction,
    { key, rule, entry }: { key: string; rule: PenaltyRule; entry: 'normal' | 'probe' },
  ): Promise<Standing> {
    let standing: Standing;
    try {
      if (this.#redis.status !== 'ready') throw new Error('not connected');
      standing = readStanding(
        await this.#withinBudget(this.#evaluate(renderPenaltyArguments(action, key, rule))),
      );
    } catch {
      this.#breaker.fail(entry);
      return this.#memory.act(action, key, rule);
    }
    this.#breaker.succeed(entry);
    this.#memory.adopt(key, rule, standing);
    return standing;
  }

  async #evaluate(args: (string | number)[]): Promise<unknown> {
    try {
      return await this.#redis.call('EVALSHA', [this.#script.sha1, ...args]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await this.#redis.call('EVAL', [this.#script.text, ...args]);
    }
  }

  #withinBudget(answer: Promise<unknown>): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const cancel = this.#scheduler.after(this.#timeoutMs, () => {
      // As in `redis-store.ts`: after a blocked event loop the answer may be there already.
      setImmediate(() => reject(new Error('no answer in time')));
    });
    answer.then(resolve, reject).finally(cancel);
    return promise;
  }
}

function readStanding(reply: unknown): Standing {
  if (!Array.isArray(reply) || !reply.every((value) => Number.isSafeInteger(value)))
    throw new TypeError('the script gave no standing');
  const [passed, failures = 0, waitMs = 0] = reply as number[];
  return { passed: passed === 1, failures, waitMs };
}
