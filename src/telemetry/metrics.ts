import { collectDefaultMetrics, Counter, Gauge, type Metric, Registry } from 'prom-client';
import type { Bounded } from '../core/bounded.ts';
import { createAdminChanges, createConfigFresh, createReloads } from './primary-metrics.ts';
import { TalliedHistogram } from './histogram.ts';
import { poolGauges, type PoolReading } from './pool-gauges.ts';
import { type LabelValue, Tally } from './tally.ts';

/**
 * Every metric of the gateway, each name once; `docs/metrics.md` describes them. With several workers one figure stands for
 * all of them: counters, histograms and the gauges that say nothing else are summed up, the others name their `aggregator`.
 */
export interface Metrics {
  registry: Registry;
  requests: Tally<readonly [surface: string, zone: string, tenant: string, workload: string, status: number]>;
  duration: TalliedHistogram<'zone' | 'workload'>;
  refusals: Tally<readonly [zone: string, reason: string]>;
  limitDecisions: Tally<readonly [zone: string, limit: string, outcome: string]>;
  failedAttempts: Tally<readonly [zone: string, kind: string]>;
  penalties: Tally<readonly [zone: string, subject: string]>;
  sharedClients: Counter;
  queueWait: TalliedHistogram<'zone' | 'pool'>;
  classWait: TalliedHistogram<'pool' | 'class'>;
  service: TalliedHistogram<'pool' | 'class'>;
  shed: Tally<readonly [pool: string, workClass: string, cause: string]>;
  seatSeconds: Tally<readonly [pool: string, workClass: string, useful: string]>;
  tenantSeatSeconds: Tally<readonly [pool: string, tenant: string]>;
  ejections: Tally<readonly [pool: string, cause: string]>;
  lookUps: Tally<readonly [pool: string, name: string, result: string]>;
  transactions: Tally<readonly [transaction: string, zone: string, tenant: string, outcome: string]>;
  transactionDuration: TalliedHistogram<'transaction' | 'zone'>;
  reloads: Counter<'result'>;
  configInfo: Gauge<'version'>;
  configFresh: Gauge;
  limitStoreUp: Gauge;
  limitInstances: Gauge;
  adminChanges: Counter<'action' | 'outcome'>;
}

/** What is read only when somebody scrapes. */
export interface MetricSources {
  pools(): PoolReading[];
  /** Limit decisions since the start, by who decided. */
  limitDeciders(): Record<string, number>;
  /** Bounded collections by name: how full, and how full they may get. */
  bounded(): Bounded[];
  /** Methods that are batch work because they were slow, by zone that learns; undefined where none does. */
  learnedBatch?(): ReadonlyMap<string, number>;
}

