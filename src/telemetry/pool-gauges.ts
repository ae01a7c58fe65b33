import { type Aggregator, Gauge } from 'prom-client';

/** A pool as the metrics show it. */
export interface PoolReading {
  name: string;
  seats: number;
  recommendedSeats: number;
  busyByZone: Record<string, number>;
  queuedByZone: Record<string, number>;
  queueMax: number;
  classes: readonly { name: string; busy: number; queued: number; longestWaitMs: number }[];
  endpoints: readonly { url: string; up: boolean; saturated: boolean }[];
  names?: readonly { name: string; addresses: number; failure: string | undefined }[];
}

/** Gauges that are read when somebody scrapes; they register nowhere by themselves. */
export function poolGauges(readPools: () => PoolReading[]): Gauge[] {
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
        for (const pool of readPools()) read(this, pool);
      },
    });
  return [
    gauge('bulkhead_pool_seats', {
      help: 'Seats of a pool: how many requests its workers can serve at once.',
      labelNames: ['pool'],
      read: (metric, pool) => metric.set({ pool: pool.name }, pool.seats),
    }),
    gauge('bulkhead_pool_seats_recommended', {
      help: 'How many seats got most done so far; all, unless more of them made each other slower.',
      labelNames: ['pool'],
      read: (metric, pool) => metric.set({ pool: pool.name }, pool.recommendedSeats),
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
    gauge('bulkhead_pool_class_seats_busy', {
      help: 'Seats in use, by class.',
      labelNames: ['pool', 'class'],
      read: (metric, pool) => {
        for (const { name, busy } of pool.classes) metric.set({ pool: pool.name, class: name }, busy);
      },
    }),
    gauge('bulkhead_pool_class_queue_length', {
      help: 'Requests that wait for a seat, by class.',
      labelNames: ['pool', 'class'],
      read: (metric, pool) => {
        for (const { name, queued } of pool.classes) metric.set({ pool: pool.name, class: name }, queued);
      },
    }),
    gauge('bulkhead_pool_class_longest_wait_seconds', {
      help: 'How long the request has waited that has waited longest; 0 when nobody waits.',
      labelNames: ['pool', 'class'],
      aggregator: 'max',
      read: (metric, pool) => {
        for (const { name, longestWaitMs } of pool.classes)
          metric.set({ pool: pool.name, class: name }, longestWaitMs / 1000);
      },
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
    gauge('bulkhead_pool_name_addresses', {
      help: 'Addresses of a name of endpoints that are in use.',
      labelNames: ['pool', 'name'],
      aggregator: 'max',
      read: (metric, pool) => {
        for (const { name, addresses } of pool.names ?? []) metric.set({ pool: pool.name, name }, addresses);
      },
    }),
    gauge('bulkhead_pool_name_fresh', {
      help: 'Whether the last look-up of a name of endpoints brought addresses.',
      labelNames: ['pool', 'name'],
      aggregator: 'min',
      read: (metric, pool) => {
        for (const { name, failure } of pool.names ?? []) {
          metric.set({ pool: pool.name, name }, failure === undefined ? 1 : 0);
        }
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
