import { setTimeout as sleep } from 'node:timers/promises';
import { createAdmin, type Readiness } from './admin/admin.ts';
import { createKeySources, createVerifiers, type LiveVerifiers } from './auth/verifiers.ts';
import type { Configuration } from './config/load.ts';
import { loadConfiguration } from './config/load.ts';
import { renderProblems } from './config/problems.ts';
import { type FileWatch, watchFiles } from './config/watch.ts';
import { systemClock } from './core/clock.ts';
import { liveEffects } from './decide/effects.ts';
import type { Live } from './decide/live.ts';
import { createForwardAuth } from './forward-auth/forward-auth.ts';
import { createHttpServer, type HttpServer, type HttpServerHandlers } from './http1/server.ts';
import { createUpstreamClient } from './http1/upstream.ts';
import { MemoryStore } from './limits/memory-store.ts';
import { type OpenStore, openLimitStore } from './limits/open-store.ts';
import { probeEndpoint } from './pools/probe.ts';
import { PoolRegistry } from './pools/registry.ts';
import { systemScheduler } from './core/scheduler.ts';
import { createInlineProxy } from './proxy/inline-proxy.ts';
import { createObserver } from './telemetry/create-observer.ts';
import { createLogs, flushLogs, type Logs, type LogSink } from './telemetry/log.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { createTenantLabels, type TenantLabels } from './telemetry/tenant-label.ts';

export interface GatewayStart {
  /** Configuration directory. */
  directory: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Replaces standard output for the log. */
  logSink?: LogSink;
  /** How often the files are looked at; 0 never. */
  watchIntervalMs?: number;
}

/** A port that is open, as a user would write it. */
export interface Listening {
  name: 'proxy' | 'forwardAuth' | 'admin';
  host: string;
  port: number;
}

/** A running gateway. */
export interface Gateway {
  listening: readonly Listening[];
  version(): string;
  /** Loads the configuration again; true when what is on disk is in force afterwards. */
  reload(): Promise<boolean>;
  /** Stops taking requests, lets those in progress end, and closes everything. */
  stop(): Promise<void>;
}

/** Why a gateway did not start: its configuration, with every problem as one text. */
export class ConfigurationRefusedError extends Error {
  override readonly name = 'ConfigurationRefusedError';
}

/**
 * Starts a gateway: configuration, the parts that live longer than one configuration, listeners. Rejects with
 * `ConfigurationRefusedError` for a bad configuration, and with the system's error for a port that cannot be opened.
 */
export async function startGateway(start: GatewayStart): Promise<Gateway> {
  const loadedAtMs = systemClock.wallMs();
  const { configuration, problems, files } = loadConfiguration(start.directory, {
    env: start.env,
    nowMs: loadedAtMs,
  });
  if (configuration === undefined) throw new ConfigurationRefusedError(renderProblems(problems));
  const gateway = new RunningGateway(start, { configuration, files, loadedAtMs });
  await gateway.listen();
  return gateway;
}

interface FirstLoad {
  configuration: Configuration;
  files: string[];
  loadedAtMs: number;
}

class RunningGateway implements Gateway {
  readonly listening: Listening[] = [];
  readonly #start: GatewayStart;
  readonly #first: Configuration;
  readonly #logs: Logs;
  readonly #metrics: Metrics;
  readonly #tenantLabels: TenantLabels;
  readonly #store: OpenStore;
  readonly #guard = new MemoryStore({ clock: systemClock });
  readonly #keySources;
  readonly #pools: PoolRegistry;
  readonly #upstream;
  readonly #servers: HttpServer[] = [];
  #live: Live;
  #verifiers: LiveVerifiers;
  readonly #loadedAtMs: number;
  #files: string[];
  #watch: FileWatch | undefined;
  #fresh = true;
  #draining = false;

