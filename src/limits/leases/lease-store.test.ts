import { describe, expect, it } from 'vitest';
import { runLease, type StoredBucket } from '../../../test/limits/lease-port.ts';
import { worldLimit } from '../../../test/limits/lease-world.ts';
import { noCounts } from '../../../test/limits/no-counts.ts';
import { manualTime } from '../../../test/servers/manual-time.ts';
import type { LimitOutcome } from '../../core/limit.ts';
import type { CompiledLimit } from '../compile.ts';
import type { LeaseGrant, LeaseRequest } from './lease-call.ts';
import { LeaseStore, type LeaseStoreOptions } from './lease-store.ts';
import type { Charge } from '../store.ts';
import { StoreError } from '../store-error.ts';

// What is decided without asking, what is asked and when; that limits hold is proved in test/limits/. One long file: all
// of it is told through the same store on a backend that a test holds in its hands.

const hundred = worldLimit('hundred', 100, 100);
const five = worldLimit('five', 10, 5);

function room(options: Partial<LeaseStoreOptions> = {}) {
  const { clock, scheduler } = manualTime();
  const buckets = new Map<string, StoredBucket>();
  const asked: { key: string; request: LeaseRequest; answer(): void; fail(): void }[] = [];
  let health: 'up' | 'down' | 'held' = 'up';
  let generation = 1;
  const store = new LeaseStore({
    backend: {
      get generation() {
        return generation;
      },
      call(key, request) {
        const { promise, resolve, reject } = Promise.withResolvers<LeaseGrant>();
        const entry = {
          key,
          request,
          answer: () => resolve(runLease(buckets, key, request, Math.floor(clock.wallMs() * 1000))),
          fail: () => reject(new StoreError('connection', 'Redis: gone')),
        };
        asked.push(entry);
        if (health === 'up') entry.answer();
        if (health === 'down') entry.fail();
        return promise;
      },
      close: () => Promise.resolve(),
      ...noCounts,
    },
    clock,
    scheduler,
    timeoutMs: 25,
    instances: 1,
    random: () => 0.5,
    ...options,
  });
  return {
    store,
    clock,
    scheduler,
    buckets,
    asked,
    set: (to: typeof health) => {
      health = to;
    },
    disconnect: () => {
      generation++;
    },
  };
}

const charge = (limit: CompiledLimit = hundred, cost = 1, key = 'acme'): Charge => ({ limit, key, cost });

/** Lets a wallet see 100 requests a second until it holds a chunk. */
async function warm({ store, scheduler }: ReturnType<typeof room>, limit = hundred): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await store.take([charge(limit)]);
    scheduler.advance(10);
  }
}

