import { describe, expect, it } from 'vitest';
import { CountedWorld } from '../../test/limits/counted-world.ts';
import type { LimitOutcome } from '../core/limit.ts';
import { compileLimits, type CompiledLimit } from './compile.ts';
import { FailoverStore } from './failover.ts';
import { limitSchema } from './options.ts';
import { type Charge, isAdmitted, isUnavailable } from './store.ts';

function limitOf(entry: Record<string, unknown>): CompiledLimit {
  const authored = limitSchema.parse({ name: 'partner', key: 'tenant', ...entry });
  return compileLimits('zone', [authored], () => 'zones/zone.yaml:1:1').limits[0]!;
}

const noon = Date.UTC(2026, 10, 22, 12);

/** One of two instances, in front of a store that can be away. */
function room() {
  const world = new CountedWorld(noon, [0]);
  const instance = world.instances[0]!;
  const store = new FailoverStore({
    store: instance.store,
    clock: instance.clock,
    instances: () => 2,
    random: () => 0,
  });
  return {
    world,
    store,
    away: (away: boolean) => {
      instance.weather = away ? 'request lost' : 'fair';
      if (!away) store.retryNow();
    },
    take: async (charge: Charge): Promise<LimitOutcome> => {
      const reply = await store.take([charge]);
      if (isUnavailable(reply)) throw new TypeError('unavailable');
      return reply[0]!;
    },
  };
}

/** How many of them are admitted one after the other. */
async function admitted(take: (charge: Charge) => Promise<LimitOutcome>, charge: Charge, most = 50) {
  let count = 0;
  while (count < most && isAdmitted([await take(charge)])) count++;
  return count;
}

describe('while the store fails', () => {
  const quota = limitOf({ quota: '20/day' });
  const slots = limitOf({ inFlight: 4 });
  const of = (limit: CompiledLimit, cost = 1): Charge => ({ limit, key: 'acme', cost });

  it('an instance spends its part of what was left of a quota, and tells of it afterwards', async () => {
    const { world, take, away } = room();
    expect(await take(of(quota, 8))).toMatchObject({ remaining: 12 });
    away(true);
    expect(await take(of(quota))).toEqual({
      kind: 'quota',
      name: 'partner',
      key: 'acme',
      cost: 1,
      remaining: 5,
      shadow: false,
      admitted: true,
      burst: 20,
      windowMs: 86_400_000,
      retryAfterMs: 0,
      moreAfterMs: 43_200_000,
      at: 'zones/zone.yaml:1:1',
      windowEndsAtMs: Date.UTC(2026, 10, 23),
      mode: 'share',
    });
    expect(await admitted(take, of(quota))).toBe(5);
    expect(await take(of(quota))).toMatchObject({ admitted: false, retryAfterMs: 43_200_000, mode: 'share' });
    away(false);
    // Another instance may have had the other six.
    expect(await admitted(take, of(quota))).toBe(6);
    expect(world.quotas.values().next().value).toMatchObject({ granted: 20, returned: 0 });
  });

  it('a store that comes and goes hands out no part twice', async () => {
    const { take, away } = room();
    await take(of(quota, 8));
    let inAll = 0;
    for (let i = 0; i < 4; i++) {
      away(true);
      inAll += await admitted(take, of(quota), 2);
      away(false);
      await take(of(quota, 0));
    }
    away(true);
    inAll += await admitted(take, of(quota));
    expect(inAll).toBeLessThanOrEqual(12);
  });

  it('a quota that nothing is known of counts as used up evenly until then', async () => {
    const { take, away } = room();
    away(true);
    expect(await admitted(take, of(quota))).toBe(5);
  });

  it('an instance uses its part of the slots, with those that it had', async () => {
    const { take, away, store } = room();
    await take(of(slots));
    away(true);
    expect(await take(of(slots))).toMatchObject({ admitted: true, remaining: 0, burst: 4, mode: 'share' });
    expect(await take(of(slots))).toMatchObject({ admitted: false, retryAfterMs: 1000, mode: 'share' });
    store.complete(of(slots), 0, 'share');
    expect(await take(of(slots))).toMatchObject({ admitted: true });
    store.complete(of(slots), 0, 'share');
    store.complete(of(slots), 0, undefined);
    expect(store.localSize).toBe(0);
  });

  it('open slots and quotas let everything pass uncounted', async () => {
    const { take, away, store } = room();
    away(true);
    for (const entry of [{ quota: '1/day' }, { inFlight: 1 }]) {
      const limit = limitOf({ ...entry, onStoreFailure: 'open' });
      expect(await admitted(take, of(limit))).toBe(50);
      store.complete(of(limit), 0, 'open');
    }
    expect(store.localSize).toBe(0);
  });

  it('closed ones refuse the request', async () => {
    const { store, away } = room();
    away(true);
    const limit = limitOf({ inFlight: 1, onStoreFailure: 'closed' });
    expect(await store.take([of(limit)])).toEqual({ unavailable: limit, retryAfterMs: 1 });
  });

  it('what a request costs beyond its estimate is owed by the share and told to the store', async () => {
    const { world, take, away, store } = room();
    await take(of(quota, 8));
    away(true);
    await take(of(quota, 2));
    store.complete(of(quota, 2), 4, 'share');
    expect(await take(of(quota))).toMatchObject({ remaining: 1 });
    away(false);
    await take(of(quota, 1));
    expect(world.quotas.values().next().value).toMatchObject({ granted: 14 });
  });
});
