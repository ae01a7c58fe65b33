import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { ClientKeys, sharedClientKeys } from './client-keys.ts';

function open(secret = 'a secret') {
  const clock = manualClock();
  const told: string[] = [];
  const keys = new ClientKeys({
    clock,
    secret,
    onShared: () => told.push('shared'),
    onFlood: (flooded) => told.push(flooded ? 'flood' : 'over'),
  });
  const sizes = () => Object.fromEntries(keys.sizes().map(({ name, size, max }) => [name, [size, max]]));
  return { clock, keys, sizes, told };
}

/** Different addresses, the same for the same number. */
function address(i: number): string {
  return `10.${(i >>> 16) & 255}.${(i >>> 8) & 255}.${i & 255}`;
}

function visit(keys: ClientKeys, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => keys.keyOf(address(from + i)));
}

const shared = /^shared-(\d+)$/;

describe('the key of a client', () => {
  it('is its own address, of IPv6 the /64, and takes one place however often it comes', () => {
    const { keys, sizes } = open();
    const asked = ['192.0.2.7', '2001:db8:1:2::7', '2001:db8:1:2:ffff::1', '::ffff:192.0.2.7', 'nonsense'];
    expect(asked.map((one) => keys.keyOf(one))).toEqual([
      '192.0.2.7',
      '2001:db8:1:2::/64',
      '2001:db8:1:2::/64',
      '192.0.2.7',
      'unknown',
    ]);
    expect(sizes()).toEqual({ known_clients: [3, 100_000], new_clients: [3, 10_000] });
  });

  it('is shared by a hash when more new addresses come than 10,000 at once', () => {
    const { keys, told } = open();
    const first = visit(keys, 0, 10_000);
    expect(first).toEqual(Array.from({ length: 10_000 }, (_, i) => address(i)));
    expect(told).toEqual([]);
    const rest = visit(keys, 10_000, 110_000);
    const places = rest.map((key) => Number(shared.exec(key)?.[1]));
    expect(Math.min(...places)).toBe(0);
    expect(Math.max(...places)).toBe(sharedClientKeys - 1);
    const counts = new Uint32Array(sharedClientKeys);
    for (const place of places) counts[place]!++;
    // 24.4 each; an even hash leaves hardly one key with none or with three times as many.
    expect(Math.min(...counts)).toBeGreaterThan(3);
    expect(Math.max(...counts)).toBeLessThan(60);
    expect(keys.keyOf(address(50_000))).toBe(rest[40_000]);
    expect(told.filter((what) => what === 'flood')).toHaveLength(1);
    expect(told.filter((what) => what === 'shared')).toHaveLength(100_001);
  });

  it('stays its own for whoever was there before the flood', () => {
    const { clock, keys } = open();
    const before = visit(keys, 0, 1000);
    // Ten minutes with 200,000 addresses, in which the old clients come every four minutes.
    for (let minute = 0; minute < 10; minute++) {
      for (let second = 0; second < 60; second++) {
        clock.advance(1000);
        const from = 100_000 + (minute * 60 + second) * 333;
        visit(keys, from, from + 333);
      }
      if (minute % 4 === 3) expect(visit(keys, 0, 1000)).toEqual(before);
    }
    expect(visit(keys, 0, 1000)).toEqual(before);
  });

  it('becomes its own for 20 more each second, and for all when the flood is over', () => {
    const { clock, keys, sizes, told } = open();
    visit(keys, 0, 20_000);
    clock.advance(1000);
    expect(visit(keys, 20_000, 21_000).filter((key) => !shared.test(key))).toHaveLength(20);
    expect(sizes()).toEqual({ known_clients: [10_020, 100_000], new_clients: [10_000, 10_000] });
    // It is over when half of the room for new ones is there again, not with each one that finds some.
    clock.advance(249_000);
    expect(keys.keyOf(address(30_000))).toBe(address(30_000));
    expect(told).not.toContain('over');
    clock.advance(2000);
    expect(keys.keyOf(address(30_001))).toBe(address(30_001));
    expect(told.filter((what) => what !== 'shared')).toEqual(['flood', 'over']);
    visit(keys, 40_000, 50_000);
    expect(told.filter((what) => what !== 'shared')).toEqual(['flood', 'over', 'flood']);
  });

  it('takes a bounded place in memory, whoever comes and for how long', () => {
    const { clock, keys, sizes } = open();
    for (let hour = 0; hour < 12; hour++) {
      clock.advance(3_600_000);
      visit(keys, hour * 20_000, (hour + 1) * 20_000);
      expect(sizes()['known_clients']![0]).toBeLessThanOrEqual(100_000);
    }
    // The last 50,000 that got a key are known, however full the set of the newest is; to come again costs no new place.
    clock.advance(3_600_000);
    for (const hour of [7, 8, 9, 10, 11]) visit(keys, hour * 20_000, hour * 20_000 + 10_000);
    expect(sizes()['new_clients']).toEqual([0, 10_000]);
  });

  it('is the same in every instance with the same secret, and cannot be foretold without it', () => {
    const of = (secret: string) => visit(open(secret).keys, 0, 10_500).slice(10_000);
    expect(of('one')).toEqual(of('one'));
    const [one, other] = [of('one'), of('other')];
    expect(one.filter((key, i) => key === other[i]).length).toBeLessThan(5);
    // Nor do those that share under one secret share under another.
    const pairs = (all: readonly string[]) => {
      const found = new Set<string>();
      all.forEach((key, i) => {
        for (let j = i + 1; j < all.length; j++) if (key === all[j]) found.add(`${i} ${j}`);
      });
      return found;
    };
    const both = [...pairs(one)].filter((pair) => pairs(other).has(pair));
    expect(both.length).toBeLessThan(5);
  });
});
