import { describe, expect, it } from 'vitest';
import { factsOf } from '../../test/support/facts.ts';
import { callOf } from '../../test/support/odoo-call.ts';
import type { OdooCall } from '../core/facts.ts';
import { classifyWorkload, compileWorkload, needsSize, workloadSchema } from './workload.ts';

const locate = (path: readonly (string | number)[]) => `z.yaml:${path.join('.')}`;
const rulesOf = (section: object) => compileWorkload(workloadSchema.parse(section), locate);

const classify = (section: object, call: OdooCall) =>
  classifyWorkload(rulesOf(section), factsOf('/web/dataset/call_kw', { odoo: call }), false);

describe('without a word of the zone', () => {
  it.each<[string, string, Partial<OdooCall>, string, string]>([
    ['stock.picking', 'button_validate', { records: 1 }, 'interactive', 'default of the zone'],
    ['stock.picking', 'button_validate', { records: 5 }, 'interactive', 'default of the zone'],
    [
      'stock.picking',
      'button_validate',
      { records: 6 },
      'batch',
      'Odoo call stock.picking button_validate of 6 records',
    ],
    [
      'sale.order',
      'action_confirm',
      { records: 40 },
      'batch',
      'Odoo call sale.order action_confirm of 40 records',
    ],
    ['account.move', 'action_post', { records: 1 }, 'interactive', 'default of the zone'],
    ['sale.order', 'create', { records: 1 }, 'interactive', 'default of the zone'],
    ['sale.order', 'create', { records: 51 }, 'batch', 'Odoo call sale.order create of 51 records'],
    ['stock.move.line', 'write', { records: 3 }, 'interactive', 'default of the zone'],
    ['stock.picking', 'read', { records: 1000 }, 'batch', 'Odoo call stock.picking read of 1000 records'],
    ['stock.picking', 'web_search_read', { limit: 80 }, 'interactive', 'default of the zone'],
    ['stock.picking', 'search_read', { limit: 1000 }, 'interactive', 'default of the zone'],
    [
      'stock.picking',
      'search_read',
      { limit: 1001 },
      'batch',
      'Odoo call stock.picking search_read with limit 1001',
    ],
    ['stock.picking', 'search_read', {}, 'batch', 'Odoo call stock.picking search_read without a limit'],
    ['stock.picking', 'search_read', { sized: false }, 'interactive', 'default of the zone'],
    ['stock.picking', 'name_search', {}, 'interactive', 'default of the zone'],
    ['stock.picking', 'read_group', {}, 'batch', 'Odoo call stock.picking read_group'],
  ])('%s %s %j: %s', (model, method, size, workload, why) => {
    expect(classify({}, callOf(model, method, size))).toMatchObject({ workload, why });
  });

  it('a login is no call of a model that a * would mean', () => {
    const login = callOf('', 'authenticate', { service: 'common' });
    expect(classify({ odoo: [{ model: '*', methods: ['*'], class: 'batch' }] }, login)).toMatchObject({
      workload: 'interactive',
    });
  });

  it('a call that came and is not read is batch work', () => {
    expect(classifyWorkload(rulesOf({}), factsOf('/jsonrpc'), true)).toEqual({
      workload: 'batch',
      at: '',
      why: 'an Odoo call that is not read',
    });
  });
});

describe('a zone', () => {
  const zone = {
    odoo: [
      { model: 'stock.*', methods: ['button_validate'], recordsOver: 50, class: 'batch' },
      { model: 'stock.*', methods: ['button_validate'], class: 'interactive' },
      { model: 'res.partner', methods: ['search_read'], limitOver: 10, class: 'batch' },
    ],
  };

  it.each<[string, string, Partial<OdooCall>, string, string]>([
    ['stock.picking', 'button_validate', { records: 50 }, 'interactive', 'z.yaml:odoo.1'],
    ['stock.picking', 'button_validate', { records: 51 }, 'batch', 'z.yaml:odoo.0'],
    ['res.partner', 'search_read', { limit: 11 }, 'batch', 'z.yaml:odoo.2'],
    ['res.partner', 'search_read', { limit: 10 }, 'interactive', 'z.yaml:default'],
  ])('has bounds of its own: %s %s %j is %s', (model, method, size, workload, at) => {
    expect(classify(zone, callOf(model, method, size))).toMatchObject({ workload, at });
  });
});

describe('the size of a call is needed', () => {
  it.each<[string, object, string, string, boolean]>([
    ['where it decides', {}, 'stock.picking', 'search_read', true],
    ['not where no entry asks for it', {}, 'stock.picking', 'name_search', false],
    ['not where every entry says the same', { default: 'batch' }, 'stock.picking', 'search_read', false],
    [
      'not behind an entry that does not ask',
      { odoo: [{ model: 'stock.picking', methods: ['*'], class: 'interactive' }] },
      'stock.picking',
      'search_read',
      false,
    ],
    [
      'where the size makes a call interactive',
      { default: 'batch', odoo: [{ model: '*', methods: ['create'], recordsOver: 0, class: 'interactive' }] },
      'sale.order',
      'create',
      true,
    ],
    [
      'where an entry behind decides otherwise',
      {
        odoo: [
          { model: '*', methods: ['read'], recordsOver: 9, class: 'batch' },
          { model: '*', methods: ['read'], class: 'interactive' },
        ],
      },
      'sale.order',
      'read',
      true,
    ],
  ])('%s', (_title, section, model, method, needed) => {
    expect(needsSize(rulesOf(section), callOf(model, method, { sized: false }))).toBe(needed);
  });
});
