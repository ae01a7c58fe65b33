import type { Cluster, Redis } from 'ioredis';
import type { Clock } from '../../core/clock.ts';
import { type Scheduler, systemScheduler } from '../../core/scheduler.ts';
import { withinBudget } from '../answer-budget.ts';
import type { PenaltyAction, PenaltyRule, Standing } from './penalty.ts';
import { MemoryPenalties } from './penalty-memory.ts';
import { renderPenaltyArguments, renderPenaltyScript } from './penalty-script.ts';
import type { PenaltyStore } from './penalty-store.ts';
import {
  createRedisConnection,
  evaluateScript,
  type RedisPlace,
  type RedisScript,
  whenReady,
} from '../redis-connection.ts';
import { StoreBreaker } from '../store-breaker.ts';

export interface SharedPenaltiesOptions {
  place: RedisPlace;
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
 * Failed attempts in Redis or Valkey, counted for all instances together. While it does not answer each instance
 * counts in its memory, where it also keeps what it saw last: a penalty that holds goes on, and nobody is let through
 * uncounted. A connection of its own, because what is asked here is asked seldom, and a slow script of the limits must not delay it.
 */
export class SharedPenalties implements PenaltyStore {
  readonly #redis: Redis | Cluster;
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
    this.#redis = createRedisConnection({
      place: options.place,
      connectionName: 'bulkhead-penalties',
      connectTimeoutMs: options.connectTimeoutMs,
      silentSocketMs: Math.max(2000, options.timeoutMs * 2),
      random,
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
    await whenReady(this.#redis, { scheduler: this.#scheduler, budgetMs });
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
      const answer = evaluateScript(this.#redis, this.#script, renderPenaltyArguments(action, key, rule));
      const budget = { scheduler: this.#scheduler, timeoutMs: this.#timeoutMs };
      standing = readStanding(await withinBudget(answer, budget));
    } catch {
      this.#breaker.fail(entry);
      return this.#memory.act(action, key, rule);
    }
    this.#breaker.succeed(entry);
    this.#memory.adopt(key, rule, standing);
    return standing;
  }
}

function readStanding(reply: unknown): Standing {
  if (!Array.isArray(reply) || !reply.every((value) => Number.isSafeInteger(value)))
    throw new TypeError('the script gave no standing');
  const [passed, failures = 0, waitMs = 0] = reply as number[];
  return { passed: passed === 1, failures, waitMs };
}
