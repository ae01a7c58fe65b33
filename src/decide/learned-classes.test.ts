import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callOf } from '../../test/support/odoo-call.ts';
import { manualClock } from '../core/clock.ts';
import type { OdooCall } from '../core/facts.ts';
import {
  type ClassMove,
  forgetAfterMs,
  LearnedClasses,
  maxLearned,
  minCalls,
  mostTimes,
} from './learned-classes.ts';

const slowerThanMs = 5000;
const acme = { zone: 'office', tenant: 'acme' };

function named(name: string): OdooCall {
  const [model = '', method = ''] = name.split('/');
  return callOf(model, method);
}

const validate = 'stock.picking/button_validate';

function room() {
  const clock = manualClock();
  const moves: ClassMove[] = [];
  const learned = new LearnedClasses({ clock, onMove: (move) => moves.push(move) });
  return {
    clock,
    moves,
    learned,
    /** So many calls of a method, each of which takes so long. */
    take(times: number, serviceMs: number, { name = validate, caller = acme } = {}): void {
      for (let i = 0; i < times; i++) learned.observe(caller, named(name), { serviceMs, slowerThanMs });
    },
    /** The usual traffic of a tenant: short calls of other methods. */
    beFast(times = 200, caller = acme): void {
      for (let i = 0; i < times; i++)
        learned.observe(caller, named('res.partner/web_read'), { serviceMs: 20, slowerThanMs });
    },
    isBatch: (name = validate, caller = acme) => learned.findBatch(caller, named(name)) !== undefined,
  };
}

describe('a method whose calls are slow', () => {
  it('is batch work after twenty of them beside the one that made it known, and says so once', () => {
    const { learned, moves, take, beFast, isBatch } = room();
    beFast();
    take(minCalls, 7300);
    expect([isBatch(), moves]).toEqual([false, []]);
    take(1, 7300);
    const [move, ...more] = moves;
    expect([move, more]).toEqual([
      {
        ...acme,
        model: 'stock.picking',
        method: 'button_validate',
        to: 'batch',
        cause: 'slow',
        meanMs: expect.closeTo(7300, 3) as number,
        calls: 20,
      },
      [],
    ]);
    take(21, 7300);
    expect(learned.findBatch(acme, named(validate))).toMatchObject({
      meanMs: expect.closeTo(7300, 3) as number,
      calls: 41,
    });
    expect(moves).toHaveLength(1);
    expect(learned.batchByZone()).toEqual(new Map([['office', 1]]));
  });

  it('is so for its own tenant, zone and name only', () => {
    const { take, beFast, isBatch } = room();
    beFast();
    take(30, 9000);
    expect([
      isBatch(),
      isBatch(validate, { zone: 'office', tenant: 'globex' }),
      isBatch(validate, { zone: 'partner', tenant: 'acme' }),
      isBatch('stock.picking/button_validat'),
      isBatch('stock.pickin/gbutton_validate'),
    ]).toEqual([true, false, false, false, false]);
  });

  it('is interactive again below half of the limit, not below the limit', () => {
    const { learned, moves, take, beFast, isBatch } = room();
    beFast();
    take(30, 6000);
    take(400, 2600);
    expect(isBatch()).toBe(true);
    take(400, 2400);
    expect([isBatch(), moves.map(({ to, cause }) => [to, cause])]).toEqual([
      false,
      [
        ['batch', 'slow'],
        ['interactive', 'fast'],
      ],
    ]);
    expect(moves[1]?.meanMs).toBeLessThan(2500);
    expect(learned.batchByZone()).toEqual(new Map());
  });

  it('is forgotten a day after its last call, and needs as much to be learned again', () => {
    const { clock, moves, take, beFast, isBatch } = room();
    beFast();
    take(30, 6000);
    clock.advance(forgetAfterMs);
    expect(isBatch()).toBe(true);
    clock.advance(1);
    expect(isBatch()).toBe(false);
    expect(moves.map(({ to, cause }) => [to, cause])).toEqual([
      ['batch', 'slow'],
      ['interactive', 'forgotten'],
    ]);
    beFast();
    take(minCalls, 6000);
    expect(isBatch()).toBe(false);
    take(1, 6000);
    expect(isBatch()).toBe(true);
  });

  it('begins anew where its calls of yesterday were too few', () => {
    const { clock, take, beFast, isBatch } = room();
    beFast();
    take(minCalls, 6000);
    clock.advance(forgetAfterMs + 1);
    beFast();
    take(minCalls - 1, 6000);
    expect(isBatch()).toBe(false);
    take(1, 6000);
    expect(isBatch()).toBe(true);
  });

  it('is forgotten with its zone, when that learns no more', () => {
    const { learned, moves, take, beFast, isBatch } = room();
    beFast();
    take(30, 6000);
    learned.retain((zone) => zone === 'office');
    expect(isBatch()).toBe(true);
    learned.retain(() => false);
    expect([isBatch(), learned.size, moves.at(-1)?.cause]).toEqual([false, 0, 'forgotten']);
  });
});

