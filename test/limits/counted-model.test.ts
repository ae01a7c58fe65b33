import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CalendarPeriod, windowAt } from '../../src/limits/calendar.ts';
import { compileLimits, type QuotaLimit } from '../../src/limits/compile.ts';
import { limitSchema } from '../../src/limits/options.ts';
import type { Charge } from '../../src/limits/store.ts';
import { CountedWorld, type Weather } from './counted-world.ts';

const hourMs = 3_600_000;

function limitOf(entry: Record<string, unknown>) {
  const authored = limitSchema.parse({ name: 'partner', key: 'tenant', ...entry });
  const { limits, issues } = compileLimits('zone', [authored], () => 'zones/zone.yaml:1:1');
  expect(issues).toEqual([]);
  return limits[0]!;
}

const zones = Intl.supportedValuesOf('timeZone');
const weather = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Weather>('fair') },
  { weight: 1, arbitrary: fc.constantFrom<Weather>('request lost', 'reply lost') },
);
const clockErrors = fc.array(fc.integer({ min: -hourMs, max: hourMs }), { minLength: 3, maxLength: 3 });

/** An instant at which a zone changes its clocks, or any. */
function edgeOf(timeZone: string, anyMs: number): number {
  const here = Temporal.Instant.fromEpochMilliseconds(anyMs).toZonedDateTimeISO(timeZone);
  return here.getTimeZoneTransition('next')?.epochMilliseconds ?? anyMs;
}

describe('calendar quotas of several instances', () => {
  it('admit in no window more than the quota, whatever the zone, the clocks and the losses', async () => {
    const step = fc.record({
      instance: fc.nat({ max: 2 }),
      cost: fc.integer({ min: 1, max: 4 }),
      times: fc.integer({ min: 1, max: 12 }),
      advanceMs: fc.oneof(fc.nat({ max: 400 }), fc.nat({ max: 20_000 }), fc.nat({ max: 9 * hourMs })),
      weather,
    });
    let admittedInAll = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...zones),
        fc.constantFrom<CalendarPeriod['unit']>('day', 'day', 'week', 'month'),
        fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2035, 0) }),
        fc.integer({ min: -15 * hourMs, max: 15 * hourMs }),
        fc.constantFrom(7, 30, 400),
        clockErrors,
        fc.array(step, { minLength: 5, maxLength: 40 }),
        async (timeZone, unit, anyMs, nearMs, quota, errors, steps) => {
          const limit = limitOf({ quota: `${quota}/${unit}`, timezone: timeZone }) as QuotaLimit;
          const world = new CountedWorld(edgeOf(timeZone, anyMs) + nearMs, errors);
          const admitted = new Map<number, number>();
          for (const { instance, cost, times, advanceMs, weather: now } of steps) {
            world.instances[instance]!.weather = now;
            for (let i = 0; i < times; i++) {
              if (!(await world.take(instance, [{ limit, key: 'acme', cost }]))) break;
              const { startMs } = windowAt(limit.period, world.nowMs);
              admitted.set(startMs, (admitted.get(startMs) ?? 0) + cost);
            }
            await world.advance(advanceMs);
          }
          for (const [startMs, sum] of admitted) {
            admittedInAll += sum;
            expect(sum, new Date(startMs).toISOString()).toBeLessThanOrEqual(quota);
          }
        },
      ),
      { numRuns: 400 },
    );
    expect(admittedInAll).toBeGreaterThan(400);
  }, 60_000);

  it('are used up to the last token where nothing is lost, although instances hold some', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(10, 100, 1000),
        clockErrors,
        fc.array(fc.nat({ max: 2 }), { minLength: 20, maxLength: 60 }),
        async (quota, errors, turns) => {
          const limit = limitOf({ quota: `${quota}/day`, timezone: 'Asia/Kathmandu' });
          const world = new CountedWorld(Date.UTC(2026, 10, 22, 6), errors);
          let admitted = 0;
          const drain = async (instance: number, most: number): Promise<void> => {
            for (let i = 0; i < most; i++) {
              if (!(await world.take(instance, [{ limit, key: 'acme', cost: 1 }]))) return;
              admitted++;
              await world.advance(3);
            }
          };
          for (const instance of turns) await drain(instance, quota / 20);
          // Long enough for idle tokens to come back, and for a refusal to be forgotten.
          for (let i = 0; i < 3; i++) {
            await world.advance(1500);
            for (const instance of [0, 1, 2]) await drain(instance, quota);
          }
          expect(admitted).toBe(quota);
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);

  it('take no token over from one window into the next, to spend or to give back', async () => {
    const limit = limitOf({ quota: '400/day' }) as QuotaLimit;
    const midnight = Date.UTC(2026, 10, 23);
    for (const lastMs of [1, 20, 300]) {
      const world = new CountedWorld(midnight - 2000, [0, 900_000]);
      const one: Charge = { limit, key: 'acme', cost: 1 };
      // Steadily, so that both hold some for what comes next.
      while (world.nowMs < midnight - lastMs) {
        await world.take(0, [one]);
        await world.take(1, [one]);
        await world.advance(20);
      }
      await world.advance(midnight - world.nowMs);
      expect(world.quotas.values().next().value?.granted).toBeGreaterThan(0);
      let admitted = 0;
      for (let i = 0; i < 500; i++)
        for (const instance of [0, 1]) if (await world.take(instance, [one])) admitted++;
      expect(admitted).toBeGreaterThan(300);
      expect(admitted).toBeLessThanOrEqual(400);
      for (let i = 0; i < 3; i++) {
        await world.advance(1500);
        for (let j = 0; j < 100; j++)
          for (const instance of [0, 1]) if (await world.take(instance, [one])) admitted++;
      }
      expect(admitted).toBe(400);
    }
  });

  it('refuse in the last moments of a window, whose tokens could not be used any more', async () => {
    const limit = limitOf({ quota: '400/day' });
    const midnight = Date.UTC(2026, 10, 23);
    for (const lastMs of [1, 4, 6, 9]) {
      const world = new CountedWorld(midnight - lastMs, [0, 3_000_000]);
      for (const instance of [0, 1]) await world.take(instance, [{ limit, key: 'acme', cost: 1 }]);
      expect(world.calls).toBeLessThan(10);
      await world.advance(lastMs + 1);
      for (const instance of [0, 1])
        expect(await world.take(instance, [{ limit, key: 'acme', cost: 1 }])).toBe(true);
    }
  });

  it('owe what was cost beyond the estimate, and get back what was not', async () => {
    const limit = limitOf({ quota: '100/day' });
    const world = new CountedWorld(Date.UTC(2026, 10, 22, 6), [0, 0, 0]);
    const charge: Charge = { limit, key: 'acme', cost: 10 };
    expect(await world.take(0, [charge])).toBe(true);
    world.instances[0]!.store.complete(charge, 70);
    expect(await world.take(1, [charge])).toBe(true);
    world.instances[1]!.store.complete(charge, 0);
    await world.advance(1500);
    let admitted = 0;
    for (let i = 0; i < 200; i++) if (await world.take(2, [{ limit, key: 'acme', cost: 1 }])) admitted++;
    expect(admitted).toBe(30);
  });

  it('count again what an instance saw, when the server has forgotten', async () => {
    const limit = limitOf({ quota: '100/day' });
    const world = new CountedWorld(Date.UTC(2026, 10, 22, 6), [0, 0, 0]);
    const take = (instance: number, cost: number) => world.take(instance, [{ limit, key: 'acme', cost }]);
    expect(await take(0, 30)).toBe(true);
    expect(await take(1, 50)).toBe(true);
    world.quotas.clear();
    // The one that saw everything comes first: nothing is given out twice.
    expect(await take(1, 21)).toBe(false);
    expect(await take(1, 20)).toBe(true);
    await world.advance(1500);
    expect(await take(2, 1)).toBe(false);
    expect(await take(0, 1)).toBe(false);
  });
});

