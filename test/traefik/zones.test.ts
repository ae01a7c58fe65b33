import { spawnSync } from 'node:child_process';
import { request as requestPlain } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { describeWithTool } from '../system/require-tool.ts';
import { type BehindTraefik, modes, startBehindTraefik, valuesOf } from './start-behind-traefik.ts';
import { replaceEach } from './start-traefik.ts';

const partnerHost = 'acme.partner.erp.example';
const json = { 'Content-Type': 'application/json' };

describeWithTool('traefik', 'every zone answers through a real Traefik', (binary) => {
  describe.each(modes)('%s', (mode) => {
    let stack: BehindTraefik;
    const bearer = async (client: string) => ({
      Authorization: `Bearer ${await stack.identity.tokenFor(client)}`,
    });
    const callPartner = async (call: { client?: string; path: string; host?: string; address?: string }) =>
      stack.send({
        method: 'POST',
        target: `/json/2/${call.path}`,
        headers: {
          Host: call.host ?? partnerHost,
          ...json,
          ...(call.client === undefined ? {} : await bearer(call.client)),
        },
        body: '{"ids": [1]}',
        tls: { localAddress: call.address ?? '127.0.0.1' },
      });

    beforeAll(async () => {
      stack = await startBehindTraefik(binary, { mode });
    }, 30_000);
    afterAll(() => stack.stop());

    it('the public zone serves anybody', async () => {
      const { answer, line } = await stack.sendLogged({
        target: '/',
        headers: { Host: 'acme.api.erp.example' },
      });
      expect([answer.status, answer.fields['x-odoo-stand-in']]).toEqual([200, 'interactive']);
      expect(line).toMatchObject({ zone: 'public', tenant: 'acme', pool: 'odoo-interactive' });
    });

    it('the employee zone serves staff, and sends a report to the batch workers', async () => {
      const page = await stack.send({ target: '/odoo', headers: { Host: 'acme.erp.example' } });
      expect([page.status, page.fields['x-odoo-stand-in']]).toEqual([200, 'interactive']);
      const report = await stack.send({
        target: '/report/pdf/stock.report_deliveryslip/17',
        headers: { Host: 'acme.erp.example' },
      });
      expect([report.status, report.fields['x-odoo-stand-in']]).toEqual([200, 'batch']);
    });

    it('the partner zone serves a token, and its token does not reach Odoo', async () => {
      const { Authorization } = await bearer('edi-acme');
      const answer = await stack.send({
        method: 'POST',
        target: '/json/2/sale.order/search_read',
        headers: { Host: partnerHost, ...json, Authorization },
        body: '{"domain": []}',
      });
      expect([answer.status, answer.fields['x-odoo-stand-in']]).toEqual([200, 'batch']);
      const head = stack.receivedHead('/json/2/sale.order/search_read');
      expect(head).not.toContain(Authorization);
      expect(valuesOf(head, 'x-bulkhead-principal')).toEqual(['edi-acme']);
      expect(valuesOf(head, 'x-odoo-database')).toEqual(['acme']);
    });

    it('the admin zone serves an administrator', async () => {
      const answer = await stack.send({
        target: '/web/database/manager',
        headers: { Host: 'admin.erp.example', ...(await bearer('admin')) },
      });
      expect([answer.status, answer.body.includes('Database Manager')]).toEqual([200, true]);
    });

    it('a zone that takes no tokens leaves Authorization to Odoo', async () => {
      await stack.send({
        target: '/odoo/own-key',
        headers: { Host: 'acme.erp.example', Authorization: 'Bearer odoo-key' },
      });
      expect(valuesOf(stack.receivedHead('/odoo/own-key'), 'authorization')).toEqual(['Bearer odoo-key']);
    });

    it.each([
      ['no token', { path: 'res.partner/read' }, 401, 'credentials_missing'],
      ['a token without the scope', { client: 'reader-acme', path: 'sale.order/read' }, 403, 'scope_missing'],
      [
        'a model that is not on the list',
        { client: 'edi-acme', path: 'res.users/read' },
        403,
        'odoo_method_not_allowed',
      ],
      [
        'the token of another tenant',
        { client: 'edi-nordfracht', path: 'sale.order/read' },
        403,
        'tenant_mismatch',
      ],
      [
        'a host of nobody',
        { client: 'edi-acme', path: 'sale.order/read', host: 'elsewhere.example' },
        404,
        'no_zone',
      ],
    ])('%s is refused with its reason', async (_, call, status, reason) => {
      const answer = await callPartner(call);
      expect(answer.status).toBe(status);
      expect(answer.fields['content-type']).toBe('application/problem+json');
      expect(JSON.parse(answer.body)).toMatchObject({
        status,
        reason,
        requestId: answer.fields['x-request-id'],
      });
      expect(answer.fields['www-authenticate']).toBe(
        { credentials_missing: 'Bearer realm="partner"', scope_missing: insufficient }[reason],
      );
    });

    it('a client over its limit gets 429 and learns when to come back', async () => {
      const answers = [];
      for (let i = 0; i < 11; i++) {
        answers.push(
          await callPartner({
            client: 'edi-nordfracht',
            host: 'nordfracht.partner.erp.example',
            path: 'stock.picking/read',
          }),
        );
      }
      const refused = answers.at(-1);
      expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 10 }, () => 200), 429]);
      expect(JSON.parse(refused?.body ?? '')).toMatchObject({
        reason: 'limit_exceeded',
        type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
        'violated-policies': ['client-rate'],
      });
      expect(refused?.fields['retry-after']).toMatch(/^\d+$/);
      expect(refused?.fields['ratelimit-policy']).toContain('"client-rate";q=10;w=5');
      expect(refused?.fields['ratelimit']).toContain('"client-rate";r=0');
      // What is left can be told on success in inline mode only: Traefik drops the fields of an auth answer that allows.
      expect(answers[0]?.fields['ratelimit'] !== undefined).toBe(mode === 'inline');
    });

    it('a WebSocket reaches the gevent port, and nothing else does', async () => {
      const socket = new WebSocket(`wss://127.0.0.1:${stack.traefik.port}/websocket?version=19.0-2`, {
        headers: { Host: 'acme.erp.example' },
        origin: 'https://acme.erp.example',
        rejectUnauthorized: false,
      });
      const echoed = await new Promise<string>((resolve, reject) => {
        socket.on('open', () => socket.send('subscribe'));
        socket.on('message', (data: Buffer) => resolve(data.toString()));
        socket.on('error', reject);
      });
      socket.terminate();
      expect(echoed).toBe('subscribe');
      const probe = '/websocket/health';
      const targets = stack.websocket.requests.map(({ request }) => request.target);
      expect(targets.filter((target) => target !== probe)).toEqual(['/websocket?version=19.0-2']);
    });

    it('a WebSocket of another origin is refused', async () => {
      const answer = await stack.send({
        target: '/websocket',
        headers: { ...handshake, Host: 'acme.erp.example', Origin: 'https://evil.example' },
      });
      expect([answer.status, JSON.parse(answer.body)]).toMatchObject([403, { reason: 'origin_not_allowed' }]);
    });

    it('the path of the WebSocket without a handshake does not reach the gevent port', async () => {
      const answer = await stack.send({
        target: '/websocket?plain',
        headers: { Host: 'acme.erp.example', Origin: 'https://acme.erp.example' },
      });
      expect(answer.status).toBe(mode === 'inline' ? 400 : 404);
      expect(stack.receivedHeads().filter((head) => head.includes('?plain'))).toEqual([]);
    });

    it('a chunked body reaches Odoo whole and with its length', async () => {
      const answer = await stack.send({
        method: 'POST',
        target: '/json/2/sale.order/read',
        headers: { Host: partnerHost, ...json, ...(await bearer('edi-acme')) },
        chunks: ['{"ids"', ': [1]}'],
      });
      const received = stack.batch.requests.at(-1);
      expect(answer.status).toBe(200);
      expect(received?.request.body.toString()).toBe('{"ids": [1]}');
      expect(valuesOf(received?.head ?? '', 'content-length')).toEqual(['12']);
      expect(valuesOf(received?.head ?? '', 'transfer-encoding')).toEqual([]);
    });

    it('a body that is too large is refused before it is sent', async () => {
      const answer = await stack.send({
        method: 'POST',
        target: '/web/export/csv',
        headers: { Host: 'acme.erp.example', 'Content-Length': '70000000' },
      });
      expect(answer.status).toBe(413);
      // Inline it is Bulkhead that refuses, with its reason; in the other mode it is Traefik, which has none.
      expect(answer.body.includes('body_too_large')).toBe(mode === 'inline');
      expect(stack.receivedHeads().filter((head) => head.includes('/web/export/csv'))).toEqual([]);
    });

    it('a path that is not canonical is rewritten inline, and refused where Traefik forwards it', async () => {
      const answer = await stack.send({ target: '/odoo/a[1]', headers: { Host: 'acme.erp.example' } });
      if (mode === 'inline') {
        expect(answer.status).toBe(200);
        expect(stack.receivedHead('/odoo/a')).toMatch(/^GET \/odoo\/a%5B1%5D HTTP\/1\.1\r\n/);
      } else {
        expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
          400,
          { reason: 'path_not_canonical' },
        ]);
      }
    });

    it('the health check of compose.yaml finds Traefik well', () => {
      const args = ['healthcheck', `--configFile=${stack.traefik.staticFile}`];
      const done = spawnSync(binary, args, { encoding: 'utf8' });
      expect([done.status, done.stdout.trim()]).toEqual([
        0,
        `OK: http://127.0.0.1:${stack.traefik.pingPort}/ping`,
      ]);
    });

    it('plain HTTP is only redirected', async () => {
      const location = await new Promise((resolve, reject) => {
        const { plainPort } = stack.traefik;
        requestPlain(
          { host: '127.0.0.1', port: plainPort, path: '/odoo', headers: { host: 'acme.erp.example' } },
          (response) => {
            response.resume();
            resolve([response.statusCode, response.headers.location]);
          },
        )
          .on('error', reject)
          .end();
      });
      expect(location).toEqual([301, `https://acme.erp.example:${stack.traefik.port}/odoo`]);
    });
  });
});

const insufficient = 'Bearer realm="partner", error="insufficient_scope"';

const handshake = {
  Connection: 'close, Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
};

describe('the files under test', () => {
  it('are the deployed ones: a text that is not there cannot be replaced', () => {
    expect(() => replaceEach('a: http://bulkhead:8080', { 'http://bulkhead:9': 'x' })).toThrow(
      new TypeError('"http://bulkhead:9" is not in the deployed file'),
    );
  });
});
