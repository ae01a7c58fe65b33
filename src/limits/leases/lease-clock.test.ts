import { describe, expect, it } from 'vitest';
import { LeaseClock } from './lease-clock.ts';

function room() {
  let monoMs = 0;
  let wallMs = 1_000_000;
  const clock = new LeaseClock({ monoMs: () => monoMs, wallMs: () => wallMs });
  return {
    clock,
    pass(mono: number, wall: number) {
      monoMs += mono;
      wallMs += wall;
      return clock.read();
    },
  };
}

describe('LeaseClock', () => {
  it('runs with the monotonic clock while both agree', () => {
    const { clock, pass } = room();
    expect([pass(10, 10), pass(0.25, 1), pass(0.75, 0)]).toEqual([10, 10.25, 11]);
    expect([clock.nowMs, clock.monoMs]).toEqual([11, 11]);
  });

  it('adds the time that a suspended machine missed', () => {
    const { clock, pass } = room();
    expect([pass(10, 10), pass(1, 3001), pass(1, 1)]).toEqual([10, 3011, 3012]);
    expect(clock.monoMs).toBe(12);
  });

  it('adds what many short stops come to', () => {
    const { pass } = room();
    let nowMs = 0;
    for (let i = 0; i < 100; i++) nowMs = pass(1, 5);
    expect(nowMs).toBeGreaterThanOrEqual(495);
    expect(nowMs).toBeLessThanOrEqual(500);
  });

  it('runs on when the wall clock is set back, and counts what it misses after that', () => {
    const { pass } = room();
    expect([pass(10, -3_600_000), pass(10, 10), pass(0, 1000)]).toEqual([10, 20, 1020]);
  });
});
