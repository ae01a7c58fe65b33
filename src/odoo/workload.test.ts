import { describe, expect, it } from 'vitest';
import { factsOf } from '../../test/support/facts.ts';
import type { Facts } from '../core/facts.ts';
import type { ConfigPath } from '../core/issue.ts';
import { classifyWorkload, compileWorkload, workloadSchema } from './workload.ts';

const locate = (path: ConfigPath) => `zones/z.yaml:${['workload', ...path].join('.')}`;

function classify(section: object, path: string, changes: Partial<Facts> = {}) {
  const rules = compileWorkload(workloadSchema.parse(section), locate);
  return classifyWorkload(rules, factsOf(path, changes), false);
}

const byDefault = { at: 'zones/z.yaml:workload.default', why: 'default of the zone' };
const byProxy = { fromTrustedProxy: true, fields: ['x-workload', 'batch'] };

/** A zone that has a rule of each kind, each with a class that only it would give. */
const zone = {
  default: 'interactive',
  header: 'x-workload',
  routes: [
    { pathPrefix: '/shop/', class: 'batch' },
    { pathPrefix: '/shop/cart', class: 'interactive' },
    { pathPrefix: '/report/', class: 'interactive' },
  ],
  odoo: [
    { model: 'sale.order', methods: ['read_group', 'action_*'], class: 'interactive' },
    { model: 'sale.*', methods: ['*'], class: 'batch' },
    { model: '*', methods: ['read_group'], class: 'interactive' },
  ],
};

describe('the class of a request', () => {
  it.each([
    ['the default of the zone', zone, '/odoo', {}, { workload: 'interactive', ...byDefault }],
    ['the default, as written', { default: 'batch' }, '/odoo', {}, { workload: 'batch', ...byDefault }],
    ['interactive where no default is written', {}, '/', {}, { workload: 'interactive', ...byDefault }],
    [
      'the route of the zone',
      zone,
      '/shop/pallets',
      {},
      { workload: 'batch', at: 'zones/z.yaml:workload.routes.0', why: 'path begins with /shop/' },
    ],
    [
      'the longest route of the zone, whatever its place in the file',
      zone,
      '/shop/cart/update',
      {},
      { workload: 'interactive', at: 'zones/z.yaml:workload.routes.1', why: 'path begins with /shop/cart' },
    ],
    [
      'the route of the zone rather than a shipped one',
      zone,
      '/report/pdf/sale.report_saleorder/1',
      {},
      { workload: 'interactive', at: 'zones/z.yaml:workload.routes.2', why: 'path begins with /report/' },
    ],
    [
      'a shipped route',
      {},
      '/report/pdf/sale.report_saleorder/1',
      {},
      { workload: 'batch', at: '', why: 'route report' },
    ],
    [
      'the route of the zone rather than its Odoo calls',
      { ...zone, routes: [{ pathPrefix: '/json/2/', class: 'batch' }] },
      '/json/2/sale.order/read_group',
      {},
      { workload: 'batch', at: 'zones/z.yaml:workload.routes.0', why: 'path begins with /json/2/' },
    ],
    [
      'the first Odoo entry of the zone that covers the call',
      zone,
      '/json/2/sale.order/action_confirm',
      {},
      {
        workload: 'interactive',
        at: 'zones/z.yaml:workload.odoo.0',
        why: 'Odoo call sale.order action_confirm',
      },
    ],
    [
      'a later Odoo entry when the first one does not cover the method',
      zone,
      '/json/2/sale.order/read',
      {},
      { workload: 'batch', at: 'zones/z.yaml:workload.odoo.1', why: 'Odoo call sale.order read' },
    ],
    [
      'an Odoo entry of the zone rather than a shipped one',
      zone,
      '/json/2/res.partner/read_group',
      {},
      {
        workload: 'interactive',
        at: 'zones/z.yaml:workload.odoo.2',
        why: 'Odoo call res.partner read_group',
      },
    ],
    [
      'a shipped Odoo entry',
      {},
      '/json/2/res.partner/read_group',
      {},
      { workload: 'batch', at: '', why: 'Odoo call res.partner read_group' },
    ],
    [
      'what the header of a trusted proxy says',
      zone,
      '/odoo',
      byProxy,
      { workload: 'batch', at: 'zones/z.yaml:workload.header', why: 'header x-workload' },
    ],
    [
      'the header rather than the routes',
      zone,
      '/shop/pallets',
      { fromTrustedProxy: true, fields: ['x-workload', 'interactive'] },
      { workload: 'interactive', at: 'zones/z.yaml:workload.header', why: 'header x-workload' },
    ],
    [
      'static for a file, whatever the header says',
      zone,
      '/web/static/a.js',
      byProxy,
      { workload: 'static', at: '', why: 'static file' },
    ],
    [
      'websocket for a handshake, whatever the header says',
      zone,
      '/websocket',
      { ...byProxy, webSocket: true },
      { workload: 'websocket', at: '', why: 'WebSocket handshake on /websocket' },
    ],
  ] as const)('is %s', (_title, section, path, changes, verdict) => {
    expect(classify(section, path, changes)).toEqual(verdict);
  });
});

