import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { worldLimit } from '../../../test/limits/lease-world.ts';
import { manualClock } from '../../core/clock.ts';
import { LimitVersions, maxRelease } from './limit-versions.ts';

const started = Date.UTC(2026, 0, 1);
const limit = (rate = 10, more: { definition?: string; sinceMs?: number } = {}) => ({
  ...worldLimit('a', rate, 100),
  ...more,
});

describe('LimitVersions', () => {
  it('ranks a process that started later higher, whatever it met first', () => {
    const clock = manualClock(started);
    const first = new LimitVersions(clock);
    clock.advance(1000);
    const second = new LimitVersions(clock);
    clock.advance(60_000);
    expect(second.of(limit())).toBeGreaterThan(first.of(limit(20)));
  });

  it('raises the version with a reload that changes a limit, and with no other', () => {
    const clock = manualClock(started);
    const versions = new LimitVersions(clock);
    const before = versions.of(limit());
    clock.advance(60_000);
    expect(versions.of(limit())).toBe(before);
    expect(versions.of(limit(20))).toBe(new LimitVersions(clock).of(limit(20)));
  });

  it('raises the version also when the clock stands still or goes back', () => {
    const clock = manualClock(started);
    const versions = new LimitVersions(clock);
    const rates = [10, 20, 30].map((rate) => versions.of(limit(rate)));
    expect(rates).toEqual(rates.toSorted((a, b) => a - b));
    expect(new Set(rates).size).toBe(3);
  });

  it('gives variants of one definition one version', () => {
    const clock = manualClock(started);
    const versions = new LimitVersions(clock);
    const before = versions.of(limit(10, { definition: 'a' }));
    clock.advance(60_000);
    expect(versions.of(limit(50, { definition: 'a' }))).toBe(before);
    expect(versions.of(limit(50, { definition: 'b' }))).toBeGreaterThan(before);
  });

  it('raises nothing for an object of the configuration before, which a waiting request still has', () => {
    const clock = manualClock(started);
    const versions = new LimitVersions(clock);
    const [old, fresh] = [limit(10), limit(20)];
    const before = versions.of(old);
    clock.advance(60_000);
    const after = versions.of(fresh);
    expect([versions.of(old), versions.of(fresh)]).toEqual([before, after]);
  });

  it('rises with each change by a schedule, on every instance alike', () => {
    const clock = manualClock(started);
    const early = new LimitVersions(clock);
    early.of(limit(10, { definition: 'a', sinceMs: started - 86_400_000 }));
    clock.advance(3_600_000);
    const noon = { definition: 'a', sinceMs: started + 3_600_000 };
    const evening = { definition: 'a', sinceMs: started + 7_200_000 };
    const late = new LimitVersions(clock);
    clock.advance(7_200_000);
    // The one that started later knew the old figures only; it may not keep the new ones from holding.
    expect(early.of(limit(20, noon))).toBeLessThanOrEqual(late.of(limit(20, noon)));
    expect(early.of(limit(10, evening))).toBeGreaterThan(late.of(limit(20, noon)));
  });

  it('ranks a release before time, also a higher one that is loaded earlier', () => {
    const clock = manualClock(started);
    const newer = new LimitVersions(clock);
    newer.startRelease(8);
    const rolledOut = newer.of(limit(20));
    clock.advance(3_600_000);
    const older = new LimitVersions(clock);
    older.startRelease(7);
    expect(older.of(limit(10))).toBeLessThan(rolledOut);
    expect(new LimitVersions(clock).of(limit(10))).toBeLessThan(older.of(limit(10)));
  });

  it('takes a release into account from the reload that brings it', () => {
    const versions = new LimitVersions(manualClock(started));
    const same = limit();
    const before = versions.of(same);
    versions.startRelease(1);
    const after = versions.of(same);
    expect(after).toBeGreaterThan(before);
    versions.startRelease(undefined);
    expect(versions.of(same)).toBe(before);
  });

  it('stays a whole number below 2^53 until 2053, and orders any two', () => {
    const moment = fc.record({
      release: fc.option(fc.integer({ min: 0, max: maxRelease }), { nil: undefined }),
      atMs: fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2053, 0, 1) }),
    });
    const versionOf = ({ release, atMs }: { release: number | undefined; atMs: number }) => {
      const versions = new LimitVersions(manualClock(atMs));
      versions.startRelease(release);
      return versions.of(limit());
    };
    fc.assert(
      fc.property(moment, moment, (a, b) => {
        const [left, right] = [versionOf(a), versionOf(b)];
        expect(Number.isSafeInteger(left)).toBe(true);
        const rank = (m: typeof a) => [m.release ?? -1, Math.floor(m.atMs / 1000)] as const;
        const [[releaseA, secondA], [releaseB, secondB]] = [rank(a), rank(b)];
        const expected =
          releaseA === releaseB ? Math.sign(secondA - secondB) : Math.sign(releaseA - releaseB);
        expect(Math.sign(left - right)).toBe(expected);
      }),
    );
  });
});
