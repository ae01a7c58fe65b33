import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../test/servers/redis.ts';
import type { RedisServer } from '../../test/servers/redis.ts';
import { describeWithTool } from '../../test/system/require-tool.ts';
import { manualClock } from '../core/clock.ts';
import { manualScheduler } from '../core/scheduler.ts';
import type { LimitOutcome } from '../core/limit.ts';
import { compileLimits } from './compile.ts';
import type { CompiledLimit } from './compile.ts';
import { RedisLeaseBackend } from './leases/lease-backend-redis.ts';
import { renderLeaseScript } from './leases/lease-script.ts';
import { renderQuotaScript } from './leases/quota-script.ts';
import { renderSlotScript } from './leases/slot-script.ts';
import { LeaseStore } from './leases/lease-store.ts';
import { MemoryStore } from './memory-store.ts';
import { limitSchema } from './options.ts';
import { renderRedisScript } from '../../test/peers/redis-script.ts';
import { RedisStore } from '../../test/peers/redis-store.ts';
import { isAdmitted } from './store.ts';
import type { Charge, LimitStore } from './store.ts';

/**
 * One suite of behaviours for every store; each is driven by a clock that the test owns. It is one long file because a
 * behaviour that stands elsewhere would be missed by the next store.
 */

interface Harness {
  readonly store: LimitStore;
  /** Starts with no budget spent. */
  reset(): Promise<void>;
  advance(ms: number): Promise<void>;
  /** The time by which budgets are counted, in milliseconds since 1970. */
  nowMs(): number;
  /** Waits until nothing is being told any more. */
  quiet(): Promise<void>;
}

const at = 'zones/partner.yaml:14:5';

function limitOf(entry: Record<string, unknown> = {}): CompiledLimit {
  const authored = limitSchema.parse({
    name: 'partner-rate',
    key: 'tenant',
    rate: '10/s',
    burst: 5,
    ...entry,
  });
  const { limits, issues } = compileLimits('partner', [authored], () => at);
  expect(issues).toEqual([]);
  return limits[0]!;
}

function charge(limit: CompiledLimit, key = 'acme', cost = 1): Charge {
  return { limit, key, cost };
}

/** Memory and Redis alike: the reply as a list; no test here lets a store fail. */
async function take(store: LimitStore, charges: Charge[]): Promise<LimitOutcome[]> {
  return (await store.take(charges)) as LimitOutcome[];
}

async function peek(store: LimitStore, charges: Charge[]): Promise<LimitOutcome[]> {
  return (await store.peek(charges)) as LimitOutcome[];
}

