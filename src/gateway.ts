import { setTimeout as sleep } from 'node:timers/promises';
import { createAdmin, type Readiness } from './admin/admin.ts';
import { answerAboutLimits, type LimitFacts } from './admin/limit-answers.ts';
import type { LimitAnswer, LimitQuestion } from './admin/limit-questions.ts';
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
import { createGatewayEvents } from './gateway-events.ts';
import { createHttpServer, type HttpServer, type HttpServerHandlers } from './http1/server.ts';
import { SpoolBudget } from './http1/spool-file.ts';
import { createUpstreamClient } from './http1/upstream.ts';
import { MemoryStore } from './limits/memory-store.ts';
import { ClientKeys } from './limits/client-keys.ts';
import { CostEstimates } from './limits/cost-estimates.ts';
import { SessionKeys } from './limits/session-keys.ts';
import { openPenalties } from './limits/open-penalties.ts';
import { type OpenStore, openLimitStore } from './limits/open-store.ts';
import { deriveAccountKey, PenaltyBook } from './limits/penalty-book.ts';
import { compilePenalties } from './limits/penalty-options.ts';
import { redisSecretOf } from './limits/redis-place.ts';
import { LearnedClasses, maxLearned } from './decide/learned-classes.ts';
import type { Resolve } from './pools/name-watch.ts';
import { probeEndpoint } from './pools/probe.ts';
import type { PoolOptions } from './pools/options.ts';
import { PoolRegistry } from './pools/registry.ts';
import { resolveName } from './pools/resolve-name.ts';
import { shareAmongGateways, type WorkerPlace } from './pools/share.ts';
import { systemScheduler } from './core/scheduler.ts';
import { describePool } from './pools/status.ts';
import { createInlineProxy } from './proxy/inline-proxy.ts';
import { StaticCache } from './proxy/static-cache.ts';
import { type MetricReading, readRegistry } from './telemetry/aggregate.ts';
import { createObserver } from './telemetry/create-observer.ts';
import { createLogs, flushLogs, type Logs, type LogSink } from './telemetry/log.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { RecentRefusals } from './telemetry/recent-refusals.ts';
import { createPoolLedger } from './telemetry/pool-ledger.ts';
import { createTenantLabels, type TenantLabels } from './telemetry/tenant-label.ts';

