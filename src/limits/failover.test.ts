import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import type { LimitOutcome } from '../core/limit.ts';
import { compileLimits } from './compile.ts';
import type { CompiledLimit } from './compile.ts';
import { FailoverStore } from './failover.ts';
import type { FailoverOptions, SharedStore } from './failover.ts';
import { MemoryStore } from './memory-store.ts';
import { limitSchema } from './options.ts';
import type { Charge, LimitReply, LimitStore } from './store.ts';
import type { OwedTerms } from './leases/wallet.ts';

// One long file: every rule is told through the same held-in-hand store.

function limitOf(entry: Record<string, unknown> = {}): CompiledLimit {
  const authored = limitSchema.parse({
    name: 'partner-rate',
    key: 'tenant',
    rate: '20/s',
    burst: 40,
    ...entry,
  });
  return compileLimits('partner', [authored], () => 'zones/partner.yaml:14:5').limits[0]!;
}

const share = limitOf();
const open = limitOf({ name: 'soft', onStoreFailure: 'open' });
const closed = limitOf({ name: 'login', onStoreFailure: 'closed' });
const charge = (limit = share, cost = 1): Charge => ({ limit, key: 'acme', cost });

const outcome: LimitOutcome = {
  kind: 'rate',
  name: 'partner-rate',
  key: 'acme',
  cost: 1,
  remaining: 39,
  shadow: false,
  admitted: true,
  burst: 40,
  windowMs: 2000,
  retryAfterMs: 0,
  moreAfterMs: 50,
  at: 'zones/partner.yaml:14:5',
};
const shareRefused: LimitOutcome = {
  ...outcome,
  admitted: false,
  remaining: 0,
  retryAfterMs: 100,
  moreAfterMs: 100,
  mode: 'share',
};

/** A shared store whose answers a test holds in its hands; two instances use it. */
function room(options: Partial<FailoverOptions> = {}) {
  const clock = manualClock();
  const behind = new MemoryStore({ clock });
  const asked: { answer(): void; fail(message?: string): void }[] = [];
  let health: 'up' | 'down' | 'held' = 'up';
  const answer = (action: 'take' | 'peek', charges: readonly Charge[]): Promise<LimitReply> => {
    const { promise, resolve, reject } = Promise.withResolvers<LimitReply>();
    const entry = {
      answer: () => resolve(behind[action](charges)),
      fail: (message = 'no answer') => reject(new Error(message)),
    };
    asked.push(entry);
    if (health === 'up') entry.answer();
    if (health === 'down') entry.fail();
    return promise;
  };
  const shared: LimitStore = {
    take: (charges) => answer('take', charges),
    peek: (charges) => answer('peek', charges),
    complete: (charged, due) => behind.complete(charged, due),
    close: () => behind.close(),
  };
  const modes: unknown[] = [];
  const store = new FailoverStore({
    store: shared,
    clock,
    instances: () => 2,
    random: () => 0,
    onModeChange: (mode, cause) => modes.push([mode, cause]),
    ...options,
  });
  return {
    clock,
    store,
    asked,
    modes,
    set: (to: typeof health) => {
      health = to;
    },
    /** Opens the breaker with three failures; no time passes. */
    breakDown: async () => {
      health = 'down';
      for (let i = 0; i < 3; i++) await store.take([charge(open)]);
    },
  };
}

