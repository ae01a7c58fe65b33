import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Which core each part of a run is bound to; undefined where cores cannot be chosen. */
export interface Cores {
  contender: number | undefined;
  /** Upstream and generator, which are one process. */
  peers: number | undefined;
}

/** A part of a run: a process of its own, bound to a core. */
export interface Part {
  child: ChildProcess;
  ports: readonly number[];
  /** What it wrote to standard output so far, the first MiB of it. */
  output(): string;
  outputBytes(): number;
  /** Seconds of processor time that it and its children have used, in user and kernel mode; undefined where the system does not tell. */
  cpuSeconds(): number | undefined;
  stop(): Promise<void>;
}

/** The contender has a core to itself where there are two, and its peers the other. */
export function chooseCores(): Cores {
  const cores = availableParallelism();
  if (cores < 2 || spawnSync('taskset', ['--version']).status !== 0)
    return { contender: undefined, peers: undefined };
  return { contender: 0, peers: 1 };
}

/** Tells the process that started this one which ports are open, and ends in an orderly way when that says so. */
export function announce(ports: readonly number[]): void {
  // A profile is written at an exit, not at a signal.
  process.once('SIGTERM', () => process.exit());
  writeSync(1, `ports ${ports.join(' ')}\n`);
}

/** Gives the ports of a process once it listens; reads them in what it writes, or tries. */
export type ReadPorts = (output: string) => MaybePromise<readonly number[] | undefined>;
type MaybePromise<T> = T | Promise<T>;

export const readAnnouncement: ReadPorts = (output) =>
  /^ports(.*)$/m.exec(output)?.[1]?.trim().split(' ').map(Number);

export interface PartOptions {
  core: number | undefined;
  env?: Record<string, string>;
  readPorts?: ReadPorts;
}

/** Starts `node ARGUMENTS`, with which messages can be exchanged. */
export function startPart(args: readonly string[], options: PartOptions): Promise<Part> {
  return startProcess([process.execPath, ...args], { ...options, ipc: true });
}

/** Starts a command on a core and waits until it listens. Standard output goes to a file that is removed at the end. */
export async function startProcess(
  command: readonly string[],
  { core, env = {}, readPorts = readAnnouncement, ipc = false }: PartOptions & { ipc?: boolean },
): Promise<Part> {
  const directory = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'));
  const outputPath = join(directory, 'output');
  const file = openSync(outputPath, 'w');
  const [program = '', ...args] = core === undefined ? command : ['taskset', '-c', String(core), ...command];
  const child = spawn(program, args, {
    stdio: ['ignore', file, 'inherit', ...(ipc ? (['ipc'] as const) : [])],
    env: { ...process.env, ...env },
  });
  closeSync(file);
  const output = (): string => readBeginning(outputPath);
  let ports: readonly number[] | undefined;
  for (let waitedMs = 0; ports === undefined; waitedMs += 20) {
    if (child.exitCode !== null || waitedMs > 15_000) {
      child.kill();
      const told = output();
      rmSync(directory, { recursive: true });
      throw new Error(`${command.join(' ')} did not start: ${told}`);
    }
    await sleep(20);
    ports = await readPorts(output());
  }
  const pids = listFamily(child.pid ?? 0);
  return {
    child,
    ports,
    output,
    outputBytes: () => statSync(outputPath).size,
    cpuSeconds: () => pids.reduce<number | undefined>((sum, pid) => add(sum, readCpuSeconds(pid)), 0),
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await Promise.race([ended, sleep(10_000, undefined, { ref: false })]);
      }
      rmSync(directory, { recursive: true });
    },
  };
}

function add(sum: number | undefined, seconds: number | undefined): number | undefined {
  return sum === undefined || seconds === undefined ? undefined : sum + seconds;
}

/** Seconds for which all processors together have been busy, with whatever; undefined where the system does not tell. */
export function readBusySeconds(): number | undefined {
  try {
    // proc(5): user, nice, system, idle, iowait, irq, softirq, in ticks of 10 ms.
    const [, , user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8').split(/[ \n]/);
    return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks) / 100, 0);
  } catch {
    return undefined;
  }
}

/** Processor time so far, user and kernel mode. */
function readCpuSeconds(pid: number): number | undefined {
  const fields = readStat(pid);
  // In ticks of 10 ms on every Linux that Node runs on.
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) / 100;
}

/** A process and its children, as nginx has its workers: they exist when it listens, and stay. */
function listFamily(pid: number): number[] {
  try {
    const others = readdirSync('/proc').map(Number).filter(Number.isInteger);
    return [pid, ...others.filter((other) => Number(readStat(other)?.[1]) === pid)];
  } catch {
    return [pid];
  }
}

/** proc(5): the fields of `stat` behind the name: state, parent, and so on; undefined where the system does not tell. */
function readStat(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** An access log of a long run is larger than a text may be. */
function readBeginning(path: string): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(1024 * 1024);
    return bytes.toString('utf8', 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}
