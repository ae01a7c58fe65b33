import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type ScheduleTimes, scheduleTimesShape } from './schedule-options.ts';

const schema = z.strictObject(scheduleTimesShape);
const read = (times: Record<string, unknown>): ScheduleTimes =>
  schema.parse({ name: 'n', timezone: 'Europe/Berlin', ...times });

const hourMs = 3_600_000;
const dayOf = (date: string): number => Date.parse(`${date}T00:00Z`) / 86_400_000;

describe('the times of a schedule entry', () => {
  it.each<[days: string[], letters: string]>([
    [['mon'], 'M------'],
    [['sun'], '------S'],
    [['mon..fri'], 'MTWTF--'],
    [['mon .. fri'], 'MTWTF--'],
    [['sat..mon'], 'M----SS'],
    [['wed..wed'], '--W----'],
    [['thu..wed'], 'MTWTFSS'],
    [['mon', 'wed..thu', 'mon..tue'], 'MTWT---'],
  ])('take the days %j', (days, letters) => {
    const bits = read({ days }).days ?? 0;
    expect(
      'MTWTFSS'
        .split('')
        .map((letter, day) => (((bits >> day) & 1) === 1 ? letter : '-'))
        .join(''),
    ).toBe(letters);
  });

  it('take dates and ranges of them, up to a year', () => {
    const { dates } = read({ dates: ['2026-12-24', '2026-12-24 .. 2026-12-26', '2028-01-01..2028-12-31'] });
    expect(dates).toEqual([
      { first: dayOf('2026-12-24'), last: dayOf('2026-12-24') },
      { first: dayOf('2026-12-24'), last: dayOf('2026-12-26') },
      { first: dayOf('2028-01-01'), last: dayOf('2028-12-31') },
    ]);
  });

  it.each([
    ['00:00', 'time', 0],
    ['16:05', 'time', 16 * hourMs + 300_000],
    ['24:00', 'time', 24 * hourMs],
    ['2026-12-24T16:00', 'moment', Date.UTC(2026, 11, 24, 16)],
    ['2026-12-24T24:00', 'moment', Date.UTC(2026, 11, 25)],
  ])('take %s', (from, kind, ms) => {
    expect(read({ from }).from).toEqual({ kind, ms });
  });

  it.each([
    '24:01',
    '7:00',
    '16.00',
    '16:00:00',
    '2026-12-24 16:00',
    '2026-12-24T16:00Z',
    '24-12-2026T16:00',
    1600,
  ])('do not take the time %j', (from) => {
    expect(() => read({ from })).toThrow('is not a time.');
  });
});
