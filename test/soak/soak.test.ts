import { expect, test } from 'vitest';
import { soak } from './soak.ts';
import { growthOfSecondHalf } from './trend.ts';

test.each([
  ['no samples', [], 0],
  ['one sample', [7], 0],
  ['the same', [5, 5, 5, 5], 0],
  ['a rise in the first half alone', [0, 50, 100, 100, 100, 100], 0],
  ['a rise', [100, 100, 100, 0, 10, 20], 20],
  ['a fall', [0, 0, 20, 10], -10],
  ['a saw', [0, 0, 0, 0, 10, 0, 10, 0], -6],
])('the growth over the second half of %s is told', (_name, values, growth) => {
  const samples = values.map((bytes, i) => ({ atMs: 100 + i * 250, bytes }));
  expect(growthOfSecondHalf(samples)).toBeCloseTo(growth, 9);
});

// A short one: `npm run soak` takes ten minutes. Linux alone tells what a process has open.
test.runIf(process.platform === 'linux')(
  'good and bad clients leave nothing behind, and each gets its own answer',
  async () => {
    const report = await soak({
      durationMs: 5_000,
      clients: 128,
      // What a process takes in its first seconds says nothing about leaks.
      maxGrowthBytes: 128 * 1024 * 1024,
      sampleMs: 250,
    });
    expect(report.findings).toEqual([]);
    const { started, outcomes, wrongCount } = report.tally;
    expect([wrongCount, outcomes.answered + outcomes.left + outcomes['broken off']]).toEqual([0, started]);
    expect(started).toBeGreaterThan(500);
    // The load was one: all that it is to watch was there.
    expect(Math.min(report.most.busySeats, report.most.queued, report.most.spoolFiles)).toBeGreaterThan(0);
  },
  60_000,
);
