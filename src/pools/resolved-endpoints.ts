import type { EndpointName, EndpointOptions, PoolOptions } from './options.ts';
import { firstTurn, shareOf } from './share.ts';

/** The addresses of each name, by `nameKey`. */
export type KnownAddresses = ReadonlyMap<string, readonly string[]>;

/** `host:port`, under which the addresses of a name are known. */
export function nameKey({ host, port }: Pick<EndpointName, 'host' | 'port'>): string {
  return `${host}:${port}`;
}

/**
 * The pool with an endpoint for each known address of its names. An address that is written as an endpoint as well, or that two names
 * have, counts once.
 */
export function withAddresses(options: PoolOptions, known: KnownAddresses): PoolOptions {
  const { names = [] } = options;
  if (names.length === 0) return options;
  const endpoints = new Map(options.endpoints.map((endpoint) => [endpoint.url, endpoint]));
  let places = 0;
  for (const name of names) {
    for (const address of known.get(nameKey(name)) ?? []) {
      const url = originOf(address, name);
      if (endpoints.has(url)) continue;
      const seats = seatsOfPart(name, url);
      if (seats > 0) endpoints.set(url, endpointOf(url, seats, name));
    }
    places = Math.max(places, name.queuePerSeat ?? 0);
  }
  const list = [...endpoints.values()];
  const [lone] = list.length === 0 ? names.filter((name) => known.get(nameKey(name))?.[0] !== undefined) : [];
  // More processes than seats: each has one all the same, because it would refuse every request else.
  if (lone !== undefined) list.push(seatFor(lone, known.get(nameKey(lone)) ?? []));
  const { max, ...queue } = options.queue;
  const seats = list.reduce((sum, endpoint) => sum + endpoint.seats, 0);
  return { ...options, endpoints: list, queue: { ...queue, max: Math.max(max, places * seats) } };
}

function seatFor(name: EndpointName, addresses: readonly string[]): EndpointOptions {
  const address = addresses[(name.part?.index ?? 0) % addresses.length] ?? '';
  return endpointOf(originOf(address, name), 1, name);
}

function originOf(address: string, { port }: EndpointName): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function endpointOf(url: string, seats: number, { weight }: EndpointName): EndpointOptions {
  return weight === undefined ? { url, seats } : { url, seats, weight };
}

/** By the address alone: workers may know different addresses for a while, and must not hand out a seat twice. */
function seatsOfPart({ seats, part }: EndpointName, url: string): number {
  if (part === undefined) return seats;
  return shareOf(seats, (part.index - firstTurn(url, part.of) + part.of) % part.of, part.of);
}