describe('what says nothing of a method', () => {
  it('is one call that hangs: it counts as four times the limit', () => {
    const { take, beFast, isBatch } = room();
    beFast();
    take(1, 3000);
    take(minCalls - 1, 20);
    take(4, 1_200_000);
    expect(isBatch()).toBe(false);
    take(2, 1_200_000);
    expect(isBatch()).toBe(true);
    // From four times the limit at most, so that it comes back soon after it was mended.
    take(200, 1_200_000);
    take(41, 20);
    expect(isBatch()).toBe(false);
  });

  it('is an Odoo that is slow altogether', () => {
    const { learned, take, beFast, isBatch } = room();
    beFast();
    for (let i = 0; i < 400; i++) for (const name of ['a/x', 'b/x', 'c/x']) take(1, 30_000, { name });
    expect(['a/x', 'b/x', 'c/x'].map((name) => isBatch(name))).toEqual([false, false, false]);
    // Nor afterwards: what was seen while it was slow is not counted.
    beFast();
    for (let i = 0; i < 5; i++) for (const name of ['a/x', 'b/x', 'c/x']) take(1, 20, { name });
    expect(learned.batchByZone()).toEqual(new Map());
  });

  it('is an Odoo that is slow altogether, for a method that is batch work either', () => {
    const { learned, take, beFast } = room();
    beFast();
    take(30, 6000);
    take(100, 30_000, { name: 'a/x' });
    const before = { ...learned.findBatch(acme, named(validate)) };
    take(100, 30_000);
    expect(learned.findBatch(acme, named(validate))).toEqual(before);
  });

  it('is the slow Odoo of one tenant, for the others', () => {
    const globex = { zone: 'office', tenant: 'globex' };
    const { take, beFast, isBatch } = room();
    beFast(200, globex);
    take(400, 30_000);
    take(21, 30_000, { caller: globex });
    expect([isBatch(), isBatch(validate, globex)]).toEqual([false, true]);
  });

  it('is a zone in which most calls are slow from the first on', () => {
    const { learned, take, isBatch } = room();
    take(100, 9000);
    expect([isBatch(), learned.size]).toEqual([false, 0]);
  });
});

describe('what is remembered', () => {
  it('is nothing of calls that are fast, whatever their names', () => {
    const { learned, take } = room();
    for (let i = 0; i < 5000; i++) take(1, 20, { name: `made.up/m${i}` });
    expect(learned.size).toBe(0);
    take(1, 6000, { name: 'sale.order/slow' });
    for (let i = 0; i < 5000; i++) take(1, 20, { name: `made.up/m${i}` });
    expect(learned.size).toBe(1);
  });

  it('stays within its bound when slow calls have ever new names, and what is called goes on being known', () => {
    const { learned, moves, take, beFast, isBatch } = room();
    beFast();
    take(30, 6000);
    beFast();
    take(30, 6000, { name: 'sale.order/idle' });
    for (let i = 0; i < 3 * maxLearned; i++) {
      take(1, 4000, { name: `made.up/m${i}` });
      if (i % 100 === 0) take(1, 6000);
      beFast(2);
    }
    expect([learned.size, isBatch(), isBatch('sale.order/idle')]).toEqual([maxLearned, true, false]);
    expect(moves.at(-1)).toMatchObject({ model: 'sale.order', method: 'idle', cause: 'forgotten' });
  });

  it('is no name that is longer than any of Odoo', () => {
    const { learned, take, beFast } = room();
    beFast();
    take(1, 6000, { name: `x/${'m'.repeat(200)}` });
    expect(learned.size).toBe(0);
    take(1, 6000, { name: `x/${'m'.repeat(199)}` });
    expect(learned.size).toBe(1);
  });
});

describe('whatever comes', () => {
  const calls = fc.array(
    fc.record({ name: fc.constantFrom('a/x', 'a/y', 'b/x'), serviceMs: fc.integer({ min: 0, max: 40_000 }) }),
    { maxLength: 400 },
  );

  it('no method moves without evidence: twenty calls, and a mean beyond the threshold that it crosses', () => {
    fc.assert(
      fc.property(calls, (list) => {
        const { moves, take, beFast } = room();
        const seen = new Map<string, number>();
        for (const { name, serviceMs } of list) {
          seen.set(name, (seen.get(name) ?? 0) + 1);
          const before = moves.length;
          take(1, serviceMs, { name });
          beFast(3);
          const [move, ...more] = moves.slice(before);
          expect(more).toEqual([]);
          if (move === undefined) continue;
          expect(`${move.model}/${move.method}`).toBe(name);
          if (move.to === 'batch') {
            expect(move.calls).toBeGreaterThanOrEqual(minCalls);
            expect(seen.get(name)).toBeGreaterThan(minCalls);
            expect(move.meanMs).toBeGreaterThan(slowerThanMs);
            expect(move.meanMs).toBeLessThanOrEqual(mostTimes * slowerThanMs);
          } else expect(move.meanMs * 2).toBeLessThan(slowerThanMs);
        }
      }),
    );
  });

  it('no method moves while its calls lie between the thresholds', () => {
    const between = fc.array(fc.integer({ min: slowerThanMs / 2, max: slowerThanMs }), { maxLength: 300 });
    fc.assert(
      fc.property(between, fc.boolean(), (times, batchBefore) => {
        const { moves, take, beFast, isBatch } = room();
        beFast();
        if (batchBefore) take(30, 6000);
        const before = moves.length;
        for (const serviceMs of times) {
          take(1, serviceMs);
          beFast(3);
        }
        expect([moves.length - before, isBatch()]).toEqual([0, batchBefore]);
      }),
    );
  });
});
