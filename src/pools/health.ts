import { Ejections } from './ejections.ts';
import type { EndpointState } from './endpoint.ts';
import type { HealthOptions } from './options.ts';
import { type Probe, type ProbeOutcome, provesLife } from './probe.ts';
import type { EndpointWatcher, Pool, PoolEnvironment } from './seats.ts';

/** Why an endpoint went out of service, a metric label: it cannot be reached, its probes are bad, or its connections break. */
export type EjectionKind = 'unreachable' | 'probe' | 'broken';

/** An endpoint that went out of service or came back. `cause` is for logs, e.g. `ECONNREFUSED` or `HTTP 503`. */
export interface HealthChange {
  pool: string;
  url: string;
  up: boolean;
  cause: string;
  /** Set when it went out of service. */
  kind?: EjectionKind;
}

export interface HealthEnvironment extends PoolEnvironment {
  probe: Probe;
  /** From 0 up to 1; spreads what several gateways would do at the same time. */
  random?: () => number;
  onChange(change: HealthChange): void;
}

/**
 * Decides which endpoints of one pool are in service, from probes and from requests that came to nothing.
 *
 * A probe takes a worker away from users, so it is sent only where nothing else is known: not while all seats are taken,
 * and not when an endpoint in service answered a request that was sent since the last look. A probe that runs into its
 * time-out changes nothing: it means that all workers are busy, and taking their endpoint out of service would turn a slow
 * pool into a dead one.
 *
 * An endpoint that cannot be reached is of no use to anybody, so all of them may go: the pool is down then and says so at once. One
 * that can be reached and seems ill may still serve somebody: such are taken out only while most of the pool stays, and put back when
 * nothing else is left.
 */