  constructor(start: GatewayStart, { configuration, files, loadedAtMs }: FirstLoad) {
    const { gateway } = configuration;
    this.#loadedAtMs = loadedAtMs;
    this.#start = start;
    this.#first = configuration;
    this.#files = files;
    this.#logs = createLogs(gateway.telemetry.level, start.logSink);
    this.#tenantLabels = createTenantLabels(gateway.telemetry.tenantLabels);
    this.#metrics = createMetrics({
      pools: () =>
        this.#pools
          .statuses()
          .map((pool) => ({ ...pool, queueMax: this.#pools.get(pool.name)?.options.queue.max ?? 0 })),
      bounded: () => this.#bounded(),
    });
    this.#store = openLimitStore(gateway.store, {
      clock: systemClock,
      onConnectionError: (cause) => this.#logs.events.warn({ cause }, 'no connection to the limit store'),
      onModeChange: (mode, cause) => {
        if (mode === 'store') this.#logs.events.info('the limit store answers again');
        else
          this.#logs.events.error(
            { cause },
            'the limit store does not answer; each limit does what its onStoreFailure says',
          );
      },
    });
    this.#keySources = createKeySources({
      clock: systemClock,
      scheduler: systemScheduler,
      fetch: globalThis.fetch,
      onRefresh: (issuer, status) => {
        if (status.failure !== undefined) {
          this.#logs.events.warn(
            { issuer, failure: status.failure, keys: status.keys },
            'signing keys could not be fetched',
          );
        }
      },
    });
    this.#pools = new PoolRegistry({
      clock: systemClock,
      scheduler: systemScheduler,
      probe: probeEndpoint,
      onChange: (change) =>
        this.#logs.events.warn(change, change.up ? 'endpoint is back' : 'endpoint is out of service'),
    });
    this.#upstream = createUpstreamClient();
    this.#verifiers = createVerifiers(configuration.identities, this.#keySources, systemClock);
    this.#live = this.#bring(configuration);
  }

  async listen(): Promise<void> {
    const { listeners } = this.#first.gateway;
    await this.#store.ready();
    const { log: observerLog, ...context } = this.#surfaceContext();
    const surfaces: [
      Listening['name'],
      { host: string; port: number } | undefined,
      () => HttpServerHandlers,
    ][] = [
      [
        'proxy',
        listeners.proxy,
        () =>
          createInlineProxy({ ...context, pools: this.#pools, upstream: this.#upstream, listener: 'proxy' }),
      ],
      [
        'forwardAuth',
        listeners.forwardAuth,
        () => createForwardAuth({ ...context, listener: 'forwardAuth' }),
      ],
      ['admin', listeners.admin, () => this.#admin()],
    ];
    for (const [name, address, handlers] of surfaces) {
      if (address === undefined) continue;
      const server = createHttpServer(this.#serverOptions(), handlers());
      this.#servers.push(server);
      const { port } = await server.listen(address);
      this.listening.push({ name, host: address.host, port });
    }
    observerLog.info({ listening: this.listening, version: this.version() }, 'listening');
    if (this.#store.kind === 'memory') {
      observerLog.warn(
        'limits are counted in memory, by this instance alone; set store.redis in gateway.yaml to share them',
      );
    }
    void this.#keySources.warm(this.#first.identities.issuers.values());
    const intervalMs = this.#start.watchIntervalMs ?? 1000;
    if (intervalMs > 0) {
      this.#watch = watchFiles({
        list: () => this.#files,
        intervalMs,
        loadedAtMs: this.#loadedAtMs,
        onChange: async () => void (await this.reload()),
        onError: (error) => this.#logs.events.error({ err: error }, 'a reload failed'),
      });
    }
  }

  version(): string {
    return this.#live.snapshot.version;
  }

  // oxlint-disable-next-line require-await -- a reload is a promise for its callers, whatever it waits for inside
  async reload(): Promise<boolean> {
    const { directory, env } = this.#start;
    const { configuration, problems, files } = loadConfiguration(directory, {
      env,
      nowMs: systemClock.wallMs(),
    });
    this.#files = files;
    if (configuration === undefined) {
      this.#fresh = false;
      this.#metrics.reloads.inc({ result: 'refused' });
      this.#metrics.configFresh.set(0);
      this.#logs.events.error(
        { problems: renderProblems(problems).split('\n'), version: this.version() },
        'the new configuration is refused; the last good one stays in force',
      );
      return false;
    }
    const before = this.version();
    this.#verifiers = createVerifiers(configuration.identities, this.#keySources, systemClock);
    this.#live = this.#bring(configuration);
    this.#keySources.retain(configuration.identities.issuers.values());
    this.#upstream.retain(
      new Set(configuration.pools.flatMap((pool) => pool.endpoints.map((endpoint) => endpoint.url))),
    );
    this.#fresh = true;
    this.#metrics.reloads.inc({ result: 'applied' });
    this.#logs.events.info({ before, version: this.version() }, 'the new configuration is in force');
    this.#warnOfRestart(configuration);
    return true;
  }

  async stop(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.#watch?.close();
    const { delay, timeout } = this.#first.gateway.drain;
    this.#logs.events.info({ delayMs: delay, timeoutMs: timeout }, 'draining');
    if (delay > 0) await sleep(delay);
    const drained = Promise.all(this.#servers.map((server) => server.drain()));
    const ended = await Promise.race([drained.then(() => true), sleep(timeout, false, { ref: false })]);
    if (!ended) {
      this.#logs.events.warn('requests were still in progress when the drain time was over');
      for (const server of this.#servers) server.destroy();
    }
    this.#pools.close();
    this.#keySources.close();
    await Promise.all([this.#upstream.close(), this.#store.close()]);
    this.#logs.events.info('stopped');
    await flushLogs(this.#logs);
  }

  /** Puts a configuration in force: pools first, so that nothing is routed to one that is not there yet. */
  #bring(configuration: Configuration): Live {
    this.#pools.apply(configuration.pools);
    this.#metrics.configInfo.reset();
    this.#metrics.configInfo.set({ version: configuration.snapshot.version }, 1);
    this.#metrics.configFresh.set(1);
    return {
      snapshot: configuration.snapshot,
      effects: liveEffects({
        clock: systemClock,
        verifiers: this.#verifiers,
        limits: this.#store.store,
        guard: this.#guard,
      }),
    };
  }

  #surfaceContext() {
    const { telemetry } = this.#first.gateway;
    return {
      log: this.#logs.events,
      live: (): Live => this.#live,
      clock: systemClock,
      observer: createObserver({
        metrics: this.#metrics,
        log: this.#logs.access,
        accessLog: telemetry.accessLog,
        tenantLabel: (tenant) => this.#tenantLabels.of(tenant),
        onFault: (error, requestId) =>
          this.#logs.events.error({ err: error, requestId }, 'the gateway failed'),
      }),
    };
  }

  #admin(): HttpServerHandlers {
    return createAdmin({
      readiness: () => this.#readiness(),
      metrics: async () => {
        this.#metrics.limitStoreUp.set(this.#store.up() ? 1 : 0);
        const { registry } = this.#metrics;
        return { contentType: registry.contentType, text: await registry.metrics() };
      },
      onMetricsFailure: (error) => this.#logs.events.error({ err: error }, 'metrics could not be read'),
    });
  }

  /** Ready as long as requests can be decided. A dead pool or store is told, but another gateway would see the same. */
  #readiness(): Readiness {
    return {
      ready: !this.#draining,
      details: {
        state: this.#draining ? 'draining' : 'serving',
        configuration: this.#fresh
          ? 'in force'
          : 'the files on disk are refused; the last good configuration is in force',
        version: this.version(),
        limitStore: this.#store.describe(),
        pools: this.#pools
          .statuses()
          .map(
            (pool) =>
              `${pool.name} ${pool.endpoints.filter((endpoint) => endpoint.up).length}/${pool.endpoints.length} up`,
          )
          .join(', '),
      },
    };
  }

  #serverOptions() {
    const { http } = this.#first.gateway;
    return {
      maxHeadBytes: http.maxHead,
      maxFields: http.maxFields,
      maxTargetBytes: http.maxTarget,
      headTimeoutMs: http.headTimeout,
      bodyIdleMs: http.bodyTimeout,
      writeStallMs: http.writeTimeout,
      idleTimeoutMs: http.idleTimeout,
    };
  }

  #bounded(): { name: string; size: number; max: number }[] {
    const sizes = this.#verifiers.sizes();
    return [
      { name: 'limit_keys', size: this.#store.size(), max: this.#store.maxKeys },
      { name: 'guard_keys', size: this.#guard.size, max: this.#guard.maxKeys },
      { name: 'tenant_labels', size: this.#tenantLabels.size(), max: this.#tenantLabels.max },
      ...Object.entries(sizes).map(([name, size]) => ({ name, size, max: credentialCacheMax })),
    ];
  }

  #warnOfRestart(configuration: Configuration): void {
    const { gateway } = configuration;
    const first = this.#first.gateway;
    for (const key of ['listeners', 'http', 'store', 'telemetry', 'drain'] as const) {
      if (JSON.stringify(gateway[key]) !== JSON.stringify(first[key])) {
        this.#logs.events.warn({ key }, 'this part of gateway.yaml takes effect after a restart');
      }
    }
  }
}

const credentialCacheMax = 10_000;
