import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { poolOptions } from '../../test/pools/pool-options.ts';
import type { EndpointName, PoolOptions } from './options.ts';
import { withAddresses } from './resolved-endpoints.ts';
import { shareOfPools } from './share.ts';

const name: EndpointName = { host: 'odoo.erp.svc', port: 8069, seats: 4, refreshMs: 5_000 };

function pool(...names: EndpointName[]): PoolOptions {
  return { ...poolOptions({ seats: 1 }), endpoints: [], names };
}

function found(...addresses: string[]): Map<string, string[]> {
  return new Map([['odoo.erp.svc:8069', addresses]]);
}

describe('withAddresses', () => {
  it('leaves a pool without names alone', () => {
    const plain = poolOptions({ seats: [2, 3] });
    expect(withAddresses(plain, found('10.0.0.1'))).toBe(plain);
  });

  it('makes an endpoint of each address, of both families, with the seats and the weight of the name', () => {
    const { endpoints } = withAddresses(pool({ ...name, weight: 3 }), found('10.0.0.1', 'fd00::7'));
    expect(endpoints).toEqual([
      { url: 'http://10.0.0.1:8069', seats: 4, weight: 3 },
      { url: 'http://[fd00::7]:8069', seats: 4, weight: 3 },
    ]);
  });

  it('counts an address once that is a fixed endpoint as well', () => {
    const fixed = { url: 'http://10.0.0.1:8069', seats: 9 };
    const { endpoints } = withAddresses({ ...pool(name), endpoints: [fixed] }, found('10.0.0.1', '10.0.0.2'));
    expect(endpoints).toEqual([fixed, { url: 'http://10.0.0.2:8069', seats: 4 }]);
  });

  it('lets the queue grow with the seats unless its length is configured', () => {
    const twenty = found(...Array.from({ length: 20 }, (_, i) => `10.0.0.${i}`));
    expect(withAddresses(pool({ ...name, queuePerSeat: 16 }), twenty).queue.max).toBe(16 * 80);
    expect(withAddresses(pool(name), twenty).queue.max).toBe(64);
  });

  it('has no endpoint while nothing is known', () => {
    expect(withAddresses(pool(name), new Map()).endpoints).toEqual([]);
  });
});

describe('parts of workers', () => {
  const partsOf = (of: number, seats: number, addresses: readonly string[]): number[][] =>
    Array.from({ length: of }, (_, index) => {
      const [part] = shareOfPools([pool({ ...name, seats })], { index, of });
      const { endpoints } = withAddresses(part!, found(...addresses));
      return addresses.map(
        (address) => endpoints.find(({ url }) => url === `http://${address}:8069`)?.seats ?? 0,
      );
    });

  const anyAddresses = fc.uniqueArray(fc.ipV4(), { minLength: 1, maxLength: 12 });

  it('sum up to the seats of each address while there are no more workers than seats', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(20), anyAddresses, (of, more, addresses) => {
        const parts = partsOf(of, of + more, addresses);
        for (const i of addresses.keys()) {
          const all = parts.map((part) => part[i] ?? 0);
          expect(all.reduce((sum, seats) => sum + seats, 0)).toBe(of + more);
          expect(Math.min(...all)).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('do not depend on what other addresses a worker knows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), anyAddresses, (of, addresses) => {
        const [first = ''] = addresses;
        const alone = partsOf(of, 9, [first]).map(([seats]) => seats);
        expect(partsOf(of, 9, addresses).map(([seats]) => seats)).toEqual(alone);
      }),
    );
  });

  it('give the odd seat of neighbouring addresses to different workers', () => {
    expect(partsOf(2, 3, ['10.0.0.1', '10.0.0.2'])).toEqual([
      [1, 2],
      [2, 1],
    ]);
  });

  it('are one seat each where there are more processes than seats', () => {
    for (const part of partsOf(8, 1, ['10.0.0.1', '10.0.0.2'])) {
      expect(part.reduce((sum, seats) => sum + seats, 0)).toBeGreaterThan(0);
    }
  });
});
