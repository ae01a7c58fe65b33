import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hrtime } from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { CompiledLimit } from '../../../src/limits/compile.ts';
import { untilHolds } from '../../servers/until-holds.ts';
import { lowestLevel } from '../admission-meter.ts';

export interface LoadLimit {
  name: string;
  rate: number;
  burst: number;
  onStoreFailure: CompiledLimit['onStoreFailure'];
}

/** What one process is told. */
export interface LoadOrder {
  file: string;
  /** As in `gateway.yaml`. */
  store: { redis: object; instances: number };
  limits: LoadLimit[];
  /** By how much a decision may be late before it counts as slow. */
  slackMs: number;
}

/** What it tells, a line each. */
type LoadLine =
  | { mode: string; cause?: string; atUs: number }
  | { serves: number }
  | { summary: LoadSummary };

/** What it tells at its end. */
export interface LoadSummary {
  decisions: number;
  unavailable: number;
  slow: number;
  slowestMs: number;
  /** Rejections and exceptions that nobody caught. */
  faults: string[];
}

/** Monotonic microseconds, the same for all processes of a machine. */
export const nowUs = (): number => Number(hrtime.bigint() / 1000n);

export interface LoadResult {
  summaries: LoadSummary[];
  /** When a limit admitted, over all processes, ascending; of one mode or of all. */
  admittedUs(name: string, mode?: 'store' | 'share' | 'open'): number[];
  /** Tokens that a limit admitted beyond one exact bucket; 0 when none. */
  excess(name: string, mode?: 'store' | 'share' | 'open'): number;
  /** The part of its rate that a limit admitted between two times. */
  utilisation(name: string, fromUs: number, toUs: number): number;
  /**
   * Milliseconds from `sinceUs` until each process that was not killed had admitted something by the store again; undefined
   * when one never did.
   */
  recoveryMs(name: string, sinceUs: number): number | undefined;
}

export interface Load {
  readonly processes: readonly ChildProcess[];
  /** Modes that the processes told of since then, with their causes, in the order in which they came. */
  readonly modeChanges: readonly { process: number; mode: string; cause?: string; atUs: number }[];
  /** Waits until every process that lives has given the store up. */
  untilFailing(): Promise<void>;
  /** Waits until the store, from now on, has admitted requests of every limit in every process that lives. */
  untilServed(): Promise<void>;
  /** Ends the processes and gives what they did. */
  stop(): Promise<LoadResult>;
}

const program = fileURLToPath(new URL('load-process.ts', import.meta.url));
const slackMs = 500;

/** Starts processes that saturate the limits; resolves when each of them has admitted something of every limit. */
export async function startLoad(order: {
  redis: object;
  processes: number;
  limits: LoadLimit[];
}): Promise<Load> {
  const { redis, limits } = order;
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-load-'));
  const fileOf = (index: number) => join(directory, `admitted-${index}`);
  const processes: ChildProcess[] = [];
  onTestFinished(async () => {
    for (const child of processes) child.kill('SIGKILL');
    await rm(directory, { recursive: true });
  });
  const modeChanges: { process: number; mode: string; cause?: string; atUs: number }[] = [];
  const modes: string[] = [];
  /** Limits of which the store admitted requests since it began to answer. */
  const serves: Set<number>[] = [];
  const summaries: LoadSummary[] = [];
  const alive = (index: number): boolean => {
    const { exitCode, signalCode } = processes[index]!;
    return exitCode === null && signalCode === null;
  };

  for (let index = 0; index < order.processes; index++) {
    const own: LoadOrder = {
      file: fileOf(index),
      store: { redis, instances: order.processes },
      limits,
      slackMs,
    };
    const child = spawn(process.execPath, [program, JSON.stringify(own)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    processes.push(child);
    modes.push('store');
    serves.push(new Set());
    createInterface({ input: child.stdout }).on('line', (line) => {
      const told = JSON.parse(line) as LoadLine;
      if ('summary' in told) summaries.push(told.summary);
      else if ('serves' in told) serves[index]!.add(told.serves);
      else {
        modes[index] = told.mode;
        serves[index]!.clear();
        const cause = told.cause === undefined ? {} : { cause: told.cause };
        modeChanges.push({ process: index, mode: told.mode, ...cause, atUs: told.atUs });
      }
    });
  }

  async function end(): Promise<void> {
    await Promise.all(
      processes.map(async (child, index) => {
        if (!alive(index)) return;
        const ended = once(child, 'close');
        child.stdin?.end();
        await ended;
      }),
    );
  }

  const allServed = () => {
    const holds = () =>
      serves.every(
        (places, index) => (modes[index] === 'store' && places.size === limits.length) || !alive(index),
      );
    return untilHolds('the store admits in every process', holds, 40_000);
  };

  await allServed();
  // On a busy machine the first connection may take longer than its time.
  modeChanges.length = 0;

  return {
    processes,
    modeChanges,
    untilFailing: () =>
      untilHolds('every process gives the store up', () =>
        modes.every((mode, index) => mode === 'local' || !alive(index)),
      ),
    async untilServed() {
      for (const [index, child] of processes.entries()) {
        serves[index]!.clear();
        if (alive(index)) child.stdin?.write('?');
      }
      await allServed();
    },
    async stop() {
      await end();
      const texts = await Promise.all(processes.map((_, index) => readFile(fileOf(index), 'utf8')));
      const killed = processes.map(({ signalCode }) => signalCode !== null);
      return resultOf({ limits, summaries, admissions: texts.map(parseAdmissions), killed });
    },
  };
}

interface Admission {
  place: number;
  atUs: number;
  mode: string;
}

function parseAdmissions(text: string): Admission[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '))
    .map(([place, atUs, mode = '']) => ({ place: Number(place), atUs: Number(atUs), mode }));
}

interface LoadRecords {
  limits: LoadLimit[];
  summaries: LoadSummary[];
  /** By process. */
  admissions: Admission[][];
  killed: boolean[];
}

function resultOf({ limits, summaries, admissions, killed }: LoadRecords): LoadResult {
  const placeOf = (name: string) => limits.findIndex((limit) => limit.name === name);
  const ofLimit = (name: string, mode?: string) => {
    const place = placeOf(name);
    return admissions.map((own) =>
      own
        .filter((one) => one.place === place && (mode === undefined || one.mode === mode))
        .map(({ atUs }) => atUs),
    );
  };
  const admittedUs = (name: string, mode?: string) =>
    ofLimit(name, mode)
      .flat()
      .toSorted((a, b) => a - b);
  return {
    summaries,
    admittedUs,
    excess(name, mode) {
      const { rate, burst } = limits[placeOf(name)]!;
      return Math.max(0, -lowestLevel(admittedUs(name, mode), rate, burst));
    },
    utilisation(name, fromUs, toUs) {
      const within = admittedUs(name).filter((atUs) => atUs >= fromUs && atUs < toUs);
      return within.length / ((limits[placeOf(name)]!.rate * (toUs - fromUs)) / 1e6);
    },
    recoveryMs(name, sinceUs) {
      const living = ofLimit(name, 'store').filter((_, index) => !killed[index]);
      const first = living.map((own) => own.find((atUs) => atUs > sinceUs));
      if (first.includes(undefined)) return undefined;
      return Math.max(...first.map((atUs) => (atUs ?? 0) - sinceUs)) / 1000;
    },
  };
}
