import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { compileLimits, type CompiledLimit } from '../../src/limits/compile.ts';
import { RedisLeaseBackend } from '../../src/limits/leases/lease-backend-redis.ts';
import { LeaseStore } from '../../src/limits/leases/lease-store.ts';
import type { LeaseTuning } from '../../src/limits/leases/lease-tuning.ts';
import { limitSchema } from '../../src/limits/options.ts';
import { type Charge, isAdmitted } from '../../src/limits/store.ts';
import { startRedis } from '../servers/redis.ts';
import type { RedisServer } from '../servers/redis.ts';
import { eventually } from '../support/eventually.ts';
import { describeWithTool } from '../system/require-tool.ts';

// Quotas and slots of two instances on a real server, in real time.

function limitOf(entry: Record<string, unknown>): CompiledLimit {
  const authored = limitSchema.parse({ name: 'partner', key: 'tenant', ...entry });
  return compileLimits('zone', [authored], () => 'zones/zone.yaml:1:1').limits[0]!;
}

describeWithTool('redis-server', 'two instances on one Redis', (binary) => {
  let server: RedisServer;
  const stores: { store: LeaseStore; backend: RedisLeaseBackend }[] = [];

  beforeAll(async () => {
    server = await startRedis(binary);
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    for (const { store } of stores.splice(0)) await store.close();
  });

  async function open(clockErrorMs = 0, tuning: Partial<LeaseTuning> = {}): Promise<LeaseStore> {
    const backend = new RedisLeaseBackend({
      place: { kind: 'standalone', url: server.url },
      connectTimeoutMs: 5000,
      silentSocketMs: 20_000,
    });
    expect(await backend.whenConnected(5000)).toBe(true);
    const store = new LeaseStore({
      backend,
      clock: { monoMs: systemClock.monoMs, wallMs: () => systemClock.wallMs() + clockErrorMs },
      timeoutMs: 5000,
      instances: 2,
      tuning,
    });
    stores.push({ store, backend });
    return store;
  }

  const take = async (store: LeaseStore, charge: Charge): Promise<boolean> =>
    isAdmitted(await store.take([charge]));

  it('never admit more than the quota together, and all of it, though their clocks are an hour apart', async () => {
    // A month, so that no window ends in between.
    const charge: Charge = { limit: limitOf({ quota: '2000/month' }), key: 'acme', cost: 1 };
    const both = [await open(-1_800_000), await open(1_800_000)];
    let admitted = 0;
    const callers = both.flatMap((store) => Array.from({ length: 8 }, () => store));
    for (let round = 0; round < 4; round++) {
      await Promise.all(
        callers.map(async (store) => {
          for (let misses = 0; misses < 3;) {
            if (await take(store, charge)) admitted++;
            else misses++;
          }
        }),
      );
      if (admitted === 2000) break;
      // What lies unused in the other wallet goes back.
      await new Promise((resolve) => setTimeout(resolve, 1300));
    }
    expect(admitted).toBe(2000);
  }, 20_000);

  it('never have more requests in progress than there are slots', async () => {
    const charge: Charge = { limit: limitOf({ inFlight: 5 }), key: 'acme', cost: 1 };
    const both = [await open(), await open()];
    let inProgress = 0;
    let most = 0;
    let admitted = 0;
    const untilMs = performance.now() + 1500;
    await Promise.all(
      both.flatMap((store) =>
        Array.from({ length: 6 }, async (_, i) => {
          while (performance.now() < untilMs) {
            if (await take(store, charge)) {
              admitted++;
              most = Math.max(most, ++inProgress);
              await new Promise((resolve) => setTimeout(resolve, 1 + (i % 4)));
              inProgress--;
              store.complete(charge, 0);
            } else await new Promise((resolve) => setTimeout(resolve, 5));
          }
        }),
      ),
    );
    expect(most).toBe(5);
    expect(admitted).toBeGreaterThan(100);
  }, 20_000);

  it('get the slots of one that died when their time is over', async () => {
    const charge: Charge = { limit: limitOf({ name: 'died', inFlight: 2 }), key: 'acme', cost: 2 };
    const short = { slotTtlMs: 600 };
    const dying = await open(0, short);
    const other = await open(0, short);
    expect(await take(dying, charge)).toBe(true);
    const heldMs = performance.now();
    // Longer than the time of the slots: it renews them.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await take(other, charge)).toBe(false);
    const killedMs = performance.now();
    await stores.find(({ store }) => store === dying)!.backend.close();
    await eventually(async () => expect(await take(other, charge)).toBe(true));
    expect(performance.now() - heldMs).toBeGreaterThan(1500);
    expect(performance.now() - killedMs).toBeLessThan(600 + 1500);
  }, 20_000);
});
