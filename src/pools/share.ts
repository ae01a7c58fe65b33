import type { EndpointOptions, PoolOptions } from './options.ts';

/** One of several processes that serve the same pools. */
export interface WorkerPlace {
  /** From 0. */
  index: number;
  /** How many there are. */
  of: number;
}

/**
 * The part of the pools that one worker serves. The parts of all workers sum up to exactly what is configured, at each
 * endpoint, and no worker has two seats more of a pool, or of an endpoint, than another. An endpoint at which the worker has no
 * seat is left out. Places in the queue are divided likewise, but a pool with a queue has one in each worker.
 */
export function shareOfPools(pools: readonly PoolOptions[], place: WorkerPlace): PoolOptions[] {
  return pools.map((pool) => shareOfPool(pool, place));
}

function shareOfPool(pool: PoolOptions, { index, of }: WorkerPlace): PoolOptions {
  const first = firstTurn(pool.name, of);
  // What does not divide evenly is dealt like cards, and each endpoint goes on where the one before it ended.
  let dealt = first;
  const endpoints: EndpointOptions[] = [];
  for (const endpoint of pool.endpoints) {
    const seats = shareOf(endpoint.seats, (index - (dealt % of) + of) % of, of);
    dealt += endpoint.seats % of;
    if (seats > 0) endpoints.push({ ...endpoint, seats });
  }
  const places = shareOf(pool.queue.max, (index - first + of) % of, of);
  const max = pool.queue.max === 0 ? 0 : Math.max(1, places);
  return { ...pool, endpoints, queue: { ...pool.queue, max } };
}

/** The part of `total` that falls to the one whose turn is `turn`, counted from 0: the first ones get what remains. */
function shareOf(total: number, turn: number, of: number): number {
  return Math.floor(total / of) + (turn < total % of ? 1 : 0);
}

/** Whose turn is first: by name, so that the same worker does not get the odd seat of every pool, and a reload moves no seat. */
function firstTurn(name: string, of: number): number {
  let sum = 0;
  for (let i = 0; i < name.length; i++) sum += name.charCodeAt(i);
  return sum % of;
}
