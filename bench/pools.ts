import assert from 'node:assert/strict';
import { systemClock } from '../src/core/clock.ts';
import type { WorkClass } from '../src/core/work-class.ts';
import { compilePools } from '../src/pools/compile.ts';
import { poolsSchema } from '../src/pools/options.ts';
import type { Seat, Waiter } from '../src/pools/seat.ts';
import { Pool } from '../src/pools/seats.ts';
import { describeBed, renderBed, renderTable, writeResult } from './report.ts';
import { spreadOf } from './statistics.ts';

// What giving out seats costs, without any socket: `node bench/pools.ts`. One request is a turn: it comes and waits, a seat comes
// back, whoever is next gets it. The goal is 2 µs with 1,000 tenants that wait.

const batch = 2_000;
const rounds = 60;
const warmUpRounds = 20;
const seats = 8;

/** Somebody who wants the same again. */
class Customer implements Waiter {
  readonly zone = 'zone';
  readonly tenant: string;
  readonly workClass: WorkClass;
  readonly route: string;
  readonly isReport = false;
  seat: Seat | undefined = undefined;
  seated: Customer[];

  constructor(tenant: string, workClass: WorkClass, seated: Customer[]) {
    this.tenant = tenant;
    this.workClass = workClass;
    this.route = workClass === 'batch' ? 'stock.picking/search_read' : 'stock.picking/web_read';
    this.seated = seated;
  }

  onSeat(seat: Seat): void {
    this.seat = seat;
    this.seated.push(this);
  }

  onRefused(): void {
    throw new Error('a place in the queue was lost');
  }
}

function openPool(places: number): Pool {
  const { pools } = compilePools(
    poolsSchema.parse({
      pools: [
        {
          name: 'odoo',
          endpoints: [{ url: 'http://odoo:8069', seats }],
          queue: { max: places, deadline: '1h' },
          classes: { interactive: { target: '30m' } },
        },
      ],
    }),
  );
  const [options] = pools;
  assert(options !== undefined);
  return new Pool(options, { clock: systemClock, scheduler: { after: () => () => {} } });
}

/** Turns of a pool in which `tenants` always wait, every tenth of them with batch work: whoever was served comes again. */
function timeTurns(tenants: number): ReturnType<typeof spreadOf> {
  const seated: Customer[] = [];
  const pool = openPool(tenants + seats);
  for (let i = 0; i < tenants + seats; i++) {
    const one = new Customer(`tenant-${i % tenants}`, i % 10 === 0 ? 'batch' : 'interactive', seated);
    const taken = pool.take(one);
    if (taken.kind === 'seat') one.onSeat(taken);
  }
  assert.equal(pool.status().queued, tenants);
  const samples: number[] = [];
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < batch; i++) {
      // Written bound: all seats are taken.
      const served = seated.shift()!;
      served.seat?.release('ok');
      if (pool.take(served).kind !== 'queued') throw new Error('somebody did not have to wait');
    }
    const ns = Number(process.hrtime.bigint() - start) / batch;
    if (round >= warmUpRounds) samples.push(ns);
  }
  assert.deepEqual([pool.status().queued, pool.status().busy], [tenants, seats]);
  return spreadOf(samples);
}

/** A seat that is free: taken and given back. */
function timeFree(): ReturnType<typeof spreadOf> {
  const pool = openPool(0);
  const one = new Customer('acme', 'interactive', []);
  const samples: number[] = [];
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < batch; i++) {
      const taken = pool.take(one);
      if (taken.kind !== 'seat') throw new Error(`a free seat gave ${taken.kind}`);
      taken.release('ok');
    }
    const ns = Number(process.hrtime.bigint() - start) / batch;
    if (round >= warmUpRounds) samples.push(ns);
  }
  return spreadOf(samples);
}

/** A flood that is turned away, or takes the places of others, at a full queue of `tenants`. */
function timeFull(tenants: number): ReturnType<typeof spreadOf> {
  const pool = openPool(2 * tenants);
  const nobody: Customer[] = [];
  for (let i = 0; i < seats + 2 * tenants; i++) {
    pool.take(new Customer(`tenant-${i % tenants}`, 'interactive', nobody));
  }
  const samples: number[] = [];
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const coming = Array.from(
      { length: batch },
      (_, i) => new Customer(`tenant-${i % tenants}`, 'interactive', nobody),
    );
    const start = process.hrtime.bigint();
    for (const one of coming) {
      if (pool.take(one).kind !== 'refused') throw new Error('a full queue had a place');
    }
    const ns = Number(process.hrtime.bigint() - start) / batch;
    if (round >= warmUpRounds) samples.push(ns);
  }
  return spreadOf(samples);
}

const cases = [
  { name: 'a free seat', ns: timeFree() },
  { name: 'a turn, 10 tenants wait', ns: timeTurns(10) },
  { name: 'a turn, 1,000 tenants wait', ns: timeTurns(1_000) },
  { name: 'a turn, 10,000 tenants wait', ns: timeTurns(10_000) },
  { name: 'a refusal, 1,000 tenants wait', ns: timeFull(1_000) },
];
const bed = describeBed({ contender: undefined, peers: undefined });
console.log(renderBed(bed).split('\n')[0]);
console.log(`${rounds} rounds of ${batch} requests; ${seats} seats\n`);
console.log(
  renderTable(
    ['ns for one request', 'median', 'min', 'max'],
    cases.map(({ name, ns }) => [name, ns.median.toFixed(0), ns.min.toFixed(0), ns.max.toFixed(0)]),
  ),
);
console.log(`\nwritten to ${writeResult('pools', { ...bed, cases })}`);
