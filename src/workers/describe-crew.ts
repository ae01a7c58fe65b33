import type { Readiness } from '../admin/admin.ts';
import type { WorkerProcess } from './worker-process.ts';

export interface CrewFacts {
  /** Whether the files on disk are in force. */
  configuration: string;
  version: string;
  draining: boolean;
  /** How many workers there should be. */
  expected: number;
  /** How long an answer is waited for. */
  answerMs: number;
}

/** The part of a worker process that readiness looks at. */
export type AskedWorker = Pick<WorkerProcess, 'index' | 'pid' | 'state' | 'ask'>;

/** Ready as long as one worker takes requests and answers. What each says of itself stands in a line of its own. */
export async function describeCrew(workers: readonly AskedWorker[], facts: CrewFacts): Promise<Readiness> {
  const { version, draining, answerMs } = facts;
  const told = await Promise.all(
    workers
      .toSorted((a, b) => a.index - b.index)
      .map(async (worker) => ({ worker, readiness: await worker.ask('readiness', answerMs) })),
  );
  const serving = told.filter(({ worker, readiness }) => worker.state === 'serving' && readiness?.ready);
  const details: Readiness['details'] = {
    state: draining ? 'draining' : 'serving',
    configuration: facts.configuration,
    version,
    workers: `${serving.length} of ${facts.expected} take requests`,
  };
  for (const { worker, readiness } of told) {
    const name = `worker ${worker.index + 1}, process ${worker.pid}`;
    details[name] = describeWorker(worker, readiness, version);
  }
  return { ready: !draining && serving.length > 0, details };
}

function describeWorker(
  { state }: AskedWorker,
  readiness: Readiness | undefined,
  expectedVersion: string,
): string {
  if (state === 'starting' || state === 'ended') return state;
  if (readiness === undefined) return `${state}, does not answer`;
  const { version = '', limitStore, pools } = readiness.details;
  // A reload is in every worker at once; a version that stays another belongs to one that could not take it.
  const other = version === expectedVersion ? [] : [`still has version ${version}`];
  return [readiness.details['state'], ...other, `limits in ${limitStore}`, pools].join(', ');
}
