import { setTimeout as sleep } from 'node:timers/promises';
import { vi } from 'vitest';
import { startRedis } from '../servers/redis.ts';
import { BulkheadProcess } from './gateway-process.ts';
import { type HeldUpstream, startHeldUpstream } from './held-upstream.ts';
import { readMetrics } from './metrics-text.ts';
import { type RawAnswer, sendRequest } from './raw-http.ts';
import { writeFiles } from './write-files.ts';

/** A busy machine may take this long to start a few processes. */
export const startMs = 30_000;

export interface WorkerSettings {
  workers?: number;
  seats?: number;
  /** More of `gateway.yaml`. */
  gatewayYaml?: string;
  /** More of the zone. */
  limits?: string;
  /** Where the proxy listens. */
  proxy?: string;
  env?: Record<string, string>;
}

/** A `bulkhead serve` of several processes that takes requests. */
export interface RunningWorkers {
  gateway: BulkheadProcess;
  directory: string;
  proxyPort: number;
  adminPort: number;
}

/** A Redis, an upstream that answers at once until it is told to hold, and gateways in front of it. */
export interface WorkerScene {
  odoo: HeldUpstream;
  /** Writes a configuration with two workers and four seats, unless the settings say otherwise. */
  layOut(settings?: WorkerSettings): string;
  serve(settings?: WorkerSettings): Promise<RunningWorkers>;
  /** Called at the end, the latest first. */
  afterwards(cleanUp: () => unknown): void;
  close(): Promise<void>;
}

export const officeZone = (path: string, limits = ''): string => `zone: office
match: Host(\`erp.example\`) && PathPrefix(\`${path}\`)
identify: none
pools: { interactive: odoo }
${limits}`;

export async function openWorkerScene(redisBinary: string): Promise<WorkerScene> {
  const cleanUps: (() => unknown)[] = [];
  const redis = await startRedis(redisBinary);
  cleanUps.push(() => redis.stop());
  const odoo = await startHeldUpstream();
  cleanUps.push(() => odoo.stop());
  odoo.hold(false);

  function layOut(settings: WorkerSettings = {}): string {
    const { workers = 2, seats = 4, gatewayYaml = '', limits, proxy = '127.0.0.1:0' } = settings;
    const { directory, remove } = writeFiles({
      'gateway.yaml': `listeners: { proxy: "${proxy}", admin: 127.0.0.1:0 }
workers: ${workers}
store: { redis: { url: "${redis.url}", timeout: 2s } }
${gatewayYaml}`,
      'pools.yaml': `pools: [{ name: odoo, endpoints: [{ url: "${odoo.url}", seats: ${seats} }] }]\n`,
      'zones/office.yaml': officeZone('/odoo', limits),
    });
    cleanUps.push(remove);
    return directory;
  }

  return {
    odoo,
    layOut,
    async serve(settings = {}) {
      const directory = layOut(settings);
      const gateway = new BulkheadProcess(['serve', '--config', directory], settings.env);
      cleanUps.push(() => gateway.kill());
      const [, proxy, admin] = await gateway.printed(
        /"name":"proxy","host":"127.0.0.1","port":(\d+)\},\{"name":"admin","host":"127.0.0.1","port":(\d+)\}/,
        startMs,
      );
      return { gateway, directory, proxyPort: Number(proxy), adminPort: Number(admin) };
    },
    afterwards: (cleanUp) => void cleanUps.push(cleanUp),
    async close() {
      for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
    },
  };
}

/** Waits until `check` does not throw any more, as long as a start may take. */
export function afterStarts<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: startMs, interval: 20 });
}

export const ask = (port: number, target = '/odoo'): Promise<RawAnswer> =>
  sendRequest(port, { target, headers: { Host: 'erp.example' } });

export async function statusOf(port: number, target?: string): Promise<number> {
  return (await ask(port, target)).status;
}

export async function readiness({
  adminPort,
}: RunningWorkers): Promise<{ status: number; details: Record<string, unknown> }> {
  const { status, body } = await sendRequest(adminPort, { target: '/readyz', headers: { Host: 'admin' } });
  return { status, details: JSON.parse(body) as Record<string, unknown> };
}

/** Process ids of the workers, in the order of their places. */
export async function pids(running: RunningWorkers): Promise<number[]> {
  return Object.keys((await readiness(running)).details).flatMap((name) => {
    const pid = /^worker \d+, process (\d+)$/.exec(name)?.[1];
    return pid === undefined ? [] : [Number(pid)];
  });
}

export async function firstPid(running: RunningWorkers): Promise<number> {
  const [pid] = await pids(running);
  if (pid === undefined) throw new Error('there is no worker');
  return pid;
}

export async function requestsCounted({ adminPort }: RunningWorkers): Promise<number> {
  const series = Object.entries(await readMetrics(adminPort));
  return series
    .filter(([name]) => name.startsWith('bulkhead_requests_total'))
    .reduce((sum, [, value]) => sum + value, 0);
}

/** Sends requests one after the other until `isOver`; gives their statuses. */
export async function trickle(port: number, isOver: () => boolean): Promise<number[]> {
  const statuses: number[] = [];
  while (!isOver()) {
    statuses.push(await statusOf(port));
    await sleep(10);
  }
  return statuses;
}
