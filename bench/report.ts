import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Samples } from './comparisons.ts';
import type { Goal } from './goals.ts';
import type { Cores } from './processes.ts';
import type { Spread } from './statistics.ts';
import { compare, type Ratio, summarise } from './summary.ts';

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
      : `Contender on core ${pinned.contender}, upstream and generator on ${pinned.peers}.`;
  return `${cpu}, ${cores} cores, Node ${node}, commit ${commit}\n${pins}`;
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

const spread = ({ median, min, max }: Spread, places: number): string =>
  `${median.toFixed(places)} (${min.toFixed(places)}-${max.toFixed(places)})`;

/** One row for each name, beside each of the bases that were measured. */
export function renderThroughput(
  samples: Samples,
  { bases, titles }: { bases: readonly string[]; titles: Readonly<Record<string, string>> },
): string {
  const known = bases.filter((base) => samples[base] !== undefined);
  return renderTable(
    [
      '',
      ...known.flatMap((base) => [`ratio to ${base}`, 'by CPU']),
      'req/s',
      'CPU us/req',
      'CPU',
      'noise',
      'p50 ms',
      'p99 ms',
    ],
    Object.entries(samples).map(([name, own]) => {
      const summary = summarise(own);
      return [
        titles[name] ?? name,
        ...known.flatMap((base) => renderRatio(compare(own, samples[base] ?? []))),
        spread(summary.requestsPerSecond, 0),
        digits(summary.cpuUsPerRequest, 1),
        percent(summary.cpuShare),
        percent(summary.foreignCores),
        summary.p50Ms.median.toFixed(2),
        summary.p99Ms.median.toFixed(2),
      ];
    }),
  );
}

function renderRatio({ throughput, byCpu }: Ratio): string[] {
  return [spread(throughput, 2), digits(byCpu?.median, 2)];
}

export function renderLatency(samples: Samples, titles: Readonly<Record<string, string>>): string {
  return renderTable(
    ['', 'p50 ms', 'p99 ms', 'CPU', 'noise'],
    Object.entries(samples).map(([name, own]) => {
      const { p50Ms, p99Ms, cpuShare, foreignCores } = summarise(own);
      return [
        titles[name] ?? name,
        spread(p50Ms, 2),
        spread(p99Ms, 2),
        percent(cpuShare),
        percent(foreignCores),
      ];
    }),
  );
}

export function renderGoals(goals: readonly Goal[]): string {
  return renderTable(
    ['goals', 'scenario', 'measured', 'by', ''],
    goals.map(({ goal, scenario, measured, basis, met, noisy }) => [
      goal,
      scenario,
      spread(measured, 2),
      basis,
      `${met ? 'met' : 'MISSED'}${noisy ? ', in noise' : ''}`,
    ]),
  );
}

/** How to read the columns. */
export const legend =
  'Each figure is the median over the rounds, with the smallest and the largest in brackets. ratio: requests per second\n' +
  'beside the base in the same round. by CPU: the same by processor time for a request, which holds where something else\n' +
  'is the bottleneck (CPU of either below 95 %); the goals are judged by the one that holds. noise: most of one core that\n' +
  'anything else took meanwhile; a measurement above 15 % is repeated, four times at most.';

export function writeResult(name: string, result: object): string {
  const directory = join(import.meta.dirname, 'results');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${name}.json`);
  writeFileSync(path, `${JSON.stringify(result, undefined, 2)}\n`);
  return path;
}
