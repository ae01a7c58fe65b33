import { describe, expect, it } from 'vitest';
import type { OdooCall } from '../core/facts.ts';
import { afterwardsCost, compileCost, dearestCost, isPostPaid, kindCost, requestBytesCost } from './cost.ts';
import { CostEstimates } from './cost-estimates.ts';

const call = (model: string, method: string) => ({ service: 'object', model, method }) as OdooCall;

describe('kindCost', () => {
  const cost = compileCost({
    batch: 2,
    static: 0,
    odoo: [
      { model: 'sale.order', methods: ['create'], cost: 5 },
      { model: 'sale.*', methods: ['search_*'], cost: 3 },
      { model: '*', methods: ['unlink'], cost: 0 },
    ],
  });

  it.each<[string, Parameters<typeof kindCost>[1], OdooCall | undefined, number]>([
    ['a workload that nothing is written for', 'interactive', undefined, 1],
    ['a workload', 'batch', undefined, 2],
    ['nothing', 'static', undefined, 0],
    ['a call', 'batch', call('sale.order', 'create'), 5],
    ['a family of calls', 'interactive', call('sale.report', 'search_read'), 3],
    ['a call for nothing', 'batch', call('res.partner', 'unlink'), 0],
    ['the workload of a call that no entry names', 'batch', call('res.partner', 'create'), 2],
  ])('is that of %s', (_what, workload, odoo, tokens) => {
    expect(kindCost(cost, workload, odoo)).toBe(tokens);
  });

  it('is known for its dearest request', () => {
    expect(dearestCost(cost)).toBe(5);
    expect(dearestCost(compileCost({ batch: 9 }))).toBe(9);
  });
});

describe('the cost of size and time', () => {
  const cost = compileCost({ perRequestBytes: 1000, perResponseBytes: 2000, perSecond: 3 });
  const nothing = { requestBytes: 0, responseBytes: 0, durationMs: 0 };

  it.each([
    [0, 0],
    [1, 1],
    [1000, 1],
    [1001, 2],
  ])('of a body of %i bytes is a token for each started part', (bytes, tokens) => {
    expect(requestBytesCost(cost, bytes)).toBe(tokens);
  });

  it.each([
    [{ ...nothing }, 0],
    [{ ...nothing, responseBytes: 2001 }, 2],
    [{ ...nothing, durationMs: 1 }, 1],
    [{ ...nothing, durationMs: 1000 }, 3],
    [{ ...nothing, durationMs: 1001, responseBytes: 1 }, 5],
  ])('afterwards is for %j %i tokens', (usage, tokens) => {
    expect(afterwardsCost(cost, usage)).toBe(tokens);
  });

  it('is none where none is written', () => {
    const plain = compileCost({});
    expect(isPostPaid(plain)).toBe(false);
    expect(plain.varies).toBe(false);
    expect(requestBytesCost(plain, 1e9)).toBe(0);
    expect(afterwardsCost(plain, { requestBytes: 1, responseBytes: 1e9, durationMs: 1e9 })).toBe(0);
    expect(isPostPaid(cost)).toBe(true);
  });
});

describe('CostEstimates', () => {
  it('expect one token of what nobody knows, then what was seen, moving with what is seen later', () => {
    const estimates = new CostEstimates();
    const expected = () => estimates.expect('shop/rate', 'sale.order/create', 'batch');
    expect(expected()).toBe(1);
    estimates.learn('shop/rate', { route: 'sale.order/create', workload: 'batch', tokens: 10 });
    expect(expected()).toBe(10);
    for (let i = 0; i < 30; i++)
      estimates.learn('shop/rate', { route: 'sale.order/create', workload: 'batch', tokens: 2 });
    expect(expected()).toBe(2);
  });

  it('expect of an unknown route what its workload costs', () => {
    const estimates = new CostEstimates();
    estimates.learn('shop/rate', { route: 'sale.order/create', workload: 'batch', tokens: 7 });
    expect(estimates.expect('shop/rate', 'sale.order/read', 'batch')).toBe(7);
    expect(estimates.expect('shop/rate', 'sale.order/read', 'interactive')).toBe(1);
    expect(estimates.expect('other/rate', 'sale.order/create', 'batch')).toBe(1);
  });

  it('remember a bounded number of routes, however many callers think up', () => {
    const estimates = new CostEstimates();
    for (let i = 0; i < 3000; i++)
      estimates.learn('shop/rate', { route: `x/${i}`, workload: 'batch', tokens: 100 });
    estimates.learn('shop/rate', { route: 'x/2999', workload: 'batch', tokens: 5 });
    expect(estimates.expect('shop/rate', 'x/5', 'batch')).toBe(100);
    expect(estimates.expect('shop/rate', 'x/2999', 'batch')).toBeGreaterThan(50);
    expect(estimates.size).toBeLessThanOrEqual(1000);
  });
});