describe('the header that names the class does not count', () => {
  it.each([
    ['from a client', { fromTrustedProxy: false, fields: ['x-workload', 'batch'] }],
    ['with another name', { fromTrustedProxy: true, fields: ['x-work-load', 'batch'] }],
    ['with a word that is no class', { fromTrustedProxy: true, fields: ['x-workload', 'urgent'] }],
    ['with a class that it cannot give', { fromTrustedProxy: true, fields: ['x-workload', 'static'] }],
    ['in another letter case', { fromTrustedProxy: true, fields: ['x-workload', 'Batch'] }],
    ['when it is empty', { fromTrustedProxy: true, fields: ['x-workload', ''] }],
  ])('%s', (_title, changes) => {
    expect(classify(zone, '/odoo', changes)).toEqual({ workload: 'interactive', ...byDefault });
  });

  it('where the zone names none', () => {
    expect(classify({}, '/odoo', byProxy)).toEqual({ workload: 'interactive', ...byDefault });
  });
});

describe('static is', () => {
  it.each([
    ['/web/static/src/main.js', true],
    ['/stock_barcode/static/img/a.png', true],
    ['/x2/static/a', true],
    ['/web/assets/1a2b3c/web.assets_backend.min.js', true],
    ['/web/static/', false],
    ['/web/static', false],
    ['/web/assets', false],
    ['/static/a.js', false],
    ['/web/Static/a.js', false],
    ['/web/statics/a.js', false],
    ['/Web/static/a.js', false],
    ['/we-b/static/a.js', false],
    ['/we.b/static/a.js', false],
    ['/we%20b/static/a.js', false],
    ['/%C3%A9/static/a.js', false],
    ['/web/x/static/a.js', false],
    ['/', false],
    ['', false],
  ])('%s: %s', (path, isStatic) => {
    expect(classify({ default: 'batch' }, path)).toEqual(
      isStatic ? { workload: 'static', at: '', why: 'static file' } : { workload: 'batch', ...byDefault },
    );
  });
});

describe('workloadSchema', () => {
  it.each([
    [
      { default: 'static' },
      '"static" is not one of interactive, batch.\nThe request would have no pool to go to.\nWrite one of interactive, batch.',
    ],
    [
      { routes: [{ pathPrefix: 'shop', class: 'batch' }] },
      '"shop" is not a path.\nIt would match no request.\nWrite a path that begins with /, such as /report/.',
    ],
    [
      { header: 'X-Workload' },
      '"X-Workload" is not a header name.\nIt would match no request.\nWrite a lower-case header name such as x-workload.',
    ],
    [
      { header: 'x_workload' },
      '"x_workload" is not a header name.\nIt would match no request.\nWrite a lower-case header name such as x-workload.',
    ],
  ])('refuses %j', (section, message) => {
    expect(workloadSchema.safeParse(section).error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});
