import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { BulkheadProcess } from '../support/gateway-process.ts';
import { writeFiles } from '../support/write-files.ts';
import { askOnce } from '../surface/wire-connection.ts';

export interface WatchedOptions {
  /** Sections of `gateway.yaml` beside listeners and telemetry, as YAML text. */
  gateway?: string;
  /** Keys of the three pools, as YAML flow text. */
  interactive: string;
  batch: string;
  websocket: string;
}

/** What the system says about a process (proc(5)); Linux alone tells it like this. */
export interface Reading {
  rssBytes: number;
  sockets: number;
  /** Files in the spool directory that are open; they have no name any more. */
  spoolFiles: number;
}

/** A gateway in a process of its own, so that its memory and its descriptors are its own. */
export interface WatchedGateway {
  readonly port: number;
  readonly process: BulkheadProcess;
  read(): Reading;
  /** Every sample of the metrics, by name and labels as they are written. */
  metrics(): Promise<Map<string, number>>;
  /** Ends it in an orderly way; gives its exit code. */
  stop(): Promise<number | string>;
}

/** The host of its one zone, which takes everybody. */
export const watchedHost = 'acme.open.example';

export async function startWatchedGateway(options: WatchedOptions): Promise<WatchedGateway> {
  const { gateway = '', interactive, batch, websocket } = options;
  const files = writeFiles({
    'gateway.yaml': `
listeners: { proxy: 127.0.0.1:0, admin: 127.0.0.1:0 }
telemetry: { accessLog: false }
drain: { delay: 0s, timeout: 10s }
${gateway}
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
`,
  });
  const bulkhead = new BulkheadProcess(['serve', '--config', files.directory]);
  const portOf = async (name: string): Promise<number> =>
    Number((await bulkhead.printed(new RegExp(`"name":"${name}","host":"[^"]*","port":(\\d+)`)))[1]);
  try {
    const [port, adminPort] = [await portOf('proxy'), await portOf('admin')];
    return {
      port,
      process: bulkhead,
      read: () => readProcess(bulkhead.child.pid ?? 0),
      async metrics() {
        const { body } = await askOnce(adminPort, 'GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n');
        return readMetrics(body);
      },
      async stop() {
        bulkhead.signal('SIGTERM');
        const code = await bulkhead.ended;
        files.remove();
        return code;
      },
    };
  } catch (error) {
    await bulkhead.kill();
    files.remove();
    throw error;
  }
}

function readProcess(pid: number): Reading {
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      // Closed since the directory was read.
      return '';
    }
  });
  return {
    rssBytes: Number(rss) * 1024,
    sockets: targets.filter((target) => target.startsWith('socket:')).length,
    spoolFiles: targets.filter((target) => /\/bulkhead-[0-9a-f-]{36}( \(deleted\))?$/.test(target)).length,
  };
}

function readMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) samples.set(name, Number(value));
  }
  return samples;
}

/** The sum of all samples of a metric, whatever their labels are. */
export function sumOf(samples: ReadonlyMap<string, number>, metric: string): number {
  let sum = 0;
  for (const [name, value] of samples) {
    if (name === metric || name.startsWith(`${metric}{`)) sum += value;
  }
  return sum;
}