describe('FailoverStore', () => {
  it('passes on what the shared store says', async () => {
    const { store, modes } = room();
    expect(await store.take([charge()])).toEqual([outcome]);
    expect(await store.peek([charge()])).toEqual([outcome]);
    expect(store.decisions).toEqual({ store: 1, share: 0, open: 0, closed: 0 });
    expect({ mode: store.mode, modes }).toEqual({ mode: 'store', modes: [] });
  });

  it('enforces its share from an empty bucket when an answer fails', async () => {
    const { clock, store, set } = room();
    await store.take([charge()]);
    set('down');
    expect(await store.take([charge()])).toEqual([shareRefused]);
    // 20/s among two instances: one token each 100 ms.
    clock.advance(100);
    expect(await store.take([charge()])).toEqual([
      { ...outcome, remaining: 0, moreAfterMs: 100, mode: 'share' },
    ]);
    expect(store.decisions).toEqual({ store: 1, share: 2, open: 0, closed: 0 });
  });

  it('holds no more than its share of the burst, however long the failure lasts', async () => {
    const { clock, store, set } = room();
    set('down');
    await store.take([charge()]);
    clock.advance(3_600_000);
    expect(await store.peek([charge()])).toMatchObject([{ remaining: 20, burst: 40, moreAfterMs: 0 }]);
  });

  it('lets a limit that fails open pass, and marks it', async () => {
    const { store, set } = room();
    set('down');
    expect(await store.take([charge(open)])).toEqual([
      { ...outcome, name: 'soft', remaining: 40, moreAfterMs: 0, mode: 'open' },
    ]);
    expect(store.decisions).toEqual({ store: 0, share: 0, open: 1, closed: 0 });
  });

  it('refuses for a limit that fails closed, and charges none of the others', async () => {
    const { clock, store, set, breakDown } = room();
    set('down');
    await store.take([charge()]);
    clock.advance(1000);
    expect(await store.take([charge(), charge(closed)])).toEqual({ unavailable: closed, retryAfterMs: 1 });
    expect(await store.peek([charge()])).toMatchObject([{ remaining: 10 }]);
    await breakDown();
    expect(store.take([charge(), charge(closed)])).toEqual({ unavailable: closed, retryAfterMs: 250 });
    expect(store.decisions.closed).toBe(2);
  });

  it('never closes for a shadow limit', async () => {
    const { store, set } = room();
    const shadow = limitOf({ name: 'login', onStoreFailure: 'closed', shadow: true });
    set('down');
    expect(await store.take([charge(shadow)])).toEqual([
      { ...outcome, name: 'login', shadow: true, remaining: 40, moreAfterMs: 0, mode: 'open' },
    ]);
  });

  it('keeps the order of the limits and takes from all shares or none', async () => {
    const { clock, store, set } = room();
    const tight = limitOf({ name: 'tight', rate: '2/s', burst: 4 });
    set('down');
    await store.take([charge()]);
    clock.advance(1000);
    const reply = await store.take([charge(open), charge(tight, 2), charge()]);
    expect(reply).toMatchObject([
      { name: 'soft', admitted: true, mode: 'open' },
      { name: 'tight', admitted: false, remaining: 1, mode: 'share', retryAfterMs: 1000 },
      { name: 'partner-rate', admitted: true, remaining: 10, mode: 'share' },
    ]);
  });

  it('peeks at its shares without spending, and counts no decision', async () => {
    const { clock, store, set } = room();
    set('down');
    await store.peek([charge()]);
    clock.advance(500);
    for (let i = 0; i < 3; i++) expect(await store.peek([charge()])).toMatchObject([{ remaining: 5 }]);
    expect(store.decisions).toEqual({ store: 0, share: 0, open: 0, closed: 0 });
  });

  it('gives a store that comes and goes no burst each time', async () => {
    const { clock, store, set } = room();
    let admittedLocally = 0;
    for (let i = 0; i < 200; i++) {
      set('down');
      for (let j = 0; j < 2; j++) {
        const [reply] = (await store.take([charge()])) as LimitOutcome[];
        if (reply!.admitted) admittedLocally++;
        clock.advance(40);
      }
      set('up');
      await store.take([charge(open)]);
      clock.advance(1000);
    }
    // A local bucket that kept filling while the store was up would admit one request in each failure here.
    expect(admittedLocally).toBe(0);
    expect(store.mode).toBe('store');
  });

  it('asks no more after three failures within a second, and answers without waiting', async () => {
    const { clock, store, asked, modes, set } = room();
    set('down');
    await store.take([charge()]);
    clock.advance(499);
    await store.take([charge()]);
    expect(modes).toEqual([]);
    clock.advance(500);
    await store.take([charge()]);
    expect(modes).toEqual([['local', 'no answer']]);
    expect(store.mode).toBe('local');
    expect(store.take([charge()])).toMatchObject([{ mode: 'share' }]);
    expect(asked).toHaveLength(3);
  });

  it('goes on asking when failures are rare, but tells of three in a row', async () => {
    const { clock, store, asked, modes, set } = room();
    set('down');
    for (let i = 0; i < 10; i++) {
      expect(modes).toEqual(i < 3 ? [] : [['local', 'no answer']]);
      await store.take([charge()]);
      clock.advance(500);
    }
    expect(asked).toHaveLength(10);
    set('up');
    await store.take([charge()]);
    expect(modes).toEqual([
      ['local', 'no answer'],
      ['store', undefined],
    ]);
  });

  it('tells nothing of failures with an answer between them', async () => {
    const { clock, store, modes, set } = room();
    for (let i = 0; i < 10; i++) {
      set(i % 3 === 2 ? 'up' : 'down');
      await store.take([charge()]);
      clock.advance(500);
    }
    expect(modes).toEqual([]);
  });

  it('probes with one request at a time, and lets nobody else wait for it', async () => {
    const { clock, store, asked, modes, set, breakDown } = room();
    await breakDown();
    set('held');
    clock.advance(249);
    expect(store.take([charge(open)])).toBeInstanceOf(Array);
    clock.advance(1);
    const probe = store.take([charge(open)]);
    expect(probe).toBeInstanceOf(Promise);
    expect(store.take([charge(open)])).toBeInstanceOf(Array);
    expect(asked).toHaveLength(4);
    asked[3]!.answer();
    expect(await probe).toMatchObject([{ name: 'soft', remaining: 39 }]);
    expect(modes).toEqual([
      ['local', 'no answer'],
      ['store', undefined],
    ]);
    set('up');
    expect(await store.take([charge(open)])).toMatchObject([{ remaining: 38 }]);
  });

  it.each([
    [0, [250, 500, 1000, 2000, 4000, 5000, 5000]],
    [1, [200, 400, 800, 1600, 3200, 4000, 4000]],
  ])('waits longer after each failed probe, up to 5 s; with jitter %i', async (random, pausesMs) => {
    const { clock, store, asked, breakDown } = room({ random: () => random });
    await breakDown();
    for (const [probes, pauseMs] of pausesMs.entries()) {
      clock.advance(pauseMs - 1);
      await store.take([charge(open)]);
      expect(asked).toHaveLength(3 + probes);
      clock.advance(1);
      await store.take([charge(open)]);
      expect(asked).toHaveLength(4 + probes);
    }
  });

  it('starts with the short pause again after the store was well for a while', async () => {
    const { clock, store, asked, set, breakDown } = room();
    await breakDown();
    for (const pauseMs of [250, 500, 1000]) {
      clock.advance(pauseMs);
      await store.take([charge(open)]);
    }
    set('up');
    clock.advance(2000);
    await store.take([charge(open)]);
    clock.advance(5000);
    await breakDown();
    const before = asked.length;
    clock.advance(250);
    await store.take([charge(open)]);
    expect(asked).toHaveLength(before + 1);
  });

  it('probes at once when it is told that the connection is back', async () => {
    const { store, modes, set, breakDown } = room();
    await breakDown();
    set('up');
    store.retryNow();
    expect(await store.take([charge()])).toEqual([outcome]);
    expect(modes.at(-1)).toEqual(['store', undefined]);
  });

  it('is not ended by a late answer to a request from before', async () => {
    const { store, asked, modes, set, breakDown } = room();
    set('held');
    const late = store.take([charge()]);
    await breakDown();
    asked[0]!.answer();
    expect(await late).toEqual([outcome]);
    expect(store.mode).toBe('local');
    expect(store.take([charge()])).toEqual([shareRefused]);
    expect(modes).toHaveLength(1);
  });

  it('is not prolonged by late failures of requests from before', async () => {
    const { clock, store, asked, set, breakDown } = room();
    set('held');
    const late = [1, 2].map(async () => store.take([charge()]));
    await breakDown();
    clock.advance(249);
    asked[0]!.fail();
    asked[1]!.fail();
    await Promise.all(late);
    set('up');
    clock.advance(1);
    expect(await store.take([charge()])).toEqual([outcome]);
  });

  it('is ended by an answer to something else, at once and for everybody', async () => {
    const { store, asked, modes, set, breakDown } = room();
    await breakDown();
    set('up');
    store.answered();
    expect(modes.at(-1)).toEqual(['store', undefined]);
    await Promise.all([1, 2, 3].map(async () => store.take([charge()])));
    expect(asked).toHaveLength(6);
  });

  describe('whose shares begin to fill later', () => {
    const late = () => room({ shareAfterMs: 500 });

    it('admits nothing before, and says when', async () => {
      const { clock, store, set } = late();
      set('down');
      expect(await store.take([charge()])).toEqual([
        { ...shareRefused, retryAfterMs: 600, moreAfterMs: 600 },
      ]);
      clock.advance(599);
      expect(await store.take([charge()])).toEqual([{ ...shareRefused, retryAfterMs: 1, moreAfterMs: 1 }]);
      clock.advance(1);
      expect(await store.take([charge()])).toMatchObject([{ admitted: true, mode: 'share' }]);
    });

    it('starts them anew with each failure', async () => {
      const { clock, store, set, breakDown } = late();
      await breakDown();
      clock.advance(1500);
      set('up');
      store.answered();
      set('down');
      await store.take([charge()]);
      clock.advance(500);
      expect(await store.peek([charge()])).toMatchObject([{ admitted: false, remaining: 0 }]);
    });
  });

  it('divides among as many as were known when the failure started, until it is over', async () => {
    let instances = 2;
    const { clock, store, set, breakDown } = room({ instances: () => instances });
    await breakDown();
    instances = 4;
    clock.advance(500);
    expect(await store.peek([charge()])).toMatchObject([{ remaining: 5 }]);
    set('up');
    store.answered();
    await breakDown();
    clock.advance(500);
    expect(await store.peek([charge()])).toMatchObject([{ remaining: 2 }]);
  });

  it('admits a request without limits, whatever the store does', async () => {
    const { store, breakDown } = room();
    await breakDown();
    expect(store.take([])).toEqual([]);
  });

  it('shows how many keys it counts itself', async () => {
    const { clock, store, set } = room();
    set('down');
    await store.take([charge()]);
    clock.advance(100);
    await store.take([charge()]);
    expect([store.localSize, store.localMaxKeys]).toEqual([1, 100_000]);
  });

  describe('over a store that holds tokens', () => {
    const admitted = [outcome];
    const refused = [{ ...outcome, admitted: false, remaining: 0, retryAfterMs: 50 }];

    function holdingRoom() {
      const scene = room();
      let held: LimitOutcome[] | undefined;
      const owed: (Charge & { terms: OwedTerms })[] = [];
      const outages: unknown[] = [];
      const shared: SharedStore = {
        take: (charges) => scene.store.take(charges),
        peek: (charges) => scene.store.peek(charges),
        complete: () => undefined,
        takeHeld: () => held,
        owe: (owing, terms) => owed.push({ ...owing, terms }),
        startOutage: (outage) => outages.push(outage),
        endOutage: () => outages.push('over'),
        close: () => Promise.resolve(),
      };
      // The scene's own failover stands in for a store: this one is told when to fail.
      let failing = false;
      let answer: LimitOutcome[] | undefined;
      const completed: number[] = [];
      const store = new FailoverStore({
        store: {
          ...shared,
          take: (charges) =>
            failing ? Promise.reject(new Error('no answer')) : (answer ?? shared.take(charges)),
          complete: (_, due) => void completed.push(due),
        },
        clock: scene.clock,
        instances: () => 2,
        random: () => 0,
      });
      return {
        store,
        owed,
        outages,
        clock: scene.clock,
        completed,
        mend: (outcomes: LimitOutcome[]) => {
          failing = false;
          answer = outcomes;
        },
        hold: (outcomes: LimitOutcome[] | undefined) => {
          held = outcomes;
        },
        breakDown: async () => {
          failing = true;
          for (let i = 0; i < 3; i++) await store.take([charge(open)]);
        },
      };
    }

    it('passes on at once what the store decides from them', () => {
      const { store, hold } = holdingRoom();
      hold(admitted);
      expect(store.take([charge()])).toBe(admitted);
      hold(refused);
      expect(store.take([charge()])).toBe(refused);
      expect(store.decisions).toEqual({ store: 2, share: 0, open: 0, closed: 0 });
    });

    it('goes on spending them while the store fails, but does not go on refusing', async () => {
      const { store, hold, breakDown } = holdingRoom();
      await breakDown();
      hold(admitted);
      expect(store.take([charge(closed)])).toBe(admitted);
      hold(refused);
      expect(store.take([charge(open)])).toMatchObject([{ admitted: true, mode: 'open' }]);
      expect(store.take([charge(closed)])).toEqual({ unavailable: closed, retryAfterMs: 250 });
    });

    it('tells the store what its share admitted, and nothing else', async () => {
      const { store, clock, owed, breakDown } = holdingRoom();
      await breakDown();
      await store.take([charge()]);
      expect(owed).toEqual([]);
      clock.advance(200);
      await store.peek([charge()]);
      await store.take([charge(open)]);
      await store.take([charge(share, 2)]);
      expect(owed.map(({ key, cost }) => [key, cost])).toEqual([['acme', 2]]);
      expect(owed[0]!.limit).toBe(share);
      // A bucket of 40 at 20/s leaks empty in 2 s, the store's as well: so long the debt stays what it is.
      expect(owed[0]!.terms).toEqual({ leaksFromMonoMs: 2000, parts: 2 });
    });

    it('tells the store when shares are spent from, and when no more', async () => {
      const { store, clock, outages, breakDown } = holdingRoom();
      await breakDown();
      clock.advance(100);
      await store.take([charge()]);
      store.answered();
      store.answered();
      expect(outages).toEqual([{ fillsFromMonoMs: 0, parts: 2 }, 'over']);
    });

    it('lets a share have what the store leaves to it when it answers again', async () => {
      const { store, clock, owed, breakDown, mend, hold } = holdingRoom();
      await breakDown();
      clock.advance(1000);
      mend(refused);
      expect(await store.take([charge()])).toMatchObject([{ admitted: true, mode: 'share' }]);
      expect([owed.length, store.mode]).toEqual([1, 'store']);
      hold(undefined);
      expect(await store.take([charge()])).toEqual(refused);
    });

    it('takes what is due afterwards from where the request was admitted', async () => {
      const { store, clock, owed, completed, breakDown } = holdingRoom();
      store.complete(charge(), 3, undefined);
      await breakDown();
      clock.advance(1000);
      await store.take([charge()]);
      store.complete(charge(), 3, 'share');
      store.complete(charge(), 3, 'open');
      expect(await store.peek([charge()])).toMatchObject([{ remaining: 7 }]);
      expect(owed.map(({ cost }) => cost)).toEqual([1, 2]);
      expect(completed).toEqual([3]);
    });
  });
});
