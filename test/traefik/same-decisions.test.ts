import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithTool } from '../system/require-tool.ts';
import { type BehindTraefik, modes, startBehindTraefik } from './start-behind-traefik.ts';
import type { TlsRequest } from './tls-exchange.ts';

/** What a decision says; a log line of either surface has these. */
const parts = ['zone', 'tenant', 'principal', 'issuer', 'workload', 'pool', 'reason', 'odoo', 'client'];

interface Case {
  request: TlsRequest;
  /** Whose token it carries. */
  as?: string;
}

const partner = (path: string, host = 'acme.partner.erp.example'): TlsRequest => ({
  method: 'POST',
  target: `/json/2/${path}`,
  headers: { Host: host, 'Content-Type': 'application/json' },
  body: '{}',
});
const page = (host: string, target: string, headers: Record<string, string> = {}): TlsRequest => ({
  target,
  headers: { Host: host, ...headers },
});
const handshake = {
  Connection: 'close, Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** Each line: what is sent, and what the decision must be on both surfaces. Reports and sockets stand for batch and gevent. */
const cases: [name: string, Case, Record<string, unknown>][] = [
  [
    'a portal page',
    { request: page('acme.api.erp.example', '/my/orders') },
    { zone: 'public', tenant: 'acme', workload: 'interactive', pool: 'odoo-interactive' },
  ],
  [
    'a portal PDF',
    { request: page('nordfracht.api.erp.example', '/my/picking/pdf/17') },
    { zone: 'public', tenant: 'nordfracht', workload: 'batch', pool: 'odoo-batch' },
  ],
  [
    'a static file',
    { request: page('acme.api.erp.example', '/web/static/x.css') },
    { zone: 'public', tenant: 'acme', workload: 'static', pool: 'odoo-interactive' },
  ],
  [
    'the back office in the public zone',
    { request: page('acme.api.erp.example', '/odoo') },
    { reason: 'no_zone' },
  ],
  [
    'a host of no tenant',
    { request: page('nobody.api.erp.example', '/my/orders') },
    { zone: 'public', reason: 'tenant_unknown' },
  ],
  [
    'staff',
    { request: page('acme.erp.example', '/odoo/action-17?view=list') },
    { zone: 'employee', tenant: 'acme', workload: 'interactive', pool: 'odoo-interactive' },
  ],
  [
    'staff of a host of its own',
    { request: page('ERP.globex.example:443', '/odoo') },
    { zone: 'employee', tenant: 'globex', workload: 'interactive', pool: 'odoo-interactive' },
  ],
  [
    'an export',
    { request: { ...page('acme.erp.example', '/web/export/csv'), method: 'POST', body: 'data=1' } },
    { zone: 'employee', tenant: 'acme', workload: 'batch', pool: 'odoo-batch' },
  ],
  [
    'a WebSocket of another origin',
    { request: page('acme.erp.example', '/websocket', { ...handshake, Origin: 'https://evil.example' }) },
    { zone: 'employee', tenant: 'acme', reason: 'origin_not_allowed' },
  ],
  [
    'a WebSocket where there is no pool for it',
    {
      request: page('admin.erp.example', '/websocket', { ...handshake, Origin: 'https://admin.erp.example' }),
      as: 'admin',
    },
    {
      zone: 'admin',
      principal: 'admin',
      issuer: 'keycloak',
      workload: 'websocket',
      reason: 'workload_not_served',
    },
  ],
  [
    'a warehouse scan',
    { request: partner('stock.picking/button_validate'), as: 'edi-acme' },
    {
      zone: 'partner',
      tenant: 'acme',
      principal: 'edi-acme',
      issuer: 'keycloak',
      workload: 'interactive',
      pool: 'odoo-interactive',
      odoo: 'stock.picking/button_validate',
    },
  ],
  [
    'a partner that searches',
    {
      request: partner('sale.order/search_read', 'nordfracht.partner.erp.example'),
      as: 'edi-nordfracht',
    },
    {
      zone: 'partner',
      tenant: 'nordfracht',
      principal: 'edi-nordfracht',
      issuer: 'keycloak',
      workload: 'batch',
      pool: 'odoo-batch',
      odoo: 'sale.order/search_read',
    },
  ],
  [
    'a partner without a token',
    { request: partner('sale.order/search_read') },
    { zone: 'partner', reason: 'credentials_missing', odoo: 'sale.order/search_read' },
  ],
  [
    'a partner with the token of another tenant',
    { request: partner('sale.order/search_read'), as: 'edi-nordfracht' },
    {
      zone: 'partner',
      principal: 'edi-nordfracht',
      issuer: 'keycloak',
      reason: 'tenant_mismatch',
      odoo: 'sale.order/search_read',
    },
  ],
  [
    'a partner without the scope',
    { request: partner('sale.order/search_read'), as: 'reader-acme' },
    {
      zone: 'partner',
      tenant: 'acme',
      principal: 'reader-acme',
      issuer: 'keycloak',
      reason: 'scope_missing',
      odoo: 'sale.order/search_read',
    },
  ],
  [
    'a partner that reads users',
    { request: partner('res.users/read'), as: 'edi-acme' },
    {
      zone: 'partner',
      tenant: 'acme',
      principal: 'edi-acme',
      issuer: 'keycloak',
      reason: 'odoo_method_not_allowed',
      odoo: 'res.users/read',
    },
  ],
  [
    'an administrator',
    { request: page('admin.erp.example', '/web/database/manager'), as: 'admin' },
    {
      zone: 'admin',
      principal: 'admin',
      issuer: 'keycloak',
      workload: 'interactive',
      pool: 'odoo-interactive',
    },
  ],
];

describeWithTool('traefik', 'inline and ForwardAuth decide alike', (binary) => {
  let stacks: BehindTraefik[] = [];
  beforeAll(async () => {
    stacks = await Promise.all(modes.map((mode) => startBehindTraefik(binary, { mode })));
  }, 30_000);
  afterAll(() => Promise.all(stacks.map((stack) => stack.stop())));

  it.each(cases)('%s', async (_, { request, as }, expected) => {
    for (const stack of stacks) {
      const headers =
        as === undefined
          ? request.headers
          : { ...request.headers, Authorization: `Bearer ${await stack.identity.tokenFor(as)}` };
      const tls = { localAddress: '127.0.0.9' };
      const { line } = await stack.sendLogged({ ...request, headers, tls });
      expect(pick(line)).toEqual({ ...expected, client: '127.0.0.9' });
    }
  });

  it('a client has one budget however its requests come, and is refused at the same one', async () => {
    const crawl = async (stack: BehindTraefik): Promise<number[]> => {
      const statuses: number[] = [];
      for (let i = 0; i < 25; i++) {
        const { line } = await stack.sendLogged({
          ...page('acme.api.erp.example', '/shop/pallets'),
          tls: { localAddress: '127.0.0.77' },
        });
        statuses.push(Number(line['status']));
      }
      return statuses;
    };
    for (const stack of stacks) {
      const statuses = await crawl(stack);
      // A burst of 20; while the 25 are sent some tokens come back, 5 a second.
      expect(statuses.slice(0, 20)).not.toContain(429);
      expect(statuses.slice(20)).toContain(429);
    }
  });
});

function pick(line: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    parts.filter((part) => line[part] !== undefined).map((part) => [part, line[part]]),
  );
}