function describeBehaviours(harness: Omit<Harness, 'nowMs' | 'quiet'>): void {
  const tenant = limitOf();
  const outcome: LimitOutcome = {
    kind: 'rate',
    name: 'partner-rate',
    key: 'acme',
    cost: 1,
    remaining: 4,
    shadow: false,
    admitted: true,
    burst: 5,
    windowMs: 500,
    retryAfterMs: 0,
    moreAfterMs: 100,
    at,
  };
  const remainders = async (...charges: Charge[]) =>
    (await peek(harness.store, charges)).map(({ remaining }) => remaining);

  beforeEach(() => harness.reset());

  it('admits the burst, then refuses and says when to come back', async () => {
    for (let remaining = 4; remaining >= 0; remaining--) {
      expect(await take(harness.store, [charge(tenant)])).toEqual([{ ...outcome, remaining }]);
    }
    await harness.advance(30);
    expect(await take(harness.store, [charge(tenant)])).toEqual([
      { ...outcome, admitted: false, remaining: 0, retryAfterMs: 70, moreAfterMs: 70 },
    ]);
  });

  it('admits again exactly when it said', async () => {
    await take(harness.store, [charge(tenant, 'acme', 5)]);
    await harness.advance(299);
    expect(await take(harness.store, [charge(tenant, 'acme', 3)])).toEqual([
      { ...outcome, cost: 3, admitted: false, remaining: 2, retryAfterMs: 1, moreAfterMs: 1 },
    ]);
    await harness.advance(1);
    expect(await take(harness.store, [charge(tenant, 'acme', 3)])).toEqual([
      { ...outcome, cost: 3, remaining: 0 },
    ]);
  });

  it('holds no more than the burst after any idle time', async () => {
    await take(harness.store, [charge(tenant, 'acme', 5)]);
    await harness.advance(86_400_000 * 365);
    expect(await take(harness.store, [charge(tenant)])).toEqual([outcome]);
  });

  it('takes from every limit or from none', async () => {
    const narrow = limitOf({ name: 'client-rate', key: 'principal', burst: 2 });
    const charges = [charge(tenant), charge(narrow, 'acme/edi')];
    await take(harness.store, charges);
    await take(harness.store, charges);
    expect(await take(harness.store, charges)).toEqual([
      { ...outcome, remaining: 3 },
      {
        ...outcome,
        name: 'client-rate',
        key: 'acme/edi',
        burst: 2,
        windowMs: 200,
        admitted: false,
        remaining: 0,
        retryAfterMs: 100,
      },
    ]);
    expect(await remainders(...charges)).toEqual([3, 0]);
  });

  it('lets no exhausted limit burn the budget of another, however often it is asked', async () => {
    const narrow = limitOf({ name: 'client-rate', key: 'principal', burst: 1 });
    const charges = [charge(tenant), charge(narrow, 'acme/edi')];
    for (let i = 0; i < 50; i++) await take(harness.store, charges);
    expect(await remainders(...charges)).toEqual([4, 0]);
  });

  it('spends nothing on refused requests, so a hammering caller recovers like a patient one', async () => {
    await take(harness.store, [charge(tenant, 'acme', 5)]);
    for (let i = 0; i < 10; i++) {
      await harness.advance(9);
      expect(isAdmitted(await take(harness.store, [charge(tenant)]))).toBe(false);
    }
    await harness.advance(10);
    expect(isAdmitted(await take(harness.store, [charge(tenant)]))).toBe(true);
  });

  it('never lets a shadow limit refuse, and counts what it would do', async () => {
    const shadow = limitOf({ name: 'tighter-soon', burst: 1, shadow: true });
    const shadowOutcome = { ...outcome, name: 'tighter-soon', shadow: true, burst: 1, windowMs: 100 };
    const charges = [charge(shadow), charge(tenant)];
    expect(await take(harness.store, charges)).toEqual([{ ...shadowOutcome, remaining: 0 }, outcome]);
    const second = await take(harness.store, charges);
    expect(second).toEqual([
      { ...shadowOutcome, admitted: false, remaining: 0, retryAfterMs: 100 },
      { ...outcome, remaining: 3 },
    ]);
    expect(isAdmitted(second)).toBe(true);
    // The request that the shadow limit would have refused is not on its bill.
    await harness.advance(100);
    expect(await remainders(charge(shadow))).toEqual([1]);
  });

  it('charges a shadow limit for admitted requests only', async () => {
    const shadow = limitOf({ name: 'tighter-soon', burst: 3, shadow: true });
    const refusing = limitOf({ name: 'client-rate', burst: 1 });
    const charges = [charge(shadow), charge(refusing)];
    for (let i = 0; i < 5; i++) await take(harness.store, charges);
    expect(await remainders(charge(shadow))).toEqual([2]);
  });

  it('charges one shadow limit whether or not another one has room', async () => {
    const empty = limitOf({ name: 'shadow-a', burst: 1, shadow: true });
    const roomy = limitOf({ name: 'shadow-b', burst: 3, shadow: true });
    await take(harness.store, [charge(empty)]);
    await take(harness.store, [charge(empty), charge(roomy)]);
    expect(await remainders(charge(empty), charge(roomy))).toEqual([0, 2]);
  });

  it('charges a shadow limit not even in part for a request that it would have refused', async () => {
    const shadow = limitOf({ name: 'tighter-soon', burst: 3, shadow: true });
    for (let i = 0; i < 3; i++) await take(harness.store, [charge(shadow, 'acme', 2)]);
    expect(await remainders(charge(shadow))).toEqual([1]);
  });

  it('shows with peek what take would find, and spends nothing', async () => {
    await take(harness.store, [charge(tenant, 'acme', 3)]);
    for (let i = 0; i < 3; i++) {
      expect(await peek(harness.store, [charge(tenant), charge(tenant, 'globex')])).toEqual([
        { ...outcome, remaining: 2 },
        { ...outcome, key: 'globex', remaining: 5, moreAfterMs: 0 },
      ]);
    }
    expect(await peek(harness.store, [charge(tenant, 'acme', 4)])).toEqual([
      { ...outcome, cost: 4, admitted: false, remaining: 2, retryAfterMs: 200 },
    ]);
  });

  it('keeps keys and limits apart', async () => {
    const other = limitOf({ name: 'other-rate' });
    await take(harness.store, [charge(tenant, 'acme', 5)]);
    expect(await remainders(charge(tenant), charge(tenant, 'globex'), charge(other))).toEqual([0, 5, 5]);
  });

  it('keeps keys apart that hold what separates keys', async () => {
    const narrow = limitOf({ name: 'x', burst: 1 });
    const keys = ['a', 'a}', 'a}:partner/x', '{a', 'a partner/x', 'a:partner/x', '', ' ', 'a\r\nDEL a', 'ä'];
    for (const key of keys) {
      expect(await take(harness.store, [charge(narrow, key)])).toMatchObject([{ key, admitted: true }]);
    }
    for (const key of keys) {
      expect(await take(harness.store, [charge(narrow, key)])).toMatchObject([{ key, admitted: false }]);
    }
  });

  it('lets a request that costs nothing pass an empty budget', async () => {
    await take(harness.store, [charge(tenant, 'acme', 5)]);
    expect(await take(harness.store, [charge(tenant, 'acme', 0)])).toEqual([
      { ...outcome, cost: 0, remaining: 0 },
    ]);
  });

  it('never admits a cost above the burst, and never says when', async () => {
    expect(await take(harness.store, [charge(tenant, 'acme', 6)])).toEqual([
      { ...outcome, cost: 6, admitted: false, remaining: 5, retryAfterMs: Infinity, moreAfterMs: 0 },
    ]);
  });

  it('admits a request without limits', async () => {
    expect(await take(harness.store, [])).toEqual([]);
    expect(await peek(harness.store, [])).toEqual([]);
  });

  it('earns nothing while the clock stands behind, and no time twice', async () => {
    await take(harness.store, [charge(tenant, 'acme', 5)]);
    await harness.advance(-60_000);
    expect(await take(harness.store, [charge(tenant)])).toMatchObject([
      { admitted: false, retryAfterMs: 100 },
    ]);
    await harness.advance(60_000);
    expect(await take(harness.store, [charge(tenant)])).toMatchObject([
      { admitted: false, retryAfterMs: 100 },
    ]);
    await harness.advance(100);
    expect(await take(harness.store, [charge(tenant)])).toMatchObject([{ admitted: true, remaining: 0 }]);
  });

  it('keeps the time of a budget that is spent from while the clock stands behind', async () => {
    await take(harness.store, [charge(tenant)]);
    await harness.advance(-60_000);
    await take(harness.store, [charge(tenant, 'acme', 4)]);
    await harness.advance(60_000);
    expect(await remainders(charge(tenant))).toEqual([0]);
  });

  it('keeps what was spent when a reload changes the rate', async () => {
    await take(harness.store, [charge(tenant, 'acme', 4)]);
    expect(await remainders(charge(limitOf({ rate: '7/m', burst: 20 })))).toEqual([16]);
    expect(await remainders(charge(limitOf({ rate: '7/m', burst: 4 })))).toEqual([0]);
    expect(await remainders(charge(limitOf({ rate: '7/m', burst: 2 })))).toEqual([0]);
  });

  it('goes on in the units of a changed rate', async () => {
    const slower = limitOf({ rate: '1/s', burst: 5 });
    await take(harness.store, [charge(tenant, 'acme', 3)]);
    await take(harness.store, [charge(slower)]);
    await harness.advance(2000);
    expect(await remainders(charge(slower))).toEqual([3]);
  });

  it('rounds a part of a token against the caller when a reload changes its units', async () => {
    // Units of 3 a token to units of 1: 2003 of the one are 667 2/3 of the other.
    const fine = limitOf({ rate: '20000000/m', burst: 1000 });
    await take(harness.store, [charge(fine, 'acme', 1000)]);
    await harness.advance(1);
    await take(harness.store, [charge(fine)]);
    expect(await remainders(charge(limitOf({ rate: '1000000/s', burst: 1000 })))).toEqual([332]);
  });

  it('gives nothing away in the idle time between a burst and the refill of it', async () => {
    // A store that forgets a budget before its debt is gone admits a second burst here.
    const slow = limitOf({ rate: '10/s', burst: 100 });
    await take(harness.store, [charge(slow, 'acme', 100)]);
    await harness.advance(2200);
    expect(await remainders(charge(slow))).toEqual([22]);
  });

  it('counts the largest budgets to the last unit', async () => {
    // 52124 tokens of 86.4e9 units each: just below 2^52 units.
    const large = limitOf({ rate: '199999/d', burst: 52_124 });
    await take(harness.store, [charge(large, 'acme', 52_123)]);
    expect(await take(harness.store, [charge(large)])).toMatchObject([{ admitted: true, remaining: 0 }]);
    expect(await take(harness.store, [charge(large)])).toMatchObject([
      { admitted: false, retryAfterMs: 433 },
    ]);
    await harness.advance(432);
    expect(await take(harness.store, [charge(large)])).toMatchObject([{ admitted: false, retryAfterMs: 1 }]);
    await harness.advance(1);
    expect(await take(harness.store, [charge(large)])).toMatchObject([{ admitted: true }]);
  });
}

