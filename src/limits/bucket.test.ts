import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileBucket,
  convertDebt,
  debtAt,
  hasRoom,
  maxCapacity,
  tokensLeft,
  untilFullUs,
  untilMoreUs,
  untilRoomUs,
} from './bucket.ts';
import type { Bucket } from './bucket.ts';

const second = 1_000_000;
const day = 86_400 * second;

/** Any limit that the configuration accepts. */
const limits = fc
  .record({
    tokens: fc.integer({ min: 1, max: 999_999_999 }),
    periodUs: fc.constantFrom(second, 60 * second, 3600 * second, day),
    burst: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1_000_000_000 })),
  })
  .filter(({ tokens, periodUs, burst }) => compileBucket(tokens, periodUs, burst).capacity <= maxCapacity);

/** Requests as steps in time (the clock may go back) and costs, some of them above the burst. */
function requestsFor(burst: number) {
  return fc.array(
    fc.record({
      stepUs: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 50_000 }) },
        { weight: 2, arbitrary: fc.integer({ min: 0, max: day }) },
        { weight: 1, arbitrary: fc.integer({ min: -10 * second, max: 0 }) },
      ),
      cost: fc.integer({ min: 0, max: burst + 1 }),
    }),
    { maxLength: 60 },
  );
}

/** The bucket as a store holds it. */
class Held {
  readonly bucket: Bucket;
  debt = 0;
  atUs: number;

  constructor(bucket: Bucket, nowUs: number) {
    this.bucket = bucket;
    this.atUs = nowUs;
  }

  take(cost: number, nowUs: number): boolean {
    const debt = debtAt(this.bucket, this.debt, this.atUs, nowUs);
    if (!hasRoom(this.bucket, debt, cost)) return false;
    this.debt = debt + cost * this.bucket.unitsPerToken;
    this.atUs = Math.max(this.atUs, nowUs);
    return true;
  }
}

describe('compileBucket', () => {
  it('reduces rate and period to their smallest whole units', () => {
    expect(compileBucket(50, second, 100)).toEqual({
      unitsPerToken: 20_000,
      leakPerUs: 1,
      burst: 100,
      capacity: 2_000_000,
    });
    expect(compileBucket(3, 3600 * second, 2)).toEqual({
      unitsPerToken: 1_200_000_000,
      leakPerUs: 1,
      burst: 2,
      capacity: 2_400_000_000,
    });
    expect(compileBucket(999_999_999, second, 1)).toEqual({
      unitsPerToken: 1_000_000,
      leakPerUs: 999_999_999,
      burst: 1,
      capacity: 1_000_000,
    });
  });
});

