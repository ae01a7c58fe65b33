import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classesWithDeadline } from '../../test/pools/pool-options.ts';
import { workClasses } from '../core/work-class.ts';
import type { PoolOptions } from './options.ts';
import { shareAmongGateways, shareOfPools } from './share.ts';

function pool(name: string, seats: readonly number[], queueMax = 8): PoolOptions {
  return {
    name,
    kind: 'http',
    endpoints: seats.map((count, i) => ({ url: `http://odoo-${i}:8069`, seats: count })),
    keepAlive: false,
    queue: { max: queueMax, perTenant: 64 },
    classes: classesWithDeadline(5_000),
    serves: workClasses,
    timeoutMs: 130_000,
    connectTimeoutMs: 2_000,
    maxBodyBytes: 1_000,
    requestBody: 'collect',
    shared: false,
    health: undefined,
  };
}

/** What each worker gets of one pool. */
function shares(whole: PoolOptions, of: number): PoolOptions[] {
  return Array.from({ length: of }, (_, index) => {
    const [share] = shareOfPools([whole], { index, of });
    if (share === undefined) throw new Error('the pool is gone');
    return share;
  });
}

const seatsAt = (share: PoolOptions, url: string): number =>
  share.endpoints.find((endpoint) => endpoint.url === url)?.seats ?? 0;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const spread = (numbers: readonly number[]): number => Math.max(...numbers) - Math.min(...numbers);
const totalOf = (share: PoolOptions): number => sum(share.endpoints.map(({ seats }) => seats));

const anyPool = fc.record({
  name: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
  seats: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
  queueMax: fc.integer({ min: 0, max: 200 }),
});
const anyCount = fc.integer({ min: 1, max: 64 });

describe('the shares of a pool', () => {
  it('sum up to its seats at every endpoint', () => {
    fc.assert(
      fc.property(anyPool, anyCount, ({ name, seats, queueMax }, of) => {
        const whole = pool(name, seats, queueMax);
        const all = shares(whole, of);
        const sums = whole.endpoints.map(({ url }) => sum(all.map((share) => seatsAt(share, url))));
        expect(sums).toEqual(seats);
      }),
    );
  });

  it('differ by one seat at most, at each endpoint and as a whole', () => {
    fc.assert(
      fc.property(anyPool, anyCount, ({ name, seats, queueMax }, of) => {
        const whole = pool(name, seats, queueMax);
        const all = shares(whole, of);
        for (const { url } of whole.endpoints) {
          expect(spread(all.map((share) => seatsAt(share, url)))).toBeLessThanOrEqual(1);
        }
        expect(spread(all.map(totalOf))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('leave no worker without a seat when there are as many seats as workers', () => {
    fc.assert(
      fc.property(anyPool, anyCount, ({ name, seats }, of) => {
        fc.pre(sum(seats) >= of);
        expect(Math.min(...shares(pool(name, seats), of).map(totalOf))).toBeGreaterThan(0);
      }),
    );
  });

  it('hold the places of the queue exactly, but at least one each while there is a queue', () => {
    fc.assert(
      fc.property(anyPool, anyCount, ({ name, seats, queueMax }, of) => {
        const places = shares(pool(name, seats, queueMax), of).map((share) => share.queue.max);
        if (queueMax === 0) expect(sum(places)).toBe(0);
        else {
          expect(sum(places)).toBe(Math.max(queueMax, of));
          expect(Math.min(...places)).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('are the pool itself for one worker', () => {
    const whole = pool('odoo', [3, 1]);
    expect(shares(whole, 1)).toEqual([whole]);
  });

  it('go on dealing odd seats where the endpoint before ended', () => {
    const all = shares(pool('a', [3, 3, 1, 1]), 2);
    // "a" is 97, so worker 1 is first.
    expect(
      all.map((share) => share.endpoints.map(({ url, seats }) => `${url.slice(12, 13)}:${seats}`)),
    ).toEqual([
      ['0:1', '1:2', '3:1'],
      ['0:2', '1:1', '2:1'],
    ]);
  });

  it('give the odd seat of differently named pools to different workers', () => {
    const first = ['a', 'b'].map((name) => shares(pool(name, [3]), 2).map(totalOf));
    expect(first).toEqual([
      [1, 2],
      [2, 1],
    ]);
  });
});

describe('pools of several gateways', () => {
  const seatsOf = (pools: readonly PoolOptions[]): number[] =>
    pools.map(({ endpoints }) => sum(endpoints.map(({ seats }) => seats)));
  const own = pool('own', [8]);
  const both = { ...pool('both', [4, 4]), shared: true };

  it('are divided over all processes where they are shared, else over the workers of each gateway', () => {
    const parts = [0, 1, 2, 3].map((index) =>
      seatsOf(
        shareAmongGateways([own, both], {
          worker: { index: index % 2, of: 2 },
          process: { index, of: 4 },
        }),
      ),
    );
    expect(parts).toEqual([0, 1, 2, 3].map(() => [4, 2]));
  });

  it('are whole where there is neither a second worker nor a second gateway', () => {
    expect(shareAmongGateways([own, both], { worker: undefined, process: undefined })).toEqual([own, both]);
    expect(seatsOf(shareAmongGateways([both], { worker: undefined, process: { index: 0, of: 1 } }))).toEqual([
      8,
    ]);
  });

  it('sum up to what there is, while there are no more processes than seats', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), (of) => {
        const parts = Array.from({ length: of }, (_, index) =>
          seatsOf(shareAmongGateways([both], { worker: undefined, process: { index, of } })),
        );
        expect(sum(parts.flat())).toBe(8);
      }),
    );
  });

  it('have one seat at least, each at another endpoint', () => {
    const small = { ...pool('small', [1, 1]), shared: true };
    const urls = [0, 1, 2, 3].map((index) =>
      shareAmongGateways([small], { worker: undefined, process: { index, of: 4 } }).flatMap(({ endpoints }) =>
        endpoints.map(({ url, seats }) => `${url} ${seats}`),
      ),
    );
    expect(urls.every((list) => list.length === 1 && list[0]?.endsWith(' 1'))).toBe(true);
    expect(new Set(urls.flat()).size).toBe(2);
  });
});