/** What stores of all kinds of limit have to do besides. */
function describeKinds(harness: Harness): void {
  const rate = limitOf();
  const quota = limitOf({ name: 'partner-daily', rate: undefined, burst: undefined, quota: '5/day' });
  const inBerlin = limitOf({
    name: 'berlin-daily',
    rate: undefined,
    burst: undefined,
    quota: '5/day',
    timezone: 'Europe/Berlin',
  });
  const slots = limitOf({ name: 'parallel', rate: undefined, burst: undefined, inFlight: 3 });
  const noon = Date.UTC(2026, 9, 24, 12);
  const midnight = Date.UTC(2026, 9, 25);
  const quotaOutcome: LimitOutcome = {
    kind: 'quota',
    name: 'partner-daily',
    key: 'acme',
    cost: 1,
    remaining: 4,
    shadow: false,
    admitted: true,
    burst: 5,
    windowMs: 86_400_000,
    retryAfterMs: 0,
    moreAfterMs: midnight - noon,
    at,
    windowEndsAtMs: midnight,
  };
  const slotOutcome: LimitOutcome = {
    kind: 'inFlight',
    name: 'parallel',
    key: 'acme',
    cost: 1,
    remaining: 2,
    shadow: false,
    admitted: true,
    burst: 3,
    windowMs: 0,
    retryAfterMs: 0,
    moreAfterMs: 0,
    at,
  };
  const goTo = (epochMs: number) => harness.advance(epochMs - harness.nowMs());
  const remainders = async (...charges: Charge[]) =>
    (await peek(harness.store, charges)).map(({ remaining }) => remaining);

  beforeEach(async () => {
    await harness.reset();
    await goTo(noon);
  });

  it('admits a quota, then refuses until its window ends, and says when that is', async () => {
    for (let remaining = 4; remaining >= 0; remaining--)
      expect(await take(harness.store, [charge(quota)])).toEqual([{ ...quotaOutcome, remaining }]);
    await goTo(midnight - 1000);
    const refused = { ...quotaOutcome, admitted: false, remaining: 0, retryAfterMs: 1000, moreAfterMs: 1000 };
    expect(await take(harness.store, [charge(quota)])).toEqual([refused]);
    expect(await peek(harness.store, [charge(quota)])).toEqual([refused]);
    await goTo(midnight);
    const nextDay = { moreAfterMs: 86_400_000, windowEndsAtMs: midnight + 86_400_000 };
    expect(await take(harness.store, [charge(quota, 'acme', 2)])).toEqual([
      { ...quotaOutcome, ...nextDay, cost: 2, remaining: 3 },
    ]);
  });

  it('carries nothing of a quota over into the next window', async () => {
    await take(harness.store, [charge(quota)]);
    await goTo(midnight + 1000);
    expect(await remainders(charge(quota))).toEqual([5]);
    expect(await take(harness.store, [charge(quota, 'acme', 5)])).toMatchObject([{ admitted: true }]);
    expect(await take(harness.store, [charge(quota)])).toMatchObject([{ admitted: false }]);
  });

  it('counts the days of a time zone, of 25 hours where the clocks go back', async () => {
    // 24 October 22:00 UTC is midnight in Berlin; an hour is repeated on the 25th.
    const [first] = await take(harness.store, [charge(inBerlin)]);
    expect(first).toMatchObject({ windowEndsAtMs: Date.UTC(2026, 9, 24, 22), remaining: 4 });
    await goTo(Date.UTC(2026, 9, 24, 22));
    const [second] = await take(harness.store, [charge(inBerlin)]);
    expect(second).toMatchObject({
      windowEndsAtMs: Date.UTC(2026, 9, 25, 23),
      remaining: 4,
      moreAfterMs: 25 * 3_600_000,
    });
  });

  it('does not begin a window anew when the clock goes back over its start', async () => {
    await goTo(midnight + 1000);
    await take(harness.store, [charge(quota, 'acme', 5)]);
    await harness.advance(-2000);
    expect(await take(harness.store, [charge(quota)])).toMatchObject([
      { admitted: false, windowEndsAtMs: midnight + 86_400_000 },
    ]);
    await harness.advance(2000);
    expect(await take(harness.store, [charge(quota)])).toMatchObject([{ admitted: false }]);
  });

  it('keeps what was spent of a quota when a reload changes it', async () => {
    await take(harness.store, [charge(quota, 'acme', 3)]);
    const of = (text: string) =>
      limitOf({ name: 'partner-daily', rate: undefined, burst: undefined, quota: text });
    expect(await remainders(charge(of('10/day')))).toEqual([7]);
    expect(await remainders(charge(of('2/day')))).toEqual([0]);
    // Another calendar is another budget.
    expect(await remainders(charge(of('5/month')))).toEqual([5]);
  });

  it('admits as many requests at one time as there are slots, and each frees one when it is over', async () => {
    for (let remaining = 2; remaining >= 0; remaining--)
      expect(await take(harness.store, [charge(slots)])).toEqual([{ ...slotOutcome, remaining }]);
    const refused = { ...slotOutcome, admitted: false, remaining: 0, retryAfterMs: 1000 };
    expect(await take(harness.store, [charge(slots)])).toEqual([refused]);
    expect(await peek(harness.store, [charge(slots)])).toEqual([refused]);
    expect(await take(harness.store, [charge(slots, 'globex')])).toMatchObject([{ admitted: true }]);
    harness.store.complete(charge(slots), 0, undefined);
    expect(await remainders(charge(slots))).toEqual([1]);
    expect(await take(harness.store, [charge(slots)])).toEqual([{ ...slotOutcome, remaining: 0 }]);
    expect(await take(harness.store, [charge(slots)])).toEqual([refused]);
  });

  it('takes several slots for what costs several, and no part of them', async () => {
    await take(harness.store, [charge(slots, 'acme', 2)]);
    expect(await take(harness.store, [charge(slots, 'acme', 2)])).toMatchObject([
      { admitted: false, remaining: 1 },
    ]);
    harness.store.complete(charge(slots, 'acme', 2), 0, undefined);
    expect(await remainders(charge(slots))).toEqual([3]);
  });

  it('spends from limits of all kinds or from none, and names every one that refuses', async () => {
    const charges = [charge(rate), charge(quota), charge(slots)];
    await take(harness.store, charges);
    expect(await remainders(...charges)).toEqual([4, 4, 2]);
    await take(harness.store, [charge(slots, 'acme', 2)]);
    for (let i = 0; i < 20; i++)
      expect((await take(harness.store, charges)).map(({ admitted }) => admitted)).toEqual([
        true,
        true,
        false,
      ]);
    expect(await remainders(...charges)).toEqual([4, 4, 0]);
    await take(harness.store, [charge(quota, 'acme', 4)]);
    expect((await take(harness.store, charges)).map(({ admitted }) => admitted)).toEqual([
      true,
      false,
      false,
    ]);
    harness.store.complete(charge(slots, 'acme', 2), 0, undefined);
    expect((await take(harness.store, charges)).map(({ admitted }) => admitted)).toEqual([true, false, true]);
    expect(await remainders(...charges)).toEqual([4, 0, 2]);
  });

  it('never lets a shadow quota or shadow slots refuse, nor charges them for what they would refuse', async () => {
    const shadows = [
      limitOf({ name: 'soon', rate: undefined, burst: undefined, quota: '1/day', shadow: true }),
      limitOf({ name: 'narrow', rate: undefined, burst: undefined, inFlight: 1, shadow: true }),
    ];
    const charges = [...shadows.map((limit) => charge(limit)), charge(rate)];
    await take(harness.store, charges);
    const second = await take(harness.store, charges);
    expect(second.map(({ admitted }) => admitted)).toEqual([false, false, true]);
    expect(isAdmitted(second)).toBe(true);
    expect(await remainders(...charges)).toEqual([0, 0, 3]);
  });

  it('lets a request that costs nothing pass a quota and slots that are used up', async () => {
    await take(harness.store, [charge(quota, 'acme', 5), charge(slots, 'acme', 3)]);
    const free = [charge(quota, 'acme', 0), charge(slots, 'acme', 0)];
    expect(await take(harness.store, free)).toMatchObject([{ admitted: true }, { admitted: true }]);
  });

  it('never admits a cost above a quota or all slots, and never says when', async () => {
    expect(await take(harness.store, [charge(quota, 'acme', 6)])).toMatchObject([
      { admitted: false, retryAfterMs: Infinity },
    ]);
    expect(await take(harness.store, [charge(slots, 'acme', 4)])).toMatchObject([
      { admitted: false, retryAfterMs: Infinity },
    ]);
  });

  it('takes what a request cost beyond its reserve, and what is not there is owed', async () => {
    await take(harness.store, [charge(rate, 'acme', 2), charge(quota, 'acme', 2)]);
    harness.store.complete(charge(rate, 'acme', 2), 3, undefined);
    harness.store.complete(charge(quota, 'acme', 2), 3, undefined);
    await harness.quiet();
    expect(await remainders(charge(rate), charge(quota))).toEqual([2, 2]);
    expect(await take(harness.store, [charge(rate, 'acme', 2), charge(quota, 'acme', 2)])).toMatchObject([
      { admitted: true },
      { admitted: true },
    ]);
    // 5 tokens beyond an empty budget: at 10/s it has one again after 600 ms.
    harness.store.complete(charge(rate, 'acme', 2), 7, undefined);
    harness.store.complete(charge(quota, 'acme', 2), 7, undefined);
    await harness.quiet();
    expect(await take(harness.store, [charge(rate)])).toMatchObject([
      { admitted: false, remaining: 0, retryAfterMs: 600 },
    ]);
    await harness.advance(599);
    expect(await take(harness.store, [charge(rate)])).toMatchObject([{ admitted: false }]);
    await harness.advance(1);
    expect(await take(harness.store, [charge(rate)])).toMatchObject([{ admitted: true }]);
    expect(await take(harness.store, [charge(quota)])).toMatchObject([{ admitted: false, remaining: 0 }]);
  });

  it('gives back what was reserved beyond the cost', async () => {
    await take(harness.store, [charge(rate, 'acme', 5), charge(quota, 'acme', 5)]);
    harness.store.complete(charge(rate, 'acme', 5), 2, undefined);
    harness.store.complete(charge(quota, 'acme', 5), 2, undefined);
    expect(await take(harness.store, [charge(rate, 'acme', 3), charge(quota, 'acme', 3)])).toMatchObject([
      { admitted: true, remaining: 0 },
      { admitted: true, remaining: 0 },
    ]);
    expect(await take(harness.store, [charge(rate), charge(quota)])).toMatchObject([
      { admitted: false },
      { admitted: false },
    ]);
  });
}

