import type { ConfigPath, Issue } from '../core/issue.ts';
import type { CompiledLimit } from './compile.ts';
import type { ScheduleEntryOptions } from './override-options.ts';
import { Schedule, boundedSpansOf, type ScheduleEntry } from './schedule.ts';
import {
  dayMs,
  everyDay,
  firstCommonMs,
  instantsOf,
  type Occurrence,
  type Span,
  wallSpansOf,
} from './schedule-spans.ts';

export interface ScheduleSurroundings {
  /** What the schedule belongs to, as a sentence goes on after "Schedule entry … of". */
  owner: string;
  path: ConfigPath;
  /** Compiles the limit with the figures of an entry; undefined when they do not fit, which is reported already. */
  compileEntry: (entry: ScheduleEntryOptions, path: ConfigPath) => CompiledLimit | undefined;
  report: (issue: Issue) => void;
}

/** Compiles a schedule: each entry must be in force at some time and not at all times, and no two of them at once. */
export function compileSchedule(
  otherwise: CompiledLimit,
  authored: readonly ScheduleEntryOptions[],
  surroundings: ScheduleSurroundings,
): Schedule {
  const { owner, report, compileEntry } = surroundings;
  const entries: ScheduleEntry[] = [];
  const names = new Set<string>();
  for (const [index, entry] of authored.entries()) {
    const path: ConfigPath = [...surroundings.path, index];
    const { name, timezone } = entry;
    if (names.has(name)) report(repeatedName(name, owner, [...path, 'name']));
    names.add(name);
    const limit = compileEntry(entry, path);
    const occurrence = readOccurrence(entry, path);
    if ('what' in occurrence) report(occurrence);
    else {
      const spans = boundedSpansOf(occurrence, timezone);
      const compiled = { name, occurrence, timeZone: timezone, spans, limit: limit ?? otherwise };
      if (spans?.length === 0) report(neverInForce(name, path));
      for (const earlier of entries) {
        const at = findOverlap(earlier, compiled);
        if (at !== undefined) report(overlap([earlier, compiled], { at, owner, path }));
      }
      entries.push(compiled);
    }
  }
  // What an overlap does that no one foresaw (a country changes its clocks) must not depend on the order in the file.
  return new Schedule(
    otherwise,
    entries.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
}

function readOccurrence(entry: ScheduleEntryOptions, path: ConfigPath): Occurrence | Issue {
  const { name, days, dates, from, to } = entry;
  const subject = `Schedule entry "${name}"`;
  if ((from === undefined) !== (to === undefined)) {
    const [present, absent] = from === undefined ? ['to', 'from'] : ['from', 'to'];
    return {
      path: [...path, present],
      what: `${subject} has "${present}" and no "${absent}".`,
      consequence: 'It would be unknown from when until when it is in force.',
      fix: `Add ${absent}:, or leave out both for whole days.`,
    };
  }
  if (from !== undefined && to !== undefined && from.kind !== to.kind) {
    return {
      path: [...path, 'to'],
      what: `${subject} tells one of "from" and "to" with a date and the other without.`,
      consequence: 'It would be unknown from when until when it is in force.',
      fix: 'Write two times of day, or two dates with times.',
    };
  }
  if (from?.kind === 'moment' && to !== undefined) {
    if (days !== undefined || dates !== undefined) {
      return {
        path: [...path, days === undefined ? 'dates' : 'days'],
        what: `${subject} has days or dates beside a "from" with a date.`,
        consequence: 'It would be unknown whether it is one stretch or comes again.',
        fix: 'Write times of day in from and to, or remove days and dates.',
      };
    }
    if (to.ms <= from.ms) {
      return {
        path: [...path, 'to'],
        what: `${subject} ends before it begins.`,
        consequence: 'It would never be in force.',
        fix: 'Write a later "to".',
      };
    }
    return { kind: 'once', fromMs: from.ms, untilMs: to.ms };
  }
  if (from !== undefined && to !== undefined && from.ms === to.ms) {
    return {
      path: [...path, 'to'],
      what: `${subject} ends at the time at which it begins.`,
      consequence: 'It would be unknown whether it lasts for no time or for a day.',
      fix: 'Write another "to", or leave out "from" and "to" for whole days.',
    };
  }
  const fromMs = from?.ms ?? 0;
  const endMs = to?.ms ?? dayMs;
  const untilMs = endMs > fromMs ? endMs : endMs + dayMs;
  const weekdays = days ?? everyDay;
  if (dates === undefined && weekdays === everyDay && untilMs - fromMs === dayMs) {
    return {
      path,
      what: `${subject} is in force at all times.`,
      consequence: 'The figures that it stands beside would never apply.',
      fix: 'Add days:, dates:, or from: and to:.',
    };
  }
  return { kind: 'daily', days: weekdays, dates, fromMs, untilMs };
}

/**
 * The first time found at which both entries are in force. Weeks in one time zone are compared on the wall, where they are
 * all alike. In two zones the clocks of both matter: what goes on for ever is then compared for a year and a week.
 */
function findOverlap(one: ScheduleEntry, other: ScheduleEntry): { ms: number; onWall: boolean } | undefined {
  const bounded = one.spans ?? other.spans;
  const onWall = bounded === undefined && one.timeZone === other.timeZone;
  const days = bounded === undefined ? (onWall ? threeWeeks : oneYear) : daysAround(bounded);
  const spansOf = ({ spans, occurrence, timeZone }: ScheduleEntry): readonly Span[] => {
    if (spans !== undefined) return spans;
    const wallSpans = wallSpansOf(occurrence, days);
    return onWall ? wallSpans : instantsOf(wallSpans, timeZone);
  };
  const ms = firstCommonMs(spansOf(one), spansOf(other));
  return ms === undefined ? undefined : { ms, onWall };
}

/** From Monday, 5 January 2026: the same in every check, so that a configuration does not become wrong by waiting. */
const firstMonday = Date.UTC(2026, 0, 5) / dayMs;
const threeWeeks = { first: firstMonday, last: firstMonday + 20 };
const oneYear = { first: firstMonday, last: firstMonday + 372 };

function daysAround(spans: readonly Span[]): { first: number; last: number } {
  const from = spans[0]?.fromMs ?? 0;
  const until = spans.at(-1)?.untilMs ?? 0;
  return { first: Math.floor(from / dayMs) - 2, last: Math.ceil(until / dayMs) + 2 };
}

function repeatedName(name: string, owner: string, path: ConfigPath): Issue {
  return {
    path,
    what: `Two schedule entries of ${owner} are named "${name}".`,
    consequence: 'No report could tell which of them was in force.',
    fix: 'Give every entry of a schedule a name of its own.',
  };
}

function neverInForce(name: string, path: ConfigPath): Issue {
  return {
    path,
    what: `None of the dates of schedule entry "${name}" has such a weekday and time.`,
    consequence: 'It would never be in force.',
    fix: 'Correct its dates or its days.',
  };
}

function overlap(
  [one, other]: readonly [ScheduleEntry, ScheduleEntry],
  { at, owner, path }: { at: { ms: number; onWall: boolean }; owner: string; path: ConfigPath },
): Issue {
  const { timeZone } = other;
  const wall = at.onWall
    ? new Date(at.ms).toISOString()
    : Temporal.Instant.fromEpochMilliseconds(at.ms).toZonedDateTimeISO(timeZone).toString();
  return {
    path,
    what: `Schedule entries "${one.name}" and "${other.name}" of ${owner} are both in force at ${wall.slice(0, 16)} in ${timeZone}.`,
    consequence: 'It would be chance which of the two governs.',
    fix: 'Change the days or times of one of them so that they do not meet.',
  };
}
