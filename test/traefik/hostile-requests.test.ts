import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithTool } from '../system/require-tool.ts';
import { type BehindTraefik, fieldsOf, modes, startBehindTraefik, valuesOf } from './start-behind-traefik.ts';
import { cleanNothing } from './weaken.ts';

/** Spellings of the database manager, with the answers of the deployed Traefik and of one that lets everything through. */
const spellings: [name: string, target: string, deployed: number, careless: number][] = [
  ['as it is', '/web/database/manager', 404, 404],
  ['a slash at the end', '/web/database/manager/', 404, 404],
  ['two slashes in front', '//web/database/manager', 404, 400],
  ['three slashes in front', '///web/database/manager', 404, 400],
  ['two slashes within', '/web//database/manager', 404, 400],
  ['an encoded letter', '/web/%64atabase/manager', 404, 404],
  ['all letters encoded', '/%77%65%62/%64%61tabase/manager', 404, 404],
  ['an encoded slash', '/web%2Fdatabase%2Fmanager', 400, 400],
  ['an encoded slash in lower case', '/web%2fdatabase%2fmanager', 400, 400],
  ['a slash encoded twice', '/web%252Fdatabase%252Fmanager', 400, 400],
  ['a letter encoded twice', '/web/%2564atabase/manager', 400, 400],
  ['an encoded backslash', '/web%5Cdatabase%5Cmanager', 400, 400],
  ['a backslash', '/web\\database\\manager', 400, 400],
  ['a dot segment', '/web/./database/manager', 404, 400],
  ['a way up', '/odoo/../web/database/manager', 404, 400],
  ['an encoded way up', '/odoo/%2e%2e/web/database/manager', 404, 400],
  ['a half encoded way up', '/odoo/.%2e/web/database/manager', 404, 400],
  ['a way up behind an encoded slash', '/odoo/..%2Fweb/database/manager', 400, 400],
  ['an encoded NUL', '/web/database/manager%00', 400, 400],
  ['a path parameter', '/web;x/../web/database/manager', 404, 400],
  ['a path parameter within', '/web/database;x/manager', 400, 400],
  ['behind a language', '/de/web/database/manager', 404, 404],
  ['behind a language and a country', '/de_DE/web/database/manager', 404, 404],
  ['a fragment', '/web/database/manager#x', 400, 400],
  ['a look-alike of a slash', '/web%E2%88%95database/manager', 400, 400],
  ['an overlong slash', '/web%C0%AFdatabase%C0%AFmanager', 400, 400],
  ['absolute-form', 'http://acme.erp.example/web/database/manager', 404, 404],
  ['absolute-form of another host', 'http://evil.example/web/database/manager', 404, 404],
  ['absolute-form of the admin host', 'http://admin.erp.example/web/database/manager', 401, 401],
  ['absolute-form with user information', 'http://x@acme.erp.example/web/database/manager', 404, 404],
  ['absolute-form of no scheme', '://acme.erp.example/web/database/manager', 400, 400],
];

/** Everything by which somebody once told an application, or the proxy before it, who or where the client is. */
const claims = {
  'X-Forwarded-For': '198.51.100.66',
  'X-Forwarded-Host': 'claimed.example',
  'X-Forwarded-Proto': 'claimed',
  'X-Forwarded-Port': '6666',
  'X-Forwarded-Prefix': '/claimed',
  'X-Forwarded-Server': 'claimed',
  'X-Forwarded-Uri': '/claimed',
  'X-Forwarded-Method': 'CLAIMED',
  'X-Forwarded-Tls-Client-Cert': 'claimed',
  'X-Forwarded-Tls-Client-Cert-Info': 'claimed',
  'X-Real-Ip': '198.51.100.66',
  'X-Original-Url': '/claimed',
  'X-Rewrite-Url': '/claimed',
  Forwarded: 'for=198.51.100.66;host=claimed.example',
  'X-Bulkhead-Zone': 'claimed',
  'X-Bulkhead-Tenant': 'claimed',
  'X-Bulkhead-Principal': 'claimed',
  'X-Bulkhead-Workload': 'claimed',
  'X-Bulkhead-Pool': 'odoo-batch',
  'X-Odoo-Dbfilter': 'claimed',
  'X-Openerp-Dbfilter': 'claimed',
  'X-Request-Id': 'claimed',
  X_Forwarded_For: '198.51.100.66',
  X_Forwarded_Host: 'claimed.example',
  X_Bulkhead_Tenant: 'claimed',
  X_Odoo_Database: 'claimed',
  'X-Odoo_Database': 'claimed',
  'X.Odoo.Database': 'claimed',
};

