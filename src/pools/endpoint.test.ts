import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findLeastLoaded, newEndpoint } from './endpoint.ts';

function endpoints(...list: { seats: number; busy?: number; up?: boolean }[]) {
  return list.map(({ seats, busy = 0, up = true }, index) => ({
    ...newEndpoint({ url: `http://odoo-${index}:8069`, seats }),
    busy,
    up,
  }));
}

describe('findLeastLoaded', () => {
  it.each([
    [
      'the smallest part of its seats, not the smallest number',
      [
        { seats: 2, busy: 1 },
        { seats: 8, busy: 3 },
      ],
      0,
      1,
    ],
    ['the first from the start among equals', [{ seats: 4 }, { seats: 2 }, { seats: 9 }], 1, 1],
    ['round the end of the list', [{ seats: 4 }, { seats: 2, busy: 2 }], 1, 0],
    [
      'never one that is full',
      [
        { seats: 1, busy: 1 },
        { seats: 3, busy: 2 },
      ],
      0,
      1,
    ],
    [
      'never one that is down',
      [
        { seats: 9, up: false },
        { seats: 3, busy: 2 },
      ],
      0,
      1,
    ],
    [
      'nothing when all are full or down',
      [
        { seats: 9, up: false },
        { seats: 3, busy: 3 },
      ],
      0,
      -1,
    ],
    ['nothing when there is none', [], 0, -1],
  ])('takes %s', (_title, list, start, index) => {
    expect(findLeastLoaded(endpoints(...list), start)).toBe(index);
  });

  it('agrees with a plain minimum over busy/seats', () => {
    const one = fc.record({ seats: fc.integer({ min: 1, max: 9 }), busy: fc.nat(9), up: fc.boolean() });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 6 }), fc.nat(5), (list, at) => {
        const start = at % list.length;
        const order = list.map((_, i) => (start + i) % list.length);
        const load = (i: number): number => {
          const { busy, seats, up } = list[i]!;
          return up && busy < seats ? busy / seats : Infinity;
        };
        const best = order.reduce((least, i) => (load(i) < load(least) ? i : least));
        expect(findLeastLoaded(endpoints(...list), start)).toBe(load(best) === Infinity ? -1 : best);
      }),
    );
  });
});
