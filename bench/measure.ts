import { once } from 'node:events';
import type { LoadJob, LoadOutcome } from './load.ts';
import type { Part } from './processes.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** One job against one server. */
export interface Sample {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Processor time of the server for one request, in microseconds; undefined where the system does not tell. */
  cpuUsPerRequest: number | undefined;
  /** Part of the time in which the server was running; near 1 when it was the bottleneck. */
  cpuShare: number | undefined;
}

/** A load that was not answered as it must be: the figures would mean nothing. */
export class UnexpectedAnswersError extends Error {
  override readonly name = 'UnexpectedAnswersError';
}

/** Runs one job and measures what it cost. Throws `UnexpectedAnswersError` unless every answer has the expected status. */
export async function measure(
  generator: Part,
  server: Part,
  { job, status }: { job: LoadJob; status: number },
): Promise<Sample> {
  const cpuBefore = server.cpuSeconds();
  const startMs = performance.now();
  generator.child.send(job);
  const [outcome] = (await once(generator.child, 'message')) as [LoadOutcome];
  const wallSeconds = (performance.now() - startMs) / 1000;
  const cpuAfter = server.cpuSeconds();
  const expected = outcome.statuses[status] ?? 0;
  const total = Object.values(outcome.statuses).reduce((sum, count) => sum + count, 0);
  if (outcome.errors > 0 || total !== expected || total === 0) {
    throw new UnexpectedAnswersError(
      `expected only ${status}, got ${JSON.stringify(outcome.statuses)} and ${outcome.errors} errors`,
    );
  }
  const cpuSeconds = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
  return {
    requestsPerSecond: outcome.requests / outcome.seconds,
    p50Ms: outcome.p50Ms,
    p99Ms: outcome.p99Ms,
    cpuUsPerRequest: cpuSeconds === undefined ? undefined : (cpuSeconds * 1e6) / outcome.requests,
    cpuShare: cpuSeconds === undefined ? undefined : cpuSeconds / wallSeconds,
  };
}

/** The samples of one contender, brought together. */
export interface Summary {
  requestsPerSecond: Spread;
  /** To the base, from the samples of the same round: what disturbs a round disturbs both. */
  ratio: Spread;
  cpuUsPerRequest: number | undefined;
  cpuShare: number | undefined;
  p50Ms: number;
  p99Ms: number;
}

export function summarise(samples: readonly Sample[], base: readonly Sample[]): Summary {
  const median = (pick: (sample: Sample) => number | undefined): number | undefined => {
    const values = samples.map(pick).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : spreadOf(values).median;
  };
  return {
    requestsPerSecond: spreadOf(samples.map((sample) => sample.requestsPerSecond)),
    ratio: spreadOf(
      samples.map((sample, round) => sample.requestsPerSecond / (base[round]?.requestsPerSecond ?? NaN)),
    ),
    cpuUsPerRequest: median((sample) => sample.cpuUsPerRequest),
    cpuShare: median((sample) => sample.cpuShare),
    p50Ms: median((sample) => sample.p50Ms) ?? NaN,
    p99Ms: median((sample) => sample.p99Ms) ?? NaN,
  };
}
