import { describe, expect, it } from 'vitest';
import { manualClock } from '../../core/clock.ts';
import { MemoryPenalties } from './penalty-memory.ts';

const rule = { free: 1, windowMs: 60_000, firstMs: 1000, longestMs: 8000, forgetMs: 600_000 };

describe('failed attempts in memory', () => {
  it('are counted for each key by itself', () => {
    const clock = manualClock();
    const penalties = new MemoryPenalties({ clock });
    penalties.act('fail', 'a', rule);
    penalties.act('fail', 'a', rule);
    expect(penalties.act('look', 'a', rule)).toEqual({ passed: false, failures: 2, waitMs: 1000 });
    expect(penalties.act('look', 'b', rule)).toEqual({ passed: true, failures: 0, waitMs: 0 });
    expect([penalties.heldMs('a', rule), penalties.heldMs('b', rule)]).toEqual([1000, 0]);
    clock.advance(400);
    expect(penalties.heldMs('a', rule)).toBe(600);
  });

  it('take no room when nothing failed, or when it was taken back', () => {
    const penalties = new MemoryPenalties({ clock: manualClock() });
    penalties.act('look', 'a', rule);
    penalties.act('forgive', 'a', rule);
    penalties.act('try', 'b', rule);
    penalties.act('forgive', 'b', rule);
    expect(penalties.size).toBe(0);
  });

  it('a flood of new keys pushes out each other and not the one that is held back', () => {
    const penalties = new MemoryPenalties({ clock: manualClock(), maxKeys: 100 });
    for (let i = 0; i < 5; i++) penalties.act('fail', 'guesser', rule);
    for (let i = 0; i < 10_000; i++) penalties.act('fail', `other ${i}`, rule);
    expect(penalties.size).toBe(100);
    expect(penalties.act('look', 'guesser', rule)).toEqual({ passed: false, failures: 5, waitMs: 8000 });
  });

  it('at the bound one that is forgotten goes first, whatever it once was', () => {
    const clock = manualClock();
    const penalties = new MemoryPenalties({ clock, maxKeys: 3 });
    for (let i = 0; i < 5; i++) penalties.act('fail', 'long ago', rule);
    clock.advance(600_000);
    for (const key of ['a', 'b', 'c']) penalties.act('fail', key, rule);
    const found = ['long ago', 'a', 'b', 'c'].map((key) => penalties.act('look', key, rule).failures);
    expect(found).toEqual([0, 1, 1, 1]);
  });

  it('go on from how it stood in another store', () => {
    const clock = manualClock();
    const penalties = new MemoryPenalties({ clock });
    penalties.adopt('a', rule, { passed: true, failures: 3, waitMs: 2000 });
    expect(penalties.act('try', 'a', rule)).toEqual({ passed: false, failures: 3, waitMs: 2000 });
    clock.advance(2000);
    expect(penalties.act('try', 'a', rule)).toEqual({ passed: true, failures: 4, waitMs: 4000 });
    penalties.adopt('a', rule, { passed: true, failures: 0, waitMs: 0 });
    expect([penalties.size, penalties.heldMs('a', rule)]).toEqual([0, 0]);
  });
});
