import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OdooPrefork, startOdooPrefork } from '../../src/demo/odoo-prefork.ts';
import { waitUntil, startSurface, type Surface, surfaceHostField as hostField } from './start-surface.ts';
import { reasonOf, WireConnection } from './wire-connection.ts';

const mebibyte = 1024 * 1024;

describe('a request body', () => {
  let odoo: OdooPrefork;
  let surface: Surface;
  let connection: WireConnection;
  beforeAll(async () => {
    odoo = await startOdooPrefork({ port: 0, workers: 1, name: 'prefork' });
    surface = await startSurface({
      http: '{ bodyTimeout: 150ms }',
      interactive: `endpoints: [{ url: "${odoo.url}", seats: 1 }], health: false, maxBody: 10MiB`,
      // For reports: a small bound.
      batch: `endpoints: [{ url: "${odoo.url}", seats: 1 }], health: false, maxBody: 1KiB`,
    });
  });
  afterAll(async () => {
    await surface.stop();
    await odoo.close();
  });
  afterEach(() => connection.destroy());

  const open = async (bytes: string): Promise<void> => {
    connection = await WireConnection.open(surface.port);
    connection.send(bytes);
  };
  const post = (target: string, fields: string, body = ''): string =>
    `POST ${target} HTTP/1.1\r\n${hostField}${fields}\r\n${body}`;
  const get = `GET /web HTTP/1.1\r\n${hostField}\r\n`;
  const received = () => odoo.requests.map(({ request }) => request);
  const lastReceived = () => odoo.requests.at(-1)?.request;

  test('takes no seat while it comes', async () => {
    await open(post('/odoo', 'Content-Length: 10\r\nExpect: 100-continue\r\n'));
    // The gateway reads the body now.
    await connection.until((text) => text.startsWith('HTTP/1.1 100 '));
    connection.send('01234');
    expect([await surface.busySeats(), odoo.busy]).toEqual([0, 0]);
    const other = await WireConnection.open(surface.port);
    other.send(get);
    expect((await other.answer()).status).toBe(200);
    other.destroy();
    connection.send('56789');
    expect((await connection.answer()).status).toBe(200);
    expect(lastReceived()?.body.toString()).toBe('0123456789');
  });

  test.each([
    ['of POST that is empty', post('/odoo', ''), '0'],
    ['of POST with a length of zero', post('/odoo', 'Content-Length: 0\r\n'), '0'],
    ['of POST without a chunk', post('/odoo', 'Transfer-Encoding: chunked\r\n', '0\r\n\r\n'), '0'],
    // Odoo's JSON-2 loses a body that has no Content-Length (odoo/http.py).
    ['in chunks', post('/odoo', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'), '5'],
    ['of GET that is not there', get, undefined],
  ])('%s arrives with its length and no coding', async (_name, bytes, length) => {
    await open(bytes);
    expect((await connection.answer()).status).toBe(200);
    const headers = lastReceived()?.headers;
    expect([headers?.get('content-length'), headers?.get('transfer-encoding')]).toEqual([length, undefined]);
  });

  const body = randomBytes(10 * mebibyte);
  const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

  test('of 10 MiB arrives intact', async () => {
    await open(post('/odoo', `Content-Length: ${body.length}\r\n`));
    connection.send(body);
    expect((await connection.answer()).status).toBe(200);
    expect(hashOf(lastReceived()?.body ?? Buffer.alloc(0))).toBe(hashOf(body));
  });

  test('of 2 MiB in uneven chunks arrives intact', async () => {
    const part = body.subarray(0, 2 * mebibyte);
    await open(post('/odoo', 'Transfer-Encoding: chunked\r\n'));
    for (
      let at = 0, size = 1;
      at < part.length;
      at += size, size = Math.min((size * 7) % 200_003, part.length - at)
    ) {
      const chunk = part.subarray(at, at + size);
      connection.send(
        Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
      );
    }
    connection.send('0\r\n\r\n');
    expect((await connection.answer()).status).toBe(200);
    expect(hashOf(lastReceived()?.body ?? Buffer.alloc(0))).toBe(hashOf(part));
  });

  test('of 50,000 chunks of one byte arrives intact', async () => {
    await open(post('/odoo', 'Transfer-Encoding: chunked\r\n', `${'1\r\nx\r\n'.repeat(50_000)}0\r\n\r\n`));
    expect((await connection.answer()).status).toBe(200);
    expect(lastReceived()?.body.equals(Buffer.alloc(50_000, 'x'))).toBe(true);
  });

  test('that is compressed stays as it is', async () => {
    await open(post('/odoo', 'Content-Encoding: gzip\r\nContent-Length: 3\r\n', '\x1f\x8b\x08'));
    expect((await connection.answer()).status).toBe(200);
    expect([lastReceived()?.headers.get('content-encoding'), lastReceived()?.body.toString('hex')]).toEqual([
      'gzip',
      '1f8b08',
    ]);
  });

  test('that is announced as too large is refused before it comes', async () => {
    const before = received().length;
    await open(post('/odoo', `Content-Length: ${10 * mebibyte + 1}\r\n`));
    const answer = await connection.answer();
    expect([answer.status, reasonOf(answer), answer.fields['connection']]).toEqual([
      413,
      'body_too_large',
      'close',
    ]);
    expect([await connection.closed(), received().length]).toEqual(['ended', before]);
  });

  test('that turns out too large is refused, and its client can read that while it still sends', async () => {
    const before = received().length;
    await open(post('/report/pdf/x', 'Transfer-Encoding: chunked\r\n'));
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')]);
    for (let i = 0; i < 128; i++) connection.send(chunk);
    const answer = await connection.answer();
    expect([answer.status, reasonOf(answer), answer.fields['connection']]).toEqual([
      413,
      'body_too_large',
      'close',
    ]);
    expect([await connection.closed(), received().length]).toEqual(['ended', before]);
  });

  test('that is too large and small enough to be dropped costs no connection', async () => {
    await open(post('/report/pdf/x', 'Content-Length: 2000\r\n', 'x'.repeat(2000)) + get);
    const answer = await connection.answer();
    expect([answer.status, reasonOf(answer), answer.fields['connection']]).toEqual([
      413,
      'body_too_large',
      undefined,
    ]);
    expect((await connection.answer()).status).toBe(200);
  });

  test.each([
    ['a length', 'Content-Length: 10\r\n', '01234'],
    ['chunks', 'Transfer-Encoding: chunked\r\n', '5\r\n01234\r\n'],
  ])('with %s that stalls is refused, and nothing of it is sent', async (_name, fields, begin) => {
    const before = received().length;
    await open(post('/odoo', fields, begin));
    const answer = await connection.answer();
    expect([answer.status, reasonOf(answer), answer.fields['connection']]).toEqual([
      408,
      'body_timeout',
      'close',
    ]);
    expect([await connection.closed(), received().length]).toEqual(['ended', before]);
  });

  test('that comes slowly and steadily is waited for', async () => {
    await open(post('/odoo', 'Content-Length: 4\r\n'));
    for (const byte of 'slow') {
      await new Promise((resolve) => setTimeout(resolve, 60));
      connection.send(byte);
    }
    expect((await connection.answer()).status).toBe(200);
    expect(lastReceived()?.body.toString()).toBe('slow');
  });

  test.each([
    ['goes', 'Content-Length: 10\r\n', '01234', () => connection.destroy()],
    ['is reset', 'Content-Length: 10\r\n', '01234', () => connection.reset()],
    ['says that it sends no more', 'Content-Length: 10\r\n', '01234', () => connection.socket.end()],
    ['goes between chunks', 'Transfer-Encoding: chunked\r\n', '5\r\n01234\r\n', () => connection.destroy()],
  ])('whose client %s before its end is never completed', async (_name, fields, begin, leave) => {
    const before = received().length;
    const logged = surface.requests().length;
    await open(post('/odoo', `${fields}Expect: 100-continue\r\n`));
    await connection.until((text) => text.startsWith('HTTP/1.1 100 '));
    connection.send(begin);
    leave();
    await waitUntil(() => surface.requests().length > logged, 'the end of the request is logged');
    expect(surface.requests().at(-1)).toMatchObject({ status: 499, reason: 'client_gone' });
    expect([await surface.busySeats(), received().length]).toEqual([0, before]);
  });
});

describe('a refusal', () => {
  let surface: Surface;
  let connection: WireConnection;
  beforeAll(async () => {
    surface = await startSurface({
      http: '{ bodyTimeout: 300ms }',
      interactive: 'endpoints: [{ url: "http://127.0.0.1:9", seats: 1 }], health: false',
    });
  });
  afterAll(() => surface.stop());
  afterEach(() => connection.destroy());

  const call = async (
    body: string,
    { target = '/jsonrpc', type = 'application/json', framing = '' } = {},
  ) => {
    connection = await WireConnection.open(surface.port);
    const frame = framing === '' ? `Content-Length: ${Buffer.byteLength(body)}\r\n` : framing;
    connection.send(
      `POST ${target} HTTP/1.1\r\nHost: evil.example\r\nContent-Type: ${type}\r\n${frame}\r\n${body}`,
    );
    return connection.answer();
  };
  const idOf = (text: string): unknown => (JSON.parse(text) as { id?: unknown }).id;

  test('of a JSON-RPC call is an error object for Odoo with the id of the call, and keeps the connection', async () => {
    const { status, fields, body } = await call('{"jsonrpc":"2.0","id":42,"method":"call","params":{}}');
    const requestId = fields['x-request-id'] ?? '';
    const message = `No zone covers this request. (no_zone, request ${requestId})`;
    expect([status, fields['content-type'], fields['connection']]).toEqual([
      404,
      'application/json',
      undefined,
    ]);
    expect(JSON.parse(body)).toEqual({
      jsonrpc: '2.0',
      id: 42,
      error: {
        code: 404,
        message: 'No zone covers this request',
        data: {
          name: 'odoo.exceptions.UserError',
          message,
          arguments: [message],
          context: {},
          debug: '',
          reason: 'no_zone',
          requestId,
        },
      },
    });
    connection.send('GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    expect((await connection.answer()).status).toBe(404);
  });

  test.each([
    ['/web/dataset/call_kw/res.partner/read', '{"id":"r-1","params":{}}', 'r-1'],
    ['/web/session/authenticate', '{"id":0}', 0],
    ['/jsonrpc', '{"id":{"x":1}}', null],
    ['/jsonrpc', '[{"id":1}]', null],
    ['/jsonrpc', '{"id":', null],
    ['/jsonrpc', '', null],
    ['/jsonrpc', `{"id":1,"params":"${'x'.repeat(70_000)}"}`, null],
  ])('of a call to %s takes the id from a body that reads', async (target, body, id) => {
    const answer = await call(body, { target });
    expect([answer.status, idOf(answer.body)]).toEqual([404, id]);
  });

  test('of a JSON-RPC call in chunks has no id, and the connection ends', async () => {
    const answer = await call('8\r\n{"id":1}\r\n0\r\n\r\n', { framing: 'Transfer-Encoding: chunked\r\n' });
    expect([answer.status, idOf(answer.body), answer.fields['connection']]).toEqual([404, null, 'close']);
    expect(await connection.closed()).toBe('ended');
  });

  test('of a JSON-RPC call whose body stalls comes after one time-out and ends the connection', async () => {
    const startMs = performance.now();
    const answer = await call('{"id":1', { framing: 'Content-Length: 100\r\n' });
    expect([answer.status, idOf(answer.body), answer.fields['connection']]).toEqual([404, null, 'close']);
    expect(performance.now() - startMs).toBeLessThan(590);
    expect(await connection.closed()).toBe('ended');
  });

  test('of an admitted JSON-RPC call whose body stalls comes after one time-out', async () => {
    connection = await WireConnection.open(surface.port);
    const startMs = performance.now();
    connection.send(
      `POST /jsonrpc HTTP/1.1\r\n${hostField}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"id":1`,
    );
    const answer = await connection.answer();
    expect([answer.status, reasonOf(answer), answer.fields['content-type']]).toEqual([
      408,
      'body_timeout',
      'application/json',
    ]);
    expect(performance.now() - startMs).toBeLessThan(590);
    expect(await connection.closed()).toBe('ended');
  });

  test('elsewhere is a problem of RFC 9457', async () => {
    const { status, fields, body } = await call('{"id":42}', { target: '/json/2/res.partner/read' });
    const requestId = fields['x-request-id'];
    expect([status, fields['content-type'], fields['cache-control']]).toEqual([
      404,
      'application/problem+json',
      'no-store',
    ]);
    expect(JSON.parse(body)).toEqual({
      type: 'urn:bulkhead:reason:no_zone',
      title: 'No zone covers this request',
      status: 404,
      detail: 'No zone covers this request.',
      instance: `urn:bulkhead:request:${requestId}`,
      reason: 'no_zone',
      requestId,
    });
  });

  test('of a small body that is still coming keeps the connection for the next request', async () => {
    connection = await WireConnection.open(surface.port);
    connection.send('POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 10\r\n\r\n01234');
    expect((await connection.answer()).fields['connection']).toBe(undefined);
    connection.send('56789GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    expect((await connection.answer()).status).toBe(404);
  });

  test.each([
    ['a large body', 'Content-Length: 70000\r\n'],
    ['a chunked body', 'Transfer-Encoding: chunked\r\n'],
  ])('of %s ends the connection', async (_name, framing) => {
    const answer = await call('', { type: 'text/plain', framing });
    expect([answer.status, answer.fields['connection'], await connection.closed()]).toEqual([
      404,
      'close',
      'ended',
    ]);
  });
});

describe("a zone's own bound for bodies", () => {
  let odoo: OdooPrefork;
  let surface: Surface;
  beforeAll(async () => {
    odoo = await startOdooPrefork({ port: 0, workers: 1, name: 'prefork' });
    const pool = `endpoints: [{ url: "${odoo.url}", seats: 1 }], health: false`;
    surface = await startSurface({
      interactive: `${pool}, maxBody: 1MiB`,
      batch: `${pool}, maxBody: 1MiB, requestBody: stream`,
      zone: 'maxBody: 2KiB\n',
    });
  });
  afterAll(async () => {
    await surface.stop();
    await odoo.close();
  });

  const json = 'Content-Type: application/json\r\n';
  const chunks = (bytes: number): string => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`;
  const asked = async (target: string, fields: string, body: string) => {
    const connection = await WireConnection.open(surface.port);
    connection.send(`POST ${target} HTTP/1.1\r\n${hostField}${fields}\r\n${body}`);
    const answer = await connection.answer();
    connection.destroy();
    return answer;
  };

  test.each([
    ['collected', '/odoo'],
    ['streamed', '/report/pdf/x'],
    ['read for the decision', '/jsonrpc'],
  ])('refuses one that grows beyond it while it comes, %s', async (_name, target) => {
    const before = odoo.requests.length;
    const answer = await asked(target, `${json}Transfer-Encoding: chunked\r\n`, chunks(2049));
    expect([answer.status, answer.body.includes('body_too_large'), odoo.requests.length]).toEqual([
      413,
      true,
      before,
    ]);
  });

  test.each(['/odoo', '/report/pdf/x'])('lets one of its size pass: %s', async (target) => {
    expect((await asked(target, `${json}Transfer-Encoding: chunked\r\n`, chunks(2048))).status).toBe(200);
    expect((await asked(target, `${json}Content-Length: 2048\r\n`, 'x'.repeat(2048))).status).toBe(200);
  });

  test('refuses one that is announced larger before any of it is asked for, in the words of its caller', async () => {
    const call = { jsonrpc: '2.0', method: 'call', params: {}, id: 7 };
    const body = JSON.stringify(call).padEnd(2049);
    const web = await asked('/web/dataset/call_kw', `${json}Content-Length: 2049\r\n`, body);
    expect([web.status, JSON.parse(web.body)]).toMatchObject([413, { id: 7, error: { data: {} } }]);
    const expecting = await asked('/odoo', 'Expect: 100-continue\r\nContent-Length: 2049\r\n', '');
    expect([expecting.status, reasonOf(expecting)]).toEqual([413, 'body_too_large']);
    const line = surface.requests().at(-1);
    expect([line?.['reason'], line?.['at']]).toEqual([
      'body_too_large',
      expect.stringMatching(/^zones\/open\.yaml:\d+:\d+$/),
    ]);
  });
});
