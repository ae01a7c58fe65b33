import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileLimits, type CompiledLimit } from './compile.ts';
import { limitSchema } from './options.ts';
import { boundedSpansOf, Schedule } from './schedule.ts';
import { dayMs, type Occurrence } from './schedule-spans.ts';

const minuteMs = 60_000;

function limitOf(tokens: number): CompiledLimit {
  const authored = limitSchema.parse({ name: 'dock', key: 'zone', rate: `${tokens}/s` });
  const [limit] = compileLimits('yard', [authored], () => 'zones/yard.yaml:5:5').limits;
  if (limit === undefined) throw new TypeError('"limit" does not compile');
  return limit;
}

const usual = limitOf(10);
const special = limitOf(99);

function scheduleOf(occurrence: Occurrence, timeZone: string): Schedule {
  const spans = boundedSpansOf(occurrence, timeZone);
  return new Schedule(usual, [{ name: 'special', occurrence, timeZone, spans, limit: special }]);
}

const clock = (text: string): number => {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return (hours * 60 + minutes) * minuteMs;
};
const day = (date: string): number => Date.parse(`${date}T00:00Z`) / dayMs;
const instant = (text: string): number => Temporal.Instant.from(text).epochMilliseconds;

interface Daily {
  days?: number;
  dates?: [string, string][];
  from?: string;
  to?: string;
}

function daily({ days = 0b1111111, dates, from = '00:00', to = '24:00' }: Daily): Occurrence {
  const ranges = dates?.map(([first, last]) => ({ first: day(first), last: day(last) }));
  const fromMs = clock(from);
  const untilMs = clock(to) > fromMs ? clock(to) : clock(to) + dayMs;
  return { kind: 'daily', days, dates: ranges, fromMs, untilMs };
}

/** Whether clocks on the wall show a time of the entry, told in the plainest way. */
function isShown(occurrence: Occurrence, timeZone: string, atMs: number): boolean {
  const wall = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).toPlainDateTime();
  if (occurrence.kind === 'once') {
    const shownMs = Date.parse(`${wall.toString()}Z`);
    return shownMs >= occurrence.fromMs && shownMs < occurrence.untilMs;
  }
  const begins = (date: Temporal.PlainDate): boolean => {
    const number = day(date.toString());
    const { dates, days } = occurrence;
    return (
      ((days >> (date.dayOfWeek - 1)) & 1) === 1 &&
      (dates === undefined || dates.some(({ first, last }) => number >= first && number <= last))
    );
  };
  const today = wall.toPlainDate();
  const sinceMidnightMs = (wall.hour * 60 + wall.minute) * minuteMs;
  const { fromMs, untilMs } = occurrence;
  if (begins(today) && sinceMidnightMs >= fromMs && sinceMidnightMs < untilMs) return true;
  return begins(today.subtract({ days: 1 })) && sinceMidnightMs + dayMs < untilMs;
}