describe('LeaseStore', () => {
  it('decides by itself, and at once, while it holds enough', async () => {
    const scene = room();
    await warm(scene);
    await scene.store.take([charge()]);
    const before = scene.asked.length;
    const reply = scene.store.take([charge()]);
    expect(reply).toEqual([expect.objectContaining({ name: 'hundred', admitted: true, cost: 1 })]);
    expect(scene.asked.length).toBe(before);
    // 40 admitted by a tenth as many calls, those of the first moments included.
    expect(before).toBeLessThan(12);
  });

  it('asks for all who wait with one call, and for all of them', async () => {
    const { store, asked } = room();
    const replies = await Promise.all(Array.from({ length: 20 }, async () => store.take([charge()])));
    expect(replies.every(([outcome]) => outcome!.admitted)).toBe(true);
    expect(asked.map(({ request }) => request.ask)).toEqual([20]);
  });

  it('asks for those who came too late for a call when it is answered', async () => {
    const { store, asked, set } = room();
    set('held');
    const first = store.take([charge()]);
    await Promise.resolve();
    const others = [1, 2, 3].map(async () => store.take([charge()]));
    expect(asked).toHaveLength(1);
    set('up');
    asked[0]!.answer();
    await Promise.all([first, ...others]);
    expect(asked.map(({ request }) => request.ask)).toEqual([1, 3]);
  });

  it('asks for several limits at the same time, then takes from all', async () => {
    const { store, asked, set } = room();
    set('held');
    const reply = store.take([charge(hundred), charge(five)]);
    await Promise.resolve();
    expect(asked.map(({ key }) => key)).toEqual(['bh:t:{t:acme}:world/hundred', 'bh:t:{t:acme}:world/five']);
    asked[0]!.answer();
    asked[1]!.answer();
    expect(await reply).toMatchObject([
      { admitted: true, remaining: 99 },
      { admitted: true, remaining: 4 },
    ]);
  });

  it('names every limit that refuses, and leaves what it leased for others to the next request', async () => {
    const { store } = room();
    const two = worldLimit('two', 1, 2);
    await store.take([charge(five, 4), charge(two, 1)]);
    const reply = await store.take([charge(five, 2), charge(hundred), charge(two, 2)]);
    expect(reply.map(({ name, admitted }) => [name, admitted])).toEqual([
      ['five', false],
      ['hundred', true],
      ['two', false],
    ]);
    expect(store.heldOf(hundred, 'acme')).toBe(1);
    expect(store.take([charge(hundred)])).toMatchObject([{ admitted: true, remaining: 99 }]);
  });

  it('refuses again without asking until the time that the bucket told', async () => {
    const { store, asked, scheduler } = room();
    await store.take([charge(five, 4)]);
    expect(await store.take([charge(five, 2)])).toMatchObject([{ admitted: false, retryAfterMs: 100 }]);
    for (let i = 1; i < 10; i++) {
      scheduler.advance(10);
      expect(store.take([charge(five, 2)])).toMatchObject([{ admitted: false, retryAfterMs: 100 - 10 * i }]);
    }
    expect(asked).toHaveLength(2);
    scheduler.advance(11);
    expect(await store.take([charge(five, 2)])).toMatchObject([{ admitted: true }]);
  });

  it('knows without a question that a bucket is empty from which it took the last token', async () => {
    const { store, asked, scheduler } = room();
    await store.take([charge(five, 5)]);
    expect(store.take([charge(five)])).toMatchObject([{ admitted: false, retryAfterMs: 100 }]);
    scheduler.advance(99);
    expect(store.take([charge(five)])).toMatchObject([{ admitted: false, retryAfterMs: 1 }]);
    expect(asked).toHaveLength(1);
    scheduler.advance(11);
    expect(await store.take([charge(five)])).toMatchObject([{ admitted: true }]);
  });

  it('asks for a smaller cost than the one that was refused', async () => {
    const { store } = room();
    await store.take([charge(five, 3)]);
    expect(await store.take([charge(five, 3)])).toMatchObject([{ admitted: false, remaining: 2 }]);
    expect(await store.take([charge(five, 2)])).toMatchObject([{ admitted: true, remaining: 0 }]);
  });

  it('asks before tokens run out, and nobody waits for it', async () => {
    const scene = room();
    const { store, asked, set, scheduler } = scene;
    // A call takes 10 ms here; at 100 requests a second that are two tokens that must not run out.
    set('held');
    const waits: boolean[] = [];
    let answered = 0;
    for (let i = 0; i < 60; i++) {
      const reply = store.take([charge()]);
      waits.push(reply instanceof Promise);
      await Promise.resolve();
      scheduler.advance(10);
      for (const one of asked.slice(answered)) one.answer();
      answered = asked.length;
      await reply;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(waits.slice(20)).toEqual(Array.from({ length: 40 }, () => false));
  });

  it('gives tokens back that nobody used for a quarter of a second, once', async () => {
    const scene = room();
    const { store, asked, scheduler, buckets } = scene;
    await warm(scene);
    const held = store.heldOf(hundred, 'acme');
    expect(held).toBeGreaterThan(0);
    scheduler.advance(300);
    await Promise.resolve();
    expect(store.heldOf(hundred, 'acme')).toBe(0);
    expect(asked.at(-1)!.request.first.returned).toBe(held);
    const calls = asked.length;
    scheduler.advance(10_000);
    expect(asked.length).toBe(calls);
    const [bucket] = buckets.values();
    expect([bucket!.a, bucket!.b]).toEqual([0, 0]);
  });

  it('gives tokens back when it is closed', async () => {
    const scene = room();
    await warm(scene);
    const held = scene.store.heldOf(hundred, 'acme');
    await scene.store.close();
    expect(scene.asked.at(-1)!.request.first.returned).toBe(held);
  });

  it('holds a bounded number of keys, and gives back what the one held that leaves', async () => {
    const scene = room({ maxKeys: 2 });
    const { store, asked } = scene;
    await warm(scene);
    const held = store.heldOf(hundred, 'acme');
    await store.take([charge(hundred, 1, 'globex')]);
    await store.take([charge(hundred, 1, 'initech')]);
    expect(store.size).toBe(2);
    const given = asked.find(({ request }) => request.first.returned > 0);
    expect([given?.key, given?.request.first.returned]).toEqual(['bh:t:{t:acme}:world/hundred', held]);
  });

  it('gives back what arrives for a key that has left', async () => {
    const { store, asked, set, scheduler } = room({ maxKeys: 1 });
    set('held');
    const late = expect(store.take([charge(hundred, 3, 'acme')])).rejects.toThrow('no answer');
    await Promise.resolve();
    scheduler.advance(25);
    await late;
    set('up');
    await store.take([charge(hundred, 1, 'globex')]);
    asked[0]!.answer();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked.map(({ key, request }) => [key.slice(8, 11), request.ask, request.first.returned])).toEqual([
      ['acm', 3, 0],
      ['glo', 1, 0],
      ['acm', 0, 3],
    ]);
  });

  it('keeps tokens that come after the request gave up', async () => {
    const { store, asked, set, scheduler } = room();
    set('held');
    const reply = store.take([charge(five, 2)]);
    await Promise.resolve();
    scheduler.advance(25);
    await expect(reply).rejects.toMatchObject({ code: 'timeout', message: 'Redis: no answer within 25 ms' });
    asked[0]!.answer();
    await new Promise((resolve) => setImmediate(resolve));
    expect(store.take([charge(five, 2)])).toMatchObject([{ admitted: true, remaining: 3 }]);
  });

  it('fails as its backend does, and asks again', async () => {
    const { store, set } = room();
    set('down');
    await expect(store.take([charge()])).rejects.toMatchObject({
      code: 'connection',
      message: 'Redis: gone',
    });
    await expect(store.peek([charge()])).rejects.toMatchObject({
      code: 'connection',
      message: 'Redis: gone',
    });
    set('up');
    expect(await store.take([charge()])).toMatchObject([{ admitted: true, remaining: 99 }]);
  });

  describe('makes a debt of what was spent without it', () => {
    /** One of two instances while the backend is away; its share has been full since 1 s. */
    function owingRoom() {
      const scene = room({ instances: 2 });
      const { store, set } = scene;
      set('down');
      store.startOutage({ fillsFromMonoMs: 0, parts: 2 });
      const terms = { leaksFromMonoMs: 1000, parts: 2 };
      return { ...scene, owe: (tokens: number) => store.owe(charge(hundred, tokens), terms) };
    }

    it('all of it, as long as the bucket of the backend was leaking', async () => {
      const { store, asked, set, scheduler, owe } = owingRoom();
      owe(30);
      scheduler.advance(1000);
      await expect(store.take([charge()])).rejects.toThrow('gone');
      set('up');
      await store.peek([charge()]);
      expect(asked.map(({ request }) => request.owe)).toEqual([30, 30]);
    });

    it('less what leaked by its part of the rate since', async () => {
      const { store, asked, set, scheduler, owe } = owingRoom();
      owe(30);
      scheduler.advance(1200);
      set('up');
      await store.take([charge()]);
      expect(asked.map(({ request }) => request.owe)).toEqual([20]);
    });

    it('as soon as the backend answers again, for every key, also one that had to leave', async () => {
      const { store, asked, set, scheduler, owe } = owingRoom();
      owe(30);
      store.owe(charge(five, 2, 'globex'), { leaksFromMonoMs: 1000, parts: 2 });
      scheduler.advance(500);
      set('up');
      store.endOutage();
      await Promise.resolve();
      expect(asked.map(({ key, request }) => [key, request.owe])).toEqual([
        ['bh:t:{t:acme}:world/hundred', 30],
        ['bh:t:{t:globex}:world/five', 2],
      ]);
    });

    it('once, where that fails, and then all of it with the next call', async () => {
      const { store, asked, set, scheduler, owe } = owingRoom();
      owe(30);
      store.endOutage();
      await new Promise((resolve) => setImmediate(resolve));
      scheduler.advance(5000);
      await new Promise((resolve) => setImmediate(resolve));
      expect(asked).toHaveLength(1);
      set('up');
      await store.take([charge()]);
      expect(asked.at(-1)!.request.owe).toBe(30);
    });

    it('and leaves for a while what other instances may not have told yet', async () => {
      const { store, asked, set, scheduler } = owingRoom();
      scheduler.advance(600);
      set('up');
      store.endOutage();
      await store.take([charge()]);
      scheduler.advance(2400);
      await store.take([charge(hundred, 5)]);
      // Shares that filled for 600 ms hold 60 tokens, half of them this instance's own.
      expect([...new Set(asked.map(({ request }) => request.spare))]).toEqual([30]);
      scheduler.advance(100);
      await store.take([charge(hundred, 5)]);
      expect(asked.at(-1)!.request.spare).toBe(0);
    });
  });

  it('spends what it holds only so long after an answer, where instances share without the backend', async () => {
    const lastsMs = async (onStoreFailure: 'share' | 'open'): Promise<number> => {
      const scene = room();
      const limit = { ...hundred, onStoreFailure };
      await warm(scene, limit);
      await scene.store.take([charge(limit)]);
      scene.set('held');
      const startedMs = scene.clock.monoMs();
      while (Array.isArray(scene.store.take([charge(limit)]))) scene.scheduler.advance(60);
      return scene.clock.monoMs() - startedMs;
    };
    expect(await lastsMs('share')).toBeGreaterThan(200);
    expect(await lastsMs('share')).toBeLessThanOrEqual(400);
    expect(await lastsMs('open')).toBeGreaterThan(400);
  });

  it('spends what it holds while its machine was awake, not what outlived the lease', async () => {
    const scene = room();
    await warm(scene);
    expect(scene.store.heldOf(hundred, 'acme')).toBeGreaterThan(0);
    scene.clock.wallMs = (
      (wallMs) => () =>
        wallMs() + 2000
    )(scene.clock.wallMs);
    expect(scene.store.heldOf(hundred, 'acme')).toBe(0);
  });

  it('tells a server that may have forgotten what it holds and saw, before it takes more', async () => {
    const scene = room();
    const { store, asked, buckets, disconnect } = scene;
    await warm(scene);
    const held = store.heldOf(hundred, 'acme');
    const debt = buckets.values().next().value!.debt;
    buckets.clear();
    disconnect();
    store.present();
    await Promise.resolve();
    const { request } = asked.at(-1)!;
    expect(request).toMatchObject({ suspect: true, held, need: 0, seen: { debt } });
    const [bucket] = buckets.values();
    expect(bucket).toMatchObject({ a: held });
    expect(bucket!.debt).toBeGreaterThan(held * bucket!.units);
    await Promise.resolve();
    expect(store.heldOf(hundred, 'acme')).toBe(held);
  });

  it('notices by itself that a key was lost', async () => {
    const { store, buckets, scheduler } = room();
    await store.take([charge(five, 5)]);
    buckets.clear();
    scheduler.advance(100);
    expect(await store.take([charge(five)])).toMatchObject([{ admitted: true, remaining: 0 }]);
    expect(await store.take([charge(five)])).toMatchObject([{ admitted: false }]);
  });

  it('gives leased tokens back when a reload changes the limit, and takes a higher version along', async () => {
    const scene = room();
    const { store, asked } = scene;
    await warm(scene);
    const version = asked[0]!.request.version;
    await store.take([charge({ ...hundred })]);
    expect(asked.at(-1)!.request.version).toBe(version);
    const slower = { ...worldLimit('hundred', 10, 50) };
    await store.take([charge(slower)]);
    const [back, lease] = asked.slice(-2).map(({ request }) => request);
    expect(back!.first.returned).toBeGreaterThan(0);
    expect([back!.version > version, lease!.version, lease!.burst]).toEqual([true, back!.version, 50]);
  });

  it('counts a request of no cost for nothing', () => {
    const { store, asked } = room();
    const outcome: Partial<LimitOutcome> = { admitted: true, remaining: 100 };
    expect(store.take([charge(hundred, 0)])).toMatchObject([outcome]);
    expect(asked).toEqual([]);
  });
});
