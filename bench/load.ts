import autocannon from 'autocannon';
import { Pool, type Dispatcher } from 'undici';
import { announce } from './processes.ts';
import type { BenchRequest } from './traffic.ts';

// The load generator, a process of its own that takes jobs over IPC: `node bench/load.ts`.

export interface LoadJob {
  /** `saturate`: every connection sends the next request when it has an answer. A rate: so many a second, come what may. */
  pace: 'saturate' | { requestsPerSecond: number };
  port: number;
  request: BenchRequest;
  connections: number;
  seconds: number;
}

export interface LoadOutcome {
  requests: number;
  seconds: number;
  statuses: Record<string, number>;
  /** Connections that broke, and time-outs. */
  errors: number;
  p50Ms: number;
  p99Ms: number;
}

const maxSamples = 2_000_000;

/** Latencies of one job; kept as numbers, because the generator's own histogram counts whole milliseconds. */
class Samples {
  readonly #values = new Float64Array(maxSamples);
  #count = 0;

  add(ms: number): void {
    if (this.#count < maxSamples) this.#values[this.#count++] = ms;
  }

  percentile(part: number): number {
    const sorted = this.#values.subarray(0, this.#count).toSorted();
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  }
}

function saturate(job: LoadJob): Promise<LoadOutcome> {
  const samples = new Samples();
  return new Promise((resolve, reject) => {
    const { target, body, ...request } = job.request;
    const run = autocannon(
      {
        ...request,
        ...(body === undefined ? {} : { body }),
        url: `http://127.0.0.1:${job.port}${target}`,
        connections: job.connections,
        pipelining: 1,
        duration: job.seconds,
        sampleInt: 100,
      },
      (error, result) => {
        if (error !== null) return reject(error);
        const statuses: Record<string, number> = {};
        for (const [status, { count }] of Object.entries(result.statusCodeStats)) statuses[status] = count;
        resolve({
          requests: result.requests.total,
          seconds: result.duration,
          statuses,
          errors: result.errors,
          p50Ms: samples.percentile(0.5),
          p99Ms: samples.percentile(0.99),
        });
      },
    );
    run.on('response', (_client, _status, _bytes, durationMs) => samples.add(durationMs));
  });
}

/** Sends on time whatever the answers do, so a slow answer delays no later request. */
function pace(job: LoadJob, requestsPerSecond: number): Promise<LoadOutcome> {
  const samples = new Samples();
  const statuses: Record<string, number> = {};
  let errors = 0;
  let sent = 0;
  let answered = 0;
  const pool = new Pool(`http://127.0.0.1:${job.port}`, { connections: job.connections, pipelining: 1 });
  const options: Dispatcher.DispatchOptions = {
    method: job.request.method,
    path: job.request.target,
    headers: Object.entries(job.request.headers).flat(),
    body: job.request.body ?? null,
  };
  const send = (): void => {
    const startMs = performance.now();
    pool.dispatch(options, {
      onRequestStart() {},
      onResponseStart(_controller, status) {
        statuses[status] = (statuses[status] ?? 0) + 1;
      },
      onResponseData() {},
      onResponseEnd() {
        answered++;
        samples.add(performance.now() - startMs);
      },
      onResponseError() {
        answered++;
        errors++;
      },
    });
  };
  return new Promise((resolve) => {
    const startMs = performance.now();
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - startMs;
      if (elapsedMs < job.seconds * 1000) {
        const due = (elapsedMs / 1000) * requestsPerSecond;
        while (sent < due) {
          sent++;
          send();
        }
        return;
      }
      if (answered < sent) return;
      clearInterval(timer);
      void pool.destroy();
      resolve({
        requests: answered,
        seconds: elapsedMs / 1000,
        statuses,
        errors,
        p50Ms: samples.percentile(0.5),
        p99Ms: samples.percentile(0.99),
      });
    }, 1);
  });
}

process.on('message', (job: LoadJob) => {
  const done = job.pace === 'saturate' ? saturate(job) : pace(job, job.pace.requestsPerSecond);
  done.then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      throw error;
    },
  );
});
announce([]);