function memoryHarness(): Harness {
  let clock = manualClock();
  let store = new MemoryStore({ clock });
  return {
    get store() {
      return store;
    },
    reset: () => {
      clock = manualClock();
      clock.advance(1_000_000_000);
      store = new MemoryStore({ clock });
      return Promise.resolve();
    },
    advance: (ms) => Promise.resolve(clock.advance(ms)),
    nowMs: () => clock.wallMs(),
    quiet: () => Promise.resolve(),
  };
}

/** The real scripts but for their first lines: time comes from a key that the test sets. */
const testTime = "local now = tonumber(redis.call('GET', 'test:now'))";
const testTimeMs = `${testTime} / 1000`;
const scriptWithTestTime = renderRedisScript(testTime);

class RedisHarness implements Omit<Harness, 'nowMs' | 'quiet'> {
  #server: RedisServer | undefined;
  #control: Redis | undefined;
  #store: RedisStore | undefined;
  #nowUs = 0;

  async start(binary: string): Promise<void> {
    this.#server = await startRedis(binary);
    this.#control = new Redis(this.#server.url);
    this.#store = new RedisStore({
      url: this.#server.url,
      timeoutMs: 10_000,
      connectTimeoutMs: 5000,
      script: scriptWithTestTime,
    });
    expect(await this.#store.whenConnected(5000)).toBe(true);
  }

  async stop(): Promise<void> {
    await this.#store?.close();
    this.#control?.disconnect();
    await this.#server?.stop();
  }

  get store(): RedisStore {
    return this.#store!;
  }

  async reset(): Promise<void> {
    await this.#control?.flushall();
    this.#nowUs = 0;
    await this.advance(1_000_000_000);
  }

  async advance(ms: number): Promise<void> {
    this.#nowUs += ms * 1000;
    await this.#control?.set('test:now', this.#nowUs);
  }
}

