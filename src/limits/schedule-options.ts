import { z } from 'zod';
import { nameSchema, quoted, unreadable } from '../core/schema.ts';
import { timeZoneSchema } from './options.ts';

/** When an entry of a `schedule:` is in force, as a user writes it. */

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const dayError = unreadable(
  'a weekday or a range of weekdays',
  'It would be unknown on which days the figures are in force.',
  'Write mon, tue, wed, thu, fri, sat or sun, or a range such as mon..fri.',
);

/** `mon` or `fri..mon`; yields one bit for each day, Monday the lowest. */
const daysSchema = z
  .string({ error: dayError })
  .regex(/^(mon|tue|wed|thu|fri|sat|sun)( ?\.\. ?(mon|tue|wed|thu|fri|sat|sun))?$/, { error: dayError })
  .transform((text) => {
    const [first, last] = [dayNames.indexOf(text.slice(0, 3)), dayNames.indexOf(text.slice(-3))];
    let bits = 0;
    for (let day = first; ; day = (day + 1) % 7) {
      bits |= 1 << day;
      if (day === last) return bits;
    }
  });

/** Days counted from 1970-01-01 of the calendar, both included. */
export interface DayRange {
  readonly first: number;
  readonly last: number;
}

const dayMs = 86_400_000;
const longestRangeDays = 366;
const unclearDates = 'It would be unknown on which days the figures are in force.';
const dateError = unreadable(
  'a date or a range of dates',
  unclearDates,
  'Write a date such as 2026-12-24, or a range such as 2026-12-24..2026-12-26.',
);

const datesSchema = z
  .string({ error: dateError })
  .regex(/^\d{4}-\d{2}-\d{2}( ?\.\. ?\d{4}-\d{2}-\d{2})?$/, { error: dateError })
  .transform((text, context): DayRange => {
    const first = dayOf(text.slice(0, 10));
    const last = dayOf(text.slice(-10));
    const complain = (message: string): DayRange => {
      context.addIssue({ code: 'custom', message, input: text });
      return z.NEVER;
    };
    if (first === undefined || last === undefined) return complain(dateError({ input: text }));
    if (last < first) {
      return complain(
        `${quoted(text)} ends before it begins.\nThe figures would never be in force.\nWrite the earlier date first.`,
      );
    }
    if (last - first >= longestRangeDays) {
      return complain(
        `${quoted(text)} is longer than ${longestRangeDays} days.\nWhat is in force for years is no exception any more.\nWrite a shorter range, or change the figures of the limit itself.`,
      );
    }
    return { first, last };
  });

/** Undefined for a date that no calendar has. */
function dayOf(text: string): number | undefined {
  const ms = Date.parse(`${text}T00:00Z`);
  // Date.parse takes 2026-02-30 for the second of March.
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text ? undefined : ms / dayMs;
}

/** A time of day in milliseconds since midnight, or a moment in those that clocks on the wall have counted since 1970. */
export interface WallTime {
  readonly kind: 'time' | 'moment';
  readonly ms: number;
}

const timeError = unreadable(
  'a time',
  'It would be unknown from when until when the figures are in force.',
  'Write a time of day such as "16:00" (the end of a day is "24:00"), or a date with a time such as 2026-12-24T16:00.',
);

const timeSchema = z
  .string({ error: timeError })
  .regex(/^(\d{4}-\d{2}-\d{2}T)?(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { error: timeError })
  .transform((text, context): WallTime => {
    const ms = (Number(text.slice(-5, -3)) * 60 + Number(text.slice(-2))) * 60_000;
    if (text.length === 5) return { kind: 'time', ms };
    const day = dayOf(text.slice(0, 10));
    if (day !== undefined) return { kind: 'moment', ms: day * dayMs + ms };
    context.addIssue({ code: 'custom', message: timeError({ input: text }), input: text });
    return z.NEVER;
  });

/** The keys of a schedule entry beside its figures. */
export const scheduleTimesShape = {
  name: nameSchema.describe('Name of the entry, as explain and policy tests show it.'),
  days: z
    .array(daysSchema)
    .min(1)
    .transform((days) => days.reduce((all, bits) => all | bits, 0))
    .optional()
    .describe('Weekdays on which it begins, such as [mon..fri]; every day by default.'),
  dates: z
    .array(datesSchema)
    .min(1)
    .optional()
    .describe(
      'Dates on which it begins, such as [2026-12-24..2026-12-26]; with days only those that are both.',
    ),
  from: timeSchema
    .optional()
    .describe(
      'Time of day from which it is in force, such as "16:00", or date and time for one stretch, such as 2026-12-24T16:00; by default the whole day.',
    ),
  to: timeSchema
    .optional()
    .describe(
      'When it ends, in the form of from; a time of day that is not later than from is one of the next day.',
    ),
  timezone: timeZoneSchema.describe('Time zone in which its days and times are told, such as Europe/Berlin.'),
};

const timesSchema = z.strictObject(scheduleTimesShape);
export type ScheduleTimes = z.output<typeof timesSchema>;