describe('a schedule', () => {
  // 2026-12-21 is a Monday.
  it.each<[title: string, entry: Daily, timeZone: string, inForce: string[], not: string[]]>([
    [
      'is in force from its first minute until before its last',
      { days: 0b0011111, from: '16:00', to: '18:00' },
      'Europe/Berlin',
      ['2026-12-21T16:00+01:00', '2026-12-25T17:59:59.999+01:00', '2026-07-01T16:30+02:00'],
      ['2026-12-21T15:59:59.999+01:00', '2026-12-21T18:00+01:00', '2026-12-26T17:00+01:00'],
    ],
    [
      'over midnight belongs to the day on which it begins',
      { days: 0b0010000, from: '22:00', to: '02:00' },
      'Europe/Berlin',
      ['2026-12-25T22:00+01:00', '2026-12-26T01:59+01:00'],
      ['2026-12-25T01:00+01:00', '2026-12-26T02:00+01:00', '2026-12-26T22:00+01:00'],
    ],
    [
      'on dates over midnight reaches into the day after the last',
      { dates: [['2026-12-24', '2026-12-25']], from: '22:00', to: '02:00' },
      'America/Chicago',
      ['2026-12-24T22:00-06:00', '2026-12-26T01:59-06:00'],
      ['2026-12-24T01:00-06:00', '2026-12-26T22:00-06:00', '2027-12-24T23:00-06:00'],
    ],
    [
      'without times covers whole days',
      { dates: [['2026-12-24', '2026-12-26']] },
      'Europe/Berlin',
      ['2026-12-24T00:00+01:00', '2026-12-26T23:59:59+01:00'],
      ['2026-12-23T23:59:59+01:00', '2026-12-27T00:00+01:00'],
    ],
    [
      'with days and dates wants both',
      { days: 0b0000001, dates: [['2026-12-01', '2026-12-31']] },
      'UTC',
      ['2026-12-21T12:00Z', '2026-12-28T12:00Z'],
      ['2026-12-22T12:00Z', '2026-11-30T12:00Z', '2027-01-04T12:00Z'],
    ],
    [
      'has nothing of an hour that the clocks skip',
      { from: '02:15', to: '02:45' },
      'Europe/Berlin',
      ['2026-03-28T02:30+01:00', '2026-03-30T02:30+02:00'],
      ['2026-03-29T01:59:59+01:00', '2026-03-29T03:00+02:00', '2026-03-29T03:30+02:00'],
    ],
    [
      'comes twice in an hour that the clocks show twice',
      { from: '02:15', to: '02:45' },
      'Europe/Berlin',
      ['2026-10-25T02:30+02:00', '2026-10-25T02:30+01:00'],
      ['2026-10-25T02:50+02:00', '2026-10-25T02:10+01:00', '2026-10-25T02:50+01:00'],
    ],
    [
      'goes on without a gap where the clocks go back inside it',
      { from: '01:00', to: '03:00' },
      'Europe/Berlin',
      [
        '2026-10-25T01:00+02:00',
        '2026-10-25T02:59+02:00',
        '2026-10-25T02:00+01:00',
        '2026-10-25T02:59+01:00',
      ],
      ['2026-10-25T00:59+02:00', '2026-10-25T03:00+01:00'],
    ],
  ])('%s', (_title, entry, timeZone, inForce, not) => {
    const schedule = scheduleOf(daily(entry), timeZone);
    const rates = (times: string[]) => times.map((text) => [text, schedule.at(instant(text)).burst]);
    expect(rates(inForce)).toEqual(inForce.map((text) => [text, 99]));
    expect(rates(not)).toEqual(not.map((text) => [text, 10]));
  });

  it('can be one stretch of several days', () => {
    const stretch: Occurrence = {
      kind: 'once',
      fromMs: Date.parse('2026-12-24T16:00Z'),
      untilMs: Date.parse('2026-12-27T06:00Z'),
    };
    const schedule = scheduleOf(stretch, 'Asia/Tokyo');
    const rateAt = (text: string) => schedule.at(instant(text)).burst;
    expect(
      [
        '2026-12-24T15:59+09:00',
        '2026-12-24T16:00+09:00',
        '2026-12-27T05:59+09:00',
        '2026-12-27T06:00+09:00',
      ].map(rateAt),
    ).toEqual([10, 99, 99, 10]);
  });

  it('gives the same limit until the next change, and tells since when it is in force', () => {
    const schedule = scheduleOf(daily({ days: 0b0011111, from: '16:00', to: '18:00' }), 'Europe/Berlin');
    const within = schedule.at(instant('2026-12-24T16:00+01:00'));
    expect(within).toEqual({ ...special, sinceMs: instant('2026-12-24T16:00+01:00') });
    expect(schedule.at(instant('2026-12-24T17:59+01:00'))).toBe(within);
    const after = schedule.at(instant('2026-12-24T18:00+01:00'));
    expect(after).toEqual({ ...usual, sinceMs: instant('2026-12-24T18:00+01:00') });
    expect(schedule.at(instant('2026-12-25T15:59+01:00'))).toBe(after);
    // Over the weekend.
    expect(schedule.at(instant('2026-12-28T15:59+01:00')).sinceMs).toBe(instant('2026-12-25T18:00+01:00'));
  });

  it('follows a clock that goes back', () => {
    const schedule = scheduleOf(daily({ from: '16:00', to: '18:00' }), 'UTC');
    const bursts = ['T17:00Z', 'T15:00Z', 'T16:00Z', 'T19:00Z', 'T17:00Z'].map(
      (time) => schedule.at(instant(`2026-12-24${time}`)).burst,
    );
    expect(bursts).toEqual([99, 10, 99, 10, 99]);
  });

  it('was never changed before its first time, and never changes after its last', () => {
    const schedule = scheduleOf(daily({ dates: [['2026-12-24', '2026-12-24']] }), 'UTC');
    expect(schedule.at(instant('2026-01-01T00:00Z'))).toEqual({ ...usual, sinceMs: 0 });
    expect(schedule.at(instant('2099-01-01T00:00Z')).sinceMs).toBe(instant('2026-12-25T00:00Z'));
  });

  it('takes a change from whichever entry brings it', () => {
    const [morning, evening] = [limitOf(20), limitOf(30)];
    const entry = (name: string, from: string, to: string, limit: CompiledLimit) => ({
      name,
      occurrence: daily({ from, to }),
      timeZone: 'UTC',
      spans: undefined,
      limit,
    });
    const schedule = new Schedule(usual, [
      entry('evening', '12:00', '20:00', evening),
      entry('morning', '08:00', '12:00', morning),
    ]);
    const seen = ['07:59', '08:00', '11:59', '12:00', '19:59', '20:00'].map((time) => {
      const { burst, sinceMs = 0 } = schedule.at(instant(`2026-05-05T${time}Z`));
      return `${burst} since ${new Date(sinceMs).toISOString().slice(5, 16)}`;
    });
    expect(seen).toEqual([
      '10 since 05-04T20:00',
      '20 since 05-05T08:00',
      '20 since 05-05T08:00',
      '30 since 05-05T12:00',
      '30 since 05-05T12:00',
      '10 since 05-05T20:00',
    ]);
  });

  // Clocks of these go forward or back, by an hour or by half of one, at night or at midnight.
  const turns: [timeZone: string, date: string][] = [
    ['Europe/Berlin', '2026-03-29'],
    ['Europe/Berlin', '2026-10-25'],
    ['America/New_York', '2026-03-08'],
    ['America/New_York', '2026-11-01'],
    ['Australia/Lord_Howe', '2026-04-05'],
    ['Australia/Lord_Howe', '2026-10-04'],
    ['America/Santiago', '2026-04-05'],
    ['America/Santiago', '2026-09-06'],
    ['Africa/Cairo', '2026-04-24'],
    ['Asia/Kolkata', '2026-06-01'],
    // Here a whole day was left out.
    ['Pacific/Apia', '2011-12-30'],
  ];

  it('agrees minute by minute with the clocks on the wall, also on the days on which they change', () => {
    const quarter = fc.integer({ min: 0, max: 95 }).map((count) => count * 15 * minuteMs);
    fc.assert(
      fc.property(
        fc.constantFrom(...turns),
        fc.integer({ min: 1, max: 127 }),
        fc.tuple(quarter, quarter),
        fc.option(fc.tuple(fc.integer({ min: -2, max: 1 }), fc.integer({ min: 0, max: 2 })), {
          nil: undefined,
        }),
        fc.integer({ min: 0, max: 6 }),
        ([timeZone, date], days, [fromMs, toMs], range, step) => {
          const middle = day(date);
          const dates = range && [{ first: middle + range[0], last: middle + range[0] + range[1] }];
          const untilMs = toMs > fromMs ? toMs : toMs + dayMs;
          const occurrence: Occurrence = { kind: 'daily', days, dates, fromMs, untilMs };
          const schedule = scheduleOf(occurrence, timeZone);
          let before: CompiledLimit | undefined;
          let changedMs = 0;
          // Other minutes in every run, so that all of them have their turn.
          for (
            let ms = (middle - 1) * dayMs + step * minuteMs;
            ms < (middle + 2) * dayMs;
            ms += 7 * minuteMs
          ) {
            const limit = schedule.at(ms);
            expect([new Date(ms).toISOString(), limit.burst]).toEqual([
              new Date(ms).toISOString(),
              isShown(occurrence, timeZone, ms) ? 99 : 10,
            ]);
            if (limit === before) continue;
            if (before !== undefined) expect(limit.sinceMs).toBeGreaterThan(changedMs);
            expect(limit.sinceMs).toBeLessThanOrEqual(ms);
            before = limit;
            changedMs = ms;
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
