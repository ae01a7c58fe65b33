import type { ConfigPath, Issue } from '../core/issue.ts';
import { compileLimit, type CompiledLimit } from './compile.ts';
import { compileSchedule } from './compile-schedule.ts';
import type { LimitOptions } from './options.ts';
import type { FiguresOptions, OwnFiguresOptions } from './override-options.ts';
import type { Figures } from './governing-limit.ts';

/** The figures of a limit that somebody, or some time, has in place of those that the limit is written with. */

const kinds = ['rate', 'quota', 'inFlight'] as const;
type Kind = (typeof kinds)[number];

const examples: Readonly<Record<Kind, string>> = {
  rate: 'rate: 50/s',
  quota: 'quota: 200000/day',
  inFlight: 'inFlight: 8',
};

export interface FiguresPlace {
  /** Begins a sentence: `The override for tier dedicated`. */
  subject: string;
  /** Of the budget. */
  id: string;
  definition: string;
  /** Whose figures they are, as reports show it. */
  variant: string;
  path: ConfigPath;
  /** What is wrong with the limit itself, which is told there. */
  told: ReadonlySet<string>;
  /** `file:line:column` of a path of the same file. */
  locate: (path: ConfigPath) => string;
  report: (issue: Issue) => void;
}

/** Compiles other figures for a limit, their schedule included; undefined when they do not fit it, which is reported. */
export function compileFigures(
  entry: LimitOptions,
  authored: OwnFiguresOptions,
  place: FiguresPlace,
): Figures | undefined {
  const limit = compileVariant(entry, authored, place);
  if (limit === undefined) return undefined;
  return { limit, schedule: compileScheduleOf(entry, { limit, authored, place }) };
}

/** Compiles the schedule that stands beside figures; undefined when there is none. */
export function compileScheduleOf(
  entry: LimitOptions,
  { limit, authored, place }: { limit: CompiledLimit; authored: OwnFiguresOptions; place: FiguresPlace },
): Figures['schedule'] {
  if (authored.schedule === undefined || authored.schedule.length === 0) return undefined;
  const path: ConfigPath = [...place.path, 'schedule'];
  if (limit.kind === 'quota') {
    place.report({
      path,
      what: `Limit "${entry.name}" is a quota, and a quota has no schedule.`,
      consequence:
        'It would be unknown which of its figures counts for a window in which both were in force.',
      fix: 'Remove the schedule, or put it on a limit with a rate beside the quota.',
    });
    return undefined;
  }
  const owner = `limit "${entry.name}"${place.variant === 'default' ? '' : ` for ${place.variant}`}`;
  return compileSchedule(limit, authored.schedule, {
    owner,
    path,
    report: place.report,
    compileEntry: (times, at) =>
      compileVariant(entry, times, {
        ...place,
        subject: `Schedule entry "${times.name}" of ${owner}`,
        variant: `${place.variant}, ${times.name}`,
        path: at,
      }),
  });
}

function compileVariant(
  entry: LimitOptions,
  authored: FiguresOptions,
  place: FiguresPlace,
): CompiledLimit | undefined {
  const kind = kinds.find((word) => entry[word] !== undefined);
  if (kind === undefined) return undefined;
  const misfit = findMisfit(entry, authored, { kind, ...place });
  if (misfit !== undefined) {
    place.report(misfit);
    return undefined;
  }
  const { rate, burst, quota, inFlight } = authored;
  const at = place.locate(place.path);
  const figures = { ...entry, rate, burst, quota, inFlight };
  const { limit, issues } = compileLimit(figures, { id: place.id, path: [], at });
  for (const issue of issues) {
    if (place.told.has(issue.what)) continue;
    const [key] = issue.path;
    const path = key === kind || key === 'burst' ? [...place.path, key] : place.path;
    place.report({ ...issue, path });
  }
  // `compileLimit` names the kind in the id; that of the budget has it already.
  const { id, definition, variant } = place;
  return limit === undefined ? undefined : { ...limit, id, definition, variant };
}

/** Figures must be of the kind that the limit counts, so that they can be those of the same budget. */
function findMisfit(
  entry: LimitOptions,
  authored: FiguresOptions,
  { kind, subject, path }: { kind: Kind; subject: string; path: ConfigPath },
): Issue | undefined {
  const other = kinds.find((word) => word !== kind && authored[word] !== undefined);
  if (other !== undefined) {
    return {
      path: [...path, other],
      what: `${subject} has ${other}, and limit "${entry.name}" has ${kind}.`,
      consequence: 'One budget cannot be counted in two ways.',
      fix: `Write ${examples[kind]} or the like, or make another limit of it.`,
    };
  }
  if (authored[kind] === undefined) {
    return {
      path,
      what: `${subject} has no ${kind}.`,
      consequence: 'It would be unknown how much it lets pass.',
      fix: `Add ${examples[kind]} or the like.`,
    };
  }
  if (kind !== 'rate' && authored.burst !== undefined) {
    return {
      path: [...path, 'burst'],
      what: `${subject} has a burst, and limit "${entry.name}" has ${kind}.`,
      consequence: 'It would have no effect.',
      fix: 'Remove burst.',
    };
  }
  if (entry.quota === undefined || authored.quota === undefined) return undefined;
  const { unit } = entry.quota;
  if (authored.quota.unit === unit) return undefined;
  return {
    path: [...path, 'quota'],
    what: `${subject} counts each ${authored.quota.unit}, and limit "${entry.name}" each ${unit}.`,
    consequence: 'One budget cannot begin anew at two times.',
    fix: `Write a quota per ${unit}, or make another limit of it.`,
  };
}
