import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Which core each part of a run is bound to; undefined where cores cannot be chosen. */
export interface Cores {
  contender: number | undefined;
  upstream: number | undefined;
  generator: number | undefined;
}

/** A part of a run: a process of its own, bound to a core. */
export interface Part {
  child: ChildProcess;
  pid: number;
  ports: readonly number[];
  /** Everything it wrote to standard output so far. */
  output(): string;
  outputBytes(): number;
  /** Seconds of processor time that it has used, in user and kernel mode; undefined where the system does not tell. */
  cpuSeconds(): number | undefined;
  stop(): Promise<void>;
}

/** The contender has a core to itself where there are two; the upstream and the generator share what is left. */
export function chooseCores(): Cores {
  const cores = availableParallelism();
  if (cores < 2 || spawnSync('taskset', ['--version']).status !== 0)
    return { contender: undefined, upstream: undefined, generator: undefined };
  return { contender: 0, upstream: 1, generator: cores > 2 ? 2 : 1 };
}

/** Tells the process that started this one which ports are open, and ends in an orderly way when that says so. */
export function announce(ports: readonly number[]): void {
  // A profile is written at an exit, not at a signal.
  process.once('SIGTERM', () => process.exit());
  writeSync(1, `ports ${ports.join(' ')}\n`);
}

/** What a process says when it listens; gives its ports. */
export type ReadPorts = (output: string) => readonly number[] | undefined;

export const readAnnouncement: ReadPorts = (output) =>
  /^ports(.*)$/m.exec(output)?.[1]?.trim().split(' ').map(Number);

/** Starts `node ARGUMENTS` on a core and waits until it listens. Standard output goes to a file that is removed at the end. */
export async function startPart(
  args: readonly string[],
  {
    core,
    env = {},
    readPorts = readAnnouncement,
  }: { core: number | undefined; env?: Record<string, string>; readPorts?: ReadPorts },
): Promise<Part> {
  const directory = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'));
  const outputPath = join(directory, 'output');
  const file = openSync(outputPath, 'w');
  const command = core === undefined ? [process.execPath] : ['taskset', '-c', String(core), process.execPath];
  const child = spawn(command[0] ?? '', [...command.slice(1), ...args], {
    stdio: ['ignore', file, 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
  closeSync(file);
  const output = (): string => readFileSync(outputPath, 'utf8');
  const pid = child.pid ?? 0;
  let ports: readonly number[] | undefined;
  for (let waitedMs = 0; ports === undefined; waitedMs += 20) {
    if (child.exitCode !== null || waitedMs > 15_000) {
      child.kill();
      throw new Error(`${args.join(' ')} did not start: ${output()}`);
    }
    await sleep(20);
    ports = readPorts(output());
  }
  return {
    child,
    pid,
    ports,
    output,
    outputBytes: () => statSync(outputPath).size,
    cpuSeconds: () => readCpuSeconds(pid),
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

/** proc(5): fields 14 and 15 of `stat`, in ticks of 10 ms on every Linux that Node runs on. */
function readCpuSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return undefined;
  }
}
