import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Issue } from '../core/issue.ts';
import { compileLimits } from './compile.ts';
import { compileSchedule } from './compile-schedule.ts';
import { zoneLimitSchema } from './override-options.ts';
import type { Schedule } from './schedule.ts';

type Entry = Record<string, unknown>;

/** Entries of a limit of 10; each has a burst of its own, in order from 1. */
function compile(...entries: Entry[]): { schedule: Schedule; issues: Issue[] } {
  const limit = zoneLimitSchema.parse({
    name: 'dock',
    key: 'zone',
    rate: '10/s',
    schedule: entries.map((entry, index) => ({
      name: `e${index + 1}`,
      timezone: 'Europe/Berlin',
      rate: `${index + 1}/s`,
      ...entry,
    })),
  });
  const issues: Issue[] = [];
  const [otherwise] = compileLimits('yard', [limit], () => '').limits;
  if (otherwise === undefined) throw new TypeError('"limit" does not compile');
  const schedule = compileSchedule(otherwise, limit.schedule ?? [], {
    owner: 'limit "dock"',
    path: ['limits', 0, 'schedule'],
    compileEntry: (entry) => ({ ...otherwise, burst: entry.rate?.tokens ?? 0 }),
    report: (issue) => void issues.push(issue),
  });
  return { schedule, issues };
}

const overlapAt = (path: number, names: [string, string], at: string): Issue => ({
  path: ['limits', 0, 'schedule', path],
  what: `Schedule entries "${names[0]}" and "${names[1]}" of limit "dock" are both in force at ${at}.`,
  consequence: 'It would be chance which of the two governs.',
  fix: 'Change the days or times of one of them so that they do not meet.',
});

describe('compileSchedule', () => {
  it.each<[title: string, entries: Entry[]]>([
    [
      'one that begins when the other ends',
      [
        { from: '16:00', to: '18:00' },
        { from: '18:00', to: '20:00' },
      ],
    ],
    [
      'one over midnight and one from when it ends',
      [
        { days: ['fri'], from: '22:00', to: '02:00' },
        { days: ['sat'], from: '02:00', to: '04:00' },
      ],
    ],
    ['weekdays and the weekend', [{ days: ['mon..fri'] }, { days: ['sat', 'sun'] }]],
    ['weekdays that go round the end of the week', [{ days: ['fri..mon'] }, { days: ['tue..thu'] }]],
    ['dates that follow each other', [{ dates: ['2026-12-24..2026-12-26'] }, { dates: ['2026-12-27'] }]],
    ['a date on which the other has no time', [{ days: ['mon'] }, { dates: ['2026-12-24'] }]],
    [
      'a stretch before the first time of the other',
      [
        { days: ['mon'], from: '06:00', to: '07:00' },
        { from: '2026-12-21T07:00', to: '2026-12-28T06:00' },
      ],
    ],
    [
      'the same hour in two time zones that are never the same distance apart',
      [
        { from: '12:00', to: '13:00' },
        { from: '12:00', to: '13:00', timezone: 'America/Chicago' },
      ],
    ],
    [
      'a date that ends in one time zone before it begins in the other',
      [
        { dates: ['2026-12-24'], timezone: 'Asia/Tokyo' },
        { dates: ['2026-12-25'], timezone: 'Europe/Berlin' },
      ],
    ],
  ])('takes %s', (_title, entries) => {
    expect(compile(...entries).issues).toEqual([]);
    expect(compile(...entries.toReversed()).issues).toEqual([]);
  });

  it('finds two entries that meet in three weeks of the year only', () => {
    // Half past eight there is half past two in Berlin, but half past one while only New York has put its clocks forward.
    const { issues } = compile(
      { from: '13:00', to: '14:00' },
      { from: '08:30', to: '09:00', timezone: 'America/New_York' },
    );
    expect(issues).toEqual([overlapAt(1, ['e1', 'e2'], '2026-03-08T08:30 in America/New_York')]);
  });

  it('reports each pair that meets', () => {
    const { issues } = compile({ days: ['mon'] }, { days: ['tue'] }, { days: ['mon', 'tue'] });
    expect(issues).toEqual([
      overlapAt(2, ['e1', 'e3'], '2026-01-05T00:00 in Europe/Berlin'),
      overlapAt(2, ['e2', 'e3'], '2026-01-06T00:00 in Europe/Berlin'),
    ]);
  });

  it('gives the same figures in whatever order the entries are written', () => {
    const entries = [
      { name: 'night', from: '22:00', to: '06:00', rate: '1/s' },
      { name: 'noon', from: '11:00', to: '13:00', rate: '2/s' },
      { name: 'christmas', dates: ['2026-12-24'], from: '14:00', to: '20:00', rate: '3/s' },
    ];
    const times = ['02:00', '12:00', '15:00', '21:00'].map((time) => Date.parse(`2026-12-24T${time}+01:00`));
    const [forwards, backwards] = [compile(...entries), compile(...entries.toReversed())];
    expect([...forwards.issues, ...backwards.issues]).toEqual([]);
    expect(times.map((ms) => forwards.schedule.at(ms).burst)).toEqual([1, 2, 3, 10]);
    expect(times.map((ms) => backwards.schedule.at(ms).burst)).toEqual([1, 2, 3, 10]);
  });

  it('reports two entries exactly when there is a time at which both are in force', () => {
    const words = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const time = fc.integer({ min: 0, max: 23 }).map((hour) => `${String(hour).padStart(2, '0')}:00`);
    const date = fc.integer({ min: 0, max: 9 }).map((day) => `2026-03-${day + 22}`);
    const entry = fc
      .record(
        {
          days: fc.subarray(words, { minLength: 1, maxLength: 6 }),
          dates: fc.tuple(date, date).map((dates) => [dates.toSorted().join('..')]),
          times: fc.tuple(time, time).filter(([from, to]) => from !== to),
          timezone: fc.constantFrom('Europe/Berlin', 'America/Chicago', 'UTC'),
        },
        { requiredKeys: ['timezone', 'times'] },
      )
      .map(({ times: [from, to], ...rest }) => ({ ...rest, from, to }));
    fc.assert(
      fc.property(entry, entry, (one, other) => {
        const [first, second] = [compile(one), compile(other)];
        fc.pre(first.issues.length + second.issues.length === 0);
        // Two weeks around the change of the clocks in Berlin, by the half-hour.
        let meet = false;
        for (let ms = Date.UTC(2026, 2, 20); ms < Date.UTC(2026, 3, 6); ms += 1_800_000)
          meet ||= first.schedule.at(ms).burst !== 10 && second.schedule.at(ms).burst !== 10;
        const found = compile(one, other).issues;
        if (meet) expect(found).toHaveLength(1);
        // What never meets in these weeks may do so in others, where clocks are further apart or nearer.
        else if (one.timezone === other.timezone || ('dates' in one && 'dates' in other))
          expect(found).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