describe('a bucket', () => {
  it('admits in no interval more than its burst and what the rate adds, counted exactly', () => {
    fc.assert(
      fc.property(
        limits.chain((limit) => fc.record({ limit: fc.constant(limit), requests: requestsFor(limit.burst) })),
        ({ limit, requests }) => {
          const held = new Held(compileBucket(limit.tokens, limit.periodUs, limit.burst), 0);
          const admitted: { atUs: number; cost: bigint }[] = [];
          let nowUs = 0;
          // The same time is never paid out twice: an admission at a clock that went back counts as of the one before.
          let latestUs = 0;
          for (const { stepUs, cost } of requests) {
            nowUs += stepUs;
            if (!held.take(cost, nowUs)) continue;
            latestUs = Math.max(latestUs, nowUs);
            admitted.push({ atUs: latestUs, cost: BigInt(cost) });
          }
          const period = BigInt(limit.periodUs);
          for (let from = 0; from < admitted.length; from++) {
            let sum = 0n;
            for (let to = from; to < admitted.length; to++) {
              sum += admitted[to]!.cost;
              const elapsed = BigInt(admitted[to]!.atUs - admitted[from]!.atUs);
              const allowed = BigInt(limit.burst) * period + BigInt(limit.tokens) * elapsed;
              if (sum * period > allowed) return false;
            }
          }
          return true;
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('decides like an unbounded-precision model of itself, debt for debt', () => {
    fc.assert(
      fc.property(
        limits.chain((limit) => fc.record({ limit: fc.constant(limit), requests: requestsFor(limit.burst) })),
        ({ limit, requests }) => {
          const held = new Held(compileBucket(limit.tokens, limit.periodUs, limit.burst), 0);
          // The model does not reduce the fraction: one token is the whole period, each microsecond pays `tokens`.
          const [period, tokens, burst] = [BigInt(limit.periodUs), BigInt(limit.tokens), BigInt(limit.burst)];
          let debt = 0n;
          let atUs = 0;
          let nowUs = 0;
          for (const { stepUs, cost } of requests) {
            nowUs += stepUs;
            const leaked = tokens * BigInt(Math.max(0, nowUs - atUs));
            const owed = leaked > debt ? 0n : debt - leaked;
            const free = burst * period - owed;
            const price = BigInt(cost) * period;
            const reduced = debtAt(held.bucket, held.debt, held.atUs, nowUs);
            expect(BigInt(reduced) * period).toBe(owed * BigInt(held.bucket.unitsPerToken));
            expect(BigInt(tokensLeft(held.bucket, reduced))).toBe(free / period);
            const lacking = price - free;
            if (cost > limit.burst) expect(untilRoomUs(held.bucket, reduced, cost)).toBe(Infinity);
            else
              expect(BigInt(untilRoomUs(held.bucket, reduced, cost))).toBe(
                lacking > 0n ? ceilDivide(lacking, tokens) : 0n,
              );
            expect(BigInt(untilFullUs(held.bucket, reduced))).toBe(ceilDivide(owed, tokens));
            expect(held.take(cost, nowUs)).toBe(lacking <= 0n);
            if (lacking > 0n) continue;
            debt = owed + price;
            atUs = Math.max(atUs, nowUs);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('spends nothing on a request that it refuses', () => {
    const held = new Held(compileBucket(1, second, 3), 0);
    expect(held.take(2, 0)).toBe(true);
    expect(held.take(2, 0)).toBe(false);
    expect(held.take(2, 0)).toBe(false);
    expect(held.take(1, 0)).toBe(true);
  });

  it('earns nothing while the clock stands behind, and earns no time twice', () => {
    const held = new Held(compileBucket(1, second, 1), 10 * second);
    expect(held.take(1, 10 * second)).toBe(true);
    expect(held.take(1, 2 * second)).toBe(false);
    expect(held.take(1, 10 * second)).toBe(false);
    expect(held.take(1, 11 * second - 1)).toBe(false);
    expect(held.take(1, 11 * second)).toBe(true);
  });

  it('says to the microsecond when a request passes', () => {
    fc.assert(
      fc.property(limits, fc.nat(), fc.nat(), (limit, debtSeed, costSeed) => {
        const bucket = compileBucket(limit.tokens, limit.periodUs, limit.burst);
        const debt = debtSeed % (bucket.capacity + 1);
        const cost = 1 + (costSeed % limit.burst);
        const waitUs = untilRoomUs(bucket, debt, cost);
        expect(hasRoom(bucket, debtAt(bucket, debt, 0, waitUs), cost)).toBe(true);
        if (waitUs > 0) expect(hasRoom(bucket, debtAt(bucket, debt, 0, waitUs - 1), cost)).toBe(false);
      }),
    );
  });

  it('says to the microsecond when it holds one token more', () => {
    fc.assert(
      fc.property(limits, fc.maxSafeNat(), (limit, seed) => {
        const bucket = compileBucket(limit.tokens, limit.periodUs, limit.burst);
        const debt = seed % (bucket.capacity + 1);
        const before = tokensLeft(bucket, debt);
        const waitUs = untilMoreUs(bucket, debt);
        if (debt === 0) expect(waitUs).toBe(0);
        else {
          expect(tokensLeft(bucket, debtAt(bucket, debt, 0, waitUs))).toBeGreaterThan(before);
          expect(tokensLeft(bucket, debtAt(bucket, debt, 0, waitUs - 1))).toBe(before);
        }
      }),
    );
  });

  it('is empty, and no more than empty, when a lowered burst leaves it with more debt than it can hold', () => {
    const lowered = compileBucket(1, second, 2);
    expect(debtAt(lowered, 100 * second, 0, 0)).toBe(2 * second);
    expect(debtAt(lowered, 100 * second, 5, 3)).toBe(2 * second);
    expect(debtAt(lowered, 100 * second, 0, second)).toBe(second);
  });
});

describe('convertDebt', () => {
  it('keeps whole tokens as they are and rounds a part of a token against the caller', () => {
    expect(convertDebt(60_000, 20_000, 7)).toBe(21);
    expect(convertDebt(20_001, 20_000, 1000)).toBe(1001);
    expect(convertDebt(12_345, 20_000, 20_000)).toBe(12_345);
  });

  it('never forgets debt and adds at most one unit', () => {
    const units = fc.integer({ min: 1, max: day });
    fc.assert(
      fc.property(units, units, fc.nat({ max: 10_000_000 }), fc.nat(), (from, to, tokens, part) => {
        const debt = Math.min(tokens * from + (part % from), maxCapacity);
        const exact = BigInt(debt) * BigInt(to);
        const converted = convertDebt(debt, from, to);
        fc.pre(Number.isSafeInteger(converted));
        expect(BigInt(converted) * BigInt(from) >= exact).toBe(true);
        expect((BigInt(converted) - 2n) * BigInt(from) < exact).toBe(true);
      }),
    );
  });
});

function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
