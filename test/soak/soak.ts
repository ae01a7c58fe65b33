import { setTimeout as sleep } from 'node:timers/promises';
import { runLoad, type Tally } from './load.ts';
import { type SoakUpstream, startSoakUpstream } from './soak-upstream.ts';
import { growthOfSecondHalf, type Sample } from './trend.ts';
import { type Reading, startWatchedGateway, sumOf, type WatchedGateway } from './watched-gateway.ts';

export interface SoakOptions {
  durationMs: number;
  clients: number;
  /** How far memory may rise over the second half, by its trend. */
  maxGrowthBytes: number;
  sampleMs: number;
  /** Names of scenarios that are left out. */
  without?: readonly string[];
  log?(line: string): void;
}

export interface SoakReport {
  tally: Tally;
  rss: readonly Sample[];
  growthBytes: number;
  /** The most that was seen at a time. */
  most: { sockets: number; spoolFiles: number; busySeats: number; queued: number };
  /** What the gateway has counted, all answers. */
  counted: number;
  /** Which part of one core the gateway had while the load ran. */
  core: number;
  /** What is wrong; empty when nothing is. */
  findings: string[];
}

const seats = 48;
/** How long what is left may take to go: idle connections of upstreams end after their 5 s. */
const settleMs = 15_000;
const mebibyte = 1024 * 1024;

/** Loads a gateway process with good and bad clients, and looks at what is left of it. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const upstream = await startSoakUpstream();
  let gateway: WatchedGateway | undefined;
  try {
    gateway = await startGateway(upstream);
    return await watch(gateway, options);
  } finally {
    await gateway?.process.kill();
    await upstream.close();
  }
}

function startGateway({ url }: SoakUpstream): Promise<WatchedGateway> {
  const pool = `endpoints: [{ url: "${url}", seats: ${seats} }], health: false, keepAlive: true, queue: { max: 1000, perTenant: 1000, deadline: 20s }`;
  return startWatchedGateway({
    gateway: 'http: { bodyTimeout: 5s, writeTimeout: 5s, spool: { memory: 128KiB } }',
    interactive: pool,
    batch: `${pool}, requestBody: stream`,
    websocket: 'endpoints: [{ url: "http://127.0.0.1:9", seats: 1 }], health: false',
  });
}

async function watch(gateway: WatchedGateway, options: SoakOptions): Promise<SoakReport> {
  const { durationMs, clients, maxGrowthBytes, sampleMs, without = [], log = () => {} } = options;
  const before = gateway.read();
  const rss: Sample[] = [];
  const most = { sockets: 0, spoolFiles: 0, busySeats: 0, queued: 0 };
  const startMs = performance.now();
  const stop = new AbortController();
  const loading = runLoad(gateway.port, { clients, without, signal: stop.signal });
  while (performance.now() - startMs < durationMs) {
    await sleep(sampleMs);
    const { rssBytes, sockets, spoolFiles } = gateway.read();
    const metrics = await gateway.metrics();
    const busySeats = sumOf(metrics, 'bulkhead_pool_seats_busy');
    const queued = sumOf(metrics, 'bulkhead_pool_queue_length');
    const heapBytes = sumOf(metrics, 'nodejs_heap_size_used_bytes');
    rss.push({ atMs: performance.now() - startMs, bytes: rssBytes });
    most.sockets = Math.max(most.sockets, sockets);
    most.spoolFiles = Math.max(most.spoolFiles, spoolFiles);
    most.busySeats = Math.max(most.busySeats, busySeats);
    most.queued = Math.max(most.queued, queued);
    const counted = sumOf(metrics, 'bulkhead_requests_total');
    log(
      `${(rss.at(-1)?.atMs ?? 0).toFixed(0).padStart(7)} ms  rss ${inMiB(rssBytes)}  heap ${inMiB(heapBytes)}  sockets ${sockets}  spool files ${spoolFiles}  seats ${busySeats}  queue ${queued}  requests ${counted}`,
    );
  }
  const cpuSeconds = sumOf(await gateway.metrics(), 'process_cpu_seconds_total');
  const core = (cpuSeconds * 1000) / (performance.now() - startMs);
  stop.abort();
  const tally = await loading;
  const findings = await settle(gateway, before);
  const counted = sumOf(await gateway.metrics(), 'bulkhead_requests_total');
  const growthBytes = growthOfSecondHalf(rss);
  if (growthBytes > maxGrowthBytes)
    findings.push(
      `memory rose by ${inMiB(growthBytes)} in the second half; ${inMiB(maxGrowthBytes)} are allowed`,
    );
  if (tally.wrongCount > 0)
    findings.push(`${tally.wrongCount} answers were wrong:`, ...tally.wrong.map((text) => `  ${text}`));
  const code = await gateway.stop();
  if (code !== 0) findings.push(`the gateway ended with ${code}: ${gateway.process.err.slice(-2_000)}`);
  return { tally, rss, growthBytes, most, counted, core, findings };
}

/** Waits until nothing of the load is left; tells what stays. */
async function settle(gateway: WatchedGateway, before: Reading): Promise<string[]> {
  const startMs = performance.now();
  for (;;) {
    const metrics = await gateway.metrics();
    const { sockets, spoolFiles } = gateway.read();
    const left: [string, number][] = [
      ['sockets', sockets - before.sockets],
      ['spool files', spoolFiles],
      ['busy seats', sumOf(metrics, 'bulkhead_pool_seats_busy')],
      ['requests in the queue', sumOf(metrics, 'bulkhead_pool_queue_length')],
    ];
    const findings = left
      .filter(([, count]) => count !== 0)
      .map(([what, count]) => `${what} left over: ${count}`);
    if (findings.length === 0 || performance.now() - startMs > settleMs) return findings;
    await sleep(100);
  }
}

export function inMiB(bytes: number): string {
  return `${(bytes / mebibyte).toFixed(1)} MiB`;
}
