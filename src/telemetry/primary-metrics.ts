import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

/** What the primary process counts itself when there are several workers; the rest comes from them. */
export interface PrimaryMetrics {
  registry: Registry;
  /** The same metric as in `Metrics`: reloads are decided in one place. */
  reloads: Counter<'result'>;
  configFresh: Gauge;
  workerRestarts: Counter;
  /** The same metric as in `Metrics`: one process has the admin listener. */
  adminChanges: Counter<'action' | 'outcome'>;
}

/** `serving` is asked when somebody scrapes: how many workers take requests. */
export function createPrimaryMetrics(serving: () => number): PrimaryMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const workers = new Gauge({
    name: 'bulkhead_workers',
    help: 'Worker processes that take requests.',
    registers: [],
    collect() {
      this.set(serving());
    },
  });
  registry.registerMetric(workers);
  return {
    registry,
    reloads: createReloads(registers),
    configFresh: createConfigFresh(registers),
    adminChanges: createAdminChanges(registers),
    workerRestarts: new Counter({
      name: 'bulkhead_worker_restarts_total',
      help: 'Worker processes that were started in the place of one that died.',
      registers,
    }),
  };
}

export function createReloads(registers: Registry[]): Counter<'result'> {
  return new Counter({
    name: 'bulkhead_config_reloads_total',
    help: 'Reloads of the configuration, by result: applied, unchanged or refused.',
    labelNames: ['result'],
    registers,
  });
}

export function createAdminChanges(registers: Registry[]): Counter<'action' | 'outcome'> {
  return new Counter({
    name: 'bulkhead_admin_changes_total',
    help: 'Changes that somebody asked the admin listener for, by outcome: done, refused or unknown.',
    labelNames: ['action', 'outcome'],
    registers,
  });
}

/** With several workers the one that says 0 counts: the primary, when the files are refused. */
export function createConfigFresh(registers: Registry[]): Gauge {
  return new Gauge({
    name: 'bulkhead_config_fresh',
    help: 'Whether the files on disk are the configuration in force: 0 after a reload was refused.',
    aggregator: 'min',
    registers,
  });
}
