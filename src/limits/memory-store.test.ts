import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { compileLimits } from './compile.ts';
import { MemoryStore } from './memory-store.ts';
import { limitSchema } from './options.ts';

const authored = [
  limitSchema.parse({ name: 'client-rate', key: 'client', rate: '10/s', burst: 5 }),
  limitSchema.parse({ name: 'tenant-rate', key: 'tenant', rate: '10/s', burst: 5 }),
];
const [clientRate, tenantRate] = compileLimits('public', authored, () => '').limits;

function room(maxKeys?: number) {
  const clock = manualClock();
  const store = new MemoryStore({ clock, ...(maxKeys === undefined ? {} : { maxKeys }) });
  const take = (key: string, cost = 1, limit = clientRate!) =>
    store.take([{ limit, key, cost }])[0]!.admitted;
  return { clock, store, take };
}

describe('MemoryStore', () => {
  it('answers at once, without a promise', () => {
    const { store } = room();
    expect(store.take([{ limit: clientRate!, key: 'a', cost: 1 }])).toBeInstanceOf(Array);
    expect(store.peek([{ limit: clientRate!, key: 'a', cost: 1 }])).toBeInstanceOf(Array);
  });

  it('holds 100,000 keys unless told otherwise', () => {
    expect(room().store.maxKeys).toBe(100_000);
    expect(room(7).store.maxKeys).toBe(7);
  });

  it('holds a key only once something was spent from it', () => {
    const { store, take } = room();
    take('peeked', 0);
    take('too-dear', 6);
    store.peek([{ limit: clientRate!, key: 'peeked', cost: 1 }]);
    expect(store.size).toBe(0);
    take('a');
    take('a');
    take('b');
    take('a', 1, tenantRate);
    expect(store.size).toBe(3);
  });

  it('keeps a caller back while a flood of new keys goes through', () => {
    const { clock, store, take } = room(1000);
    take('hot', 5);
    let admitted = 0;
    for (let i = 0; i < 200_000; i++) {
      take(`flood-${i}`);
      // 10 a second: one more for the hot key after each 2,000 new ones.
      clock.advance(0.05);
      if (i % 100 === 0 && take('hot')) admitted++;
    }
    expect(store.size).toBeLessThanOrEqual(1000);
    // Ten seconds at 10/s.
    expect(admitted).toBeLessThanOrEqual(100);
    expect(admitted).toBeGreaterThanOrEqual(99);
  });

  it('drops budgets that are full again before any that is not', () => {
    const { clock, store, take } = room(10);
    for (let i = 0; i < 5; i++) take(`spent-${i}`, 5);
    for (let i = 0; i < 5; i++) take(`light-${i}`, 1, tenantRate);
    clock.advance(100);
    take('new');
    expect(store.size).toBe(6);
    expect(store.evicted).toBe(0);
    for (let i = 0; i < 5; i++) expect(take(`spent-${i}`, 5)).toBe(false);
  });

  it('drops the budget nearest to full when none is full, which gives that one key its burst again', () => {
    const { store, take } = room(3);
    take('three', 3);
    take('four', 4);
    take('two', 2);
    take('new', 5);
    expect(store.size).toBe(3);
    expect(store.evicted).toBe(1);
    expect(take('four', 2)).toBe(false);
    expect(take('three', 3)).toBe(false);
    expect(take('two', 5)).toBe(true);
  });

  it('serves a request with more limits than it may hold keys', () => {
    const { store } = room(1);
    const charges = [clientRate!, tenantRate!].map((limit) => ({ limit, key: 'a', cost: 1 }));
    expect(store.take(charges).map(({ remaining }) => remaining)).toEqual([4, 4]);
    expect(store.take(charges).map(({ remaining }) => remaining)).toEqual([4, 4]);
  });

  it('starts empty when told so, known keys and new ones, and refills from there', () => {
    const { clock, store, take } = room();
    take('known');
    clock.advance(10_000);
    store.restartEmpty();
    expect(store.size).toBe(0);
    expect([take('known'), take('new')]).toEqual([false, false]);
    clock.advance(100);
    expect([take('known'), take('known'), take('new')]).toEqual([true, false, true]);
    clock.advance(500);
    expect(take('late', 5)).toBe(true);
  });

  it('that starts empty refills from later on when told so, and starts anew what it has to drop', () => {
    const { clock, store, take } = room(2);
    store.restartEmpty(400);
    clock.advance(400);
    expect(take('a')).toBe(false);
    clock.advance(300);
    expect([take('a', 3), take('b', 3)]).toEqual([true, true]);
    // One of the two has to leave: what it spent is not there once more, so nor is anything for keys that nobody knows.
    expect(['c', 'a', 'b', 'd'].map((key) => take(key))).toEqual([false, false, false, false]);
    clock.advance(100);
    expect(take('c')).toBe(true);
  });

  it('forgets everything when it is closed', async () => {
    const { store, take } = room();
    take('a');
    await store.close();
    expect(store.size).toBe(0);
  });
});