export interface GatewayStart {
  /** Configuration directory. */
  directory: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Replaces standard output for the log. */
  logSink?: LogSink;
  /** How often the files are looked at; 0 never. */
  watchIntervalMs?: number;
  /** Replaces the look-up of names of endpoints. */
  resolve?: Resolve;
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
  /** What this process knows of its limits, and what it does for an operator. */
  answerAboutLimits(question: LimitQuestion): Promise<LimitAnswer>;
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
  readonly #refusals = new RecentRefusals(systemClock);
  readonly #store: OpenStore;
  readonly #guard = new MemoryStore({ clock: systemClock });
  readonly #clients: ClientKeys;
  readonly #sessions = new SessionKeys(systemClock);
  /** Kept over reloads: what requests cost does not change with them. */
  readonly #estimates = new CostEstimates();
  readonly #learned: LearnedClasses;
  readonly #penaltyStore: ReturnType<typeof openPenalties>;
  readonly #penalties: PenaltyBook;
  readonly #keySources;
  readonly #pools: PoolRegistry;
  /** All seats, those of other processes included. */
  #poolOptions: readonly PoolOptions[] = [];
  readonly #upstream;
  readonly #spoolBudget: SpoolBudget;
  readonly #staticCache: StaticCache | undefined;
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
      limitDeciders: () => ({ ...this.#store.decisions() }),
      bounded: () => this.#bounded(),
      learnedBatch: () => this.#learned.batchByZone(),
    });
    const events = createGatewayEvents(this.#logs.events, this.#metrics);
    this.#learned = new LearnedClasses({ clock: systemClock, onMove: events.classMoved });
    this.#store = openLimitStore(gateway.store, {
      clock: systemClock,
      onInstances: () => {
        if (!this.#draining && this.#poolOptions.some((pool) => pool.shared)) this.#dividePools();
      },
      onConnectionError: events.limitStoreUnreachable,
      onModeChange: events.limitStoreMode,
    });
    const accountKey = deriveAccountKey(
      gateway.bruteForce.key,
      gateway.store && redisSecretOf(gateway.store.redis),
    );
    this.#clients = new ClientKeys({
      clock: systemClock,
      secret: accountKey,
      onShared: () => this.#metrics.sharedClients.inc(),
      onFlood: events.addressFlood,
    });
    this.#penaltyStore = openPenalties(gateway.store, systemClock);
    this.#penalties = new PenaltyBook({
      store: this.#penaltyStore.store,
      rules: compilePenalties(gateway.bruteForce),
      clock: systemClock,
      accountKey,
      clientKey: (address) => this.#clients.keyOf(address),
      onFailure: (zone, kind) => this.#metrics.failedAttempts.add([zone, kind]),
      onPenalty: (zone, subject) => this.#metrics.penalties.add([zone, subject]),
    });
    this.#keySources = createKeySources({
      clock: systemClock,
      scheduler: systemScheduler,
      fetch: globalThis.fetch,
      onRefresh: events.keysRefreshed,
    });
    this.#pools = new PoolRegistry({
      clock: systemClock,
      scheduler: systemScheduler,
      probe: probeEndpoint,
      ledger: createPoolLedger(this.#metrics, (tenant) => this.#tenantLabels.of(tenant)),
      onChange: events.endpointChanged,
      resolve: start.resolve ?? resolveName,
      onLookedUp: events.nameLookedUp,
      onAddresses: () => this.#upstream.retain(this.#pools.origins()),
    });
    this.#spoolBudget = new SpoolBudget(gateway.http.spool.total);
    const { staticCache: maxBytes } = gateway;
    this.#staticCache =
      maxBytes === undefined ? undefined : new StaticCache({ maxBytes, clock: systemClock });
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
    await Promise.all([this.#store.ready(), this.#penaltyStore.ready(), this.#pools.ready()]);
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
          createInlineProxy({
            ...context,
            pools: this.#pools,
            upstream: this.#upstream,
            staticCache: this.#staticCache,
            listener: 'proxy',
          }),
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
    this.#upstream.retain(this.#pools.origins());
  }

  async stop(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.#keeper.close();
    const { delay, timeout } = this.#gateway.drain;
    this.#logs.events.info({ delayMs: delay, timeoutMs: timeout }, 'draining');
    if (delay > 0) await sleep(delay);
    const drained = Promise.all(this.#servers.map((server) => server.drain({ tunnelSpreadMs: timeout / 2 })));
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
    this.#store.startRelease(configuration.gateway.version);
    this.#poolOptions = configuration.pools;
    this.#dividePools();
    this.#learned.retain(
      (zone) => configuration.snapshot.zonesByName.get(zone)?.workload.learn !== undefined,
    );
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
        clients: this.#clients,
        sessions: this.#sessions,
        estimates: this.#estimates,
        learned: this.#learned,
      }),
    };
  }

  /** Takes this process's part of the pools: again whenever a gateway comes or goes. */
  #dividePools(): void {
    const process = this.#store.place();
    this.#pools.apply(shareAmongGateways(this.#poolOptions, { worker: this.#place, process }));
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
        refusals: this.#refusals,
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
      limits: {
        scope: () => this.#live.snapshot,
        token: () => this.#keeper.current.gateway.admin.token,
        processes: {
          askAll: async (question) => [await this.answerAboutLimits(question)],
          askOne: (question) => this.answerAboutLimits(question),
        },
        audit: this.#logs.audit,
        clock: systemClock,
        onChange: (action, outcome) => this.#metrics.adminChanges.inc({ action, outcome }),
      },
      onFailure: (what, error) => this.#logs.events.error({ err: error }, `${what} could not be read`),
    });
  }

  measure(): Promise<MetricReading[]> {
    return readRegistry(this.#registry());
  }

  answerAboutLimits(question: LimitQuestion): Promise<LimitAnswer> {
    const facts: LimitFacts = {
      scope: this.#live.snapshot,
      desk: this.#store.desk,
      store: { kind: this.#store.kind, up: this.#store.up() },
      guardKeysOf: (limit) => this.#guard.keysOf(limit),
      refusals: this.#refusals,
      clock: systemClock,
    };
    return answerAboutLimits(facts, question);
  }

  #registry() {
    this.#metrics.limitStoreUp.set(this.#store.up() ? 1 : 0);
    this.#metrics.limitInstances.set(this.#store.instances());
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
      { name: 'refused_keys', size: this.#refusals.size, max: this.#refusals.max },
      ...this.#clients.sizes(),
      ...this.#sessions.sizes(),
      ...this.#penalties.sizes(),
      { name: 'learned_methods', size: this.#learned.size, max: maxLearned },
      { name: 'tenant_labels', size: this.#tenantLabels.size(), max: this.#tenantLabels.max },
      { name: 'spool_bytes', size: this.#spoolBudget.usedBytes, max: this.#spoolBudget.maxBytes },
      ...(this.#staticCache === undefined
        ? []
        : [
            {
              name: 'static_cache_bytes',
              size: this.#staticCache.bytes,
              max: this.#staticCache.maxBytes,
            },
          ]),
      ...Object.entries(sizes).map(([name, size]) => ({ name, size, max: credentialCacheMax })),
    ];
  }
}

const credentialCacheMax = 10_000;
