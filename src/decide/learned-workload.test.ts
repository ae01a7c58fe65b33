import { describe, expect, it } from 'vitest';
import { openScene, type Asked } from '../../test/support/decision-scene.ts';
import { manualClock } from '../core/clock.ts';
import type { Decided } from './decide.ts';
import { LearnedClasses } from './learned-classes.ts';
import { noteServiceTime } from './learned-workload.ts';

const zoneOf = (name: string, workload: string, more = ''): string =>
  `zone: ${name}
match: Host(\`${name}.example\`)
identify: none
pools: { interactive: people, batch: machines }
workload: ${workload}
${more}`;

const learning = 'learn: { slowerThan: 5s }';
const scene = openScene({
  learns: zoneOf('learns', `{ ${learning} }`),
  plain: zoneOf('plain', '{}'),
  rules: zoneOf(
    'rules',
    `{ ${learning}, header: x-workload, routes: [{ pathPrefix: /json/2/sale.order/, class: interactive }],
  odoo: [{ model: stock.picking, methods: [button_validate], class: interactive }] }`,
  ),
  tenants: `zone: tenants
match: Host(\`{tenant}.tenants.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: people, batch: machines }
workload: { ${learning} }
`,
});

const validate = '/json/2/stock.picking/button_validate';
const call = (zone: string, path = validate): string => `POST http://${zone}.example${path}`;

/** One more gateway that has learned nothing yet. */
function open() {
  const effects = { learned: new LearnedClasses({ clock: manualClock(), onMove: () => undefined }) };
  const send = (request: string, asked: Asked = {}): Decided => {
    const decided = scene.live(request, { ...asked, effects });
    if (decided instanceof Promise) throw new TypeError('"decide" had to wait');
    return decided;
  };
  return {
    effects,
    /** A request and what a worker took for it. */
    take(request: string, times: number, serviceMs: number, asked: Asked = {}): void {
      for (let i = 0; i < times; i++) {
        const { inquiry } = send(request, asked);
        if (inquiry.learns) noteServiceTime(inquiry, serviceMs);
      }
    },
    classOf(request: string, asked: Asked = {}) {
      const { decision } = send(request, asked);
      return [decision.workload, decision.workClass, decision.pool];
    },
    why(request: string) {
      const { trace } = scene.ask(request, { effects });
      return trace.find(({ stage }) => stage === 'workload');
    },
  };
}

describe('in a zone that learns', () => {
  it('a slow method is batch work, and the trace says by what', () => {
    const { take, classOf, why } = open();
    const slow = call('acme.tenants');
    take(call('acme.tenants', '/json/2/res.partner/read'), 200, 20, { body: {} });
    take(slow, 42, 7340, { body: { ids: [1] } });
    expect(classOf(slow)).toEqual(['batch', 'batch', 'machines']);
    expect(why(slow)).toEqual({
      stage: 'workload',
      outcome: 'batch',
      at: 'zones/tenants.yaml:6:20',
      note: 'calls of stock.picking/button_validate of acme took 7.3 s on average, 41 of them',
    });
    expect(classOf(call('initech.tenants'))).toEqual(['interactive', 'interactive', 'people']);
    expect(why(call('initech.tenants'))?.note).toBe('default of the zone');
  });

  it('the calls of a zone without tenants are learned together', () => {
    const { take, why } = open();
    take(call('learns', '/json/2/res.partner/fields_get'), 200, 20);
    take(call('learns'), 21, 9000);
    expect(why(call('learns'))?.note).toBe(
      'calls of stock.picking/button_validate took 9.0 s on average, 20 of them',
    );
  });

  it('the time of a call that is batch work counts on, so it comes back when it is mended', () => {
    const { take, classOf } = open();
    take(call('learns', '/json/2/res.partner/fields_get'), 200, 20);
    take(call('learns'), 21, 9000);
    take(call('learns'), 100, 300);
    expect(classOf(call('learns'))).toEqual(['interactive', 'interactive', 'people']);
  });

  it.each<[string, string, Asked]>([
    ['a method that the zone names', call('rules'), {}],
    ['a path that the zone names', call('rules', '/json/2/sale.order/action_confirm'), {}],
    [
      'a class that a trusted proxy names',
      call('rules', '/json/2/sale.report/slow'),
      { from: '10.0.0.1', headers: { 'x-workload': 'interactive' } },
    ],
    ['what is batch work as shipped', call('learns', '/json/2/stock.rule/run_scheduler'), {}],
    ['what is no call of a model', call('learns', '/web'), {}],
    ['a zone that does not learn', call('plain'), {}],
  ])('nothing is learned of %s', (_what, request, asked) => {
    const { effects, take, classOf } = open();
    const before = classOf(request, asked);
    take(call('learns', '/json/2/res.partner/fields_get'), 200, 20);
    take(request, 60, 9000, asked);
    expect(classOf(request, asked)).toEqual(before);
    expect(effects.learned.size).toBe(0);
  });

  it('a header of a client does not count', () => {
    const { take, classOf } = open();
    const slow = call('rules', '/json/2/sale.report/slow');
    const asked = { headers: { 'x-workload': 'interactive' } };
    take(call('rules', '/json/2/res.partner/fields_get'), 200, 20);
    take(slow, 21, 9000, asked);
    expect(classOf(slow, asked)).toEqual(['batch', 'batch', 'machines']);
  });
});

describe('explain', () => {
  it('says what it cannot know where a zone learns', () => {
    const noteOf = (request: string) =>
      scene.explain(request).trace.find(({ stage }) => stage === 'workload')?.note;
    expect([
      noteOf(call('acme.tenants')),
      noteOf(call('learns')),
      noteOf(call('learns', '/web')),
      noteOf(call('plain')),
      noteOf(call('rules')),
    ]).toEqual([
      'default of the zone, unless a gateway has learned that calls of stock.picking/button_validate of acme are slow',
      'default of the zone, unless a gateway has learned that calls of stock.picking/button_validate are slow',
      'default of the zone',
      'default of the zone',
      'Odoo call stock.picking button_validate',
    ]);
  });
});