export class HealthMonitor implements EndpointWatcher {
  readonly #pool: Pool;
  readonly #environment: HealthEnvironment;
  readonly #ejections: Ejections;
  readonly #probing = new Set<EndpointState>();
  #stop: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(pool: Pool, environment: HealthEnvironment) {
    this.#pool = pool;
    this.#environment = environment;
    this.#ejections = new Ejections(environment.clock, environment.random ?? Math.random);
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
    this.#onFailure(endpoint, 'unreachable', 'connection failed');
  }

  onBroken(endpoint: EndpointState, takenMs: number): void {
    // Requests that break together, as when a machine loses power or a container its memory, are one failure.
    if (takenMs > endpoint.failedMs) this.#onFailure(endpoint, 'broken', 'connection broke');
  }

  #onFailure(endpoint: EndpointState, kind: EjectionKind, cause: string): void {
    const health = this.#pool.options.health;
    // Without a health check it stays in service, as the last choice until it answers.
    if (health === undefined) this.#note(endpoint);
    else if (this.#stop !== undefined && endpoint.listed)
      this.#countFailure(endpoint, health, { kind, cause });
  }

  #look(health: HealthOptions, signal: AbortSignal): void {
    this.#cancelTimer?.();
    const sinceMs = this.#environment.clock.monoMs() - health.intervalMs;
    for (const endpoint of this.#pool.endpoints) {
      if (this.#probing.has(endpoint) || endpoint.busy >= endpoint.seats) continue;
      if (endpoint.up && endpoint.answeredMs > sinceMs && endpoint.failures === 0) continue;
      this.#probing.add(endpoint);
      void this.#probe(endpoint, health, signal);
    }
    this.#cancelTimer = this.#environment.scheduler.after(health.intervalMs, () =>
      this.#look(health, signal),
    );
  }

  async #probe(endpoint: EndpointState, health: HealthOptions, signal: AbortSignal): Promise<void> {
    const { probe, scheduler } = this.#environment;
    const sentMs = this.#environment.clock.monoMs();
    const outcome = await probe({ url: endpoint.url, health, scheduler, signal });
    // Stopped or started anew: this outcome belongs to options of the past.
    if (signal.aborted) return;
    this.#probing.delete(endpoint);
    if (!endpoint.listed) return;
    // By when it was sent: an answer to a later request shows that a worker was free.
    if (outcome.kind === 'timeout') endpoint.saturatedMs = sentMs;
    else this.#judge(endpoint, health, outcome);
  }

  #judge(
    endpoint: EndpointState,
    health: HealthOptions,
    outcome: Exclude<ProbeOutcome, { kind: 'timeout' }>,
  ): void {
    switch (outcome.kind) {
      case 'failed': {
        endpoint.saturatedMs = -Infinity;
        const kind = provesLife(outcome.cause) ? 'probe' : 'unreachable';
        this.#countFailure(endpoint, health, { kind, cause: outcome.cause });
        return;
      }
      case 'answered':
        endpoint.saturatedMs = -Infinity;
        endpoint.failures = 0;
        if (endpoint.up) return;
        endpoint.successes++;
        if (endpoint.successes < health.healthyAfter || this.#ejections.isHeld(endpoint)) return;
        this.#bringBack(endpoint, 'probe answered');
    }
  }

  #countFailure(
    endpoint: EndpointState,
    health: HealthOptions,
    failure: { kind: EjectionKind; cause: string },
  ): void {
    this.#note(endpoint);
    endpoint.successes = 0;
    endpoint.trouble = failure.kind === 'unreachable' ? 'dead' : 'ill';
    if (!endpoint.up) return this.#useWhatIsLeft();
    if (failure.kind === 'unreachable' && this.#allFail(health)) this.#takeAllOut(health, failure.cause);
    else if (endpoint.failures >= health.unhealthyAfter && this.#mayGo(failure.kind)) {
      this.#takeOut(endpoint, health, failure);
      this.#useWhatIsLeft();
    }
  }

  #note(endpoint: EndpointState): void {
    // Live traffic that was sent and answered after the last failure breaks the row.
    if (endpoint.answeredMs > endpoint.failedMs) endpoint.failures = 0;
    endpoint.failedMs = this.#environment.clock.monoMs();
    endpoint.failures++;
  }

  /** At most half of the endpoints may be out of service when one goes that can still be reached. */
  #mayGo(kind: EjectionKind): boolean {
    if (kind === 'unreachable') return true;
    const { endpoints } = this.#pool;
    const out = endpoints.filter(({ up }) => !up).length;
    return (out + 1) * 2 <= endpoints.length;
  }

  /** Whether each endpoint in service could not be reached, and all of them together often enough to tell. */
  #allFail({ unhealthyAfter }: HealthOptions): boolean {
    let failures = 0;
    for (const endpoint of this.#pool.endpoints) {
      if (!endpoint.up) continue;
      if (endpoint.failures === 0 || endpoint.trouble !== 'dead') return false;
      failures += endpoint.failures;
    }
    return failures >= unhealthyAfter;
  }

  /** So that not every request has to find out for itself, endpoint by endpoint, that nothing is there. */
  #takeAllOut(health: HealthOptions, cause: string): void {
    for (const endpoint of this.#pool.endpoints) {
      if (endpoint.up) this.#takeOut(endpoint, health, { kind: 'unreachable', cause });
    }
    this.#useWhatIsLeft();
    if (this.#stop !== undefined) this.#look(health, this.#stop.signal);
  }

  #takeOut(
    endpoint: EndpointState,
    { intervalMs }: HealthOptions,
    { kind, cause }: { kind: EjectionKind; cause: string },
  ): void {
    this.#ejections.begin(endpoint, intervalMs);
    this.#set(endpoint, false);
    this.#environment.onChange({
      pool: this.#pool.options.name,
      url: endpoint.url,
      up: false,
      cause,
      kind,
    });
  }

  #useWhatIsLeft(): void {
    const { endpoints } = this.#pool;
    if (endpoints.some(({ up }) => up)) return;
    for (const endpoint of endpoints) {
      if (endpoint.trouble === 'ill') this.#bringBack(endpoint, 'no other endpoint is left');
    }
  }

  #bringBack(endpoint: EndpointState, cause: string): void {
    endpoint.trouble = undefined;
    endpoint.backMs = this.#environment.clock.monoMs();
    this.#set(endpoint, true);
    this.#environment.onChange({ pool: this.#pool.options.name, url: endpoint.url, up: true, cause });
  }

  #set(endpoint: EndpointState, up: boolean): void {
    endpoint.successes = 0;
    endpoint.failures = 0;
    this.#pool.setUp(endpoint, up);
  }
}
