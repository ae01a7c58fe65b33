import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { compileLimits, type QuotaLimit } from './compile.ts';
import { MemoryQuotas } from './memory-quotas.ts';
import { MemorySlots } from './memory-slots.ts';
import { limitSchema } from './options.ts';

const [daily, monthly] = compileLimits(
  'shop',
  ['10/day', '10/month'].map((quota, i) => limitSchema.parse({ name: `q${i}`, key: 'client', quota })),
  () => '',
).limits as [QuotaLimit, QuotaLimit];
const [slots] = compileLimits(
  'shop',
  [limitSchema.parse({ name: 'slots', key: 'client', inFlight: 5 })],
  () => '',
).limits;

function open(maxKeys: number) {
  const clock = manualClock(Date.UTC(2026, 10, 22, 12));
  return { clock, quotas: new MemoryQuotas({ clock, maxKeys, spentBefore: undefined }) };
}

describe('MemoryQuotas', () => {
  it('hold no more keys than they may, and let those go first that spent least', () => {
    const { quotas } = open(3);
    quotas.spend(daily, 'much', 9);
    quotas.spend(monthly, 'little', 1);
    quotas.spend(daily, 'some', 5);
    for (let i = 0; i < 20; i++) quotas.spend(daily, `new ${i}`, 2);
    expect(quotas.size).toBe(3);
    expect(quotas.spentOf(daily, 'much')).toBe(9);
    expect(quotas.spentOf(daily, 'some')).toBe(5);
    expect(quotas.spentOf(monthly, 'little')).toBe(0);
  });

  it('let keys go first whose window is over', () => {
    const { clock, quotas } = open(3);
    quotas.spend(daily, 'yesterday', 9);
    quotas.spend(monthly, 'a', 2);
    clock.advance(86_400_000);
    quotas.spend(monthly, 'b', 2);
    quotas.spend(monthly, 'c', 2);
    expect(['a', 'b', 'c'].map((key) => quotas.spentOf(monthly, key))).toEqual([2, 2, 2]);
    expect(quotas.keysOf(daily)).toBe(0);
    expect(quotas.keysOf(monthly)).toBe(3);
  });

  it('never count less than nothing as spent', () => {
    const { quotas } = open(3);
    quotas.spend(daily, 'a', 2);
    quotas.spend(daily, 'a', -5);
    expect(quotas.spentOf(daily, 'a')).toBe(0);
  });
});

describe('MemorySlots', () => {
  it('hold only keys with requests in progress, and give back no more than was taken', () => {
    const limit = slots!;
    if (limit.kind !== 'inFlight') throw new TypeError('no slots');
    const book = new MemorySlots();
    book.use(limit, 'a', 2);
    book.use(limit, 'a', 1);
    book.use(limit, 'b', 1);
    expect([book.size, book.keysOf(limit), book.usedOf(limit, 'a')]).toEqual([2, 2, 3]);
    book.release(limit, 'a', 1);
    expect(book.usedOf(limit, 'a')).toBe(2);
    book.release(limit, 'a', 9);
    book.release(limit, 'a', 9);
    book.release(limit, 'b', 1);
    expect([book.size, book.keysOf(limit), book.usedOf(limit, 'a')]).toEqual([0, 0, 0]);
  });
});