/**
 * Leases of one instance. A machine whose clocks agree with the server's needs no allowance for drift, and one that asks as
 * soon as it may is refused no longer than the bucket says; both would make its answers right to a few milliseconds only.
 */
class LeaseHarness implements Harness {
  #server: RedisServer | undefined;
  #control: Redis | undefined;
  #backend: RedisLeaseBackend | undefined;
  #store: LeaseStore | undefined;
  #clock = manualClock();
  #nowUs = 0;

  async start(binary: string): Promise<void> {
    this.#server = await startRedis(binary);
    this.#control = new Redis(this.#server.url);
    this.#backend = new RedisLeaseBackend({
      place: { kind: 'standalone', url: this.#server.url },
      connectTimeoutMs: 5000,
      silentSocketMs: 20_000,
      script: renderLeaseScript(testTime),
      quotaScript: renderQuotaScript(testTimeMs),
      slotScript: renderSlotScript(testTimeMs),
    });
    expect(await this.#backend.whenConnected(5000)).toBe(true);
  }

  async stop(): Promise<void> {
    await this.#backend?.close();
    this.#control?.disconnect();
    await this.#server?.stop();
  }

  get store(): LeaseStore {
    return this.#store!;
  }

  async reset(): Promise<void> {
    await this.#control?.flushall();
    this.#nowUs = 0;
    this.#clock = manualClock();
    this.#store = new LeaseStore({
      backend: this.#backend!,
      clock: this.#clock,
      // Nobody moves these timers: no budget ends, and idle tokens stay.
      scheduler: manualScheduler(manualClock()),
      timeoutMs: 10_000,
      instances: 1,
      tuning: {
        driftPart: 0,
        slackMs: 0,
        minProbeMs: 0,
        maxProbeMs: 1e12,
        maxProbeAloneMs: 1e12,
        quotaLifeMs: 1e12,
        slotTtlMs: 1e12,
      },
    });
    await this.advance(1_000_000_000);
  }

  async advance(ms: number): Promise<void> {
    this.#nowUs += ms * 1000;
    // The server's clock may go back, this machine's monotonic one does not.
    if (ms > 0) this.#clock.advance(ms);
    await this.#control?.set('test:now', this.#nowUs);
  }

  nowMs(): number {
    return this.#nowUs / 1000;
  }

  /** A connection answers in the order in which it is asked. */
  async quiet(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await take(this.#store!, [charge(limitOf({ name: 'other' }), 'nobody')]);
  }
}

