import { Pool } from '../../src/pools/seats.ts';
import { EventClock, seededRandom } from './event-clock.ts';
import { FifoPool } from './fifo-pool.ts';
import { type PoolShape, poolOptions } from './pool-options.ts';
import { type Clients, quantile, type SeatSource, SimulatedClients } from './simulated-clients.ts';

/** Twenty tenants whose people work, and three that send batch work: 0.7 of what eight workers can do. */
export const users: Clients = {
  group: 'users',
  tenants: 20,
  perSecond: 1,
  workClass: 'interactive',
  meanServiceMs: 150,
  patienceMs: 10_000,
};
export const batch: Clients = {
  group: 'batch',
  tenants: 3,
  perSecond: 0.2,
  workClass: 'batch',
  meanServiceMs: 4_400,
  patienceMs: 120_000,
};
/** Twice what they can do: batch work comes 2.5 times as often, and one tenant sends 40 requests a second. */
export const moreBatch: Clients = { ...batch, perSecond: 0.5 };
export const noisy: Clients = { ...users, group: 'noisy', tenants: 1, perSecond: 40 };

export const policies = {
  'FIFO unbounded': (clock: EventClock): SeatSource =>
    new FifoPool(clock, { seats: 8, max: Infinity, maxWaitMs: Infinity, canLeave: false }),
  'FIFO 64, wait <= 5 s': (clock: EventClock): SeatSource =>
    new FifoPool(clock, { seats: 8, max: 64, maxWaitMs: 5_000, canLeave: true }),
  fair: (clock: EventClock): SeatSource => new Pool(poolOptions({ seats: 8 }), { clock, scheduler: clock }),
};

export type Policy = keyof typeof policies;

export function simulate(
  source: (clock: EventClock) => SeatSource,
  clients: readonly Clients[],
  { seed, seconds }: { seed: number; seconds: number },
) {
  const clock = new EventClock();
  const world = new SimulatedClients(clock, seededRandom(seed), source(clock));
  for (const one of clients) world.start({ untilMs: seconds * 1_000, ...one });
  // Until the last one has an answer or has given up.
  clock.runUntil(seconds * 1_000 + 150_000);
  return { clock, world, row: rowOf(world) };
}

/** Pool of eight seats with other options. */
export function fairPool(shape: PoolShape) {
  return (clock: EventClock): SeatSource => new Pool(poolOptions(shape), { clock, scheduler: clock });
}

export interface Row {
  usersOk: number;
  usersP50Ms: number;
  usersP99Ms: number;
  noisyOk: number;
  batchOk: number;
  wasted: number;
}

function rowOf(world: SimulatedClients): Row {
  const part = (group: string): number => {
    const { ok, sent } = world.outcome(group);
    return sent === 0 ? NaN : ok / sent;
  };
  const { latenciesMs } = world.outcome('users');
  return {
    usersOk: part('users'),
    usersP50Ms: quantile(latenciesMs, 0.5),
    usersP99Ms: quantile(latenciesMs, 0.99),
    noisyOk: part('noisy'),
    batchOk: part('batch'),
    wasted: world.wastedMs / world.usedMs,
  };
}
