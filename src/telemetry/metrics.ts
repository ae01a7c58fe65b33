import { type Aggregator, collectDefaultMetrics, Counter, Gauge, type Metric, Registry } from 'prom-client';
import { createConfigFresh, createReloads } from './primary-metrics.ts';
import { TalliedHistogram } from './histogram.ts';
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
  queueWait: TalliedHistogram<'zone' | 'pool'>;
  reloads: Counter<'result'>;
  configInfo: Gauge<'version'>;
  configFresh: Gauge;
  limitStoreUp: Gauge;
}

/** A pool as the metrics show it. */
export interface PoolReading {
  name: string;
  seats: number;
  busyByZone: Record<string, number>;
  queuedByZone: Record<string, number>;
  queueMax: number;
  endpoints: readonly { url: string; up: boolean; saturated: boolean }[];
}

/** What is read only when somebody scrapes. */
export interface MetricSources {
  pools(): PoolReading[];
  /** Bounded collections by name: how full, and how full they may get. */
  bounded(): { name: string; size: number; max: number }[];
}

// Odoo answers between milliseconds and a minute; the edges are where a user notices a difference.
const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const gauge of [...poolGauges(sources), ...boundedGauges(sources)]) registry.registerMetric(gauge);
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
      help: 'Requests that were refused, by reason code.',
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
    queueWait: registered(
      registry,
      new TalliedHistogram({
        name: 'bulkhead_pool_queue_wait_seconds',
        help: 'Time that requests waited for a seat, those that got one at once left out.',
        labelNames: ['zone', 'pool'],
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
    limitStoreUp: new Gauge({
      name: 'bulkhead_limit_store_up',
      help: 'Whether the store of the limits answers; always 1 for the one in memory.',
      aggregator: 'min',
      registers,
    }),
  };
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

/** Gauges that are read when somebody scrapes; they register nowhere by themselves. */
function poolGauges(sources: MetricSources): Gauge[] {
  const gauge = (
    name: string,
    {
      help,
      labelNames,
      read,
      aggregator = 'sum',
    }: {
      help: string;
      labelNames: string[];
      read: (gauge: Gauge, pool: PoolReading) => void;
      aggregator?: Aggregator;
    },
  ): Gauge =>
    new Gauge({
      name,
      help,
      labelNames,
      aggregator,
      registers: [],
      collect() {
        this.reset();
        for (const pool of sources.pools()) read(this, pool);
      },
    });
  return [
    gauge('bulkhead_pool_seats', {
      help: 'Seats of a pool: how many requests its workers can serve at once.',
      labelNames: ['pool'],
      read: (metric, pool) => metric.set({ pool: pool.name }, pool.seats),
    }),
    gauge('bulkhead_pool_seats_busy', {
      help: 'Seats in use, by zone.',
      labelNames: ['pool', 'zone'],
      read: (metric, pool) => {
        for (const [zone, busy] of Object.entries(pool.busyByZone))
          metric.set({ pool: pool.name, zone }, busy);
      },
    }),
    gauge('bulkhead_pool_queue_length', {
      help: 'Requests that wait for a seat, by zone.',
      labelNames: ['pool', 'zone'],
      read: (metric, pool) => {
        for (const [zone, queued] of Object.entries(pool.queuedByZone))
          metric.set({ pool: pool.name, zone }, queued);
      },
    }),
    gauge('bulkhead_pool_queue_limit', {
      help: 'Most requests that may wait for a seat.',
      labelNames: ['pool'],
      read: (metric, pool) => metric.set({ pool: pool.name }, pool.queueMax),
    }),
    gauge('bulkhead_pool_endpoint_up', {
      help: 'Whether an endpoint is in service.',
      labelNames: ['pool', 'endpoint'],
      // Each worker judges for itself; one that cannot reach the endpoint is worth an alarm.
      aggregator: 'min',
      read: (metric, pool) => {
        for (const { url, up } of pool.endpoints) metric.set({ pool: pool.name, endpoint: url }, up ? 1 : 0);
      },
    }),
    gauge('bulkhead_pool_endpoint_saturated', {
      help: 'Whether the last probe of an endpoint found all its workers busy.',
      labelNames: ['pool', 'endpoint'],
      aggregator: 'max',
      read: (metric, pool) => {
        for (const { url, saturated } of pool.endpoints) {
          metric.set({ pool: pool.name, endpoint: url }, saturated ? 1 : 0);
        }
      },
    }),
  ];
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
