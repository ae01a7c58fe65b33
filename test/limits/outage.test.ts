import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OutageFaults, OutageWorld } from './outage-world.ts';

/**
 * That `share` lets no more through than one exact bucket, over any number of outages that all instances have together and in
 * any span of time around them, and what it costs when only some of them are cut off.
 */

const limits = [
  [10, 100],
  [50, 100],
  [200, 100],
  [1000, 100],
  [2000, 400],
  [10, 5],
  [1, 3],
] as const;
const gapsMs = [0, 0, 1, 30, 100, 150, 250, 600, 1200, 2500, 6000, 15_000];
const instances = 3;
const runs = 1000;

interface Story {
  limit: number;
  steps: { kind: number; instance: number; gap: number; times: number; key: number }[];
}

const storyArbitrary: fc.Arbitrary<Story> = fc.record({
  limit: fc.nat({ max: limits.length - 1 }),
  steps: fc.array(
    fc.record({
      kind: fc.nat({ max: 15 }),
      instance: fc.nat({ max: instances - 1 }),
      gap: fc.nat({ max: gapsMs.length - 1 }),
      times: fc.constantFrom(1, 2, 5, 40, 120),
      key: fc.nat({ max: 1 }),
    }),
    { minLength: 1, maxLength: 25, size: 'max' },
  ),
});

/** Lets a story happen; the outages are those of everybody. */
async function tellStory({ limit, steps }: Story, faults: OutageFaults = {}): Promise<OutageWorld> {
  const [ratePerSecond, burst] = limits[limit]!;
  const world = new OutageWorld({ ratePerSecond, burst, instances, faults });
  const everybody = world.instances.map((_, index) => index);
  for (const { kind, instance, gap, times, key } of steps) {
    const name = key === 0 ? 'acme' : 'globex';
    if (kind < 4) await world.take(instance, name, { times });
    else if (kind < 6) for (const each of everybody) await world.take(each, name, { times });
    else if (kind === 6) await world.take(instance, name, { times, cost: 3 });
    // Often enough for chunks to be leased, and long enough for every share to be spent as it fills.
    else if (kind < 9) await keepTaking(world, name, { rounds: 40, everyMs: 4 });
    else if (kind === 9) await keepTaking(world, name, { rounds: 24, everyMs: 500, times: 5 });
    else if (kind < 13) world.cut(everybody);
    else await world.mend();
    await world.pass(gapsMs[gap]!);
  }
  await world.mend();
  for (const each of everybody) await world.take(each, 'acme', { times: 200 });
  return world;
}

async function keepTaking(
  world: OutageWorld,
  key: string,
  { rounds, everyMs, times = 1 }: { rounds: number; everyMs: number; times?: number },
): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    for (let each = 0; each < instances; each++) await world.take(each, key, { times });
    await world.pass(everyMs);
  }
}

