import type { ConfigPath, Issue } from '../core/issue.ts';
import { quoted } from '../core/schema.ts';
import { compileEndpoints, queuePerSeat } from './compile-endpoints.ts';
import { type WorkClass, workClasses } from '../core/work-class.ts';
import type { AuthoredPool, AuthoredPools, ClassOptions, HealthOptions, PoolOptions } from './options.ts';

const defaultDeadlinesMs = { critical: 8_000, interactive: 8_000, batch: 90_000 };
const defaultTargetsMs = { critical: 500, interactive: 500, batch: 10_000 };
const leastQueue = 64;

/** Pools that can run, and what is wrong; a pool with issues is left out of `pools`. */
export interface CompiledPools {
  pools: PoolOptions[];
  issues: Issue[];
}

/** Compiles `pools.yaml`. Issue paths begin at the top of that file: `["pools", 0, "name"]`. */
export function compilePools(authored: AuthoredPools): CompiledPools {
  const pools: PoolOptions[] = [];
  const issues: Issue[] = [];
  const poolNames = new Set<string>();
  authored.pools.forEach((pool, index) => {
    const path: ConfigPath = ['pools', index];
    const found: Issue[] = [];
    if (poolNames.has(pool.name)) {
      found.push({
        path: [...path, 'name'],
        what: `Pool ${quoted(pool.name)} is defined twice.`,
        consequence: 'It would be chance which workers a zone gets.',
        fix: 'Rename one of them, or write all endpoints into one pool.',
      });
    }
    poolNames.add(pool.name);
    const { endpoints, names } = compileEndpoints(pool, path, found);
    checkTimes(pool, path, found);
    const classes = compileClasses(pool, path, found);
    const health = compileHealth(pool, path, found);
    issues.push(...found);
    if (found.length > 0) return;
    pools.push({
      name: pool.name,
      kind: pool.kind,
      endpoints,
      ...(names.length === 0 ? {} : { names }),
      slowStartMs: pool.slowStart,
      ...(pool.affinity === 'session' ? { affinity: pool.affinity } : {}),
      keepAlive: pool.keepAlive,
      queue: {
        max: pool.queue.max ?? Math.max(leastQueue, queuePerSeat * seatsOf(pool)),
        perTenant: pool.queue.perTenant,
      },
      classes,
      serves: workClasses,
      timeoutMs: pool.timeout,
      connectTimeoutMs: pool.connectTimeout,
      maxBodyBytes: pool.maxBody,
      requestBody: pool.requestBody,
      shared: pool.shared,
      health,
    });
  });
  return { pools, issues };
}

function seatsOf({ endpoints }: AuthoredPool): number {
  return endpoints.reduce((sum, { seats }) => sum + seats, 0);
}

function compileClasses(
  pool: AuthoredPool,
  path: ConfigPath,
  issues: Issue[],
): Record<WorkClass, ClassOptions> {
  const { critical, interactive, batch } = pool.classes;
  const compile = (
    name: WorkClass,
    authored: { weight: number; deadline?: number | undefined; target?: number | undefined },
    reserve: number | undefined,
  ): ClassOptions => {
    const at = [...path, 'classes', name];
    const { weight, deadline, target } = authored;
    if (deadline !== undefined) {
      refuseZero(deadline, [...at, 'deadline'], 'Nobody would ever wait for a seat.', issues);
    }
    if (target !== undefined) {
      refuseZero(target, [...at, 'target'], 'Every queue would count as one that stands.', issues);
    }
    const deadlineMs = deadline ?? pool.queue.deadline ?? defaultDeadlinesMs[name];
    if (target !== undefined && target >= deadlineMs) {
      issues.push({
        path: [...at, 'target'],
        what: `The target of ${target}ms is not shorter than the deadline of ${deadlineMs}ms.`,
        consequence: 'It would have no effect: whoever waits so long is refused already.',
        fix: 'Write a target of at most a quarter of the deadline.',
      });
    }
    const seats = seatsOf(pool);
    // Nobody knows how many addresses a name will have.
    const isBounded = pool.endpoints.every(({ dns }) => dns === undefined);
    if (reserve !== undefined && isBounded && reserve >= seats) {
      issues.push({
        path: [...at, 'reserve'],
        what: `All ${seats} seats of pool ${quoted(pool.name)} are reserved.`,
        consequence: 'Less urgent requests would have no seat at all, and wait until they are refused.',
        fix: `Write a reserve below ${seats}, or 0.`,
      });
    }
    return { weight, deadlineMs, targetMs: target ?? defaultTargetsMs[name], reserve };
  };
  return {
    critical: compile('critical', critical, critical.reserve),
    interactive: compile('interactive', interactive, interactive.reserve),
    batch: compile('batch', batch, undefined),
  };
}