describe('the memory store', () => {
  describeBehaviours(memoryHarness());
  describeKinds(memoryHarness());
});

describeWithTool('redis-server', 'the Redis store', (binary) => {
  const harness = new RedisHarness();
  beforeAll(() => harness.start(binary));
  afterAll(() => harness.stop());

  describeBehaviours(harness);

  it('gives for any operations the outcomes of the memory store', async () => {
    const limits = [
      limitOf({ name: 'a', rate: '10/s', burst: 5 }),
      limitOf({ name: 'b', rate: '7/m', burst: 3 }),
      limitOf({ name: 'c', rate: '999983/s', burst: 1_000_000, shadow: true }),
      limitOf({ name: 'd', rate: '199999/d', burst: 52_124 }),
      limitOf({ name: 'e', rate: '3/s', burst: 4, shadow: true }),
      // The same budget as `a` under another rate, as during a reload.
      limitOf({ name: 'a', rate: '13/s', burst: 4 }),
    ];
    await expectOutcomesOfMemory(harness, limits, { maxCharges: 4, clockGoesBack: true });
  });
});

describeWithTool('redis-server', 'the lease store', (binary) => {
  const harness = new LeaseHarness();
  beforeAll(() => harness.start(binary));
  afterAll(() => harness.stop());

  describeBehaviours(harness);
  describeKinds(harness);

  it('gives the outcomes of the memory store for any operations that leave nothing leased', async () => {
    // Of small limits, one at a time, on a clock that goes forward: there nothing that was leased stays unspent, and all
    // that leases leave open is decided by the arithmetic. What else may happen is the matter of test/limits/.
    const small = [
      limitOf({ name: 'a', rate: '10/s', burst: 5 }),
      limitOf({ name: 'b', rate: '7/m', burst: 3 }),
      limitOf({ name: 'e', rate: '3/s', burst: 4, shadow: true }),
      limitOf({ name: 'f', rate: '999983/s', burst: 15 }),
    ];
    await expectOutcomesOfMemory(harness, small, { maxCharges: 1, clockGoesBack: false });
  });
});

