import type { ConfigPath, Issue } from '../core/issue.ts';
import { quoted } from '../core/schema.ts';
import { parseEndpointUrl } from './endpoint-url.ts';
import type { AuthoredPool, AuthoredPools, EndpointOptions, HealthOptions, PoolOptions } from './options.ts';

/** Pools that can run, and what is wrong; a pool with issues is left out of `pools`. */
export interface CompiledPools {
  pools: PoolOptions[];
  issues: Issue[];
}

/** Compiles `pools.yaml`. Issue paths begin at the top of that file: `["pools", 0, "name"]`. */
export function compilePools(authored: AuthoredPools): CompiledPools {
  const pools: PoolOptions[] = [];
  const issues: Issue[] = [];
  const names = new Set<string>();
  authored.pools.forEach((pool, index) => {
    const path: ConfigPath = ['pools', index];
    const found: Issue[] = [];
    if (names.has(pool.name)) {
      found.push({
        path: [...path, 'name'],
        what: `Pool ${quoted(pool.name)} is defined twice.`,
        consequence: 'It would be chance which workers a zone gets.',
        fix: 'Rename one of them, or write all endpoints into one pool.',
      });
    }
    names.add(pool.name);
    const endpoints = compileEndpoints(pool, path, found);
    checkTimes(pool, path, found);
    const health = compileHealth(pool, path, found);
    issues.push(...found);
    if (found.length > 0) return;
    pools.push({
      name: pool.name,
      kind: pool.kind,
      endpoints,
      keepAlive: pool.keepAlive,
      queue: { max: pool.queue.max, deadlineMs: pool.queue.deadline },
      timeoutMs: pool.timeout,
      connectTimeoutMs: pool.connectTimeout,
      maxBodyBytes: pool.maxBody,
      requestBody: pool.requestBody,
      health,
    });
  });
  return { pools, issues };
}

function compileEndpoints(pool: AuthoredPool, path: ConfigPath, issues: Issue[]): EndpointOptions[] {
  const endpoints: EndpointOptions[] = [];
  const urls = new Set<string>();
  pool.endpoints.forEach((endpoint, index) => {
    const at = [...path, 'endpoints', index, 'url'];
    const parsed = parseEndpointUrl(endpoint.url);
    if ('fault' in parsed) {
      issues.push({ path: at, ...parsed.fault });
      return;
    }
    if (urls.has(parsed.url)) {
      issues.push({
        path: at,
        what: `Endpoint ${quoted(parsed.url)} stands twice in pool ${quoted(pool.name)}.`,
        consequence: 'Its workers would be counted twice, and half of the requests would wait inside Odoo.',
        fix: 'Write it once, with the seats of all its workers.',
      });
      return;
    }
    urls.add(parsed.url);
    endpoints.push({ url: parsed.url, seats: endpoint.seats });
  });
  return endpoints;
}

function checkTimes(pool: AuthoredPool, path: ConfigPath, issues: Issue[]): void {
  refuseZero(pool.timeout, [...path, 'timeout'], 'Every request would time out before its answer.', issues);
  refuseZero(
    pool.connectTimeout,
    [...path, 'connectTimeout'],
    'No connection would ever be made in time.',
    issues,
  );
  if (pool.queue.max > 0 && pool.queue.deadline === 0) {
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
