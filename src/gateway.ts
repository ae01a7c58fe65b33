import { setTimeout as sleep } from 'node:timers/promises';
import { createAdmin, type Readiness } from './admin/admin.ts';
import { createKeySources, createVerifiers, type LiveVerifiers } from './auth/verifiers.ts';
import { ConfigurationKeeper, type GoodLoad, loadFirst } from './config/keeper.ts';
import type { Configuration } from './config/load.ts';
import type { GatewayOptions } from './config/schema.ts';
import { serverOptions } from './config/server-options.ts';
import { partOfWorker } from './config/worker-part.ts';
import { systemClock } from './core/clock.ts';
import { liveEffects } from './decide/effects.ts';
import type { Live } from './decide/live.ts';
import { createForwardAuth } from './forward-auth/forward-auth.ts';
import { createHttpServer, type HttpServer, type HttpServerHandlers } from './http1/server.ts';
import { SpoolBudget } from './http1/spool-file.ts';
import { createUpstreamClient } from './http1/upstream.ts';
import { MemoryStore } from './limits/memory-store.ts';
import { openPenalties } from './limits/open-penalties.ts';
import { type OpenStore, openLimitStore } from './limits/open-store.ts';
import { deriveAccountKey, PenaltyBook } from './limits/penalty-book.ts';
import { compilePenalties } from './limits/penalty-options.ts';
import { probeEndpoint } from './pools/probe.ts';
import { PoolRegistry } from './pools/registry.ts';
import { shareOfPools, type WorkerPlace } from './pools/share.ts';
import { systemScheduler } from './core/scheduler.ts';
import { describePool } from './pools/status.ts';
import { createInlineProxy } from './proxy/inline-proxy.ts';
import { type MetricReading, readRegistry } from './telemetry/aggregate.ts';
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
  /** What was loaded already; without it the directory is. */
  first?: GoodLoad;
}

/** How a gateway starts that is one of several worker processes. */
export interface WorkerStart extends GatewayStart {
  first: GoodLoad;
  place: WorkerPlace;
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

/** One of several gateways behind the same ports. Another process looks after configuration and admin listener. */
export interface WorkerGateway {
  listening: readonly Listening[];
  version(): string;
  apply(configuration: Configuration): void;
  readiness(): Readiness;
  measure(): Promise<MetricReading[]>;
  stop(): Promise<void>;
}

/**
 * Starts a gateway: configuration, the parts that live longer than one configuration, listeners. Rejects with
 * `ConfigurationRefusedError` for a bad configuration, and with the system's error for a port that cannot be opened.
 */
export async function startGateway(start: GatewayStart): Promise<Gateway> {
  const gateway = new RunningGateway(start, start.first ?? loadFirst(start.directory, start.env), undefined);
  await gateway.listen();
  return gateway;
}

/** Starts one of several worker processes: its part of the seats, and the listeners for requests alone. */
export async function startWorkerGateway(start: WorkerStart): Promise<WorkerGateway> {
  const gateway = new RunningGateway({ ...start, watchIntervalMs: 0 }, start.first, start.place);
  await gateway.listen();
  return gateway;
}

class RunningGateway implements Gateway, WorkerGateway {
  readonly listening: Listening[] = [];
  /** Of the first configuration: what it says takes effect once. */
  readonly #gateway: GatewayOptions;
  readonly #start: GatewayStart;
  readonly #place: WorkerPlace | undefined;
  readonly #keeper: ConfigurationKeeper;
  readonly #logs: Logs;
  readonly #metrics: Metrics;
  readonly #tenantLabels: TenantLabels;
  readonly #store: OpenStore;
  readonly #guard = new MemoryStore({ clock: systemClock });
  readonly #penaltyStore: ReturnType<typeof openPenalties>;
  readonly #penalties: PenaltyBook;
  readonly #keySources;
  readonly #pools: PoolRegistry;
  readonly #upstream;
  readonly #spoolBudget: SpoolBudget;
  readonly #servers: HttpServer[] = [];
  #live: Live;
  #verifiers: LiveVerifiers;
  #draining = false;

