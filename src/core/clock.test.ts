import { describe, expect, it } from 'vitest';
import { manualClock, systemClock } from './clock.ts';

describe('manualClock', () => {
  it('stands still until it is moved, and both readings move together', () => {
    const clock = manualClock(5000);
    expect([clock.wallMs(), clock.monoMs()]).toEqual([5000, 0]);
    clock.advance(250.5);
    clock.advance(1);
    expect([clock.wallMs(), clock.monoMs()]).toEqual([5251.5, 251.5]);
  });

  it('begins with the year 2026', () => {
    expect(new Date(manualClock().wallMs()).toISOString()).toBe('2026-01-01T00:00:00.000Z');
  });
});

describe('systemClock', () => {
  it('reads the wall in milliseconds since 1970, and a monotonic time that never goes back', () => {
    const before = Date.now();
    const [wall, first, second] = [systemClock.wallMs(), systemClock.monoMs(), systemClock.monoMs()];
    expect(wall).toBeGreaterThanOrEqual(before);
    expect(wall).toBeLessThanOrEqual(Date.now());
    expect(second).toBeGreaterThanOrEqual(first);
  });
});
