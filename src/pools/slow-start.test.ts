import { describe, expect, it } from 'vitest';
import { plainClaim, poolOptions } from '../../test/pools/pool-options.ts';
import { manualClock } from '../core/clock.ts';
import { manualScheduler } from '../core/scheduler.ts';
import type { EndpointOptions } from './options.ts';
import type { Seat } from './seat.ts';
import { Pool } from './seats.ts';

const a = { url: 'http://a:8069', seats: 5 };
const b = { url: 'http://b:8069', seats: 5 };
const c = { url: 'http://c:8069', seats: 5 };

function setUp(...endpoints: EndpointOptions[]) {
  const options = { ...poolOptions({ seats: 1 }), endpoints, slowStartMs: 8_000 };
  const clock = manualClock();
  const scheduler = manualScheduler(clock);
  const pool = new Pool(options, { clock, scheduler });
  const open = (): number[] => pool.endpoints.map(({ seats }) => seats);
  const relist = (...list: EndpointOptions[]): void => pool.reconfigure({ ...options, endpoints: list });
  const sit = (): Seat => {
    const taken = pool.take({ ...plainClaim(), onSeat() {}, onRefused() {} });
    if (taken.kind !== 'seat') throw new Error(`got ${taken.kind}`);
    return taken;
  };
  return { pool, scheduler, open, relist, sit };
}

describe('slow start', () => {
  it('does not hold back the endpoints that a pool begins with', () => {
    expect(setUp(a, b).open()).toEqual([5, 5]);
  });

  it('opens the seats of an endpoint that came one by one, and leaves no timer then', () => {
    const { scheduler, open, relist } = setUp(a);
    relist(a, b);
    const seen = [open()[1]];
    for (let i = 0; i < 4; i++) {
      scheduler.advance(1_999);
      seen.push(open()[1]);
      scheduler.advance(1);
      seen.push(open()[1]);
    }
    expect(seen).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5]);
    expect(scheduler.pending()).toBe(0);
  });

  it('does the same for one that came back into service', () => {
    const { pool, scheduler, open } = setUp(a, b);
    pool.setUp(pool.endpoints[0]!, false);
    pool.setUp(pool.endpoints[0]!, true);
    expect(open()).toEqual([1, 5]);
    scheduler.advance(8_000);
    expect(open()).toEqual([5, 5]);
  });

  it('gives seats that open to those who wait', () => {
    const { pool, scheduler, relist } = setUp({ ...a, seats: 1 });
    relist({ ...a, seats: 1 }, b);
    const seated: string[] = [];
    for (const one of ['1', '2', '3', '4']) {
      pool.take({
        ...plainClaim(),
        onSeat: (seat) => void seated.push(`${one} ${seat.endpoint.url}`),
        onRefused() {},
      });
    }
    expect(seated).toEqual([]);
    scheduler.advance(4_000);
    expect(seated).toEqual(['3 http://b:8069', '4 http://b:8069']);
  });

  it('opens all seats at once while no other endpoint serves at full strength', () => {
    const { pool, open, relist } = setUp(a);
    pool.setUp(pool.endpoints[0]!, false);
    pool.setUp(pool.endpoints[0]!, true);
    expect(open()).toEqual([5]);
    relist(a, b);
    expect(open()).toEqual([5, 1]);
    pool.setUp(pool.endpoints[0]!, false);
    expect(open()).toEqual([5, 5]);
  });

  it('begins with all seats when addresses are found for the first time', () => {
    const { open, relist } = setUp();
    relist(a, b);
    expect(open()).toEqual([5, 5]);
  });
});

describe('an endpoint that is gone from the list', () => {
  it('is given nothing more, and is shown as leaving until its last request has ended', () => {
    const { pool, relist, sit } = setUp(a, b);
    const seats = [sit(), sit()];
    relist(b);
    expect(pool.status()).toMatchObject({ busy: 2, leaving: 1, endpoints: [{ url: b.url }] });
    expect(sit().endpoint.url).toBe(b.url);
    for (const seat of seats) seat.release('ok');
    expect(pool.status()).toMatchObject({ busy: 1, leaving: 0 });
  });

  // A name that loses an address for one answer would otherwise have seats that are taken already.
  it('still counts the requests in progress when it is back', () => {
    const { pool, relist, sit } = setUp(a, b);
    const seats = [sit(), sit(), sit(), sit()];
    relist(c);
    relist(a, c);
    expect(pool.status().endpoints).toMatchObject([{ url: a.url, busy: 2 }, { url: c.url }]);
    for (const seat of seats) seat.release('ok');
    expect(pool.status()).toMatchObject({ busy: 0, leaving: 0 });
    expect(pool.status().endpoints.map(({ busy }) => busy)).toEqual([0, 0]);
  });
});