function checkTimes(pool: AuthoredPool, path: ConfigPath, issues: Issue[]): void {
  refuseZero(pool.timeout, [...path, 'timeout'], 'Every request would time out before its answer.', issues);
  refuseZero(
    pool.connectTimeout,
    [...path, 'connectTimeout'],
    'No connection would ever be made in time.',
    issues,
  );
  if (pool.queue.max !== 0 && pool.queue.deadline === 0) {
    issues.push({
      path: [...path, 'queue', 'deadline'],
      what: 'The queue has places, but nobody may wait in it.',
      consequence: 'Every request that finds all seats taken would be refused as late.',
      fix: 'Write a deadline such as 5s, or max: 0 for no queue.',
    });
  }
  if (pool.connectTimeout > pool.timeout) {
    issues.push({
      path: [...path, 'connectTimeout'],
      what: `The connect time-out of ${pool.connectTimeout}ms is longer than the time-out of ${pool.timeout}ms.`,
      consequence: 'It would have no effect.',
      fix: 'Write a connectTimeout that is shorter than timeout.',
    });
  }
}

function compileHealth(pool: AuthoredPool, path: ConfigPath, issues: Issue[]): HealthOptions | undefined {
  const health = pool.health;
  if (health === false) return undefined;
  const at = [...path, 'health'];
  const probePath = health.path ?? (pool.kind === 'websocket' ? '/websocket/health' : '/web/health');
  if (!/^\/[\x21-\x7e]*$/.test(probePath) || probePath.includes('#')) {
    issues.push({
      path: [...at, 'path'],
      what: `${quoted(probePath)} is not the path of a request.`,
      consequence: 'No probe could be sent, so a dead endpoint would stay in service.',
      fix: 'Write a path that begins with / and has no blanks, such as /web/health.',
    });
  }
  if (health.host !== undefined && !/^[A-Za-z0-9._[\]:-]+$/.test(health.host)) {
    issues.push({
      path: [...at, 'host'],
      what: `${quoted(health.host)} is not a host name.`,
      consequence: 'Odoo would answer every probe with an error, and the pool would be down.',
      fix: 'Write a host name such as erp.example, with a port if the probe needs one.',
    });
  }
  refuseZero(health.interval, [...at, 'interval'], 'Odoo would be probed without a pause.', issues);
  refuseZero(health.timeout, [...at, 'timeout'], 'No probe would ever be answered in time.', issues);
  if (health.timeout > health.interval) {
    issues.push({
      path: [...at, 'timeout'],
      what: `The probe's time-out of ${health.timeout}ms is longer than its interval of ${health.interval}ms.`,
      consequence: 'A probe would still be waiting when the next one is due.',
      fix: 'Write a timeout that is not longer than interval.',
    });
  }
  return {
    path: probePath,
    host: health.host,
    intervalMs: health.interval,
    timeoutMs: health.timeout,
    unhealthyAfter: health.unhealthyAfter,
    healthyAfter: health.healthyAfter,
  };
}

function refuseZero(valueMs: number, path: ConfigPath, consequence: string, issues: Issue[]): void {
  if (valueMs > 0) return;
  issues.push({ path, what: 'The duration is zero.', consequence, fix: 'Write a duration such as 2s.' });
}
