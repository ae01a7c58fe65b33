import { once } from 'node:events';
import type { LoadJob, LoadOutcome } from './load.ts';
import { type Part, readBusySeconds } from './processes.ts';

/** One job against one server. */
export interface Sample {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Processor time of the server for one request, in microseconds; undefined where the system does not tell. */
  cpuUsPerRequest: number | undefined;
  /** Part of the time in which the server was running; near 1 when it was the bottleneck. */
  cpuShare: number | undefined;
  /** Processors that were busy with something that is no part of the run; undefined where the system does not tell. */
  foreignCores: number | undefined;
}

/** A load that was not answered as it must be: the figures would mean nothing. */
export class UnexpectedAnswersError extends Error {
  override readonly name = 'UnexpectedAnswersError';
}

/** Above this something else disturbs the run so much that the figures say little. */
export const noisyCores = 0.15;
const maxTries = 4;

/**
 * Runs one job and measures what it cost; again, up to four times, when the machine was busy with something else. Throws
 * `UnexpectedAnswersError` unless every answer has the expected status.
 */
export async function measure(
  peers: Part,
  server: Part,
  expected: { job: LoadJob; status: number },
): Promise<Sample> {
  for (let tries = 1; ; tries++) {
    const sample = await measureOnce(peers, server, expected);
    if (tries === maxTries || (sample.foreignCores ?? 0) <= noisyCores) return sample;
  }
}

export async function measureOnce(
  peers: Part,
  server: Part,
  { job, status }: { job: LoadJob; status: number },
): Promise<Sample> {
  const ours = (): number =>
    process.cpuUsage().user / 1e6 +
    process.cpuUsage().system / 1e6 +
    [...new Set([peers, server])].reduce((sum, part) => sum + (part.cpuSeconds() ?? 0), 0);
  const before = { ours: ours(), server: server.cpuSeconds(), busy: readBusySeconds() };
  const startMs = performance.now();
  peers.child.send(job);
  const [outcome] = (await once(peers.child, 'message')) as [LoadOutcome];
  const wallSeconds = (performance.now() - startMs) / 1000;
  const after = { ours: ours(), server: server.cpuSeconds(), busy: readBusySeconds() };
  const expected = outcome.statuses[status] ?? 0;
  const total = Object.values(outcome.statuses).reduce((sum, count) => sum + count, 0);
  if (outcome.errors > 0 || total !== expected || total === 0) {
    throw new UnexpectedAnswersError(
      `expected only ${status}, got ${JSON.stringify(outcome.statuses)} and ${outcome.errors} errors` +
        (outcome.problem === undefined ? '' : `, the first: ${outcome.problem}`),
    );
  }
  // The peers do not sleep, so what they use says nothing.
  const cpuSeconds = server === peers ? undefined : differenceOf(after.server, before.server);
  const busySeconds = differenceOf(after.busy, before.busy);
  return {
    requestsPerSecond: outcome.requests / outcome.seconds,
    p50Ms: outcome.p50Ms,
    p99Ms: outcome.p99Ms,
    cpuUsPerRequest: cpuSeconds === undefined ? undefined : (cpuSeconds * 1e6) / outcome.requests,
    cpuShare: cpuSeconds === undefined ? undefined : cpuSeconds / outcome.seconds,
    foreignCores:
      busySeconds === undefined
        ? undefined
        : Math.max(0, busySeconds - (after.ours - before.ours)) / wallSeconds,
  };
}

function differenceOf(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}
