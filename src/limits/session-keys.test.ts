import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { sessionKeyOf } from './key.ts';
import { SessionKeys } from './session-keys.ts';

function open() {
  const clock = manualClock();
  const keys = new SessionKeys(clock);
  return {
    clock,
    keys,
    /** How many of so many new sessions of a client get keys of their own. */
    visit: (client: string, count: number): number =>
      Array.from({ length: count }, (_, i) => `${client}/${i}/${clock.monoMs()}`).filter(
        (session) => keys.keyOf(session, client) === sessionKeyOf(session),
      ).length,
    sizes: () => Object.fromEntries(keys.sizes().map(({ name, size, max }) => [name, [size, max]])),
  };
}

describe('SessionKeys', () => {
  it('give a session one key, from whatever address it comes', () => {
    const { keys, sizes } = open();
    const key = keys.keyOf('a', '192.0.2.1');
    expect(key).toBe(sessionKeyOf('a'));
    expect(keys.keyOf('a', '198.51.100.1')).toBe(key);
    expect(keys.keyOf('b', '192.0.2.1')).not.toBe(key);
    expect(sizes()).toEqual({ known_sessions: [2, 100_000], new_sessions: [2, 10_000] });
  });

  it('count what one client makes up under its own key, and leave room for the others', () => {
    const { clock, keys, visit } = open();
    expect(visit('192.0.2.1', 5_000)).toBe(2_000);
    expect(keys.keyOf('made up', '192.0.2.1')).toBe('192.0.2.1');
    expect(visit('192.0.2.2', 1_000)).toBe(1_000);
    clock.advance(10_000);
    expect(visit('192.0.2.1', 100)).toBe(20);
  });

  it('bound the new ones of all clients together, and keep those that were there before', () => {
    const { clock, keys, visit, sizes } = open();
    const before = keys.keyOf('before', '192.0.2.9');
    let own = 1;
    for (let client = 0; client < 50; client++) own += visit(`10.0.0.${client}`, 1_000);
    expect(own).toBe(10_000);
    expect(sizes()).toEqual({ known_sessions: [10_000, 100_000], new_sessions: [10_000, 10_000] });
    expect(keys.keyOf('before', '10.0.0.1')).toBe(before);
    expect(keys.keyOf('late', '192.0.2.7')).toBe('192.0.2.7');
    clock.advance(1_000);
    expect(keys.keyOf('late', '192.0.2.7')).toBe(sessionKeyOf('late'));
    expect(visit('192.0.2.8', 100)).toBe(19);
  });

  it('remember a bounded number of sessions, those first that come back', () => {
    const { clock, keys, sizes } = open();
    keys.keyOf('regular', 'office');
    for (let hour = 0; hour < 60; hour++) {
      clock.advance(3_600_000);
      for (let i = 0; i < 2_000; i++) keys.keyOf(`${hour}/${i}`, `client ${hour}`);
      keys.keyOf('regular', 'office');
    }
    expect(sizes()['known_sessions']?.[0]).toBeLessThanOrEqual(100_000);
    for (let client = 0; client < 10; client++)
      for (let i = 0; i < 2_000; i++) keys.keyOf(`flood ${client}/${i}`, `flooder ${client}`);
    expect(keys.keyOf('regular', 'elsewhere')).toBe(sessionKeyOf('regular'));
    expect(keys.keyOf('stranger', 'elsewhere')).toBe('elsewhere');
  });
});
