import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leaseRequest, tokensAsked } from '../support/lease-request.ts';
import { type PortFaults, runLease, type StoredBucket } from './lease-port.ts';
import { brokenHolders, storyArbitrary, tellStory, type Telling } from './lease-story.ts';
import { World, worldLimit } from './lease-world.ts';

/**
 * The model check of the leases: the real store against a port of the script, in virtual time. What a story may hold is in
 * `lease-story.ts`, the laws of its world are in `lease-world.ts`. A failure prints the shortest story that fails.
 */

const runs = 20_000;
const lossRuns = 4000;

describe('leases in a world of accidents', { timeout: 120_000 }, () => {
  it('admit what one exact bucket would, in any span of time', async () => {
    let admitted = 0;
    let calls = 0;
    await fc.assert(
      fc.asyncProperty(storyArbitrary(), async (story) => {
        const world = await tellStory(story, { data: 'kept' });
        admitted += world.admitted;
        calls += world.calls;
        expect({ excess: world.excess, broken: world.broken }).toEqual({ excess: 0, broken: [] });
      }),
      { numRuns: runs },
    );
    // A world in which nothing happens proves nothing.
    expect(admitted).toBeGreaterThan(20 * runs);
    expect(calls).toBeGreaterThan(10 * runs);
  });

  it('admit at most one burst more each time that the server loses its data', async () => {
    let losses = 0;
    let above = 0;
    await fc.assert(
      fc.asyncProperty(storyArbitrary(), async (story) => {
        const world = await tellStory(story, { data: 'lost' });
        losses += world.losses;
        if (world.excess > 0) above++;
        expect(world.excessBursts).toBeLessThanOrEqual(world.losses);
      }),
      { numRuns: lossRuns },
    );
    expect(losses).toBeGreaterThan(lossRuns / 10);
    // Most losses cost nothing at all; without the repair it is one in ten of these stories and more.
    expect(above).toBeLessThan(lossRuns / 20);
  });
});

describe('the model check', { timeout: 120_000 }, () => {
  const faults: [string, PortFaults][] = [
    ['the bucket refills beside full wallets', { noCap: true }],
    ['a lease is told to live an epoch longer', { longLife: true }],
    ['a state expires before its debt is paid', { earlyTtl: true }],
  ];

  it.each(faults)('finds that %s', async (_, fault) => {
    expect(await isCaught({ data: 'kept', faults: fault })).toBe(true);
  });

  it('shows what a server clock that goes back and forth would give away, were it believed', () => {
    expect(grantsOnJumpingClock({})).toBe(0);
    expect(grantsOnJumpingClock({ noClamp: true })).toBeGreaterThan(50);
  });

  it.each(Object.entries(brokenHolders))('finds a holder that breaks a rule: %s', async (_, wire) => {
    expect(await isCaught({ data: 'kept', wire })).toBe(true);
  });

  it('sees what the repair after a loss is worth: the debt that callers saw', async () => {
    const stories = fc.sample(storyArbitrary(), { numRuns: 1500, seed: 9 });
    const above = async (fault: PortFaults) => {
      let count = 0;
      for (const story of stories) {
        if ((await tellStory(story, { data: 'lost', faults: fault })).excess > 0) count++;
      }
      return count;
    };
    const repaired = await above({});
    expect(await above({ noFloor: true })).toBeGreaterThan(1.5 * repaired);
  });

  it('sees what the repair after a loss is worth: the tokens that callers hold', async () => {
    expect(await excessOfHolderAfterLoss({})).toBe(0);
    expect(await excessOfHolderAfterLoss({ noRepresent: true })).toBeGreaterThan(50);
  });
});

/** A holder keeps tokens over a loss while the bucket refills; then another takes all that is there, and it spends. */
async function excessOfHolderAfterLoss(faults: PortFaults): Promise<number> {
  const fates = [{ outUs: 100, backUs: 100, lost: 'nothing' as const }];
  const limits = [worldLimit('held', 2000, 400)];
  const world = new World({ limits, instances: 1, drifts: [1, 1], fates, patient: true, faults });
  for (let i = 0; i < 80; i++) {
    for (let n = 0; n < 8; n++) world.take(0, [0], 1);
    await world.advance(4000);
  }
  world.lose('everything', 'break');
  await world.advance(1000);
  for (let i = 0; i < 4; i++) {
    world.take(0, [0], 1);
    await world.advance(150_000);
  }
  for (const instance of [1, 0]) {
    for (let n = 0; n < 500; n++) {
      world.take(instance, [0], 1);
      if (n % 50 === 0) await world.advance(300);
    }
  }
  await world.advance(1000);
  return world.excess;
}

/** Whether some story breaks a law; the seed makes it the same stories each time. */
async function isCaught(telling: Telling): Promise<boolean> {
  const property = fc.asyncProperty(storyArbitrary(), async (story) => {
    const { excess, broken } = await tellStory(story, telling);
    return excess === 0 && broken.length === 0;
  });
  const { failed } = await fc.check(property, { numRuns: runs, seed: 4, endOnFailure: true });
  return failed;
}

/** Tokens that an empty bucket gives while its server's clock jumps half a second back and forth, in hardly any time. */
function grantsOnJumpingClock(faults: PortFaults): number {
  const { bucket } = worldLimit('jumping', 10, 100);
  const buckets = new Map<string, StoredBucket>();
  let granted = 0;
  const ask = (tokens: number, nowUs: number) => {
    const request = leaseRequest(bucket, tokensAsked(tokens));
    granted += runLease(buckets, 'k', request, nowUs, faults).granted;
  };
  // Leases of long ago hold nothing back.
  ask(100, 1e12);
  ask(5, 1e12 + 2_500_000);
  granted = 0;
  for (let i = 0; i < 400; i++) ask(1, 1e12 + 2_500_000 - (i % 2) * 500_000);
  return granted;
}
