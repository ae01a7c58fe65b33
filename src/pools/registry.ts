import { isDeepStrictEqual } from 'node:util';
import { type HealthEnvironment, HealthMonitor } from './health.ts';
import type { PoolOptions } from './options.ts';
import { Pool } from './seats.ts';
import type { PoolStatus } from './status.ts';

interface Entry {
  pool: Pool;
  monitor: HealthMonitor;
}

/** All pools of the gateway. They outlive the snapshots: a reload changes pools, it does not rebuild them. */
export class PoolRegistry {
  readonly #environment: HealthEnvironment;
  readonly #entries = new Map<string, Entry>();

  constructor(environment: HealthEnvironment) {
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
        const pool = new Pool(options, this.#environment);
        const monitor = new HealthMonitor(pool, this.#environment);
        this.#entries.set(options.name, { pool, monitor });
        monitor.restart();
        continue;
      }
      entry.pool.forgetIdleZones();
      if (isDeepStrictEqual(entry.pool.options, options)) continue;
      entry.pool.reconfigure(options);
      entry.monitor.restart();
    }
    for (const name of gone) {
      this.#entries.get(name)?.monitor.stop();
      this.#entries.delete(name);
    }
  }

  get(name: string): Pool | undefined {
    return this.#entries.get(name)?.pool;
  }

  /** In the order of first appearance. */
  statuses(): PoolStatus[] {
    return [...this.#entries.values()].map((entry) => entry.pool.status());
  }

  /** Ends all probes and refuses whoever waits. */
  close(): void {
    for (const { pool, monitor } of this.#entries.values()) {
      monitor.stop();
      pool.close();
    }
    this.#entries.clear();
  }
}
