import fc from 'fast-check';
import type { LeaseReport } from '../../src/limits/leases/lease-call.ts';
import type { PortFaults } from './lease-port.ts';
import { type Fate, maxDrift, type Wire, World, worldLimit } from './lease-world.ts';

/** A random course of events for a `World`. Each step is one number, which fast-check shrinks towards the plainest step. */
export interface Story {
  /** Places in the tables below. */
  rates: [number, number];
  bursts: [number, number];
  told: number;
  patient: boolean;
  steps: number[];
}

const ratesPerSecond = [10, 1, 50, 200, 2000] as const;
const bursts = [5, 1, 20, 100, 400] as const;
const gapsUs = [
  0, 0, 500, 1000, 3000, 10_000, 30_000, 60_000, 120_000, 260_000, 700_000, 1_100_000, 2_100_000, 3_500_000,
];
const delaysUs = [100, 500, 2000, 10_000, 40_000, 150_000, 900_000];
const sizes = [1, 2, 3, 5, 10, 20, 50];
const drifts = [1, 1 + maxDrift, 1 - maxDrift];

export function storyArbitrary(maxSteps = 40): fc.Arbitrary<Story> {
  const place = fc.nat({ max: 4 });
  return fc.record({
    rates: fc.tuple(place, place),
    bursts: fc.tuple(place, place),
    told: fc.integer({ min: 1, max: 3 }),
    patient: fc.boolean(),
    steps: fc.array(fc.nat({ max: 2 ** 30 - 1 }), { minLength: 1, maxLength: maxSteps, size: 'max' }),
  });
}

export interface Telling {
  /** The kinds of accidents that may happen; requests always do. */
  data: 'kept' | 'lost';
  faults?: PortFaults;
  wire?: Wire;
}

/** Lets a story happen to three instances and gives the world that it leaves. */
export async function tellStory(story: Story, telling: Telling): Promise<World> {
  const world = new World({
    limits: [0, 1].map((i) =>
      worldLimit(`limit-${i}`, ratesPerSecond[story.rates[i]!]!, bursts[story.bursts[i]!]!),
    ),
    instances: story.told,
    patient: story.patient,
    drifts,
    fates: story.steps.map(fateOf),
    ...telling,
  });
  for (const step of story.steps) {
    runStep(world, step, telling.data);
    if (digit(step, 0, 40) === 32 && step % 3 === 0) await trickle(world, step);
    await world.advance(gapsUs[digit(step, 4, gapsUs.length)]!);
  }
  // What is under way comes to its end, and the last tokens are asked for.
  await world.advance(400_000);
  world.take(0, [0], 1);
  await world.advance(100_000);
  return world;
}

/**
 * A wallet that was filled for many requests sees just so many that it does not count as idle: what it holds beyond them
 * grows old, and then everybody wants everything.
 */
async function trickle(world: World, step: number): Promise<void> {
  const instance = digit(step, 1, drifts.length);
  const place = digit(step, 3, 2);
  for (let i = 0; i < 10; i++) {
    for (let n = 0; n < 4; n++) world.take(instance, [place], 1);
    await world.advance(4000);
  }
  const times = digit(step, 5, 16);
  for (let i = 0; i < times; i++) {
    world.take(instance, [place], 1);
    await world.advance(200_000);
  }
  takeEverywhere(world, place, 50);
}

function takeEverywhere(world: World, place: number, times: number): void {
  for (const i of drifts.keys()) {
    for (let n = 0; n < times; n++) world.take(i, [place], 1);
  }
}

