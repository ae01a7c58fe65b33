import { describe, expect, it } from 'vitest';
import { World, worldLimit } from './lease-world.ts';

/**
 * What it costs to hold many instances to a rate of which all want more, and whom the tokens go to; in virtual time, with
 * requests at random moments, so that no machine is too slow for it. That no token is given twice is told by `model.test.ts`.
 */

/** Requests a second at one instance, at a time in seconds. */
type Demand = (seconds: number) => number;

interface Run {
  rate: number;
  burst: number;
  demands: Demand[];
  seconds: number;
  seed?: number;
}

interface Found {
  /** Calls for each admitted request. */
  calls: number;
  /** Part of what one bucket would have admitted of the same requests. */
  used: number;
  /** Percent of the admitted requests, by instance. */
  shares: number[];
  excess: number;
}

/** Seconds after which what is found counts: the burst is spent, and everybody knows how things are. */
const settled = 4;

async function run({ rate, burst, demands, seconds, seed = 1 }: Run): Promise<Found> {
  const random = seededRandom(seed);
  const world = new World({
    limits: [worldLimit('wanted', rate, burst)],
    instances: demands.length,
    drifts: demands.map(() => 1),
    fates: Array.from({ length: 97 }, () => ({
      outUs: 100 + random() * 300,
      backUs: 100 + random() * 300,
      lost: 'nothing' as const,
    })),
    random,
  });
  const startUs = world.nowUs;
  const exact = exactBucket(rate, burst, startUs);
  const mark = { admitted: 0, calls: 0, exact: 0, by: demands.map(() => 0) };
  let marked = false;
  for (const { atUs, instance } of arrivals(demands, settled + seconds, random)) {
    if (!marked && atUs > settled * 1e6) {
      marked = true;
      mark.admitted = world.admitted;
      mark.calls = world.calls;
      mark.exact = exact.admitted();
      mark.by = [...world.admittedBy];
    }
    await world.advance(Math.floor(startUs + atUs) - world.nowUs);
    exact.take(world.nowUs);
    world.take(instance, [0], 1);
  }
  await world.advance(50_000);
  expect(world.broken).toEqual([]);
  const admitted = world.admitted - mark.admitted;
  return {
    calls: (world.calls - mark.calls) / admitted,
    used: admitted / (exact.admitted() - mark.exact),
    shares: world.admittedBy.map((count, i) => (100 * (count - mark.by[i]!)) / admitted),
    excess: world.excess,
  };
}

function* arrivals(demands: Demand[], seconds: number, random: () => number) {
  const gapUs = (perSecond: number) => (-Math.log(1 - random()) * 1e6) / perSecond;
  const peaks = demands.map((demand) => {
    let peak = 0;
    for (let t = 0; t < seconds; t += 0.01) peak = Math.max(peak, demand(t));
    return peak;
  });
  const next = peaks.map(gapUs);
  for (;;) {
    const instance = next.indexOf(Math.min(...next));
    const atUs = next[instance]!;
    if (atUs > seconds * 1e6) return;
    next[instance] = atUs + gapUs(peaks[instance]!);
    if (random() * peaks[instance]! < demands[instance]!(atUs / 1e6)) yield { atUs, instance };
  }
}

function exactBucket(rate: number, burst: number, startUs: number) {
  const { leakPerUs, unitsPerToken, capacity } = worldLimit('exact', rate, burst).bucket;
  let debt = 0;
  let lastUs = startUs;
  let count = 0;
  return {
    take(nowUs: number): void {
      debt = Math.max(0, debt - leakPerUs * (nowUs - lastUs));
      lastUs = nowUs;
      if (debt + unitsPerToken > capacity) return;
      debt += unitsPerToken;
      count++;
    },
    admitted: () => count,
  };
}

