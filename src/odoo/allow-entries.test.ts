import { describe, expect, it } from 'vitest';
import { factsOf } from '../../test/support/facts.ts';
import { callOf } from '../../test/support/odoo-call.ts';
import type { OdooCall } from '../core/facts.ts';
import type { ConfigPath } from '../core/issue.ts';
import type { Tenant } from '../core/tenant.ts';
import { compileOdooAllow, judgeOdooCall } from './allow.ts';
import { odooAllowSchema } from './allow-options.ts';
import { readOnlyMethods } from './read-only-methods.ts';

const locate = (path: ConfigPath) => `z.yaml:${path.join('.')}`;
const compile = (entries: object[]) => compileOdooAllow(odooAllowSchema.parse(entries), locate);

const list = compile([
  { model: ['stock.picking', 'stock.move.*'], profile: 'read-only' },
  { model: 'stock.picking', methods: ['button_validate'], scopes: ['wms', 'wms.write'] },
  { model: 'sale.order', methods: ['create'], tenants: ['acme'] },
  { model: 'sale.order', methods: ['create', 'write'], tiers: ['dedicated'] },
  { model: 'res.partner', profile: 'read-only', methods: ['message_post'] },
]);

const acme: Tenant = { id: 'acme', tier: 'shared', database: 'acme_db' };
const globex: Tenant = { id: 'globex', tier: 'dedicated', database: 'globex_db' };
const withScopes = (...scopes: string[]) =>
  ({ kind: 'jwt', subject: 's', issuer: 'i', scopes, tenant: undefined }) as const;

function judge(model: string, method: string, caller: { scopes?: string[]; tenant?: Tenant } = {}) {
  return judgeOdooCall(list, factsOf(`/json/2/${model}/${method}`), {
    principal: caller.scopes === undefined ? undefined : withScopes(...caller.scopes),
    tenant: caller.tenant,
  });
}

const allowedBy = (entry: number) => ({ allowed: true, at: `z.yaml:${entry}` });
const refusedAt = (at: string, detail?: string) => ({
  allowed: false,
  reason: 'odoo_method_not_allowed',
  at: `z.yaml:${at}`,
  ...(detail !== undefined && { detail }),
});

describe('an entry', () => {
  it('names several models', () => {
    expect(judge('stock.move.line', 'read')).toEqual(allowedBy(0));
    expect(judge('stock.quant', 'read')).toEqual(refusedAt(''));
  });

  it('with the profile read-only allows what it lists and nothing that writes', () => {
    for (const method of readOnlyMethods) expect(judge('stock.picking', method)).toEqual(allowedBy(0));
    for (const method of [
      'write',
      'create',
      'unlink',
      'web_save',
      'onchange',
      'action_assign',
      'copy',
      'load',
    ])
      expect(judge('stock.picking', method)).toEqual(refusedAt(''));
  });

  it('may have methods beside a profile', () => {
    expect(judge('res.partner', 'message_post')).toEqual(allowedBy(4));
    expect(judge('res.partner', 'search_read')).toEqual(allowedBy(4));
  });

  it('for scopes needs all of them, and says which is missing', () => {
    const validate = (scopes: string[]) => judge('stock.picking', 'button_validate', { scopes });
    expect(validate(['wms', 'wms.write'])).toEqual(allowedBy(1));
    expect(validate(['wms'])).toEqual(refusedAt('1', 'The scope wms.write is required for this call.'));
    expect(judge('stock.picking', 'button_validate')).toEqual(
      refusedAt('1', 'The scope wms is required for this call.'),
    );
  });

  it('for tenants or tiers is for nobody else, and the next one may be', () => {
    expect(judge('sale.order', 'create', { tenant: acme })).toEqual(allowedBy(2));
    expect(judge('sale.order', 'create', { tenant: globex })).toEqual(allowedBy(3));
    expect(judge('sale.order', 'write', { tenant: acme })).toEqual(refusedAt('3'));
    expect(judge('sale.order', 'create')).toEqual(refusedAt('2'));
  });
});

describe('a call of a service', () => {
  const ofService = (service: OdooCall['service'], method: string) => {
    const odoo = callOf('', method, { protocol: 'json-rpc', service });
    return judgeOdooCall(compile([{ model: '*', methods: ['*'] }]), factsOf('/jsonrpc', { odoo }), {
      principal: undefined,
      tenant: undefined,
    });
  };

  it.each(['version', 'about', 'login', 'authenticate'])(
    'common %s passes: it is how a caller begins',
    (method) => {
      expect(ofService('common', method)).toEqual({ allowed: true, at: 'z.yaml:' });
    },
  );

  it('common of another method does not, * or not', () => {
    expect(ofService('common', 'set_loglevel')).toEqual(refusedAt(''));
  });
});

describe('the section allow.odoo', () => {
  it.each<[unknown, string]>([
    [
      [{ model: 'sale.order' }],
      'The entry names neither methods nor a profile.\nIt would allow no call at all.\nWrite methods: [read, search_read], or profile: read-only.',
    ],
    [
      [{ model: 'sale.order', profile: 'readonly' }],
      '"readonly" is not one of read-only.\nIt would be unknown which methods are meant.\nWrite one of read-only.',
    ],
    [
      [{ model: [], methods: ['read'] }],
      '"[]" is not a list with at least one entry.\nNo call could ever match it.\nWrite at least one, or leave the key out.',
    ],
    [
      [{ model: 'sale.order', methods: [] }],
      '"[]" is not a list with at least one entry.\nNo call could ever match it.\nWrite at least one, or leave the key out.',
    ],
    [
      [{ model: 7, methods: ['read'] }],
      '"7" is not an Odoo model or a list of them.\nIt would match no call, or more than meant.\nWrite a model such as stock.picking, a family such as stock.*, * for all, or a list of these.',
    ],
    [
      [{ model: 'sale.order', methods: ['read'], tiers: ['gold'] }],
      '"gold" is not one of shared, semi-isolated, dedicated.\nNo tenant could match it.\nWrite one of shared, semi-isolated, dedicated.',
    ],
    [
      [{ model: 'sale.order', methods: ['read'], scopes: [''] }],
      '"" is not a scope.\nThe gateway would not know what to apply.\nWrite the name of a scope, such as edi.write.',
    ],
  ])('refuses %j', (section, message) => {
    const parsed = odooAllowSchema.safeParse(section);
    expect(parsed.error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});
