import { startGateway } from '../../src/gateway/gateway.ts';
import { portOf, writeFiles } from '../support/test-gateway.ts';
import { askOnce, deadlineMs } from './wire-connection.ts';

/** The host of the one zone, which takes everybody and has no limits. */
export const surfaceHost = 'acme.open.example';
export const surfaceHostField = `Host: ${surfaceHost}\r\n`;

export interface SurfaceOptions {
  /** The `http` section of `gateway.yaml`, as YAML flow text. */
  http?: string;
  drainTimeout?: string;
  /** Keys of the interactive pool, which serves everything but `/report/` and `/websocket`, as YAML flow text. */
  interactive: string;
  batch?: string;
  websocket?: string;
  /** Further sections of the zone, as YAML. */
  zone?: string;
  /** Further sections of `gateway.yaml`. */
  gatewaySections?: string;
}

const nowhere = 'endpoints: [{ url: "http://127.0.0.1:9", seats: 1 }], health: false';

/** A gateway with one open zone in front of the given endpoints, for tests of the way of a request and not of a policy. */
export async function startSurface(options: SurfaceOptions) {
  const { http = '{}', drainTimeout = '4s', interactive } = options;
  const { batch = nowhere, websocket = nowhere, zone = '', gatewaySections = '' } = options;
  const files = writeFiles({
    'gateway.yaml': `
listeners: { proxy: 127.0.0.1:0, forwardAuth: 127.0.0.1:0, admin: 127.0.0.1:0 }
trustedProxies: [127.0.0.1]
http: ${http}
drain: { delay: 0s, timeout: ${drainTimeout} }
${gatewaySections}
`,
    'identities.yaml': 'issuers: []\n',
    'tenants.yaml': 'tenants: [{ id: acme, tier: shared, database: acme }]\n',
    'pools.yaml': `
pools:
  - { name: interactive, ${interactive} }
  - { name: batch, ${batch} }
  - { name: websocket, kind: websocket, ${websocket} }
`,
    'zones/open.yaml': `
zone: open
match: Host(\`{tenant}.open.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: interactive, batch: batch, websocket: websocket }
headers: { pass: [x-stand-in-*] }
${zone}
`,
  });
  const logLines: Record<string, unknown>[] = [];
  const gateway = await startGateway({
    directory: files.directory,
    env: {},
    logSink: { write: (text) => void logLines.push(JSON.parse(text) as Record<string, unknown>) },
    watchIntervalMs: 0,
  });
  files.remove();
  const adminPort = portOf(gateway, 'admin');
  const readGauge = async (name: string, pool: string): Promise<number> => {
    const { body } = await askOnce(adminPort, 'GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n');
    const line = new RegExp(`^${name}\\{pool="${pool}",zone="open"\\} (\\d+)$`, 'm').exec(body);
    return Number(line?.[1] ?? 0);
  };
  return {
    gateway,
    port: portOf(gateway, 'proxy'),
    forwardAuthPort: portOf(gateway, 'forwardAuth'),
    adminPort,
    logLines,
    /** The access log lines so far. */
    requests: () => logLines.filter((line) => line['msg'] === 'request'),
    /** Seats of a pool that are taken. */
    busySeats: (pool = 'interactive') => readGauge('bulkhead_pool_seats_busy', pool),
    /** Requests that wait for a seat. */
    queued: (pool = 'interactive') => readGauge('bulkhead_pool_queue_length', pool),
    stop: () => gateway.stop(),
  };
}

export type Surface = Awaited<ReturnType<typeof startSurface>>;

/** Looks until something is true; fails after the deadline. */
export async function waitUntil(look: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const lateMs = performance.now() + deadlineMs;
  while (!(await look())) {
    if (performance.now() > lateMs) throw new Error(`${what} did not become true within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
