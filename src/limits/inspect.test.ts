import { describe, expect, it } from 'vitest';
import { compileBucket } from './bucket.ts';
import { describeRate, renderRate } from './inspect.ts';

describe('a rate is shown as it would be configured', () => {
  it.each<[tokens: number, periodUs: number, text: string]>([
    [50, 1e6, '50/s'],
    [600, 60e6, '10/s'],
    [90, 60e6, '90/m'],
    [1, 60e6, '1/m'],
    [2000, 3600e6, '2000/h'],
    [10_000, 86_400e6, '10000/d'],
    [1, 86_400e6, '1/d'],
    // The share of one of seven instances.
    [1, 7 * 86_400e6, '0.142857/d'],
  ])('%d in %d µs: %s', (tokens, periodUs, text) => {
    expect(renderRate(compileBucket(tokens, periodUs, 1))).toBe(text);
  });
});

describe('what an operator sees of a bucket', () => {
  const bucket = compileBucket(10, 1e6, 5);
  const token = bucket.unitsPerToken;

  it.each<[string, Parameters<typeof describeRate>[1], object]>([
    ['full', { keptBy: 'memory', debt: 0 }, { free: 5, retryAfterMs: 0, fullAfterMs: 0 }],
    [
      'half a token owed',
      { keptBy: 'memory', debt: token / 2 },
      { free: 4, retryAfterMs: 0, fullAfterMs: 50 },
    ],
    ['empty', { keptBy: 'memory', debt: 5 * token }, { free: 0, retryAfterMs: 100, fullAfterMs: 500 }],
    [
      'owed beyond it',
      { keptBy: 'redis', debt: 7 * token },
      { free: 0, retryAfterMs: 300, fullAfterMs: 700 },
    ],
    [
      'empty, but held here',
      { keptBy: 'redis', debt: 5 * token, leased: 3, held: 2 },
      { free: 0, leased: 3, held: 2, retryAfterMs: 0, fullAfterMs: 500 },
    ],
    [
      'empty, all of it held elsewhere, and told so',
      { keptBy: 'redis', debt: 5 * token, leased: 5, refusingMs: 412.5, untold: 1 },
      { free: 0, leased: 5, untold: 1, retryAfterMs: 413, refusingMs: 413, fullAfterMs: 500 },
    ],
  ])('%s', (_title, known, shown) => {
    expect(describeRate(bucket, known)).toEqual({
      kind: 'rate',
      keptBy: known.keptBy,
      figures: '10/s',
      burst: 5,
      leased: 0,
      held: 0,
      untold: 0,
      refusingMs: 0,
      ...shown,
    });
  });
});
