import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { type MetricReading, MetricTotals, readRegistry } from './aggregate.ts';
import { createMetrics } from './metrics.ts';
import type { PoolReading } from './pool-gauges.ts';
import { createPrimaryMetrics } from './primary-metrics.ts';

interface Facts {
  requests?: number;
  durations?: number[];
  storeUp?: number;
  fresh?: number;
  version?: string;
  pool?: Partial<PoolReading>;
  entries?: number;
}

/** What a worker with these facts would send through its pipe. */
async function worker({
  requests = 0,
  durations = [],
  pool,
  entries = 0,
  ...gauges
}: Facts): Promise<MetricReading[]> {
  const metrics = createMetrics({
    pools: () => [
      {
        name: 'odoo',
        seats: 2,
        recommendedSeats: 2,
        busyByZone: { office: 1 },
        queuedByZone: { office: 3 },
        queueMax: 4,
        classes: [{ name: 'interactive', busy: 1, queued: 3, longestWaitMs: 1_500 }],
        endpoints: [{ url: 'http://odoo:8069', up: true, saturated: false }],
        ...pool,
      },
    ],
    bounded: () => [{ name: 'guard_keys', size: entries, max: 10 }],
    limitDeciders: () => ({}),
  });
  for (let i = 0; i < requests; i++) metrics.requests.add(['proxy', 'office', 'none', 'interactive', 200]);
  for (const seconds of durations) metrics.duration.add('office', 'batch', seconds);
  metrics.limitStoreUp.set(gauges.storeUp ?? 1);
  metrics.configFresh.set(gauges.fresh ?? 1);
  metrics.configInfo.set({ version: gauges.version ?? 'v1' }, 1);
  return JSON.parse(JSON.stringify(await readRegistry(metrics.registry))) as MetricReading[];
}

/** The series whose name begins like this, in the order in which they are shown. */
async function shown(
  totals: MetricTotals,
  readings: MetricReading[][],
  ...names: string[]
): Promise<string[]> {
  const { text } = await totals.text(readings);
  return text.split('\n').filter((line) => names.some((name) => line.startsWith(name)));
}

const requests =
  'bulkhead_requests_total{surface="proxy",zone="office",tenant="none",workload="interactive",status="200"}';

describe('the metrics of several workers', () => {
  it('are sums of what they counted, and of seats, queues and collections', async () => {
    const readings = [
      await worker({ requests: 3, durations: [0.02, 0.2], entries: 1 }),
      await worker({ requests: 4, durations: [0.02], entries: 2 }),
    ];
    const lines = await shown(
      new MetricTotals(),
      readings,
      'bulkhead_requests_total',
      'bulkhead_request_duration_seconds_bucket{le="0.025"',
      'bulkhead_request_duration_seconds_count',
      'bulkhead_pool_seats',
      'bulkhead_pool_queue_l',
      'bulkhead_entries',
    );
    expect(lines.toSorted()).toEqual([
      'bulkhead_entries_limit{collection="guard_keys"} 20',
      'bulkhead_entries{collection="guard_keys"} 3',
      'bulkhead_pool_queue_length{pool="odoo",zone="office"} 6',
      'bulkhead_pool_queue_limit{pool="odoo"} 8',
      'bulkhead_pool_seats_busy{pool="odoo",zone="office"} 2',
      'bulkhead_pool_seats_recommended{pool="odoo"} 4',
      'bulkhead_pool_seats{pool="odoo"} 4',
      'bulkhead_request_duration_seconds_bucket{le="0.025",zone="office",workload="batch"} 2',
      'bulkhead_request_duration_seconds_count{zone="office",workload="batch"} 3',
      `${requests} 7`,
    ]);
  });

  it.each<[string, Facts, Facts, string[]]>([
    ['a store that one does not reach is down', { storeUp: 0 }, {}, ['bulkhead_limit_store_up 0']],
    ['files that one refuses are not fresh', {}, { fresh: 0 }, ['bulkhead_config_fresh 0']],
    ['one version in force is told once', {}, {}, ['bulkhead_config_info{version="v1"} 1']],
    [
      'versions that differ are both told',
      {},
      { version: 'v2' },
      ['bulkhead_config_info{version="v1"} 1', 'bulkhead_config_info{version="v2"} 1'],
    ],
    [
      'an endpoint that one has taken out of service is down',
      { pool: { endpoints: [{ url: 'http://odoo:8069', up: false, saturated: false }] } },
      {},
      ['bulkhead_pool_endpoint_up{pool="odoo",endpoint="http://odoo:8069"} 0'],
    ],
    [
      'an endpoint that one finds busy is busy',
      {},
      { pool: { endpoints: [{ url: 'http://odoo:8069', up: true, saturated: true }] } },
      ['bulkhead_pool_endpoint_saturated{pool="odoo",endpoint="http://odoo:8069"} 1'],
    ],
  ])('%s', async (_title, first, second, lines) => {
    const name = lines[0]?.split(/[{ ]/)[0] ?? '';
    expect(await shown(new MetricTotals(), [await worker(first), await worker(second)], name)).toEqual(lines);
  });

  it('keep what a dead worker counted, and nothing else of it', async () => {
    const totals = new MetricTotals();
    totals.end(await worker({ requests: 5, durations: [1], version: 'v0', entries: 7 }));
    totals.end(await worker({ requests: 2, durations: [2], version: 'v0', entries: 7 }));
    const lines = await shown(
      totals,
      [await worker({ requests: 1, entries: 1 })],
      'bulkhead_requests_total',
      'bulkhead_request_duration_seconds_sum',
      'bulkhead_config_info',
      'bulkhead_entries{',
    );
    expect(lines.toSorted()).toEqual([
      'bulkhead_config_info{version="v1"} 1',
      'bulkhead_entries{collection="guard_keys"} 1',
      'bulkhead_request_duration_seconds_sum{zone="office",workload="batch"} 3',
      `${requests} 8`,
    ]);
  });

  it('show what dead workers counted when none is left', async () => {
    const totals = new MetricTotals();
    totals.end(await worker({ requests: 5 }));
    expect(await shown(totals, [], 'bulkhead_requests_total')).toEqual([`${requests} 5`]);
  });

  it('add what the primary counts, and tell since when the primary runs', async () => {
    const primary = createPrimaryMetrics(() => 2);
    primary.reloads.inc({ result: 'refused' });
    primary.configFresh.set(0);
    primary.workerRestarts.inc(3);
    const reading = await readRegistry(primary.registry);
    const since = reading.find(({ name }) => name === 'process_start_time_seconds')?.values[0]?.value;
    const lines = await shown(
      new MetricTotals(),
      [reading, await worker({})],
      'bulkhead_config_reloads_total',
      'bulkhead_config_fresh',
      'bulkhead_worker',
      'process_start_time_seconds',
    );
    expect(lines.toSorted()).toEqual([
      'bulkhead_config_fresh 0',
      'bulkhead_config_reloads_total{result="refused"} 1',
      'bulkhead_worker_restarts_total 3',
      'bulkhead_workers 2',
      `process_start_time_seconds ${since}`,
    ]);
  });

  it('leave out what is no number', async () => {
    const { registry } = createPrimaryMetrics(() => Number.NaN);
    const reading = await readRegistry(registry);
    expect(reading.find(({ name }) => name === 'bulkhead_workers')?.values).toEqual([]);
    expect(await readRegistry(new Registry())).toEqual([]);
  });
});
