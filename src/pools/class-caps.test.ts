import { describe, expect, it } from 'vitest';
import { poolOptions, type PoolShape } from '../../test/pools/pool-options.ts';
import { classCaps, reportCap, tenantCap } from './class-caps.ts';

const caps = (seats: number, shape: Omit<PoolShape, 'seats'> = {}) =>
  Object.values(classCaps(seats, poolOptions({ seats, ...shape })));

describe('the seats of a class', () => {
  it.each([
    [0, [1, 1, 1]],
    [1, [1, 1, 1]],
    [2, [1, 2, 1]],
    [4, [1, 4, 3]],
    [6, [2, 6, 5]],
    [8, [2, 8, 6]],
    [16, [4, 16, 12]],
  ])('of %i are %j for what is critical, interactive and batch', (seats, expected) => {
    expect(caps(seats)).toEqual(expected);
  });

  it('are all for batch work where nothing else is sent', () => {
    expect(caps(8, { serves: ['batch'] })).toEqual([2, 8, 8]);
  });

  it('are as they are written, and one at least', () => {
    expect(caps(8, { classes: { critical: { reserve: 2 }, interactive: { reserve: 0 } } })).toEqual([
      2, 6, 6,
    ]);
    expect(caps(8, { classes: { critical: { reserve: 1 }, interactive: { reserve: 4 } } })).toEqual([
      2, 7, 4,
    ]);
    expect(caps(2, { classes: { critical: { reserve: 5 }, interactive: { reserve: 9 } } })).toEqual([
      1, 1, 1,
    ]);
  });
});

it('a tenant may have six tenths of the seats while others wait', () => {
  expect([0, 1, 2, 4, 8, 16].map(tenantCap)).toEqual([1, 1, 2, 3, 5, 10]);
});

it('all seats but one may render reports', () => {
  expect([0, 1, 2, 8].map(reportCap)).toEqual([1, 1, 1, 7]);
});
