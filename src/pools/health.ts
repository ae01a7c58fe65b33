import type { EndpointState } from './endpoint.ts';
import type { HealthOptions } from './options.ts';
import type { Probe, ProbeOutcome } from './probe.ts';
import type { EndpointWatcher, Pool, PoolEnvironment } from './seats.ts';

/** An endpoint that went out of service or came back. `cause` is for logs, e.g. `ECONNREFUSED` or `HTTP 503`. */
export interface HealthChange {
  pool: string;
  url: string;
  up: boolean;
  cause: string;
}

export interface HealthEnvironment extends PoolEnvironment {
  probe: Probe;
  onChange(change: HealthChange): void;
}

/**
 * Decides which endpoints of one pool are in service, from probes and from connections that the data path could not make.
 *
 * A probe takes a worker away from users, so it is sent only where nothing else is known: not while all seats are taken,
 * and not when an endpoint in service answered a request that was sent since the last look. A probe that runs into its
 * time-out changes nothing: it means that all workers are busy, and taking their endpoint out of service would turn a slow
 * pool into a dead one.
 */
export class HealthMonitor implements EndpointWatcher {
  readonly #pool: Pool;
  readonly #environment: HealthEnvironment;
  readonly #probing = new Set<EndpointState>();
  #stop: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(pool: Pool, environment: HealthEnvironment) {
    this.#pool = pool;
    this.#environment = environment;
    pool.watch(this);
  }

  /** Looks at every endpoint at once, then each interval; again after the pool was reconfigured. */
  restart(): void {
    this.stop();
    const health = this.#pool.options.health;
    if (health === undefined) return;
    this.#stop = new AbortController();
    this.#look(health, this.#stop.signal);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#stop?.abort();
    this.#stop = undefined;
    this.#probing.clear();
  }

  onConnectFailure(endpoint: EndpointState): void {
    const health = this.#pool.options.health;
    if (health === undefined || this.#stop === undefined) return;
    this.#countFailure(endpoint, health, 'connection failed');
  }

  #look(health: HealthOptions, signal: AbortSignal): void {
    const sinceMs = this.#environment.clock.monoMs() - health.intervalMs;
    for (const endpoint of this.#pool.endpoints) {
      if (this.#probing.has(endpoint) || endpoint.busy >= endpoint.seats) continue;
      if (endpoint.up && endpoint.answeredMs > sinceMs) continue;
      this.#probing.add(endpoint);
      void this.#probe(endpoint, health, signal);
    }
    this.#cancelTimer = this.#environment.scheduler.after(health.intervalMs, () =>
      this.#look(health, signal),
    );
  }

  async #probe(endpoint: EndpointState, health: HealthOptions, signal: AbortSignal): Promise<void> {
    const { probe, scheduler } = this.#environment;
    const outcome = await probe({ url: endpoint.url, health, scheduler, signal });
    // Stopped or started anew: this outcome belongs to options of the past.
    if (signal.aborted) return;
    this.#probing.delete(endpoint);
    this.#judge(endpoint, health, outcome);
  }

  #judge(endpoint: EndpointState, health: HealthOptions, outcome: ProbeOutcome): void {
    switch (outcome.kind) {
      case 'timeout':
        endpoint.saturatedMs = this.#environment.clock.monoMs();
        return;
      case 'failed':
        endpoint.saturatedMs = -Infinity;
        this.#countFailure(endpoint, health, outcome.cause);
        return;
      case 'answered':
        endpoint.saturatedMs = -Infinity;
        endpoint.failures = 0;
        if (endpoint.up) return;
        endpoint.successes++;
        if (endpoint.successes < health.healthyAfter) return;
        this.#change(endpoint, { up: true, cause: 'probe answered' });
    }
  }

  #countFailure(endpoint: EndpointState, health: HealthOptions, cause: string): void {
    // Live traffic that was sent and answered after the last failure breaks the row.
    if (endpoint.answeredMs > endpoint.failedMs) endpoint.failures = 0;
    endpoint.failedMs = this.#environment.clock.monoMs();
    endpoint.failures++;
    endpoint.successes = 0;
    if (!endpoint.up || endpoint.failures < health.unhealthyAfter) return;
    this.#change(endpoint, { up: false, cause });
  }

  #change(endpoint: EndpointState, { up, cause }: { up: boolean; cause: string }): void {
    endpoint.successes = 0;
    endpoint.failures = 0;
    this.#pool.setUp(endpoint, up);
    this.#environment.onChange({ pool: this.#pool.options.name, url: endpoint.url, up, cause });
  }
}