describe('slots of several instances', () => {
  it('are never in use more often than there are, and all of them can be', async () => {
    const step = fc.record({
      instance: fc.nat({ max: 2 }),
      action: fc.constantFrom('take', 'take', 'take', 'release', 'release', 'crash'),
      cost: fc.integer({ min: 1, max: 3 }),
      advanceMs: fc.oneof(fc.constant(0), fc.nat({ max: 300 }), fc.nat({ max: 4000 })),
      weather,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 3, 8, 200),
        clockErrors,
        fc.array(step, { minLength: 10, maxLength: 80 }),
        async (capacity, errors, steps) => {
          const limit = limitOf({ inFlight: capacity });
          const world = new CountedWorld(Date.UTC(2026, 10, 22, 6), errors);
          const open: Charge[][] = [[], [], []];
          const sum = () => open.flat().reduce((all, { cost }) => all + cost, 0);
          let crashes = 0;
          for (const { instance, action, cost, advanceMs, weather: now } of steps) {
            const { store } = world.instances[instance]!;
            world.instances[instance]!.weather = now;
            if (action === 'take') {
              const charge: Charge = { limit, key: 'acme', cost: Math.min(cost, capacity) };
              if (await world.take(instance, [charge])) open[instance]!.push(charge);
              expect(sum()).toBeLessThanOrEqual(capacity);
            } else if (action === 'release') {
              const charge = open[instance]!.shift();
              if (charge !== undefined && world.instances[instance]!.alive) store.complete(charge, 0);
            } else if (crashes++ === 2) {
              world.instances[instance]!.alive = false;
              // Its requests are gone with it.
              open[instance] = [];
            }
            await world.advance(advanceMs);
            // An instance that the store does not hear of loses its slots after their time: that is another test.
            if (now !== 'fair') world.instances[instance]!.weather = 'fair';
          }
          for (const [i, charges] of open.entries()) {
            const { store, alive } = world.instances[i]!;
            for (const charge of charges.splice(0)) if (alive) store.complete(charge, 0);
          }
          // After the time of those that crashed, and of what got lost.
          await world.advance(12_000);
          const last = world.instances.findIndex(({ alive }) => alive);
          if (last !== -1)
            expect(await world.take(last, [{ limit, key: 'acme', cost: capacity }])).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  }, 60_000);

  it('come back from an instance that died, not sooner than it could have been alive', async () => {
    const limit = limitOf({ inFlight: 4 });
    const world = new CountedWorld(Date.UTC(2026, 10, 22, 6), [0, 0]);
    const take = (instance: number, cost: number) => world.take(instance, [{ limit, key: 'acme', cost }]);
    expect(await take(0, 3)).toBe(true);
    expect(await take(1, 2)).toBe(false);
    // A request of a minute keeps its slots.
    await world.advance(60_000);
    expect(await take(1, 2)).toBe(false);
    world.instances[0]!.alive = false;
    await world.advance(6000);
    expect(await take(1, 2)).toBe(false);
    await world.advance(5000);
    expect(await take(1, 4)).toBe(true);
  });

  it('are used again without a question, and go back when nobody needs them', async () => {
    const limit = limitOf({ inFlight: 4 });
    const world = new CountedWorld(Date.UTC(2026, 10, 22, 6), [0, 0]);
    const charge: Charge = { limit, key: 'acme', cost: 4 };
    expect(await world.take(0, [charge])).toBe(true);
    const { calls } = world;
    const { store } = world.instances[0]!;
    for (let i = 0; i < 100; i++) {
      store.complete(charge, 0);
      expect(store.takeHeld([charge])).toMatchObject([{ admitted: true }]);
    }
    expect(world.calls).toBe(calls);
    store.complete(charge, 0);
    expect(await world.take(1, [charge])).toBe(false);
    await world.advance(600);
    expect(await world.take(1, [charge])).toBe(true);
  });

  it('are counted again, when the server has forgotten, as soon as their holder is heard', async () => {
    const limit = limitOf({ inFlight: 4 });
    const world = new CountedWorld(Date.UTC(2026, 10, 22, 6), [0, 0]);
    const take = (instance: number, cost: number) => world.take(instance, [{ limit, key: 'acme', cost }]);
    expect(await take(0, 3)).toBe(true);
    world.slots.clear();
    world.instances[0]!.store.present();
    await world.advance(50);
    expect(await take(1, 2)).toBe(false);
    expect(await take(1, 1)).toBe(true);
  });

  it('shrink with a reload: what is above the new number is not used again', async () => {
    const eight = limitOf({ inFlight: 8 });
    const two = limitOf({ inFlight: 2 });
    const world = new CountedWorld(Date.UTC(2026, 10, 22, 6), [0]);
    const { store } = world.instances[0]!;
    const of = (limit: typeof eight): Charge => ({ limit, key: 'acme', cost: 1 });
    for (let i = 0; i < 6; i++) expect(await world.take(0, [of(eight)])).toBe(true);
    expect(await world.take(0, [of(two)])).toBe(false);
    for (let i = 0; i < 4; i++) {
      store.complete(of(eight), 0);
      await world.advance(400);
      expect(await world.take(0, [of(two)])).toBe(false);
    }
    store.complete(of(eight), 0);
    await world.advance(400);
    expect(await world.take(0, [of(two)])).toBe(true);
    expect(await world.take(0, [of(two)])).toBe(false);
  });
});

describe('a table of wallets that is full', () => {
  it('forgets no slot that is in use', async () => {
    const limit = limitOf({ inFlight: 2 });
    const world = new CountedWorld(Date.UTC(2026, 10, 22, 6), [0, 0], { maxKeys: 3 });
    const of = (key: string): Charge => ({ limit, key, cost: 2 });
    const { store } = world.instances[0]!;
    expect(await world.take(0, [of('long')])).toBe(true);
    for (let i = 0; i < 10; i++) {
      expect(await world.take(0, [of(`other ${i}`)])).toBe(true);
      store.complete(of(`other ${i}`), 0);
    }
    // Longer than the slots of an instance last that is not heard of.
    await world.advance(30_000);
    expect(await world.take(1, [of('long')])).toBe(false);
    expect(await world.take(0, [of('long')])).toBe(false);
    store.complete(of('long'), 0);
    await world.advance(1000);
    expect(await world.take(1, [of('long')])).toBe(true);
  });

  it('gives the slots of a key back that left it for good', async () => {
    const limit = limitOf({ inFlight: 2 });
    const world = new CountedWorld(Date.UTC(2026, 10, 22, 6), [0, 0], { maxKeys: 3 });
    const of = (key: string): Charge => ({ limit, key, cost: 2 });
    const { store } = world.instances[0]!;
    await world.take(0, [of('long')]);
    for (let i = 0; i < 10; i++) await world.take(0, [of(`other ${i}`)]);
    store.complete(of('long'), 0);
    await world.advance(1000);
    expect(await world.take(1, [of('long')])).toBe(true);
    for (let i = 0; i < 10; i++) store.complete(of(`other ${i}`), 0);
    await world.advance(1000);
    for (let i = 0; i < 10; i++) expect(await world.take(1, [of(`other ${i}`)])).toBe(true);
  });
});