describe('share, over outages that all instances have together', { timeout: 120_000 }, () => {
  it('admits what one exact bucket would, in any span of time', async () => {
    let admitted = 0;
    await fc.assert(
      fc.asyncProperty(storyArbitrary, async (story) => {
        const world = await tellStory(story);
        admitted += world.admitted;
        expect(world.excess).toBe(0);
      }),
      { numRuns: runs },
    );
    expect(admitted).toBeGreaterThan(20 * runs);
  });

  const mutants: [string, OutageFaults][] = [
    ['what shares spent leaks at once, while the bucket of the store leaks as well', { leaksAtOnce: true }],
    ['what shares spent is never told', { neverOwed: true }],
  ];

  it.each(mutants)('would not, and the stories show it, where %s', async (_, faults) => {
    const property = fc.asyncProperty(
      storyArbitrary,
      async (story) => (await tellStory(story, faults)).excess === 0,
    );
    const { failed } = await fc.check(property, { numRuns: runs, seed: 2, endOnFailure: true });
    expect(failed).toBe(true);
  });

  it.each<[string, OutageFaults, number]>([
    ['nobody spends leased tokens any more', {}, 0],
    ['at once, which they must not', { sharesAtOnce: true }, 10],
  ])('begins to fill shares when %s', async (_, faults, excess) => {
    const world = new OutageWorld({ ratePerSecond: 1000, burst: 100, instances, faults });
    await keepTaking(world, 'acme', { rounds: 40, everyMs: 4 });
    world.cut([0, 1, 2]);
    // Another key shows everybody that the store is away.
    for (let each = 0; each < instances; each++) await world.take(each, 'globex');
    await world.pass(100);
    for (let each = 0; each < instances; each++) await world.take(each, 'acme', { times: 60 });
    expect(world.excess).toBeGreaterThanOrEqual(excess);
    if (excess === 0) expect(world.excess).toBe(0);
  });

  it.each([
    [10, 100],
    [50, 100],
    [1000, 100],
  ])('uses what a bucket of %i/s and burst %i has to give', async (ratePerSecond, burst) => {
    const world = new OutageWorld({ ratePerSecond, burst, instances });
    const lastMs = 20_000;
    const times = Math.ceil(ratePerSecond / 40);
    const saturate = async (ms: number): Promise<void> =>
      await keepTaking(world, 'acme', { rounds: ms / 20, everyMs: 20, times });
    await saturate(2000);
    const before = world.admitted;
    world.cut([0, 1, 2]);
    await saturate(lastMs);
    // Half a second passes until the shares begin to fill, and the last part of a token may be nowhere whole.
    expect(world.admitted - before).toBeGreaterThan((0.96 * (ratePerSecond * lastMs)) / 1000 - instances);
    await world.mend();
    const after = world.admitted;
    await saturate(10_000);
    expect(world.admitted - after).toBeGreaterThan(0.95 * ratePerSecond * 10);
    expect(world.excess).toBe(0);
  });
});

describe('share, where instances come back one after the other', () => {
  const staggerMs = 1000;
  const excessOf = async (ratePerSecond: number, burst: number, faults: OutageFaults): Promise<number> => {
    const world = new OutageWorld({ ratePerSecond, burst, instances, faults });
    const times = Math.ceil(ratePerSecond / 10);
    await keepTaking(world, 'acme', { rounds: 20, everyMs: 50, times });
    world.cut([0, 1, 2]);
    await keepTaking(world, 'acme', { rounds: 400, everyMs: 50, times });
    for (const index of [0, 1, 2]) {
      await world.mend([index]);
      await world.take(index, 'acme', { times: burst });
      await keepTaking(world, 'acme', { rounds: staggerMs / 50, everyMs: 50, times });
    }
    return world.excess;
  };

  it.each([
    [50, 100],
    [200, 400],
  ])(
    'leaves in a bucket of %i/s and burst %i what the others may have spent',
    async (ratePerSecond, burst) => {
      // Those who are not back yet spend their parts of the rate beside the bucket, which leaks already.
      const most = ratePerSecond * (2 / 3 + 1 / 3) * (staggerMs / 1000);
      expect(await excessOf(ratePerSecond, burst, {})).toBeLessThanOrEqual(most);
      const unspared = await excessOf(ratePerSecond, burst, { sparesNothing: true });
      expect(unspared).toBeGreaterThan(burst / 2);
    },
  );
});

describe('share, where only some instances are cut off', () => {
  it('admits their parts of the rate beside the whole of it, until they are back', async () => {
    const world = new OutageWorld({ ratePerSecond: 10, burst: 100, instances: 2 });
    const saturate = async (ms: number): Promise<number> => {
      const before = world.admitted;
      for (let passed = 0; passed < ms; passed += 50) {
        for (const each of [0, 1]) await world.take(each, 'acme', { times: 5 });
        await world.pass(50);
      }
      return world.admitted - before;
    };
    await saturate(1000);
    world.cut([1]);
    const meanwhile = await saturate(60_000);
    // 600 from the store and 5/s from the share of the other one.
    expect(meanwhile).toBeGreaterThan(880);
    expect(meanwhile).toBeLessThanOrEqual(902);
    await world.mend();
    // What the share spent last is debt now: half the burst has to be paid first.
    expect(await saturate(5000)).toBeLessThanOrEqual(2);
  });
});
