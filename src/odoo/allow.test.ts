import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factsOf } from '../../test/support/facts.ts';
import type { ConfigPath } from '../core/issue.ts';
import { compileOdooAllow, judgeOdooCall } from './allow.ts';
import { odooAllowSchema } from './allow-options.ts';

const locate = (path: ConfigPath) => `zones/partner.yaml:${['allow', 'odoo', ...path].join('.')}`;

const list = compileOdooAllow(
  odooAllowSchema.parse([
    { model: 'stock.picking', methods: ['read', 'search_read', 'action_*'] },
    { model: 'stock.*', methods: ['read'] },
    { model: 'sale.order', methods: ['*'] },
    { model: '*', methods: ['fields_get'] },
  ]),
  locate,
);

const nobody = { principal: undefined, tenant: undefined };

function judge(path: string) {
  return judgeOdooCall(list, factsOf(path), nobody);
}

describe('compileOdooAllow', () => {
  it('keeps each entry with the line it stands in', () => {
    expect(compileOdooAllow([{ model: 'sale.order', methods: ['read'] }], locate)).toEqual({
      entries: [
        {
          models: ['sale.order'],
          methods: ['read'],
          scopes: [],
          tenants: undefined,
          tiers: undefined,
          at: 'zones/partner.yaml:allow.odoo.0',
        },
      ],
      at: 'zones/partner.yaml:allow.odoo',
    });
  });
});

describe('odooAllowSchema', () => {
  it.each([[[]], [[{ model: 'sale.order', methods: [] }]], [[{ model: 'sale.order' }]], ['*'], [['*']]])(
    'refuses %j, which would allow nothing or everything',
    (section) => {
      expect(odooAllowSchema.safeParse(section).success).toBe(false);
    },
  );
});

describe('an Odoo call is allowed by the first entry that covers it', () => {
  it.each([
    ['stock.picking', 'read', 0],
    ['stock.picking', 'search_read', 0],
    ['stock.picking', 'action_assign', 0],
    ['stock.quant', 'read', 1],
    ['stock.picking.type', 'read', 1],
    ['sale.order', 'unlink', 2],
    ['stock.picking', 'fields_get', 3],
    ['res.users', 'fields_get', 3],
  ])('%s %s: entry %i', (model, method, entry) => {
    const verdict = { allowed: true, at: `zones/partner.yaml:allow.odoo.${entry}` };
    expect(judge(`/json/2/${model}/${method}`)).toEqual(verdict);
    expect(judge(`/json/2/${model}/${method}/`)).toEqual(verdict);
  });
});

describe('an Odoo call that no entry covers is refused at the list', () => {
  it.each([
    ['stock.picking', 'write'],
    ['stock.picking', 'Read'],
    ['stock.picking', 'readx'],
    ['stock.picking', 'action'],
    ['Stock.picking', 'read'],
    ['stock', 'read'],
    ['sale.order.line', 'read'],
    ['res.users', 'write'],
    ['sale.orde', 'read'],
  ])('%s %s', (model, method) => {
    expect(judge(`/json/2/${model}/${method}`)).toEqual({
      allowed: false,
      reason: 'odoo_method_not_allowed',
      at: 'zones/partner.yaml:allow.odoo',
    });
  });
});

// What is named in the body could be anything: an entry for stock.picking would have let res.users be read.
describe('a call that only its body tells is refused unread', () => {
  it.each([
    '/jsonrpc',
    '/jsonrpc/',
    '/xmlrpc/2/object',
    '/xmlrpc/object',
    '/xmlrpc/db',
    '/web/dataset/call_kw',
    '/web/dataset/call_kw/stock.picking/read',
    '/web/dataset/call_button/stock.picking/action_assign',
    '/web/action/run',
    '/web/export/csv',
    '/json/1/stock.picking',
    '/json/2',
    '/json/2/',
    '/json/2/stock.picking',
    '/json/2/stock.picking/',
    '/json/2/stock.picking/read/1',
    '/json/2/stock.picking/re%20ad',
    // Odoo takes a website language off the path before it looks for the route.
    '/de/jsonrpc',
    '/pt_BR/xmlrpc/2/object',
    '/de/json/2/stock.picking/read',
    '/de/web/dataset/call_kw/stock.picking/read',
  ])('%s', (path) => {
    expect(judge(path)).toEqual({
      allowed: false,
      reason: 'odoo_call_unreadable',
      at: 'zones/partner.yaml:allow.odoo',
    });
  });
});

describe('what is no Odoo call is left to the rule of the zone', () => {
  it.each([
    '/',
    '/odoo',
    '/my/orders/17',
    '/json',
    '/jsonrpcs',
    '/web/login',
    '/jsonrp',
    '/web/datasets',
    '/de/my/orders',
  ])('%s', (path) => {
    expect(judge(path)).toEqual({ allowed: true, at: 'zones/partner.yaml:allow.odoo' });
  });
});

describe('an allow-list without wildcards', () => {
  const names = ['res.users', 'res.partner', 'stock.picking', 'stock.picking.type', 'stock'] as const;
  const methods = ['read', 'write', 'rea', 'read_group', 'unlink'] as const;

  it('allows exactly the pairs that it lists', () => {
    const entry = fc.record({
      model: fc.constantFrom(...names),
      methods: fc.uniqueArray(fc.constantFrom(...methods), { minLength: 1 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), (entries) => {
        const plain = compileOdooAllow(odooAllowSchema.parse(entries), locate);
        for (const model of names) {
          for (const method of methods) {
            const { allowed } = judgeOdooCall(plain, factsOf(`/json/2/${model}/${method}`), nobody);
            expect(allowed, `${model} ${method}`).toBe(
              entries.some((listed) => listed.model === model && listed.methods.includes(method)),
            );
          }
        }
      }),
    );
  });
});
