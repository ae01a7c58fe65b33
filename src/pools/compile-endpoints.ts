import type { ConfigPath, Issue } from '../core/issue.ts';
import { quoted } from '../core/schema.ts';
import { parseEndpointName } from './endpoint-name.ts';
import { parseEndpointUrl } from './endpoint-url.ts';
import type { AuthoredPool, EndpointName, EndpointOptions } from './options.ts';

const defaultRefreshMs = 5_000;
const leastRefreshMs = 1_000;
const mostRefreshMs = 600_000;
/** How many may wait for each seat, where the configuration does not say. */
export const queuePerSeat = 16;

/** Fixed endpoints, and names whose addresses are endpoints as well. */
export interface CompiledEndpoints {
  endpoints: EndpointOptions[];
  names: EndpointName[];
}

/** Compiles `endpoints` of the pool at `path`; what is wrong goes to `issues`. */
export function compileEndpoints(pool: AuthoredPool, path: ConfigPath, issues: Issue[]): CompiledEndpoints {
  const endpoints: EndpointOptions[] = [];
  const names: EndpointName[] = [];
  const urls = new Set<string>();
  pool.endpoints.forEach((endpoint, index) => {
    const { url, dns, seats, refresh } = endpoint;
    const weight = endpoint.weight === undefined ? {} : { weight: endpoint.weight };
    const whole: ConfigPath = [...path, 'endpoints', index];
    if (dns !== undefined) {
      const name = compileName({ dns, url, refresh }, whole, issues);
      if (name === undefined) return;
      if (names.some(({ host, port }) => host === name.host && port === name.port)) {
        issues.push({
          path: [...whole, 'dns'],
          what: `Name ${quoted(dns)} stands twice in pool ${quoted(pool.name)}.`,
          consequence: 'One of them would have no effect.',
          fix: 'Write it once, with the seats that each of its addresses has.',
        });
        return;
      }
      const queuePerSeatOf = pool.queue.max === undefined ? { queuePerSeat } : {};
      names.push({ ...name, seats, ...weight, ...queuePerSeatOf });
      return;
    }
    if (url === undefined) {
      issues.push({
        path: whole,
        what: 'The endpoint has neither url nor dns.',
        consequence: 'The gateway would not know where its workers listen.',
        fix: 'Write { url: http://odoo-1:8069, seats: 6 }, or { dns: odoo.erp.svc:8069, seats: 6 } for all addresses of a name.',
      });
      return;
    }
    if (refresh !== undefined) {
      issues.push({
        path: [...whole, 'refresh'],
        what: 'A url is not looked up again.',
        consequence: 'The time would have no effect: the name in it is looked up for each connection.',
        fix: 'Remove refresh, or write dns: with host and port in place of url.',
      });
    }
    const at = [...whole, 'url'];
    const parsed = parseEndpointUrl(url);
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
    endpoints.push({ url: parsed.url, seats, ...weight });
  });
  return { endpoints, names };
}

function compileName(
  { dns, url, refresh }: { dns: string; url: string | undefined; refresh: number | undefined },
  path: ConfigPath,
  issues: Issue[],
): Pick<EndpointName, 'host' | 'port' | 'refreshMs'> | undefined {
  if (url !== undefined) {
    issues.push({
      path: [...path, 'dns'],
      what: 'The endpoint has both url and dns.',
      consequence: 'It would be chance which of them is used.',
      fix: 'Keep url for one fixed endpoint, or dns for all addresses of a name.',
    });
    return undefined;
  }
  const parsed = parseEndpointName(dns);
  if ('fault' in parsed) {
    issues.push({ path: [...path, 'dns'], ...parsed.fault });
    return undefined;
  }
  const refreshMs = refresh ?? defaultRefreshMs;
  if (refreshMs < leastRefreshMs || refreshMs > mostRefreshMs) {
    issues.push({
      path: [...path, 'refresh'],
      what: `A refresh of ${refreshMs}ms is not between 1s and 10m.`,
      consequence: 'The name server would be flooded, or pods that are gone would be tried for long.',
      fix: 'Write a time from 1s to 10m, such as 5s.',
    });
  }
  return { ...parsed, refreshMs };
}
