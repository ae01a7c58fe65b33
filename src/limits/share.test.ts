import { describe, expect, it } from 'vitest';
import { maxCapacity } from './bucket.ts';
import { compileLimits, type InFlightLimit, type RateLimit } from './compile.ts';
import { limitSchema } from './options.ts';
import { shareOf } from './share.ts';

function limitOf(entry: Record<string, unknown>) {
  const authored = limitSchema.parse({ name: 'partner-rate', key: 'tenant', ...entry });
  return compileLimits('partner', [authored], () => '').limits[0] as RateLimit;
}

describe('shareOf', () => {
  it.each([
    [
      { rate: '50/s', burst: 100 },
      4,
      { unitsPerToken: 80_000, leakPerUs: 1, burst: 25, capacity: 2_000_000 },
    ],
    [
      { rate: '3/s', burst: 10 },
      3,
      { unitsPerToken: 3_000_000, leakPerUs: 3, burst: 3, capacity: 10_000_000 },
    ],
    [
      { rate: '50/s', burst: 100 },
      1,
      { unitsPerToken: 20_000, leakPerUs: 1, burst: 100, capacity: 2_000_000 },
    ],
    [{ rate: '50/s', burst: 2 }, 8, { unitsPerToken: 160_000, leakPerUs: 1, burst: 1, capacity: 160_000 }],
  ])('of %j for each of %i instances divides rate and burst to the fraction', (entry, instances, bucket) => {
    expect(shareOf(limitOf(entry), instances).bucket).toEqual(bucket);
  });

  it('holds what the dearest request costs, so that it passes in time', () => {
    expect(shareOf(limitOf({ rate: '50/s', burst: 20, cost: { batch: 7 } }), 10).bucket.burst).toBe(7);
  });

  it('stays countable for the most absurd limit', () => {
    const absurd = limitOf({ rate: '1/d', burst: 1000, cost: { batch: 1000 } });
    const { burst, capacity } = shareOf(absurd, 1000).bucket;
    expect(burst).toBe(1);
    expect(capacity).toBeLessThanOrEqual(maxCapacity);
  });

  it.each([
    [8, 3, 2],
    [2, 3, 1],
  ])('of %i slots for each of %i instances is %i', (inFlight, instances, slots) => {
    const authored = limitSchema.parse({ name: 'parallel', key: 'tenant', inFlight });
    const limit = compileLimits('partner', [authored], () => '').limits[0]! as InFlightLimit;
    expect(shareOf(limit, instances)).toEqual({ ...limit, burst: slots });
  });

  it('leaves everything else as configured', () => {
    const limit = limitOf({ rate: '50/s', burst: 100 });
    expect({ ...shareOf(limit, 4), bucket: limit.bucket }).toEqual(limit);
  });
});
