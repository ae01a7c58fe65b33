import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CalendarPeriod, CalendarWindows, isTimeZone, windowAt } from './calendar.ts';

const at = (text: string): number => Temporal.Instant.from(text).epochMilliseconds;
const text = (epochMs: number): string => new Date(epochMs).toISOString();

const zones = Intl.supportedValuesOf('timeZone');

describe('windowAt', () => {
  it.each<[string, CalendarPeriod, string, string, string]>([
    [
      'a day of a zone',
      { unit: 'day', timeZone: 'Europe/Berlin', anchorDay: 1 },
      '2026-11-22T06:00:00Z',
      '2026-11-21T23:00:00.000Z',
      '2026-11-22T23:00:00.000Z',
    ],
    [
      'a day of 25 hours',
      { unit: 'day', timeZone: 'Europe/Berlin', anchorDay: 1 },
      '2026-10-25T12:00:00Z',
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ],
    [
      'a day of 23 hours',
      { unit: 'day', timeZone: 'Europe/Berlin', anchorDay: 1 },
      '2026-03-29T12:00:00Z',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ],
    [
      'a day without a midnight, which begins at one',
      { unit: 'day', timeZone: 'America/Asuncion', anchorDay: 1 },
      '2023-10-01T12:00:00Z',
      '2023-10-01T04:00:00.000Z',
      '2023-10-02T03:00:00.000Z',
    ],
    [
      'the end of a day that is repeated after its midnight: the next day has begun',
      { unit: 'day', timeZone: 'America/St_Johns', anchorDay: 1 },
      '2010-11-07T02:45:00Z',
      '2010-11-07T02:30:00.000Z',
      '2010-11-08T03:30:00.000Z',
    ],
    [
      'the day before one that was left out',
      { unit: 'day', timeZone: 'Pacific/Apia', anchorDay: 1 },
      '2011-12-30T09:00:00Z',
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
    ],
    [
      'a week from Monday on',
      { unit: 'week', timeZone: 'Europe/Berlin', anchorDay: 1 },
      '2026-11-22T06:00:00Z',
      '2026-11-15T23:00:00.000Z',
      '2026-11-22T23:00:00.000Z',
    ],
    [
      'a week from Sunday on',
      { unit: 'week', timeZone: 'America/New_York', anchorDay: 7 },
      '2026-11-22T06:00:00Z',
      '2026-11-22T05:00:00.000Z',
      '2026-11-29T05:00:00.000Z',
    ],
    [
      'a month',
      { unit: 'month', timeZone: 'UTC', anchorDay: 1 },
      '2026-02-28T23:59:59.999Z',
      '2026-02-01T00:00:00.000Z',
      '2026-03-01T00:00:00.000Z',
    ],
    [
      'a month from its 31st on: February begins one on its last day',
      { unit: 'month', timeZone: 'UTC', anchorDay: 31 },
      '2026-02-28T00:00:00Z',
      '2026-02-28T00:00:00.000Z',
      '2026-03-31T00:00:00.000Z',
    ],
    [
      'the end of a month that began in the year before',
      { unit: 'month', timeZone: 'UTC', anchorDay: 15 },
      '2027-01-14T23:00:00Z',
      '2026-12-15T00:00:00.000Z',
      '2027-01-15T00:00:00.000Z',
    ],
  ])('knows %s', (_what, period, now, start, end) => {
    const { startMs, endMs } = windowAt(period, at(now));
    expect([text(startMs), text(endMs)]).toEqual([start, end]);
  });

  it('puts every instant of every zone into exactly one window, also where clocks change', () => {
    const period = fc.record({
      unit: fc.constantFrom<CalendarPeriod['unit']>('day', 'week', 'month'),
      timeZone: fc.constantFrom(...zones),
      anchorDay: fc.integer({ min: 1, max: 31 }),
    });
    const instant = fc.integer({ min: at('1972-01-01T00:00:00Z'), max: at('2037-01-01T00:00:00Z') });
    const nearChange = fc.integer({ min: -26 * 3_600_000, max: 26 * 3_600_000 });
    fc.assert(
      fc.property(period, instant, nearChange, fc.boolean(), (some, anyMs, nearMs, atChange) => {
        const anchorDay = some.unit === 'week' ? ((some.anchorDay - 1) % 7) + 1 : some.anchorDay;
        const one = { ...some, anchorDay };
        const change = atChange
          ? Temporal.Instant.fromEpochMilliseconds(anyMs)
              .toZonedDateTimeISO(one.timeZone)
              .getTimeZoneTransition('next')
          : undefined;
        const nowMs = (change?.epochMilliseconds ?? anyMs) + nearMs;
        const window = windowAt(one, nowMs);
        expect(nowMs).toBeGreaterThanOrEqual(window.startMs);
        expect(nowMs).toBeLessThan(window.endMs);
        expect(windowAt(one, window.startMs)).toEqual(window);
        expect(windowAt(one, window.endMs - 1)).toEqual(window);
        expect(windowAt(one, window.endMs).startMs).toBe(window.endMs);
        // It begins where its zone has a new day.
        const start = Temporal.Instant.fromEpochMilliseconds(window.startMs).toZonedDateTimeISO(one.timeZone);
        expect(start.startOfDay().epochMilliseconds).toBe(window.startMs);
      }),
      { numRuns: 2000 },
    );
  }, 30_000);
});

describe('CalendarWindows', () => {
  it('gives the windows of each period, remembered or not', () => {
    const windows = new CalendarWindows();
    const day: CalendarPeriod = { unit: 'day', timeZone: 'UTC', anchorDay: 1 };
    const month: CalendarPeriod = { unit: 'month', timeZone: 'UTC', anchorDay: 1 };
    const noon = at('2026-11-22T12:00:00Z');
    const first = windows.at(day, noon);
    expect(windows.at(day, noon + 1)).toBe(first);
    expect(windows.at(month, noon)).toEqual(windowAt(month, noon));
    expect(windows.at(day, first.endMs).startMs).toBe(first.endMs);
    expect(windows.at(day, noon)).toEqual(first);
  });
});

describe('isTimeZone', () => {
  it.each([
    ['Europe/Berlin', true],
    ['UTC', true],
    ['Etc/GMT+5', true],
    ['Europe/Berln', false],
    ['', false],
    ['somewhere', false],
  ])('tells of %j: %s', (name, known) => {
    expect(isTimeZone(name)).toBe(known);
  });
});
