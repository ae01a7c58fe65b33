import { describe, expect, it } from 'vitest';
import { Backlog } from './backlog.ts';
import { seededRandom } from './event-clock.ts';

const fixed = (ms: number) => () => ms;

/** Of these counts, the greatest and the least. */
function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

describe('whose turn it is', () => {
  it.each([1, 3, 8])('equal tenants are seated equally often, one more or less, at %i seats', (seats) => {
    const backlog = new Backlog({ seats });
    // Somebody who found the seats free is ahead of them for good.
    backlog.add({ tenant: 'first', serviceMs: fixed(200), depth: seats });
    for (const tenant of ['a', 'b', 'c', 'd', 'e']) backlog.add({ tenant, serviceMs: fixed(200) });
    let widest = 0;
    backlog.onEnd = () => {
      const { first: _, ...equals } = Object.fromEntries(backlog.seated);
      widest = Math.max(widest, spread(Object.values(equals)));
    };
    backlog.run(100);
    expect([...backlog.seated.keys()].toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'first']);
    expect(widest).toBeLessThanOrEqual(1);
  });

  it.each([
    [1, 1],
    [2, 1],
    [4, 1],
    [8, 1],
    [1, 3],
  ])('classes with weights %i:%i get seat time in that proportion', (interactive, batch) => {
    const backlog = new Backlog({
      seats: 8,
      classes: { interactive: { weight: interactive, reserve: 0 }, batch: { weight: batch } },
    });
    const random = seededRandom(1);
    backlog.add({ tenant: 'people', serviceMs: () => 50 + 200 * random() });
    backlog.add({ tenant: 'edi', workClass: 'batch', serviceMs: () => 200 + 800 * random() });
    backlog.run(2_000);
    const [people = 0, edi = 0] = ['people', 'edi'].map((tenant) => backlog.servedMs.get(tenant));
    const wanted = interactive / (interactive + batch);
    expect(Math.abs(people / (people + edi) / wanted - 1)).toBeLessThan(0.05);
  });

  it('a class pays for what its requests took, also when none of them is like one before', () => {
    const backlog = new Backlog({
      seats: 8,
      classes: { interactive: { weight: 1, reserve: 0 }, batch: { weight: 1 } },
    });
    let next = 0;
    backlog.add({ tenant: 'people', serviceMs: fixed(200) });
    backlog.add({
      tenant: 'edi',
      workClass: 'batch',
      serviceMs: fixed(2_000),
      route: () => `new.model/${next++}`,
    });
    backlog.run(1_000);
    const [people = 0, edi = 0] = ['people', 'edi'].map((tenant) => backlog.servedMs.get(tenant));
    expect(Math.abs(people / (people + edi) - 0.5)).toBeLessThan(0.03);
  });

  it('a class earns nothing by an idle hour', () => {
    const backlog = new Backlog({
      seats: 4,
      classes: { interactive: { weight: 1, reserve: 0 }, batch: { weight: 1 } },
    });
    backlog.add({ tenant: 'people', serviceMs: fixed(100) });
    backlog.run(3_600);
    backlog.add({ tenant: 'edi', workClass: 'batch', serviceMs: fixed(100) });
    const before = backlog.servedMs.get('people') ?? 0;
    backlog.run(10);
    const people = (backlog.servedMs.get('people') ?? 0) - before;
    expect(Math.abs((backlog.servedMs.get('edi') ?? 0) - people)).toBeLessThanOrEqual(4 * 200);
  });

  it('a tenant that always waits is never further behind its share than all seats for the longest request', () => {
    const seats = 8;
    const longestMs = 2_000;
    const tenants = ['a', 'b', 'c', 'd', 'e'];
    const backlog = new Backlog({ seats });
    const random = seededRandom(3);
    for (const [i, tenant] of tenants.entries()) {
      backlog.add({ tenant, serviceMs: () => 1 + (longestMs - 1) * random() ** (i + 1) });
    }
    let worstMs = 0;
    backlog.onEnd = () => {
      const served = [...backlog.servedMs.values()];
      const shareMs = served.reduce((sum, ms) => sum + ms, 0) / tenants.length;
      worstMs = Math.max(worstMs, shareMs - Math.min(...served));
    };
    backlog.run(1_000);
    expect(worstMs).toBeLessThanOrEqual(seats * longestMs);
  });

  it('an idle hour earns nothing', () => {
    const backlog = new Backlog({ seats: 4 });
    backlog.add({ tenant: 'busy', serviceMs: fixed(100) });
    backlog.run(3_600);
    backlog.add({ tenant: 'rested', serviceMs: fixed(100) });
    const before = backlog.servedMs.get('busy') ?? 0;
    backlog.run(10);
    const busy = (backlog.servedMs.get('busy') ?? 0) - before;
    const rested = backlog.servedMs.get('rested') ?? 0;
    expect(Math.abs(rested - busy)).toBeLessThanOrEqual(4 * 100);
  });

  it('going away for a moment forgives nothing', () => {
    const backlog = new Backlog({ seats: 1 });
    backlog.add({ tenant: 'steady', serviceMs: fixed(100) });
    // One long request at a time, so that this tenant has nothing here between two of them.
    backlog.add({ tenant: 'hopping', depth: 1, serviceMs: fixed(3_000) });
    backlog.run(3_000);
    const [steady = 0, hopping = 0] = ['steady', 'hopping'].map((tenant) => backlog.servedMs.get(tenant));
    expect(hopping / (steady + hopping)).toBeGreaterThan(0.45);
    expect(hopping / (steady + hopping)).toBeLessThan(0.55);
  });

  it.each([
    ['ten times as long', 2_000],
    ['a tenth as long', 20],
  ])('requests that take %s as was guessed get the same seat time all the same', (_title, serviceMs) => {
    const backlog = new Backlog({ seats: 4 });
    backlog.add({ tenant: 'guessed', serviceMs: fixed(200) });
    backlog.add({ tenant: 'other', depth: 64, serviceMs: fixed(serviceMs) });
    backlog.run(500);
    const [guessed = 0, other = 0] = ['guessed', 'other'].map((tenant) => backlog.servedMs.get(tenant));
    expect(Math.abs(other / (guessed + other) - 0.5)).toBeLessThan(0.025);
  });

  it('a tenant leaves two fifths of the seats to others who wait, and has all of them when nobody does', () => {
    const backlog = new Backlog({ seats: 8 });
    backlog.add({ tenant: 'greedy', depth: 64, serviceMs: fixed(1_000) });
    expect(backlog.busy.get('greedy')).toBe(8);
    backlog.run(1);
    // Long requests are charged little before they end, so fair turns alone would give it more seats than that.
    backlog.add({ tenant: 'slow', depth: 64, serviceMs: fixed(60_000) });
    let most = 0;
    backlog.run(5);
    backlog.onSeated = () => {
      most = Math.max(most, backlog.busy.get('slow') ?? 0);
    };
    backlog.run(120);
    expect(most).toBe(5);
  });

  it('what is critical goes before others up to a quarter of the seats, and takes more only when nobody else waits', () => {
    const backlog = new Backlog({ seats: 8 });
    backlog.add({ tenant: 'people', serviceMs: fixed(100) });
    backlog.add({ tenant: 'attack', workClass: 'critical', depth: 64, serviceMs: fixed(100) });
    backlog.run(10);
    let most = 0;
    backlog.onSeated = () => {
      most = Math.max(most, backlog.busy.get('attack') ?? 0);
    };
    backlog.run(10);
    expect(most).toBe(2);
    const alone = new Backlog({ seats: 8 });
    alone.add({ tenant: 'morning', workClass: 'critical', serviceMs: fixed(100) });
    expect(alone.busy.get('morning')).toBe(8);
  });
});

