import { expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { StoreBreaker } from './store-breaker.ts';

function openBreaker() {
  const clock = manualClock();
  const breaker = new StoreBreaker(clock, () => 0);
  /** Fails until the breaker opens, and gives for how long. */
  const open = (): number => {
    for (let i = 0; i < 3; i++) breaker.fail(breaker.enter() === 'normal' ? 'normal' : 'probe');
    return breaker.pauseLeftMs;
  };
  const probe = (succeeds: boolean): number => {
    clock.advance(breaker.pauseLeftMs);
    expect(breaker.enter()).toBe('probe');
    if (succeeds) breaker.succeed('probe');
    else breaker.fail('probe');
    return breaker.pauseLeftMs;
  };
  return { clock, breaker, open, probe };
}

it('pauses that double up to five seconds follow failed probes', () => {
  const { open, probe } = openBreaker();
  const pauses = [open()];
  while (pauses.length < 7) pauses.push(probe(false));
  expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
});

it('a store that fails again at once does not get the short pauses again', () => {
  const { clock, open, probe } = openBreaker();
  const pauses: number[] = [];
  for (let i = 0; i < 4; i++) {
    pauses.push(open());
    probe(true);
    clock.advance(1000);
  }
  expect(pauses).toEqual([250, 500, 1000, 2000]);
});

it('a store that was well for five seconds begins anew', () => {
  const { clock, open, probe } = openBreaker();
  open();
  probe(false);
  probe(true);
  clock.advance(4999);
  expect(open()).toBe(1000);
  probe(true);
  clock.advance(5000);
  expect(open()).toBe(250);
});