function runStep(world: World, step: number, data: Telling['data']): void {
  const kind = digit(step, 0, 40);
  const instance = digit(step, 1, drifts.length);
  const amount = digit(step, 2, sizes.length);
  const which = digit(step, 3, 4);
  if (kind < 31) {
    const places = which < 2 ? [which] : [0, 1];
    const cost = kind < 26 ? 1 : (kind % 5) + 1;
    for (let i = 0; i < sizes[amount]!; i++) world.take(instance, places, cost);
    return;
  }
  if (kind < 33) {
    // Whoever holds tokens spends them now.
    takeEverywhere(world, which & 1, 2 * sizes[amount]!);
  } else if (kind === 33) world.crash(instance);
  else if (kind === 34) world.restart(instance);
  else if (kind === 35) world.suspend(instance, (amount + 1) * 400_000);
  else if (kind === 36) world.setWall(instance, (amount - 3) * 700_000);
  else if (kind === 37) world.disconnect(instance);
  else if (kind === 38) {
    if (data === 'lost') world.copy();
    else world.setServerBack(amount * 300_000);
  } else if (data === 'lost') {
    world.lose(which < 2 ? 'copy' : 'everything', which % 2 === 0 || which < 2 ? 'break' : 'stay');
  }
}

function fateOf(step: number): Fate {
  const outUs = delaysUs[Math.min(digit(step, 5, 9), digit(step, 6, 7))]!;
  const backUs = delaysUs[Math.min(digit(step, 6, 7), digit(step, 2, 7))]!;
  const luck = digit(step, 7, 24);
  return { outUs, backUs, lost: luck === 23 ? 'reply' : luck === 22 ? 'request' : 'nothing' };
}

/** Numbers that depend on all of the step, and are 0 for step 0. */
function digit(step: number, place: number, base: number): number {
  const mixed = Math.imul(step, 0x9e3779b1 + place * 0x85ebca6a) >>> 0;
  return Math.floor(((mixed ^ (mixed >>> 15)) >>> 0) / 7) % base;
}

const nothing: LeaseReport = { epoch: 0, used: 0, returned: 0 };

/** Holders that break the rules, made by tampering with what one wallet sends and hears. */
export const brokenHolders: Record<string, Wire> = {
  'a return is sent twice': (call) => async (request) => {
    if (request.first.returned + request.second.returned > 0)
      call({ ...request, owe: 0 }).catch(() => undefined);
    return await call(request);
  },
  'a report is sent twice': (call) => async (request) => {
    if (request.first.used + request.second.used > 0)
      call({ ...request, need: 0, ask: 0, want: 0, owe: 0 }).catch(() => undefined);
    return await call(request);
  },
  'a report is not forgotten once it is sent': (call) => {
    let last: [LeaseReport, LeaseReport] = [nothing, nothing];
    return (request) => {
      const all = new Map<number, number>();
      for (const { epoch, used } of [...last, request.first, request.second]) {
        if (used > 0) all.set(epoch, (all.get(epoch) ?? 0) + used);
      }
      last = [request.first, request.second];
      const [first, second] = [...all].toSorted(([a], [b]) => b - a);
      const withReturn = (found: [number, number] | undefined): LeaseReport => {
        if (found === undefined) return nothing;
        const [epoch, used] = found;
        const returned = [request.first, request.second].find((own) => own.epoch === epoch)?.returned ?? 0;
        return { epoch, used, returned };
      };
      return call({ ...request, first: withReturn(first), second: withReturn(second) });
    };
  },
  'returned tokens are used on': (call) => async (request) => {
    const grant = await call(request);
    const returned = request.first.returned;
    if (returned === 0 || grant.repaired) return grant;
    return { ...grant, granted: grant.granted + returned, epoch: request.first.epoch };
  },
  'a lease is counted from its answer': (call, now) => async (request) => {
    const sentUs = now();
    const grant = await call(request);
    return { ...grant, lifeUs: grant.lifeUs + (now() - sentUs) };
  },
  'tokens count as spent longer ago than they were': (call) => (request) =>
    call({ ...request, ageUs: request.ageUs + 400_000 }),
  'the drift of clocks is not allowed for': (call) => async (request) => {
    const grant = await call(request);
    return { ...grant, lifeUs: Math.ceil((grant.lifeUs + 7000) * 1.03) };
  },
};
