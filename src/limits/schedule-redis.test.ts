import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../test/servers/redis.ts';
import { describeWithTool } from '../../test/system/require-tool.ts';
import { type ManualClock, manualClock, systemClock } from '../core/clock.ts';
import { compileZoneLimits } from './compile-zone-limits.ts';
import { governingLimit, type ZoneLimit } from './governing-limit.ts';
import { RedisLeaseBackend } from './leases/lease-backend-redis.ts';
import { LeaseStore } from './leases/lease-store.ts';
import { ownFiguresSchema, zoneLimitSchema } from './override-options.ts';
import { isUnavailable } from './store.ts';

// The bursts are small enough for every token to be asked for by itself: none lies in a wallet while others are counted.

/** Instances that share one Redis, and do not agree on the time: a schedule moves each when its own clock says so. */

interface Instance {
  store: LeaseStore;
  /** What the schedule goes by. */
  clock: ManualClock;
  limits: ZoneLimit;
}

const before = Date.parse('2030-01-07T15:59:00Z');
const minuteMs = 60_000;

function compile(entry: Record<string, unknown>, own: Record<string, unknown> = {}): ZoneLimit {
  const authored = zoneLimitSchema.parse({ name: 'dock', key: 'tenant', rate: '1/h', burst: 20, ...entry });
  const figures = Object.entries(own).map(([tenant, value]) => ({
    tenant,
    authored: ownFiguresSchema.parse(value),
    path: [],
    locate: () => '',
    report: () => undefined,
  }));
  const { limits } = compileZoneLimits(
    [authored],
    { zone: 'yard', hasTenant: true, accepted: new Set(), known: new Set(), locate: () => '' },
    () => figures,
  );
  const [limit] = limits;
  if (limit === undefined) throw new TypeError('"entry" gives no limit');
  return limit;
}

const cutOff = (burst: number) => ({
  schedule: [{ name: 'cut-off', from: '16:00', to: '18:00', timezone: 'UTC', rate: '1/h', burst }],
});

describeWithTool('redis-server', 'instances that share a budget', (binary) => {
  let server: RedisServer;
  const opened: LeaseStore[] = [];

  beforeEach(async () => {
    server = await startRedis(binary);
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    await server.stop();
  });

  /** `startedMs` is when it started, from now: instances of one release start one after the other. */
  async function start(limits: ZoneLimit, startedMs = 0): Promise<Instance> {
    const backend = new RedisLeaseBackend({
      place: { kind: 'standalone', url: server.url },
      connectTimeoutMs: 1000,
      silentSocketMs: 60_000,
    });
    expect(await backend.whenConnected(10_000)).toBe(true);
    const store = new LeaseStore({
      backend,
      clock: { monoMs: () => systemClock.monoMs(), wallMs: () => systemClock.wallMs() + startedMs },
      timeoutMs: 5000,
      instances: 2,
    });
    opened.push(store);
    return { store, clock: manualClock(before), limits };
  }

  /** How many of so many requests pass, one after the other. */
  async function pass({ store, clock, limits }: Instance, count: number, tenant = 'acme'): Promise<number> {
    let passed = 0;
    for (let i = 0; i < count; i++) {
      const caller = { tenant: { id: tenant, tier: 'shared' as const }, principal: undefined };
      const limit = governingLimit(limits, caller, clock);
      const outcomes = await store.take([{ limit, key: tenant, cost: 1 }]);
      if (isUnavailable(outcomes)) throw new TypeError('the store gives no answer');
      if (outcomes[0]?.admitted === true) passed++;
    }
    return passed;
  }

  it('agree on fewer tokens as soon as the first of them has come to the time', async () => {
    const limits = compile(cutOff(10));
    const [early, late] = [await start(limits), await start(compile(cutOff(10)))];
    expect(await pass(late, 4)).toBe(4);
    early.clock.advance(minuteMs);
    expect(await pass(early, 3)).toBe(3);
    // By its own clock there would be room for twenty.
    expect(await pass(late, 20)).toBe(3);
    late.clock.advance(minuteMs);
    expect([await pass(late, 5), await pass(early, 5)]).toEqual([0, 0]);
  });

  it('agree although one of them started much later, and would pass for the newer one', async () => {
    const [early, late] = [await start(compile(cutOff(10)), -3_600_000), await start(compile(cutOff(10)))];
    expect(await pass(late, 4)).toBe(4);
    early.clock.advance(minuteMs);
    expect(await pass(early, 3)).toBe(3);
    expect(await pass(late, 20)).toBe(3);
  });

  it('agree on more tokens, and on the end of it', async () => {
    const [early, late] = [await start(compile(cutOff(30))), await start(compile(cutOff(30)))];
    expect(await pass(late, 25)).toBe(20);
    early.clock.advance(minuteMs);
    expect(await pass(early, 5)).toBe(5);
    late.clock.advance(minuteMs);
    expect(await pass(late, 10)).toBe(5);
    early.clock.advance(120 * minuteMs);
    expect([await pass(early, 1), await pass(late, 1)]).toEqual([0, 0]);
  });

  it('keep what a tenant owes when a reload gives it figures of its own', async () => {
    const limits = compile({});
    const [one, other] = [await start(limits), await start(limits)];
    expect(await pass(one, 15)).toBe(15);
    one.limits = compile({}, { acme: { rate: '1/h', burst: 30 } });
    expect(await pass(one, 5)).toBe(5);
    // The other instance has the old configuration still; the newer one decides for both.
    expect(await pass(other, 20)).toBe(10);
    expect([await pass(other, 15, 'globex'), await pass(one, 15, 'globex')]).toEqual([15, 5]);
  });

  it('keep what a tenant owes when a reload takes its figures away', async () => {
    const one = await start(compile({}, { acme: { rate: '1/h', burst: 30 } }));
    expect(await pass(one, 15)).toBe(15);
    one.limits = compile({});
    expect(await pass(one, 10)).toBe(5);
  });
});