async function expectOutcomesOfMemory(
  harness: Omit<Harness, 'nowMs' | 'quiet'>,
  limits: CompiledLimit[],
  { maxCharges, clockGoesBack }: { maxCharges: number; clockGoesBack: boolean },
): Promise<void> {
  const operation = fc.record({
    action: fc.constantFrom<'take' | 'peek'>('take', 'take', 'take', 'peek'),
    advanceMs: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 200 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 100_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: clockGoesBack ? -5000 : 0, max: 0 }) },
    ),
    charges: fc
      .uniqueArray(fc.integer({ min: 0, max: limits.length - 1 }), {
        maxLength: maxCharges,
        selector: (i) => limits[i]?.id,
      })
      .chain((indexes) =>
        fc.tuple(
          ...indexes.map((index) =>
            fc.record({
              limit: fc.constant(limits[index]!),
              key: fc.constantFrom('acme', 'globex'),
              cost: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.nat({ max: limits[index]!.burst })),
            }),
          ),
        ),
      ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (operations) => {
      const memory = memoryHarness();
      await Promise.all([memory.reset(), harness.reset()]);
      for (const { action, advanceMs, charges } of operations) {
        await Promise.all([memory.advance(advanceMs), harness.advance(advanceMs)]);
        expect(await harness.store[action](charges)).toEqual(memory.store[action](charges));
      }
    }),
    { numRuns: 60 },
  );
}
