/**
 * Calendar windows of a time zone: days, weeks and months as people there count them, 23 or 25 hours long where the clocks
 * change. Every instant lies in exactly one window.
 */

export interface CalendarPeriod {
  readonly unit: 'day' | 'week' | 'month';
  /** IANA name. */
  readonly timeZone: string;
  /** Where a window begins: 1 = Monday to 7, or a day of the month; a month that is too short begins on its last day. */
  readonly anchorDay: number;
}

/** Milliseconds since 1970; `endMs` is the start of the next window. */
export interface CalendarWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** The window that holds an instant. */
export function windowAt(period: CalendarPeriod, epochMs: number): CalendarWindow {
  const { timeZone } = period;
  const date = Temporal.Instant.fromEpochMilliseconds(Math.floor(epochMs))
    .toZonedDateTimeISO(timeZone)
    .toPlainDate();
  let first = firstDayOf(period, date);
  let startMs = startOf(first, timeZone);
  // Clocks that go back over midnight repeat the end of a day that is over: windows follow each other all the same.
  for (;;) {
    const next = shiftedDay(period, first, 1);
    const endMs = startOf(next, timeZone);
    if (epochMs >= endMs) {
      first = next;
      startMs = endMs;
    } else if (epochMs < startMs) {
      first = shiftedDay(period, first, -1);
      startMs = startOf(first, timeZone);
    } else return { startMs, endMs };
  }
}

/** Remembers the last window of each period: nearly every instant that is asked about lies in it. */
export class CalendarWindows {
  readonly #last = new WeakMap<CalendarPeriod, CalendarWindow>();

  at(period: CalendarPeriod, epochMs: number): CalendarWindow {
    const last = this.#last.get(period);
    if (last !== undefined && epochMs >= last.startMs && epochMs < last.endMs) return last;
    const window = windowAt(period, epochMs);
    this.#last.set(period, window);
    return window;
  }
}

/** Whether a time zone is known here by this name. */
export function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

/** What a window of a period is usually long, in milliseconds. */
export const usualLengthMs = { day: 86_400_000, week: 7 * 86_400_000, month: 30 * 86_400_000 } as const;

/** The first day of the window that a day belongs to. */
function firstDayOf({ unit, anchorDay }: CalendarPeriod, date: Temporal.PlainDate): Temporal.PlainDate {
  if (unit === 'day') return date;
  if (unit === 'week') return date.subtract({ days: (date.dayOfWeek - anchorDay + 7) % 7 });
  const here = date.with({ day: anchorDay });
  return Temporal.PlainDate.compare(here, date) <= 0
    ? here
    : date.with({ day: 1 }).subtract({ months: 1 }).with({ day: anchorDay });
}

/** The first day of the next window, or of the one before. */
function shiftedDay(
  { unit, anchorDay }: CalendarPeriod,
  first: Temporal.PlainDate,
  step: 1 | -1,
): Temporal.PlainDate {
  if (unit === 'day') return first.add({ days: step });
  if (unit === 'week') return first.add({ days: 7 * step });
  return first.with({ day: 1 }).add({ months: step }).with({ day: anchorDay });
}

/** The first instant of a day there; that of the next one where a day was left out. */
function startOf(date: Temporal.PlainDate, timeZone: string): number {
  return date.toZonedDateTime({ timeZone }).epochMilliseconds;
}
