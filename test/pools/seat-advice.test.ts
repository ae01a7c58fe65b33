import { describe, expect, it } from 'vitest';
import type { Waiter } from '../../src/pools/seat.ts';
import { Pool } from '../../src/pools/seats.ts';
import { EventClock, seededRandom } from './event-clock.ts';
import { poolOptions } from './pool-options.ts';

const routes = { 'res.partner/read': 50, 'sale.order/web_save': 300, 'stock.picking/button_validate': 1_500 };

/** A day of virtual hours in which the load goes up and down; beyond `knee` requests at once each is slower. */
function adviceFor({ knee, most }: { knee: number; most: number }): number {
  const clock = new EventClock();
  const random = seededRandom(4);
  const pool = new Pool(poolOptions({ seats: 16, serves: ['interactive'] }), { clock, scheduler: clock });
  const arrive = (): void => {
    const load = most * (0.5 - 0.5 * Math.cos((2 * Math.PI * clock.monoMs()) / 600_000));
    clock.after((-Math.log(1 - random()) * 1_000) / Math.max(0.5, load), arrive);
    const [route, baseMs] = Object.entries(routes)[Math.floor(random() * 3)] ?? ['', 0];
    const waiter: Waiter = {
      zone: 'zone',
      tenant: `tenant-${Math.floor(random() * 5)}`,
      workClass: 'interactive',
      route,
      isReport: false,
      onSeat(seat) {
        const slowdown = Math.max(1, pool.status().busy / knee) ** 1.5;
        clock.after(baseMs * (0.5 + random()) * slowdown, () => seat.release('ok'));
      },
      onRefused() {},
    };
    const taken = pool.take(waiter);
    if (taken.kind === 'seat') waiter.onSeat(taken);
  };
  arrive();
  clock.runUntil(2 * 3_600_000);
  return pool.status().recommendedSeats;
}

describe('the recommended number of seats', () => {
  it('is near the one at which the database had enough', () => {
    const seats = adviceFor({ knee: 6, most: 20 });
    expect(seats).toBeGreaterThanOrEqual(5);
    expect(seats).toBeLessThanOrEqual(8);
  });

  it('is all of them while more get more done', () => {
    expect(adviceFor({ knee: 100, most: 30 })).toBe(16);
  });

  it('is all of them while little was seen', () => {
    expect(adviceFor({ knee: 6, most: 0.5 })).toBe(16);
  });
});
