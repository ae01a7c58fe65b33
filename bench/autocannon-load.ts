import autocannon from 'autocannon';
import type { LoadJob, LoadOutcome } from './load.ts';
import { Samples } from './samples.ts';

/** Saturates with autocannon, whose latencies are taken one by one: its own histogram counts whole milliseconds. */
export function runAutocannon(job: LoadJob): Promise<LoadOutcome> {
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
        const [p50Ms = NaN, p99Ms = NaN] = samples.percentiles([0.5, 0.99]);
        resolve({
          requests: result.requests.total,
          seconds: result.duration,
          statuses,
          errors: result.errors,
          p50Ms,
          p99Ms,
        });
      },
    );
    run.on('response', (_client, _status, _bytes, durationMs) => samples.add(durationMs));
  });
}
