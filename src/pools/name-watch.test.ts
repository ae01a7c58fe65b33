import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { manualScheduler } from '../core/scheduler.ts';
import { type NameOutcome, NameWatch } from './name-watch.ts';
import type { EndpointName } from './options.ts';

const name: EndpointName = { host: 'odoo', port: 8069, seats: 4, refreshMs: 5_000 };

function setUp() {
  const scheduler = manualScheduler(manualClock());
  const asked: { host: string; resolve(list: string[]): void; reject(error: Error): void }[] = [];
  const told: [name: string, outcome: NameOutcome, isNews: boolean][] = [];
  let changes = 0;
  const watch = new NameWatch({
    scheduler,
    resolve: (host) => {
      const { promise, resolve, reject } = Promise.withResolvers<string[]>();
      asked.push({ host, resolve, reject });
      return promise;
    },
    onLookedUp: (...news) => void told.push(news),
    onChange: () => changes++,
  });
  /** Answers the look-up that is under way. */
  const answer = async (found: string[] | Error): Promise<void> => {
    const last = asked.at(-1);
    if (found instanceof Error) last?.reject(found);
    else last?.resolve(found);
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const known = (): readonly string[] | undefined => watch.known.get('odoo:8069');
  return { scheduler, asked, told, watch, answer, known, changes: () => changes };
}

const notFound = Object.assign(new Error('getaddrinfo ENOTFOUND odoo'), { code: 'ENOTFOUND' });

describe('NameWatch', () => {
  it('looks a name up at once, and again after each refresh', async () => {
    const { scheduler, asked, told, watch, answer, known } = setUp();
    watch.follow([name]);
    await answer(['10.0.0.2', '10.0.0.1', '10.0.0.2']);
    expect(known()).toEqual(['10.0.0.1', '10.0.0.2']);
    scheduler.advance(4_999);
    expect(asked).toHaveLength(1);
    scheduler.advance(1);
    await answer(['10.0.0.1', '10.0.0.2']);
    scheduler.advance(5_000);
    await answer(['10.0.0.2', '10.0.0.3']);
    expect(asked.map(({ host }) => host)).toEqual(['odoo', 'odoo', 'odoo']);
    expect(told).toEqual([
      ['odoo:8069', { kind: 'changed', added: ['10.0.0.1', '10.0.0.2'], removed: [] }, true],
      ['odoo:8069', { kind: 'same' }, false],
      ['odoo:8069', { kind: 'changed', added: ['10.0.0.3'], removed: ['10.0.0.1'] }, true],
    ]);
  });

  it.each([
    ['an empty answer', [], 'no address'],
    ['a failure', notFound, 'ENOTFOUND'],
  ])('keeps what it knows after %s, and tells once', async (_title, found, cause) => {
    const { scheduler, told, watch, answer, known, changes } = setUp();
    watch.follow([name]);
    await answer(['10.0.0.1']);
    for (let i = 0; i < 2; i++) {
      scheduler.advance(5_000);
      await answer(found);
    }
    expect([known(), changes()]).toEqual([['10.0.0.1'], 1]);
    expect(watch.statuses()).toEqual([{ name: 'odoo:8069', addresses: 1, failure: cause }]);
    scheduler.advance(5_000);
    await answer(['10.0.0.1']);
    expect(told.slice(1)).toEqual([
      ['odoo:8069', { kind: 'failed', cause }, true],
      ['odoo:8069', { kind: 'failed', cause }, false],
      ['odoo:8069', { kind: 'same' }, true],
    ]);
    expect(watch.statuses()).toEqual([{ name: 'odoo:8069', addresses: 1, failure: undefined }]);
  });

  it('looks for a name that has no address yet each second', async () => {
    const { scheduler, asked, watch, answer } = setUp();
    watch.follow([{ ...name, refreshMs: 60_000 }]);
    await answer(notFound);
    scheduler.advance(1_000);
    expect(asked).toHaveLength(2);
  });

  it('counts a late answer as a failure, asks no second time meanwhile, and takes it when it comes', async () => {
    const { scheduler, asked, told, watch, answer, known } = setUp();
    watch.follow([name]);
    scheduler.advance(60_000);
    expect([asked.length, told]).toEqual([1, [['odoo:8069', { kind: 'failed', cause: 'timeout' }, true]]]);
    await answer(['10.0.0.1']);
    expect(known()).toEqual(['10.0.0.1']);
  });

  it('is ready when each name was found, or could not be', async () => {
    const { scheduler, asked, watch } = setUp();
    let ready = false;
    watch.follow([name, { ...name, host: 'other' }]);
    const waiting = watch.ready().then(() => (ready = true));
    asked[0]?.resolve(['10.0.0.1']);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(ready).toBe(false);
    scheduler.advance(3_000);
    await waiting;
    expect(ready).toBe(true);
  });

  it('is ready at once without a name', async () => {
    const { watch } = setUp();
    await expect(watch.ready()).resolves.toBeUndefined();
  });

  it('keeps the addresses of a name over a reload, with its new refresh, and forgets those that are gone', async () => {
    const { scheduler, asked, told, watch, answer, known } = setUp();
    watch.follow([name, { ...name, host: 'other' }]);
    asked[0]?.resolve(['10.0.0.1']);
    await new Promise<void>((resolve) => setImmediate(resolve));
    watch.follow([{ ...name, refreshMs: 1_000 }]);
    expect(known()).toEqual(['10.0.0.1']);
    await answer(['10.0.0.9']);
    expect(told).toHaveLength(1);
    scheduler.advance(5_000);
    expect(asked).toHaveLength(3);
    await answer(['10.0.0.1']);
    scheduler.advance(1_000);
    expect(asked).toHaveLength(4);
  });

  it('leaves no timer when it is closed', async () => {
    const { scheduler, watch, answer } = setUp();
    watch.follow([name]);
    await answer(['10.0.0.1']);
    watch.close();
    expect(scheduler.pending()).toBe(0);
  });

  it('takes 256 addresses of a name at most', async () => {
    const { watch, answer, known } = setUp();
    watch.follow([name]);
    await answer(Array.from({ length: 1_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`));
    expect(known()).toHaveLength(256);
  });
});