describeWithTool('traefik', 'hostile requests through a real Traefik', (binary) => {
  describe.each(modes)('%s', (mode) => {
    let stack: BehindTraefik;
    beforeAll(async () => {
      stack = await startBehindTraefik(binary, { mode });
    }, 30_000);
    afterAll(() => stack.stop());

    it.each(spellings)('the database manager is closed: %s', async (_, target, status) => {
      const answer = await stack.send({ target, headers: { Host: 'acme.erp.example' } });
      expect(answer.status).toBe(status);
      expect(stack.receivedPaths()).toEqual([]);
    });

    it('the check above would notice: an administrator gets there, and is seen', async () => {
      const answer = await stack.send({
        target: '/web/database/manager',
        headers: {
          Host: 'admin.erp.example',
          Authorization: `Bearer ${await stack.identity.tokenFor('admin')}`,
        },
      });
      expect([answer.status, stack.receivedPaths()]).toEqual([200, ['/web/database/manager']]);
    });

    it('nothing that a client claims about itself reaches the decision or Odoo', async () => {
      const { answer, line } = await stack.sendLogged({
        target: '/odoo/claims',
        headers: { Host: 'acme.erp.example', ...claims },
        tls: { localAddress: '127.0.0.9' },
      });
      expect(answer.status).toBe(200);
      expect(line).toMatchObject({
        zone: 'employee',
        tenant: 'acme',
        client: '127.0.0.9',
        method: 'GET',
        host: 'acme.erp.example',
        path: '/odoo/claims',
        workload: 'interactive',
        pool: 'odoo-interactive',
      });
      const head = stack.receivedHead('/odoo/claims');
      expect(head.split('\r\n').filter((text) => /claimed|198\.51\.100\.66|6666/i.test(text))).toEqual([]);
      expect(fieldsOf(head).filter(([name]) => /[_.]/.test(name))).toEqual([]);
      expect(valuesOf(head, 'x-forwarded-for')).toEqual(['127.0.0.9']);
      expect(valuesOf(head, 'x-forwarded-host')).toEqual(['acme.erp.example']);
      expect(valuesOf(head, 'x-forwarded-proto')).toEqual(['https']);
      expect(valuesOf(head, 'x-bulkhead-tenant')).toEqual(['acme']);
      expect(valuesOf(head, 'x-request-id')).toEqual([line['requestId']]);
    });

    it("another database than the tenant's is refused, whoever asks for it", async () => {
      const answer = await stack.send({
        target: '/odoo/elsewhere',
        headers: { Host: 'acme.erp.example', 'x-oDOO-dATABASE': 'claimed' },
      });
      expect(answer.status).toBe(403);
      expect(stack.receivedPaths()).not.toContain('/odoo/elsewhere');
    });

    it('a client cannot have an identity field removed by calling it hop-by-hop', async () => {
      const answer = await stack.send({
        method: 'POST',
        target: '/json/2/stock.picking/read',
        headers: {
          Host: 'acme.partner.erp.example',
          Authorization: `Bearer ${await stack.identity.tokenFor('edi-acme')}`,
          Connection:
            'close, X-Odoo-Database, X-Bulkhead-Tenant, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Uri',
        },
        body: '{}',
      });
      expect(answer.status).toBe(200);
      const head = stack.receivedHead('/json/2/stock.picking/read');
      expect(valuesOf(head, 'x-odoo-database')).toEqual(['acme']);
      expect(valuesOf(head, 'x-bulkhead-tenant')).toEqual(['acme']);
      expect(valuesOf(head, 'x-forwarded-for')).toEqual(['127.0.0.1']);
      expect(valuesOf(head, 'x-forwarded-host')).toEqual(['acme.partner.erp.example']);
    });

    it('two Host fields are refused', async () => {
      const answer = await stack.send({
        target: '/odoo',
        headers: { Host: ['acme.erp.example', 'admin.erp.example'] },
      });
      expect(answer.status).toBe(400);
    });

    it('an upgrade that Traefik does not know ends there', async () => {
      const answer = await stack.send({
        target: '/odoo/h2c',
        headers: {
          Host: 'acme.erp.example',
          Connection: 'close, Upgrade, HTTP2-Settings',
          Upgrade: 'h2c',
          'HTTP2-Settings': 'AAMAAABkAAQAAP__',
        },
      });
      expect(answer.status).toBe(200);
      const head = stack.receivedHead('/odoo/h2c');
      expect([valuesOf(head, 'upgrade'), valuesOf(head, 'http2-settings')]).toEqual([[], []]);
    });

    it('a WebSocket handshake for another path does not become a tunnel to a worker', async () => {
      const answer = await stack.send({
        target: '/odoo/tunnel',
        headers: {
          Host: 'acme.erp.example',
          Origin: 'https://acme.erp.example',
          Connection: 'close, Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        },
      });
      if (mode === 'inline') {
        expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { reason: 'upgrade_invalid' }]);
      } else {
        // ForwardAuth hides Upgrade from the gateway: it is an ordinary request there, and goes on as one.
        expect(answer.status).toBe(200);
        expect(valuesOf(stack.receivedHead('/odoo/tunnel'), 'upgrade')).toEqual([]);
      }
    });

    it('while the gateway does not answer nothing passes', async () => {
      await stack.gateway.stop();
      const before = stack.receivedPaths().length;
      const answer = await stack.send({ target: '/odoo', headers: { Host: 'acme.erp.example' } });
      expect(answer.status).toBe(mode === 'inline' ? 502 : 500);
      expect(stack.receivedPaths()).toHaveLength(before);
    });
  });

  // What Traefik cleans is a second wall. This shows that the first one stands alone.
  describe.each(modes)('%s, with a Traefik that cleans nothing', (mode) => {
    let stack: BehindTraefik;
    beforeAll(async () => {
      stack = await startBehindTraefik(binary, { mode, weaken: cleanNothing });
    }, 30_000);
    afterAll(() => stack.stop());

    it.each(spellings)('the database manager is closed: %s', async (_, target, _deployed, status) => {
      const answer = await stack.send({ target, headers: { Host: 'acme.erp.example' } });
      expect(answer.status).toBe(status);
      expect(stack.receivedPaths()).toEqual([]);
    });

    it('a client cannot have the gateway asked about another request than its own', async () => {
      const answer = await stack.send({
        target: '/web/database/manager',
        headers: {
          Host: 'acme.erp.example',
          'X-Forwarded-Uri': '/odoo',
          'X-Forwarded-Method': 'GET',
          'X-Original-Url': '/odoo',
          'X-Rewrite-Url': '/odoo',
        },
      });
      expect(answer.status).toBe(404);
      expect(stack.receivedPaths()).toEqual([]);
    });

    it('the client address is the one that Traefik saw', async () => {
      const { line } = await stack.sendLogged({
        target: '/web/database/manager',
        headers: { Host: 'admin.erp.example', 'X-Forwarded-For': '10.99.0.5' },
        tls: { localAddress: '127.0.0.9' },
      });
      expect(line['client']).toBe('127.0.0.9');
    });
  });
});
