import type { DayRange } from './schedule-options.ts';

/**
 * When an entry of a schedule is in force. An entry is told in the time that clocks on the wall show in its time zone, and in
 * force at every instant at which they show such a time: an hour that the clocks skip has none of it, one that they show
 * twice has it twice. So two entries of one time zone that do not overlap on paper never do, whatever the clocks do.
 */

/** Milliseconds, the end excluded: since 1970 as instants, or as clocks on the wall count them. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Each of these days from one time until another, or one stretch. */
export type Occurrence =
  | {
      readonly kind: 'daily';
      /** One bit for each weekday, Monday the lowest. */
      readonly days: number;
      readonly dates: readonly DayRange[] | undefined;
      /** After midnight of the day; `untilMs` may lie in the next day. */
      readonly fromMs: number;
      readonly untilMs: number;
    }
  | ({ readonly kind: 'once' } & Span);

export const dayMs = 86_400_000;
export const everyDay = 0b111_1111;
const noDays: DayRange = { first: 0, last: -2 };

/** Whether the entry has a last day. */
export function isBounded(occurrence: Occurrence): boolean {
  return occurrence.kind === 'once' || occurrence.dates !== undefined;
}

/**
 * What an entry covers on the wall, in order, adjacent spans joined: all of it for a bounded entry, and for one that goes on
 * for ever what begins on these days or on the one before.
 */
export function wallSpansOf(occurrence: Occurrence, among: DayRange = noDays): Span[] {
  if (occurrence.kind === 'once') return [{ fromMs: occurrence.fromMs, untilMs: occurrence.untilMs }];
  const { days, dates, fromMs, untilMs } = occurrence;
  const spans: Span[] = [];
  const add = (day: number): void => {
    // 1970-01-01 was a Thursday.
    if ((days & (1 << (((day % 7) + 10) % 7))) !== 0)
      spans.push({ fromMs: day * dayMs + fromMs, untilMs: day * dayMs + untilMs });
  };
  if (dates === undefined) for (let day = among.first - 1; day <= among.last; day++) add(day);
  else for (const day of listDays(dates)) add(day);
  return joinSpans(spans);
}

/** Every day of some ranges, once and in order. */
function listDays(ranges: readonly DayRange[]): number[] {
  const days = new Set<number>();
  for (const { first, last } of ranges) for (let day = first; day <= last; day++) days.add(day);
  return [...days].toSorted((a, b) => a - b);
}

/** The instants at which clocks in a time zone show a time within these spans. */
export function instantsOf(wallSpans: readonly Span[], timeZone: string): Span[] {
  const first = wallSpans[0];
  const last = wallSpans.at(-1);
  if (first === undefined || last === undefined) return [];
  const instants: Span[] = [];
  // No clock is a whole day off.
  const offsets = offsetsOf(timeZone, { fromMs: first.fromMs - dayMs, untilMs: last.untilMs + dayMs });
  for (const offset of offsets) {
    for (const wall of wallSpans) {
      if (wall.fromMs - offset.aheadMs >= offset.untilMs) break;
      const fromMs = Math.max(wall.fromMs - offset.aheadMs, offset.fromMs);
      const untilMs = Math.min(wall.untilMs - offset.aheadMs, offset.untilMs);
      if (fromMs < untilMs) instants.push({ fromMs, untilMs });
    }
  }
  return joinSpans(instants);
}

/** By how much the clocks are ahead of UTC, and when. */
interface Offset extends Span {
  readonly aheadMs: number;
}

function offsetsOf(timeZone: string, { fromMs, untilMs }: Span): Offset[] {
  const offsets: Offset[] = [];
  let at = Temporal.Instant.fromEpochMilliseconds(fromMs).toZonedDateTimeISO(timeZone);
  for (;;) {
    const next = at.getTimeZoneTransition('next');
    const endMs = next?.epochMilliseconds ?? Infinity;
    offsets.push({
      fromMs: at.epochMilliseconds,
      untilMs: endMs,
      aheadMs: at.offsetNanoseconds / 1_000_000,
    });
    if (!next || endMs >= untilMs) return offsets;
    at = next;
  }
}

/** Spans in order of their starts, each with what follows it without a gap. */
function joinSpans(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans) {
    const last = joined.at(-1);
    if (last === undefined || span.fromMs > last.untilMs) joined.push(span);
    else joined[joined.length - 1] = { fromMs: last.fromMs, untilMs: Math.max(last.untilMs, span.untilMs) };
  }
  return joined;
}

/** The first instant that lies in a span of both lists; both are in order. */
export function firstCommonMs(some: readonly Span[], others: readonly Span[]): number | undefined {
  let i = 0;
  let j = 0;
  for (;;) {
    const one = some[i];
    const other = others[j];
    if (one === undefined || other === undefined) return undefined;
    const fromMs = Math.max(one.fromMs, other.fromMs);
    if (fromMs < Math.min(one.untilMs, other.untilMs)) return fromMs;
    if (one.untilMs <= other.untilMs) i++;
    else j++;
  }
}
