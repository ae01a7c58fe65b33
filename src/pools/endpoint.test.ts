import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findHome, findLeastLoaded, newEndpoint } from './endpoint.ts';

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

  it('takes one that has just failed only when the others are full', () => {
    const [failed, other] = endpoints({ seats: 4 }, { seats: 2, busy: 1 });
    failed!.failures = 1;
    expect(findLeastLoaded([failed!, other!], 0)).toBe(1);
    other!.busy = 2;
    expect(findLeastLoaded([failed!, other!], 0)).toBe(0);
  });

  it('fills three times as many seats where the weight is three', () => {
    const list = endpoints({ seats: 8 }, { seats: 8 });
    list[1]!.weight = 3;
    for (let i = 0; i < 8; i++) {
      const at = findLeastLoaded(list, 0);
      list[at]!.busy++;
      list[at]!.given += 1 / list[at]!.weight;
    }
    expect(list.map(({ busy }) => busy)).toEqual([2, 6]);
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

describe('findHome', () => {
  const hashes = Array.from({ length: 3_000 }, (_, i) => Math.imul(i, 0x9e3779b1));
  const homes = (list: ReturnType<typeof endpoints>): string[] =>
    hashes.map((hash) => list[findHome(list, hash, -1)]?.url ?? '');

  it('spreads callers evenly, and always finds the same', () => {
    const list = endpoints({ seats: 4 }, { seats: 4 }, { seats: 4 });
    const found = homes(list);
    for (const { url } of list) {
      const part = found.filter((one) => one === url).length;
      expect(part).toBeGreaterThan(900);
      expect(part).toBeLessThan(1_100);
    }
    expect(homes(list)).toEqual(found);
  });

  it('moves only the callers of an endpoint that goes', () => {
    const list = endpoints({ seats: 4 }, { seats: 4 }, { seats: 4 });
    const before = homes(list);
    list[1]!.up = false;
    const moved = homes(list).filter((url, i) => url !== before[i]);
    expect(moved.length).toBe(before.filter((url) => url === list[1]!.url).length);
  });

  it.each([
    ['is full', { busy: 4 }],
    ['has just failed', { failures: 1 }],
  ])('takes another one while the right one %s', (_title, trouble) => {
    const list = endpoints({ seats: 4 }, { seats: 4 });
    const home = findHome(list, 7, -1);
    Object.assign(list[home]!, trouble);
    expect(findHome(list, 7, 1 - home)).toBe(1 - home);
  });
});
