import { describe, expect, it } from 'vitest';
import { openScene, type Asked } from '../../test/support/decision-scene.ts';
import { CostEstimates } from '../limits/cost-estimates.ts';
import type { Decided } from './decide.ts';

const zone = (limits: string) => `zone: shop
match: Host(\`{tenant}.shop.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: people, batch: machines }
limits:
${limits}
`;
const read = 'POST https://acme.shop.example/json/2/stock.picking/read';
const create = 'POST https://acme.shop.example/json/2/sale.order/create';
const rate = (cost: string) => `  - { name: rate, key: tenant, rate: 10/h, burst: 10, cost: ${cost} }`;
const nothing = { requestBytes: 0, responseBytes: 0, durationMs: 0 };

function sceneOf(limits: string) {
  const scene = openScene({ shop: zone(limits) });
  const effects = { estimates: new CostEstimates() };
  const decide = (request: string, asked: Asked = {}): Decided => {
    const decided = scene.live(request, { ...asked, effects });
    if (decided instanceof Promise) throw new TypeError('"decide" had to wait');
    return decided;
  };
  const left = () => scene.explain(read).limits[0]?.remaining;
  return { scene, decide, left };
}

describe('what is reserved for a request', () => {
  it('is the cost of its Odoo method where the limit names one', () => {
    const { scene } = sceneOf(rate('{ batch: 2, odoo: [{ model: sale.*, methods: [create], cost: 5 }] }'));
    expect(scene.ask(create).limits).toMatchObject([{ cost: 5, remaining: 5 }]);
    expect(scene.ask(read).limits).toMatchObject([{ cost: 1, remaining: 4 }]);
  });

  it('is a token more for each started part of a declared body', () => {
    const { scene } = sceneOf(rate('{ perRequestBytes: 64KiB }'));
    const of = (bytes: number) =>
      scene.explain(read, { headers: { 'content-length': `${bytes}` } }).limits[0]?.cost;
    expect([of(0), of(1), of(65_536), of(65_537)]).toEqual([1, 2, 2, 3]);
    expect(scene.explain(read).limits[0]?.cost).toBe(1);
  });

  it('is a full budget at most, and what it cost beyond that is owed', () => {
    const { decide, left, scene } = sceneOf(rate('{ perRequestBytes: 1KiB }'));
    const { inquiry } = decide(read, { headers: { 'content-length': '15360' } });
    expect(inquiry.limits).toMatchObject([{ cost: 10, admitted: true, remaining: 0 }]);
    inquiry.settlement?.end({ ...nothing, requestBytes: 15_360 });
    // 16 tokens: 6 are owed, so the first one is there after seven tokens' time.
    scene.clock.advance(7 * 360_000 - 1);
    expect(left()).toBe(0);
    scene.clock.advance(1);
    expect(left()).toBe(1);
  });

  it('is for what is paid afterwards an estimate, which follows what was paid', () => {
    const { decide, left } = sceneOf(rate('{ perSecond: 1 }'));
    const { inquiry } = decide(read);
    expect(inquiry.limits).toMatchObject([{ cost: 2 }]);
    inquiry.settlement?.end({ ...nothing, durationMs: 3500 });
    expect(left()).toBe(5);
    const second = decide(read).inquiry;
    expect(second.limits).toMatchObject([{ cost: 5, remaining: 0 }]);
    second.settlement?.end({ ...nothing, durationMs: 900 });
    expect(left()).toBe(3);
  });
});

describe('the end of a request', () => {
  it('pays for the answer by its bytes', () => {
    const { decide, left } = sceneOf(rate('{ interactive: 0, perResponseBytes: 1KiB }'));
    decide(read).inquiry.settlement?.end({ ...nothing, responseBytes: 2049 });
    expect(left()).toBe(7);
  });

  it('pays for a body whose length was not declared', () => {
    const { decide, left } = sceneOf(rate('{ perRequestBytes: 1KiB }'));
    const { inquiry } = decide(read, { headers: { 'transfer-encoding': 'chunked' } });
    expect(inquiry.limits).toMatchObject([{ cost: 1 }]);
    inquiry.settlement?.end({ ...nothing, requestBytes: 3000 });
    expect(left()).toBe(6);
  });

  it('gives the estimate back for a request that came to nothing', () => {
    const { decide, left } = sceneOf(rate('{ perSecond: 5 }'));
    decide(read).inquiry.settlement?.end(nothing);
    expect(left()).toBe(9);
  });

  it('gives slots back once, however often it is told', () => {
    const { decide, left } = sceneOf('  - { name: parallel, key: tenant, inFlight: 3 }');
    const { settlement } = decide(read).inquiry;
    decide(read);
    settlement?.end(nothing);
    settlement?.end(nothing);
    expect(left()).toBe(2);
  });

  it('has nothing to settle where every cost is known before, and for a request that was refused', () => {
    const { decide } = sceneOf(rate('{ interactive: 6, batch: 2 }'));
    expect(decide(read).inquiry.settlement).toBeUndefined();
    const slots = sceneOf('  - { name: parallel, key: tenant, inFlight: 1 }');
    expect(slots.decide(read).inquiry.settlement).toBeDefined();
    const refused = slots.decide(read);
    expect(refused.decision.decision).toBe('refuse');
    expect(refused.inquiry.settlement).toBeUndefined();
  });

  it('leaves shadow slots alone that were not taken', () => {
    const { decide, left } = sceneOf('  - { name: parallel, key: tenant, inFlight: 1, shadow: true }');
    decide(read);
    decide(read).inquiry.settlement?.end(nothing);
    expect(left()).toBe(0);
  });

  it('comes for a fault after the limits, too', () => {
    const { scene, decide, left } = sceneOf('  - { name: parallel, key: tenant, inFlight: 1 }');
    const pools = scene.snapshot.zonesByName.get('shop')!.pools;
    const choice = pools.interactive;
    let looks = 0;
    Object.defineProperty(pools, 'interactive', { get: () => (++looks === 2 ? undefined : choice) });
    expect(() => decide(read)).toThrow('is served by no pool');
    expect(left()).toBe(1);
  });
});

describe('with ForwardAuth', () => {
  it('a limit on requests in progress is not charged, and says so', () => {
    const { scene } = sceneOf(
      '  - { name: parallel, key: tenant, inFlight: 1 }\n  - { name: slow, key: tenant, rate: 10/h, cost: { perSecond: 1 } }',
    );
    const decision = scene.ask(read, { head: { forwardedByPeer: true } });
    expect(decision.limits.map(({ name, cost }) => [name, cost])).toEqual([['slow', 1]]);
    expect(decision.trace.filter(({ stage }) => stage === 'limit')).toEqual([
      {
        stage: 'limit',
        outcome: 'not counted',
        at: 'zones/shop.yaml:7:5',
        note: 'parallel counts requests in progress, and ForwardAuth does not see where a request ends',
      },
      {
        stage: 'limit',
        outcome: 'counted in part',
        at: 'zones/shop.yaml:8:5',
        note: 'slow counts time or bytes of the answer, and ForwardAuth does not see where a request ends',
      },
      {
        stage: 'limit',
        outcome: 'admits',
        at: 'zones/shop.yaml:8:5',
        note: 'slow of acme: costs 1, 9 left',
      },
    ]);
  });
});
