import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RawUpstream, startRawUpstream } from './raw-upstream.ts';
import { startSurface, type Surface, surfaceHostField as hostField } from './start-surface.ts';
import { askOnce } from './wire-connection.ts';

// Static files that the gateway gives itself.

let upstream: RawUpstream;
let surface: Surface;
/** Fields of the upstream's answers, besides the length. */
let fields: string;
beforeEach(async () => {
  fields = 'Content-Type: text/css\r\nCache-Control: public, max-age=604800\r\nETag: "e1"\r\n';
  upstream = await startRawUpstream({
    onData({ socket, text }) {
      const body = text.startsWith('HEAD ') ? '' : 'a{}';
      socket.end(`HTTP/1.0 200 OK\r\n${fields}Content-Length: 3\r\n\r\n${body}`);
    },
  });
  surface = await startSurface({
    interactive: `endpoints: [{ url: "${upstream.url}", seats: 1 }], health: false`,
    gatewaySections: 'staticCache: 1MiB\n',
  });
});
afterEach(async () => {
  await surface.stop();
  await upstream.close();
});

const ask = (target: string, extra = '', method = 'GET') =>
  askOnce(surface.port, `${method} ${target} HTTP/1.1\r\n${hostField}${extra}\r\n`, {
    toHead: method === 'HEAD',
  });
const asked = (): number => upstream.connections.length;

describe('a static file', () => {
  test('is asked of Odoo once, and then given without a seat', async () => {
    const first = await ask('/web/static/src/a.css', 'Cookie: session_id=a\r\n');
    const second = await ask('/web/static/src/a.css');
    expect(asked()).toBe(1);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect([first.body, second.body]).toEqual(['a{}', 'a{}']);
    expect(second.fields).toEqual({
      ...first.fields,
      date: second.fields['date'],
      'x-request-id': second.fields['x-request-id'],
      age: '0',
    });
    expect(surface.requests().map(({ upstream: by, status }) => [by, status])).toEqual([
      [upstream.url, 200],
      ['static-cache', 200],
    ]);
  });

  test('is given to HEAD, and as 304 to who has it', async () => {
    await ask('/web/assets/1/a.css');
    const head = await ask('/web/assets/1/a.css', '', 'HEAD');
    expect([head.status, head.fields['content-length'], head.body]).toEqual([200, '3', '']);
    const same = await ask('/web/assets/1/a.css', 'If-None-Match: "e1"\r\n');
    expect([same.status, same.fields['etag'], same.fields['content-length'], same.body]).toEqual([
      304,
      '"e1"',
      undefined,
      '',
    ]);
    expect((await ask('/web/assets/1/a.css', 'If-None-Match: "e0"\r\n')).status).toBe(200);
    expect(asked()).toBe(1);
  });

  test.each([
    ['with a query', '/web/static/a.css?v=2', ''],
    ['in part', '/web/static/a.css', 'Range: bytes=0-1\r\n'],
    ['anew', '/web/static/a.css', 'Cache-Control: no-cache\r\n'],
    ['with a credential', '/web/static/a.css', 'Authorization: Bearer x\r\n'],
    ['in another coding', '/web/static/a.css', 'Accept-Encoding: gzip\r\n'],
    ['that is none', '/web/content/a.css', ''],
  ])('is asked of Odoo when it is asked for %s', async (_, target, extra) => {
    await ask('/web/static/a.css');
    await ask(target, extra);
    expect(asked()).toBe(2);
  });

  test('is not kept for another host', async () => {
    await ask('/web/static/a.css');
    await askOnce(surface.port, 'GET /web/static/a.css HTTP/1.1\r\nHost: acme.open.example:81\r\n\r\n');
    expect(asked()).toBe(1);
    const other = await askOnce(
      surface.port,
      'GET /web/static/a.css HTTP/1.1\r\nHost: x.open.example\r\n\r\n',
    );
    expect(other.status).toBe(403);
  });

  test('is never kept with a cookie', async () => {
    fields += 'Set-Cookie: session_id=secret\r\n';
    await ask('/web/static/a.css');
    await ask('/web/static/a.css');
    expect(asked()).toBe(2);
  });

  test('whose HEAD came first is asked of Odoo', async () => {
    await ask('/web/static/a.css', '', 'HEAD');
    expect((await ask('/web/static/a.css')).body).toBe('a{}');
    expect(asked()).toBe(2);
  });
});

test('how full the memory is stands in the metrics', async () => {
  await ask('/web/static/a.css');
  const { body } = await askOnce(surface.adminPort, 'GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n');
  expect(body).toContain('bulkhead_entries{collection="static_cache_bytes"} 1027\n');
  expect(body).toContain('bulkhead_entries_limit{collection="static_cache_bytes"} 1048576\n');
});