/** Mulberry32. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const steady =
  (perSecond: number): Demand =>
  () =>
    perSecond;
const each = (instances: number, demand: (i: number) => Demand): Demand[] =>
  Array.from({ length: instances }, (_, i) => demand(i));

describe('a bucket from which twice as much is wanted', { timeout: 60_000 }, () => {
  // The last three are the budget of the design, at 1,000 a second for each instance.
  it.each([
    [10, 10, 1, 0.8],
    [10, 10, 2, 1.6],
    [10, 10, 4, 2.2],
    [50, 50, 1, 0.15],
    [50, 50, 2, 0.45],
    [50, 50, 4, 1.1],
    [200, 200, 1, 0.05],
    [200, 200, 2, 0.15],
    [200, 200, 4, 0.3],
    [1000, 1000, 1, 0.05],
    [2000, 2000, 2, 0.05],
    [4000, 4000, 4, 0.05],
  ])('of %i/s and burst %i is asked by %i instances at most %f times for each admitted', async (...row) => {
    const [rate, burst, instances, most] = row;
    const demands = each(instances, () => steady((2 * rate) / instances));
    const found = await run({ rate, burst, demands, seconds: rate >= 1000 ? 3 : 20 });
    expect(found.calls).toBeLessThan(most);
    expect(found.used).toBeGreaterThan(0.98);
    expect(found.excess).toBe(0);
  });
});

describe('instances that want more than there is', { timeout: 60_000 }, () => {
  it.each([
    [2, 200, 100, 1.2],
    [2, 200, 100, 3],
    [4, 200, 100, 1.2],
    [4, 200, 100, 3],
    [8, 200, 200, 3],
    [4, 2000, 400, 2],
  ])('%i of them, alike, get equal parts of %i/s with burst %i, at %f times the demand', async (...row) => {
    const [instances, rate, burst, times] = row;
    const demands = each(instances, () => steady((times * rate) / instances));
    const found = await run({ rate, burst, demands, seconds: rate >= 1000 ? 8 : 40 });
    for (const share of found.shares) expect(Math.abs(share - 100 / instances)).toBeLessThan(3);
    expect(found.used).toBeGreaterThan(0.98);
  });

  it.each([
    [2, 50, 50],
    [2, 200, 100],
    [4, 50, 50],
    [4, 200, 100],
  ])('%i of them, one asking ten times as often, get equal parts of %i/s with burst %i', async (...row) => {
    const [instances, rate, burst] = row;
    const demands = each(instances, (i) => steady(i === 0 ? 10 * rate : rate));
    const { shares } = await run({ rate, burst, demands, seconds: 20 });
    for (const share of shares) expect(Math.abs(share - 100 / instances)).toBeLessThan(5);
  });

  it.each([
    [2, 50, 50],
    [2, 200, 100],
    [4, 50, 50],
    [4, 200, 100],
  ])(
    '%i of them, all but one asking for less than their part of %i/s with burst %i, give these all they ask for',
    async (...row) => {
      const [instances, rate, burst] = row;
      const little = (0.3 * rate) / instances;
      const demands = each(instances, (i) => steady(i === 0 ? 3 * rate : little));
      const { shares, used } = await run({ rate, burst, demands, seconds: 20 });
      const wanted = (100 * little) / rate;
      for (const share of shares.slice(1)) expect(share).toBeGreaterThan(0.75 * wanted);
      expect(used).toBeGreaterThan(0.97);
    },
  );

  it.each([
    [1, 200, 100],
    [2, 200, 100],
    [4, 200, 100],
    [4, 50, 50],
    [4, 50, 5],
  ])(
    'for a second of four: %i of them admit at least 0.95 of what one bucket of %i/s with burst %i does',
    async (...row) => {
      const [instances, rate, burst] = row;
      const wave: Demand = (seconds) => (seconds % 4 < 1 ? (3 * rate) / instances : 0);
      const { used } = await run({ rate, burst, demands: each(instances, () => wave), seconds: 24 });
      expect(used).toBeGreaterThan(0.95);
    },
  );
});