// Odoo answers between milliseconds and a minute; the edges are where a user notices a difference.
const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  registry.registerMetric(limitDeciders(sources));
  registry.registerMetric(learnedBatch(sources));
  for (const gauge of [...poolGauges(() => sources.pools()), ...boundedGauges(sources)])
    registry.registerMetric(gauge);
  return {
    registry,
    requests: registerTally(registry, {
      name: 'bulkhead_requests_total',
      help: 'Requests that were answered, refused ones included.',
      labelNames: ['surface', 'zone', 'tenant', 'workload', 'status'],
    }),
    duration: registered(
      registry,
      new TalliedHistogram({
        name: 'bulkhead_request_duration_seconds',
        help: 'Time from the head of a request to the last byte of its answer.',
        labelNames: ['zone', 'workload'],
        buckets: seconds,
      }),
    ),
    refusals: registerTally(registry, {
      name: 'bulkhead_refusals_total',
      help: 'Requests that were refused, and tunnels that were ended, by reason code.',
      labelNames: ['zone', 'reason'],
    }),
    limitDecisions: registerTally(registry, {
      name: 'bulkhead_limit_decisions_total',
      help: 'What each limit said: admitted, refused, or shadow_refused when it only would have.',
      labelNames: ['zone', 'limit', 'outcome'],
    }),
    failedAttempts: registerTally(registry, {
      name: 'bulkhead_failed_attempts_total',
      help: 'Logins, keys, tokens and certificates that were wrong, by what was tried.',
      labelNames: ['zone', 'kind'],
    }),
    penalties: registerTally(registry, {
      name: 'bulkhead_penalties_total',
      help: 'Failures too many, after which an address or an account is held back.',
      labelNames: ['zone', 'subject'],
    }),
    sharedClients: new Counter({
      name: 'bulkhead_shared_client_keys_total',
      help: 'Times that a client was counted together with others, because too many new addresses came.',
      registers,
    }),
    queueWait: registered(
      registry,
      new TalliedHistogram({
        name: 'bulkhead_pool_queue_wait_seconds',
        help: 'Time that requests waited for a seat, those that got one at once left out.',
        labelNames: ['zone', 'pool'],
        buckets: seconds,
      }),
    ),
    classWait: registered(
      registry,
      new TalliedHistogram({
        name: 'bulkhead_pool_class_wait_seconds',
        help: 'Time that requests waited for a seat, by class, those that got one at once left out.',
        labelNames: ['pool', 'class'],
        buckets: seconds,
      }),
    ),
    service: registered(
      registry,
      new TalliedHistogram({
        name: 'bulkhead_pool_service_seconds',
        help: 'Time that requests held a seat.',
        labelNames: ['pool', 'class'],
        buckets: seconds,
      }),
    ),
    shed: registerTally(registry, {
      name: 'bulkhead_pool_shed_total',
      help: 'Requests that got no seat: client_gone, deadline, delay, tenant_queue_full, pool_queue_full.',
      labelNames: ['pool', 'class', 'cause'],
    }),
    seatSeconds: registerTally(registry, {
      name: 'bulkhead_pool_seat_seconds_total',
      help: 'Time for which seats were held; useful is no when no answer came, or nobody waited for it any more.',
      labelNames: ['pool', 'class', 'useful'],
    }),
    tenantSeatSeconds: registerTally(registry, {
      name: 'bulkhead_pool_tenant_seat_seconds_total',
      help: 'Time for which seats were held, by tenant.',
      labelNames: ['pool', 'tenant'],
    }),
    ejections: registerTally(registry, {
      name: 'bulkhead_pool_endpoint_ejections_total',
      help: 'Times that an endpoint went out of service: unreachable, probe (a bad answer) or broken (connections break).',
      labelNames: ['pool', 'cause'],
    }),
    lookUps: registerTally(registry, {
      name: 'bulkhead_pool_name_lookups_total',
      help: 'Look-ups of names of endpoints: same, changed, or failed, after which the known addresses stay.',
      labelNames: ['pool', 'name', 'result'],
    }),
    transactions: registerTally(registry, {
      name: 'bulkhead_transactions_total',
      help: 'Business transactions by what became of them: done, asked (Odoo wants to know more), failed or refused.',
      labelNames: ['transaction', 'zone', 'tenant', 'outcome'],
    }),
    transactionDuration: registered(
      registry,
      new TalliedHistogram({
        name: 'bulkhead_transaction_duration_seconds',
        help: 'Time from the head of a business transaction to the last byte of its answer.',
        labelNames: ['transaction', 'zone'],
        buckets: seconds,
      }),
    ),
    reloads: createReloads(registers),
    configInfo: new Gauge({
      name: 'bulkhead_config_info',
      help: 'Version of the configuration in force; always 1.',
      labelNames: ['version'],
      aggregator: 'first',
      registers,
    }),
    configFresh: createConfigFresh(registers),
    adminChanges: createAdminChanges(registers),
    limitInstances: new Gauge({
      name: 'bulkhead_limit_instances',
      help: 'Instances, workers counted one by one, among which limits are divided while the store fails.',
      aggregator: 'max',
      registers,
    }),
    limitStoreUp: new Gauge({
      name: 'bulkhead_limit_store_up',
      help: 'Whether the store of the limits answers; always 1 for the one in memory.',
      aggregator: 'min',
      registers,
    }),
  };
}

/** A counter that is kept elsewhere and read when somebody scrapes. */
function limitDeciders(sources: MetricSources): Counter {
  return new Counter({
    name: 'bulkhead_limit_deciders_total',
    help: 'Limit decisions by who made them: store, this share of it, open (let pass uncounted), closed (refused unasked).',
    labelNames: ['by'],
    registers: [],
    collect() {
      this.reset();
      for (const [by, count] of Object.entries(sources.limitDeciders())) this.inc({ by }, count);
    },
  });
}

/** Every worker learns for itself, mostly the same: the one that has learned most stands for all. */
function learnedBatch(sources: MetricSources): Gauge {
  return new Gauge({
    name: 'bulkhead_learned_batch_methods',
    help: 'Odoo methods, of each tenant, that are batch work because their calls turned out to be slow.',
    labelNames: ['zone'],
    aggregator: 'max',
    registers: [],
    collect() {
      this.reset();
      for (const [zone, count] of sources.learnedBatch?.() ?? []) this.set({ zone }, count);
    },
  });
}

function registered<One extends object>(registry: Registry, metric: One): One {
  registry.registerMetric(metric as unknown as Metric);
  return metric;
}

/** A counter that is counted in a tally and read when somebody scrapes. */
function registerTally<Labels extends readonly LabelValue[]>(
  registry: Registry,
  { name, help, labelNames }: { name: string; help: string; labelNames: string[] },
): Tally<Labels> {
  const tally = new Tally<Labels>();
  const counter = new Counter({
    name,
    help,
    labelNames,
    registers: [],
    collect() {
      this.reset();
      for (const { values, count } of tally.entries()) {
        this.inc(Object.fromEntries(labelNames.map((label, i) => [label, values[i] ?? ''])), count);
      }
    },
  });
  registry.registerMetric(counter);
  return tally;
}

/** Both are summed up over workers, so that one stays the bound of the other. */
function boundedGauges(sources: MetricSources): Gauge[] {
  return [
    new Gauge({
      name: 'bulkhead_entries',
      help: 'Entries in a bounded collection of the gateway.',
      labelNames: ['collection'],
      registers: [],
      collect() {
        for (const { name, size } of sources.bounded()) this.set({ collection: name }, size);
      },
    }),
    new Gauge({
      name: 'bulkhead_entries_limit',
      help: 'Most entries that a bounded collection of the gateway may hold.',
      labelNames: ['collection'],
      registers: [],
      collect() {
        for (const { name, max } of sources.bounded()) this.set({ collection: name }, max);
      },
    }),
  ];
}
