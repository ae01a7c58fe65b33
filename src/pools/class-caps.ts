import type { WorkClass } from '../core/work-class.ts';
import type { PoolOptions } from './options.ts';

/** A quarter of the seats is kept from batch work. */
const seatsPerInteractive = 4;
/** A quarter is what critical requests get before others who wait. */
const seatsPerCritical = 4;

/**
 * How many seats each class may hold at once; that of `interactive` is for batch work as well, together with it. A worker cannot
 * be taken back from a request, so only seats that batch never gets are there when a person comes; nothing is kept for people who
 * are never sent here. Beyond its own number the critical class takes only what nobody else waits for: logins may be sent by
 * anybody. Nothing is kept for it unless told so: the next seat is its own anyway, and a seat that stands free for it made the
 * slowest hundredth of people's requests take 2.1 s instead of 1.2 s (`test/pools/overload.ts`).
 */
export function classCaps(
  seats: number,
  { classes, serves }: Pick<PoolOptions, 'classes' | 'serves'>,
): Record<WorkClass, number> {
  const forCritical = classes.critical.reserve ?? 0;
  const forPeople =
    classes.interactive.reserve ??
    (serves.includes('interactive') ? Math.max(1, Math.floor(seats / seatsPerInteractive)) : 0);
  return {
    critical: atLeastOne(Math.ceil(seats / seatsPerCritical)),
    interactive: atLeastOne(seats - forCritical),
    batch: atLeastOne(seats - Math.max(forCritical, forPeople)),
  };
}

/** How many seats one tenant may hold in a class while others wait there. */
export function tenantCap(seats: number): number {
  return atLeastOne(Math.ceil(seats * 0.6));
}

/**
 * How many of these seats may render reports at once. `wkhtmltopdf` fetches styles and images from Odoo while the worker that
 * started it waits: with all workers rendering, all of them wait for one that is free (odoo/odoo#199880).
 */
export function reportCap(seats: number): number {
  return atLeastOne(seats - 1);
}

/** A class that may have no seat at all would never be served. */
function atLeastOne(seats: number): number {
  return Math.max(1, seats);
}
