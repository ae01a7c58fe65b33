import { isDeepStrictEqual } from 'node:util';
import { type HealthEnvironment, HealthMonitor } from './health.ts';
import type { PoolOptions } from './options.ts';
import { type NameOutcome, NameWatch, type Resolve } from './name-watch.ts';
import { withAddresses } from './resolved-endpoints.ts';
import { Pool } from './seats.ts';
import type { PoolStatus } from './status.ts';

/** What became of a look-up of one name of a pool. */
export interface NameNews {
  pool: string;
  /** `host:port` */
  name: string;
  outcome: NameOutcome;
  /** Whether it is worth a line in the log. */
  isNews: boolean;
}

export interface RegistryEnvironment extends HealthEnvironment {
  resolve: Resolve;
  onLookedUp(news: NameNews): void;
  /** Some pool has other endpoints than before, without a new configuration. */
  onAddresses(): void;
}

interface Entry {
  /** As configured; those of the pool have the addresses of its names in place of them. */
  options: PoolOptions;
  pool: Pool;
  monitor: HealthMonitor;
  names: NameWatch;
}

/** All pools of the gateway. They outlive the snapshots: a reload changes pools, it does not rebuild them. */
export class PoolRegistry {
  readonly #environment: RegistryEnvironment;
  readonly #entries = new Map<string, Entry>();

  constructor(environment: RegistryEnvironment) {
    this.#environment = environment;
  }

  /**
   * Makes the pools what these options say. A pool whose options are the same is left alone, a changed one goes on with its
   * seats, queue and health (`Pool.reconfigure`), and one that is gone still serves who waits in it but cannot be found.
   */
  apply(pools: readonly PoolOptions[]): void {
    const gone = new Set(this.#entries.keys());
    for (const options of pools) {
      gone.delete(options.name);
      const entry = this.#entries.get(options.name);
      if (entry === undefined) {
        this.#begin(options);
        continue;
      }
      entry.pool.forgetIdle();
      if (isDeepStrictEqual(entry.options, options)) continue;
      entry.options = options;
      entry.names.follow(options.names ?? []);
      entry.pool.reconfigure(withAddresses(options, entry.names.known));
      entry.monitor.restart();
    }
    for (const name of gone) {
      this.#entries.get(name)?.monitor.stop();
      this.#entries.get(name)?.names.close();
      this.#entries.delete(name);
    }
  }

  #begin(options: PoolOptions): void {
    const { name } = options;
    const names = new NameWatch({
      ...this.#environment,
      onLookedUp: (host, outcome, isNews) =>
        this.#environment.onLookedUp({ pool: name, name: host, outcome, isNews }),
      onChange: () => this.#relist(name),
    });
    const pool = new Pool(withAddresses(options, names.known), this.#environment);
    const monitor = new HealthMonitor(pool, this.#environment);
    this.#entries.set(name, { options, pool, monitor, names });
    names.follow(options.names ?? []);
    monitor.restart();
  }

  /** Brings addresses in force. The monitor goes on as it is: a new endpoint is probed at its next look. */
  #relist(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    entry.pool.reconfigure(withAddresses(entry.options, entry.names.known));
    this.#environment.onAddresses();
  }

  /** Done when each name has its addresses or was looked up in vain. */
  async ready(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ names }) => names.ready()));
  }

  /** Origins of all endpoints. */
  origins(): Set<string> {
    return new Set(
      [...this.#entries.values()].flatMap(({ pool }) => pool.endpoints.map((endpoint) => endpoint.url)),
    );
  }

  get(name: string): Pool | undefined {
    return this.#entries.get(name)?.pool;
  }

  /** In the order of first appearance. */
  statuses(): PoolStatus[] {
    return [...this.#entries.values()].map(({ pool, names }) => ({
      ...pool.status(),
      names: names.statuses(),
    }));
  }

  /** Ends all probes and refuses whoever waits. */
  close(): void {
    for (const { pool, monitor, names } of this.#entries.values()) {
      monitor.stop();
      names.close();
      pool.close();
    }
    this.#entries.clear();
  }
}
