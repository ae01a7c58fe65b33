import type { ClassOptions, EndpointOptions, PoolOptions } from './options.ts';

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
 * seat is left out. Places in the queue and reserved seats are divided likewise, but a pool with a queue has one in each worker.
 */
export function shareOfPools(pools: readonly PoolOptions[], place: WorkerPlace): PoolOptions[] {
  return pools.map((pool) => shareOfPool(pool, place));
}

/**
 * The part of one process where several gateways share their pools: of a shared pool by its place among all processes of all
 * gateways, of the others by its place among the workers of its own. With more processes than seats each has one all the same,
 * because it would refuse every request else.
 */
export function shareAmongGateways(
  pools: readonly PoolOptions[],
  { worker, process }: { worker: WorkerPlace | undefined; process: WorkerPlace | undefined },
): PoolOptions[] {
  return pools.map((pool) => {
    const place = pool.shared ? (process ?? worker) : worker;
    if (place === undefined) return pool;
    const part = shareOfPool(pool, place);
    const [first] = pool.endpoints;
    // Of addresses that are looked up a part is taken when they are known.
    if (part.endpoints.length > 0 || first === undefined || pool.names !== undefined) return part;
    const own = pool.endpoints[place.index % pool.endpoints.length] ?? first;
    return { ...part, endpoints: [{ ...own, seats: 1 }] };
  });
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
  const turn = (index - first + of) % of;
  const max = pool.queue.max === 0 ? 0 : Math.max(1, shareOf(pool.queue.max, turn, of));
  const perTenant = Math.max(1, shareOf(pool.queue.perTenant, turn, of));
  const { critical, interactive, batch } = pool.classes;
  const reserved = (one: ClassOptions): ClassOptions =>
    one.reserve === undefined ? one : { ...one, reserve: shareOf(one.reserve, turn, of) };
  const share = {
    ...pool,
    endpoints,
    queue: { max, perTenant },
    classes: { critical: reserved(critical), interactive: reserved(interactive), batch },
  };
  if (pool.names === undefined) return share;
  // The addresses are not known here: each is divided when it is found (`withAddresses`).
  return { ...share, names: pool.names.map((name) => ({ ...name, part: { index, of } })) };
}

/** The part of `total` that falls to the one whose turn is `turn`, counted from 0: the first ones get what remains. */
export function shareOf(total: number, turn: number, of: number): number {
  return Math.floor(total / of) + (turn < total % of ? 1 : 0);
}

/** Whose turn is first: by name, so that the same worker does not get the odd seat of every pool, and a reload moves no seat. */
export function firstTurn(name: string, of: number): number {
  let sum = 0;
  for (let i = 0; i < name.length; i++) sum += name.charCodeAt(i);
  return sum % of;
}