  constructor(start: GatewayStart, first: GoodLoad, place: WorkerPlace | undefined) {
    const { configuration } = first;
    const gateway = partOfWorker(configuration.gateway, place ?? { of: 1 });
    this.#gateway = gateway;
    this.#start = start;
    this.#place = place;
    this.#logs = createLogs(gateway.telemetry.level, {
      sink: start.logSink,
      writer: place && { worker: place.index + 1 },
    });
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
    this.#penaltyStore = openPenalties(gateway.store, systemClock);
    this.#penalties = new PenaltyBook({
      store: this.#penaltyStore.store,
      rules: compilePenalties(gateway.bruteForce),
      clock: systemClock,
      accountKey: deriveAccountKey(gateway.bruteForce.key, gateway.store?.redis.url),
      onFailure: (zone, kind) => this.#metrics.failedAttempts.add([zone, kind]),
      onPenalty: (zone, subject) => this.#metrics.penalties.add([zone, subject]),
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
    this.#spoolBudget = new SpoolBudget(gateway.http.spool.total);
    this.#upstream = createUpstreamClient();
    this.#verifiers = createVerifiers(configuration.identities, this.#keySources, systemClock);
    this.#live = this.#bring(configuration);
    this.#keeper = new ConfigurationKeeper({
      ...start,
      first,
      log: this.#logs.events,
      apply: (loaded) => this.apply(loaded),
      onReload: (result) => {
        this.#metrics.reloads.inc({ result });
        this.#metrics.configFresh.set(result === 'applied' ? 1 : 0);
      },
    });
  }

  async listen(): Promise<void> {
    const { listeners } = this.#gateway;
    await Promise.all([this.#store.ready(), this.#penaltyStore.ready()]);
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
      ['admin', this.#place === undefined ? listeners.admin : undefined, () => this.#admin()],
    ];
    for (const [name, address, handlers] of surfaces) {
      if (address === undefined) continue;
      const server = createHttpServer(serverOptions(this.#gateway.http, this.#spoolBudget), handlers());
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
    void this.#keySources.warm(this.#keeper.current.identities.issuers.values());
    this.#keeper.watch(this.#start.watchIntervalMs ?? 1000);
  }

  version(): string {
    return this.#live.snapshot.version;
  }

  // oxlint-disable-next-line require-await -- a reload is a promise for its callers, whatever it waits for inside
  async reload(): Promise<boolean> {
    return this.#keeper.reload();
  }

  apply(configuration: Configuration): void {
    this.#verifiers = createVerifiers(configuration.identities, this.#keySources, systemClock);
    this.#live = this.#bring(configuration);
    this.#keySources.retain(configuration.identities.issuers.values());
    this.#upstream.retain(
      new Set(configuration.pools.flatMap((pool) => pool.endpoints.map((endpoint) => endpoint.url))),
    );
  }

  async stop(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.#keeper.close();
    const { delay, timeout } = this.#gateway.drain;
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
    await Promise.all([this.#upstream.close(), this.#store.close(), this.#penaltyStore.store.close()]);
    this.#logs.events.info('stopped');
    await flushLogs(this.#logs);
  }

  /** Puts a configuration in force: pools first, so that nothing is routed to one that is not there yet. */
  #bring(configuration: Configuration): Live {
    const { pools } = configuration;
    this.#pools.apply(this.#place === undefined ? pools : shareOfPools(pools, this.#place));
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
        penalties: this.#penalties,
      }),
    };
  }

  #surfaceContext() {
    const { telemetry } = this.#gateway;
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
      readiness: () => this.readiness(),
      metrics: async () => {
        const registry = this.#registry();
        return { contentType: registry.contentType, text: await registry.metrics() };
      },
      onFailure: (what, error) => this.#logs.events.error({ err: error }, `${what} could not be read`),
    });
  }

  measure(): Promise<MetricReading[]> {
    return readRegistry(this.#registry());
  }

  #registry() {
    this.#metrics.limitStoreUp.set(this.#store.up() ? 1 : 0);
    return this.#metrics.registry;
  }

  /** Ready as long as requests can be decided. A dead pool or store is told, but another gateway would see the same. */
  readiness(): Readiness {
    return {
      ready: !this.#draining,
      details: {
        state: this.#draining ? 'draining' : 'serving',
        configuration: this.#keeper.describe(),
        version: this.version(),
        limitStore: this.#store.describe(),
        pools: this.#pools.statuses().map(describePool).join(', '),
      },
    };
  }

  #bounded(): { name: string; size: number; max: number }[] {
    const sizes = this.#verifiers.sizes();
    return [
      { name: 'limit_keys', size: this.#store.size(), max: this.#store.maxKeys },
      { name: 'guard_keys', size: this.#guard.size, max: this.#guard.maxKeys },
      ...this.#penalties.sizes(),
      { name: 'tenant_labels', size: this.#tenantLabels.size(), max: this.#tenantLabels.max },
      { name: 'spool_bytes', size: this.#spoolBudget.usedBytes, max: this.#spoolBudget.maxBytes },
      ...Object.entries(sizes).map(([name, size]) => ({ name, size, max: credentialCacheMax })),
    ];
  }
}

const credentialCacheMax = 10_000;