describe('reports', () => {
  it('never take the last worker of an endpoint, so that the one that renders can fetch its styles', () => {
    const backlog = new Backlog({ seats: [4, 2], serves: ['batch'] });
    backlog.add({ tenant: 'prints', workClass: 'batch', isReport: true, serviceMs: fixed(1_000) });
    expect(backlog.pool.status().endpoints.map(({ busy }) => busy)).toEqual([3, 1]);
    backlog.run(10);
    expect(backlog.pool.status().endpoints.map(({ busy }) => busy)).toEqual([3, 1]);
    backlog.add({ tenant: 'prints', workClass: 'batch', serviceMs: fixed(100) });
    expect(backlog.pool.status().endpoints.map(({ busy }) => busy)).toEqual([4, 2]);
  });

  it('wait without holding up other requests of their tenant, and are not overtaken for ever', () => {
    const backlog = new Backlog({ seats: 3, serves: ['batch'] });
    backlog.add({ tenant: 'acme', workClass: 'batch', isReport: true, serviceMs: fixed(500) });
    backlog.add({ tenant: 'other', workClass: 'batch', serviceMs: fixed(500) });
    backlog.run(600);
    const [acme = 0, other = 0] = ['acme', 'other'].map((tenant) => backlog.servedMs.get(tenant));
    expect(acme / (acme + other)).toBeGreaterThan(0.45);
    expect(backlog.pool.status().classes[2]?.busy).toBe(3);
  });

  it('are served by an endpoint with a single worker too', () => {
    const backlog = new Backlog({ seats: 1 });
    backlog.add({ tenant: 'acme', workClass: 'batch', isReport: true, serviceMs: fixed(500) });
    backlog.run(10);
    expect(backlog.servedMs.get('acme')).toBe(10_000);
  });
});
