import { setTimeout as sleep } from 'node:timers/promises';
import { createAdmin, type Readiness } from '../admin/admin.ts';
import { answerAboutLimits, type LimitFacts } from '../admin/limit-answers.ts';
import type { LimitAnswer, LimitQuestion } from '../admin/limit-questions.ts';
import { createKeySources, createVerifiers, type LiveVerifiers } from '../auth/verifiers.ts';
import { ConfigurationKeeper, type GoodLoad, loadFirst } from '../config/keeper.ts';
import type { Configuration } from '../config/load.ts';
import type { GatewayOptions } from '../config/schema.ts';
import { serverOptions } from '../config/server-options.ts';
import { partOfWorker } from '../config/worker-part.ts';
import type { Bounded } from '../core/bounded.ts';
import { systemClock } from '../core/clock.ts';
import type { Live } from '../decide/live.ts';
import { createForwardAuth } from '../forward-auth/forward-auth.ts';
import type { HttpServerHandlers } from '../http1/server.ts';
import { SpoolBudget } from '../http1/spool-file.ts';
import { createUpstreamClient } from '../http1/upstream.ts';
import type { Resolve } from '../pools/name-watch.ts';
import { probeEndpoint } from '../pools/probe.ts';
import type { PoolOptions } from '../pools/options.ts';
import { PoolRegistry } from '../pools/registry.ts';
import { resolveName } from '../pools/resolve-name.ts';
import { shareAmongGateways, type WorkerPlace } from '../pools/share.ts';
import { systemScheduler } from '../core/scheduler.ts';
import { describePool } from '../pools/status.ts';
import { createInlineProxy } from '../proxy/inline-proxy.ts';
import { StaticCache } from '../proxy/static-cache.ts';
import { type MetricReading, readRegistry } from '../telemetry/aggregate.ts';
import { createObserver } from '../telemetry/create-observer.ts';
import type { Observer } from '../telemetry/observer.ts';
import { createLogs, flushLogs, type Logs, type LogSink } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { RecentRefusals } from '../telemetry/recent-refusals.ts';
import { createPoolLedger } from '../telemetry/pool-ledger.ts';
import { createTenantLabels, type TenantLabels } from '../telemetry/tenant-label.ts';
import { type Budgets, openBudgets } from './budgets.ts';
import { createGatewayEvents } from './events.ts';
import { Listeners, type Listening, type Surface } from './listeners.ts';

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
  readonly #listeners = new Listeners();
  /** Of the first configuration: what it says takes effect once. */
  readonly #gateway: GatewayOptions;
  readonly #start: GatewayStart;
  readonly #place: WorkerPlace | undefined;
  readonly #keeper: ConfigurationKeeper;
  readonly #logs: Logs;
  readonly #metrics: Metrics;
  readonly #tenantLabels: TenantLabels;
  readonly #refusals = new RecentRefusals(systemClock);
  readonly #budgets: Budgets;
  readonly #keySources;
  readonly #pools: PoolRegistry;
  /** All seats, those of other processes included. */
  #poolOptions: readonly PoolOptions[] = [];
  readonly #upstream;
  readonly #spoolBudget: SpoolBudget;
  readonly #staticCache: StaticCache | undefined;
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
      limitDeciders: () => ({ ...this.#budgets.store.decisions() }),
      bounded: () => this.#bounded(),
      learnedBatch: () => this.#budgets.learned.batchByZone(),
    });
    const events = createGatewayEvents(this.#logs.events, this.#metrics);
    this.#budgets = openBudgets(gateway, {
      events,
      metrics: this.#metrics,
      onInstances: () => {
        if (!this.#draining && this.#poolOptions.some((pool) => pool.shared)) this.#dividePools();
      },
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

  get listening(): readonly Listening[] {
    return this.#listeners.listening;
  }

  async listen(): Promise<void> {
    await Promise.all([this.#budgets.ready(), this.#pools.ready()]);
    const options = serverOptions(this.#gateway.http, this.#spoolBudget);
    for (const surface of this.#surfaces()) await this.#listeners.open(surface, options);
    const log = this.#logs.events;
    log.info({ listening: this.listening, version: this.version() }, 'listening');
    if (this.#budgets.store.kind === 'memory') {
      log.warn(
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
    if (!(await this.#listeners.drain(timeout)))
      this.#logs.events.warn('requests were still in progress when the drain time was over');
    this.#pools.close();
    this.#keySources.close();
    await Promise.all([this.#upstream.close(), this.#budgets.close()]);
    this.#logs.events.info('stopped');
    await flushLogs(this.#logs);
  }

  /** Puts a configuration in force: pools first, so that nothing is routed to one that is not there yet. */
  #bring(configuration: Configuration): Live {
    this.#budgets.adopt(configuration);
    this.#poolOptions = configuration.pools;
    this.#dividePools();
    this.#metrics.configInfo.reset();
    this.#metrics.configInfo.set({ version: configuration.snapshot.version }, 1);
    this.#metrics.configFresh.set(1);
    return { snapshot: configuration.snapshot, effects: this.#budgets.effects(this.#verifiers) };
  }

  /** Takes this process's part of the pools: again whenever a gateway comes or goes. */
  #dividePools(): void {
    const process = this.#budgets.store.place();
    this.#pools.apply(shareAmongGateways(this.#poolOptions, { worker: this.#place, process }));
  }

  /** The ways in; the admin listener of several processes is with the one that looks after them. */
  #surfaces(): Surface[] {
    const { listeners } = this.#gateway;
    const context = { live: (): Live => this.#live, clock: systemClock, observer: this.#observer() };
    const proxy = {
      ...context,
      pools: this.#pools,
      upstream: this.#upstream,
      staticCache: this.#staticCache,
      listener: 'proxy',
    };
    const forwardAuth = { ...context, listener: 'forwardAuth' };
    return [
      { name: 'proxy', address: listeners.proxy, handlers: () => createInlineProxy(proxy) },
      {
        name: 'forwardAuth',
        address: listeners.forwardAuth,
        handlers: () => createForwardAuth(forwardAuth),
      },
      {
        name: 'admin',
        address: this.#place === undefined ? listeners.admin : undefined,
        handlers: () => this.#admin(),
      },
    ];
  }

  #observer(): Observer {
    return createObserver({
      metrics: this.#metrics,
      log: this.#logs.access,
      accessLog: this.#gateway.telemetry.accessLog,
      tenantLabel: (tenant) => this.#tenantLabels.of(tenant),
      refusals: this.#refusals,
      onFault: (error, requestId) => this.#logs.events.error({ err: error, requestId }, 'the gateway failed'),
    });
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
    const { store, guard } = this.#budgets;
    const facts: LimitFacts = {
      scope: this.#live.snapshot,
      desk: store.desk,
      store: { kind: store.kind, up: store.up() },
      guardKeysOf: (limit) => guard.keysOf(limit),
      refusals: this.#refusals,
      clock: systemClock,
    };
    return answerAboutLimits(facts, question);
  }

  #registry() {
    const { store } = this.#budgets;
    this.#metrics.limitStoreUp.set(store.up() ? 1 : 0);
    this.#metrics.limitInstances.set(store.instances());
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
        limitStore: this.#budgets.store.describe(),
        pools: this.#pools.statuses().map(describePool).join(', '),
      },
    };
  }

  #bounded(): Bounded[] {
    const cache = this.#staticCache;
    return [
      ...this.#budgets.bounded(),
      { name: 'refused_keys', size: this.#refusals.size, max: this.#refusals.max },
      { name: 'tenant_labels', size: this.#tenantLabels.size(), max: this.#tenantLabels.max },
      { name: 'spool_bytes', size: this.#spoolBudget.usedBytes, max: this.#spoolBudget.maxBytes },
      ...(cache === undefined
        ? []
        : [{ name: 'static_cache_bytes', size: cache.bytes, max: cache.maxBytes }]),
      ...Object.entries(this.#verifiers.sizes()).map(([name, size]) => ({
        name,
        size,
        max: credentialCacheMax,
      })),
    ];
  }
}

const credentialCacheMax = 10_000;
