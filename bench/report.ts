import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Cores } from './processes.ts';
import type { Summary } from './measure.ts';

/** On what a result was measured; figures of two machines do not compare, ratios may. */
export interface Bed {
  cpu: string;
  cores: number;
  node: string;
  commit: string;
  pinned: Cores;
}

export function describeBed(pinned: Cores): Bed {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    commit: describeCommit(),
    pinned,
  };
}

function describeCommit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
    return (
      git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' and changes')
    );
  } catch {
    return 'unknown';
  }
}

export function renderBed({ cpu, cores, node, commit, pinned }: Bed): string {
  const pins =
    pinned.contender === undefined
      ? 'Nothing is pinned: there is one core, or no taskset. Ratios are rough.'
      : `Contender on core ${pinned.contender}, upstream on ${pinned.upstream}, generator on ${pinned.generator}.`;
  const shared =
    cores <= 2 ? ' Generator and upstream share a core: absolute figures are low, trust the ratios.' : '';
  return `${cpu}, ${cores} cores, Node ${node}, commit ${commit}\n${pins}${shared}`;
}

const digits = (value: number | undefined, places: number): string =>
  value === undefined ? '-' : value.toFixed(places);

const percent = (part: number | undefined): string =>
  part === undefined ? '-' : `${(part * 100).toFixed(0)}%`;

/** Text in columns: the first to the left, the others to the right. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .join('\n');
}

export function renderThroughput(rows: readonly { title: string; summary: Summary }[]): string {
  return renderTable(
    ['', 'ratio', 'min-max', 'by CPU', 'req/s', 'min-max', 'CPU us/req', 'CPU', 'noise', 'p50 ms', 'p99 ms'],
    rows.map(({ title, summary }) => [
      title,
      summary.ratio.median.toFixed(2),
      `${summary.ratio.min.toFixed(2)}-${summary.ratio.max.toFixed(2)}`,
      digits(summary.cpuRatio, 2),
      summary.requestsPerSecond.median.toFixed(0),
      `${summary.requestsPerSecond.min.toFixed(0)}-${summary.requestsPerSecond.max.toFixed(0)}`,
      digits(summary.cpuUsPerRequest, 1),
      percent(summary.cpuShare),
      percent(summary.foreignCores),
      summary.p50Ms.toFixed(2),
      summary.p99Ms.toFixed(2),
    ]),
  );
}

/** How to read the columns. */
export const legend =
  'ratio: requests per second beside the first row, by rounds. by CPU: the same by processor time for a request, which\n' +
  'holds where the generator is the bottleneck (CPU of the contender below 95 %). noise: most of one core that anything\n' +
  'else took meanwhile; a measurement above 15 % is repeated, four times at most.';

export function writeResult(name: string, result: object): string {
  const directory = join(import.meta.dirname, 'results');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${name}.json`);
  writeFileSync(path, `${JSON.stringify(result, undefined, 2)}\n`);
  return path;
}
