import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainClaim } from '../../test/pools/pool-options.ts';
import { Flow, type Lane } from './flow.ts';
import { isEarlier, LaneHeap } from './lane-heap.ts';
import { LengthOrder } from './length-order.ts';

const somebody = { ...plainClaim(), onSeat() {}, onRefused() {} };

function laneOf(virtualMs: number, busy = 0): Lane {
  const flow = new Flow('interactive', 'acme');
  flow.virtualMs = virtualMs;
  flow.busy = busy;
  flow.ordinary.push(somebody, { arrivedMs: 0, estimateMs: 200, place: 0 });
  return flow.ordinary;
}

describe('LaneHeap', () => {
  it('has the earliest lane first, whatever is added, charged and removed', () => {
    const step = fc.record({
      which: fc.nat(30),
      virtualMs: fc.integer({ min: 0, max: 20 }),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 3 }), (steps, maxBusy) => {
        const lanes = Array.from({ length: 30 }, (_, i) => laneOf(0, i % 4));
        const heap = new LaneHeap();
        const inside = new Set<Lane>();
        for (const { which, virtualMs, remove } of steps) {
          const lane = lanes[which % lanes.length]!;
          lane.flow.virtualMs = virtualMs;
          if (remove) {
            heap.update(lane);
            heap.remove(lane);
            inside.delete(lane);
          } else {
            heap.update(lane);
            inside.add(lane);
          }
          const least = Math.min(...[...inside].map((one) => one.flow.virtualMs));
          expect(heap.first?.flow.virtualMs ?? Infinity).toBe(least);
          const below = [...inside].filter((one) => one.flow.busy < maxBusy);
          const leastBelow = Math.min(...below.map((one) => one.flow.virtualMs));
          expect(heap.firstBelow(maxBusy)?.flow.virtualMs ?? Infinity).toBe(leastBelow);
          expect(heap.size).toBe(inside.size);
        }
      }),
    );
  });

  it('does nothing for a lane that it does not hold', () => {
    const heap = new LaneHeap();
    const lane = laneOf(1);
    heap.update(lane);
    heap.remove(laneOf(0));
    expect([heap.size, heap.first]).toEqual([1, lane]);
  });

  it('lets of two that were charged alike the one go first that waits longer', () => {
    const early = new Flow('interactive', 'a').ordinary;
    const late = new Flow('interactive', 'b').ordinary;
    early.push(somebody, { arrivedMs: 1, estimateMs: 200, place: 0 });
    late.push(somebody, { arrivedMs: 2, estimateMs: 200, place: 0 });
    expect([isEarlier(early, late), isEarlier(late, early)]).toEqual([true, false]);
  });
});

describe('Flow', () => {
  it('knows who came first and last over both lanes', () => {
    const flow = new Flow('batch', 'acme');
    expect([flow.oldest, flow.newest, flow.length]).toEqual([undefined, undefined, 0]);
    const report = flow.reports.push(somebody, { arrivedMs: 1, estimateMs: 200, place: 0 });
    const first = flow.ordinary.push(somebody, { arrivedMs: 2, estimateMs: 200, place: 0 });
    const second = flow.ordinary.push(somebody, { arrivedMs: 3, estimateMs: 200, place: 0 });
    expect([flow.oldest, flow.newest, flow.length]).toEqual([report, second, 3]);
    flow.reports.remove(report);
    flow.ordinary.remove(first);
    expect([flow.oldest, flow.newest, flow.length]).toEqual([second, second, 1]);
    flow.ordinary.remove(second);
    expect([flow.oldest, flow.newest, flow.length]).toEqual([undefined, undefined, 0]);
  });
});

describe('LengthOrder', () => {
  it('knows a longest flow, whatever comes and goes', () => {
    const step = fc.record({ which: fc.nat(9), leave: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const order = new LengthOrder();
        const flows = Array.from({ length: 10 }, (_, i) => new Flow('batch', `t${i}`));
        for (const { which, leave } of steps) {
          const flow = flows[which]!;
          if (leave && flow.length === 0) continue;
          const was = flow.length;
          flow.length += leave ? -1 : 1;
          order.move(flow, was);
          const longest = Math.max(...flows.map(({ length }) => length));
          expect(order.longest?.length ?? 0).toBe(longest);
        }
      }),
    );
  });
});
