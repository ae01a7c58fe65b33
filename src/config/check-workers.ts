import type { Issue } from '../core/issue.ts';
import { quoted } from '../core/schema.ts';
import type { PoolOptions } from '../pools/options.ts';
import type { GatewayOptions } from './schema.ts';

/** What in `gateway.yaml` does not go with several worker processes. */
export function checkWorkerStore({ workers, store }: GatewayOptions): Issue[] {
  if (workers === 1 || store !== undefined) return [];
  return [
    {
      path: ['workers'],
      what: `There are ${workers} workers, but no store that they share.`,
      consequence: `Each would count limits in its own memory, so up to ${workers} times of each limit would be admitted.`,
      fix: 'Add store: { redis: { url: redis://host:6379 } }, or write workers: 1.',
    },
  ];
}

/** Pools that cannot be divided over `workers` processes; issue paths begin at the top of `pools.yaml`. */
export function checkWorkerSeats(pools: readonly PoolOptions[], workers: number): Issue[] {
  return pools.flatMap((pool, index) => {
    const fixed = pool.endpoints.reduce((sum, endpoint) => sum + endpoint.seats, 0);
    const named = Math.max(0, ...(pool.names ?? []).map((name) => name.seats));
    // The seats of each address are divided by themselves: one address must be enough, for a name may have no more.
    const seats = Math.max(fixed, named);
    if (seats >= workers) return [];
    const which = named > fixed ? `seats at an address (${seats})` : `seats (${seats})`;
    return [
      {
        path: ['pools', index, 'endpoints'],
        what: `Pool ${quoted(pool.name)} has fewer ${which} than the gateway has workers (${workers}).`,
        consequence:
          'Seats are divided over the workers, and one that gets none would refuse every request for this pool.',
        fix: `Write workers: ${seats} or fewer in gateway.yaml, or give the pool at least ${workers} seats if Odoo has them.`,
      },
    ];
  });
}

/** Pools that are shared with gateways of which nobody could tell; issue paths begin at the top of `pools.yaml`. */
export function checkSharedPools(pools: readonly PoolOptions[], { store }: GatewayOptions): Issue[] {
  if (store !== undefined) return [];
  return pools.flatMap((pool, index) =>
    pool.shared
      ? [
          {
            path: ['pools', index, 'shared'],
            what: `Pool ${quoted(pool.name)} is shared, but the gateways have no store by which they know of each other.`,
            consequence:
              'Each of them would use all of its seats, and the rest would wait unseen inside Odoo.',
            fix: 'Add store: { redis: { url: redis://host:6379 } } to gateway.yaml, or write shared: false.',
          },
        ]
      : [],
  );
}
