import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OdooPrefork, startOdooPrefork } from '../../src/demo/odoo-prefork.ts';
import { type OdooGevent, startOdooGevent } from '../../src/demo/odoo-gevent.ts';
import { type Arrival, watchArrivals } from './arrivals.ts';
import { waitUntil, startSurface, type Surface, surfaceHostField as hostField } from './start-surface.ts';
import { reasonOf, type WireAnswer, WireConnection } from './wire-connection.ts';

// Requests that a client sends ahead of their answers. The answers keep the order (RFC 9112 §9.3.2), and what stands behind
// a request that ends the connection is nothing: it may be a body of an attacker's making, or meant for another parser.

describe('requests on one connection', () => {
  let odoo: OdooPrefork;
  let gevent: OdooGevent;
  let surface: Surface;
  let arrivals: () => Arrival[];
  let connection: WireConnection;
  beforeAll(async () => {
    odoo = await startOdooPrefork({ port: 0, workers: 4, name: 'prefork' });
    gevent = await startOdooGevent({ port: 0 });
    surface = await startSurface({
      interactive: `endpoints: [{ url: "${odoo.url}", seats: 4 }], health: false`,
      websocket: `endpoints: [{ url: "${gevent.url}", seats: 4 }], health: false`,
    });
    arrivals = watchArrivals([odoo, gevent], 'canary=');
  });
  afterAll(async () => {
    await surface.stop();
    await Promise.all([odoo.close(), gevent.close()]);
  });
  afterEach(() => connection.destroy());

  const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\n${hostField}${fields}\r\n`;
  const slow = (target: string): string => get(target, 'X-Stand-In-Delay-Ms: 80\r\n');
  const send = async (bytes: string): Promise<void> => {
    connection = await WireConnection.open(surface.port);
    connection.send(bytes);
  };
  const lines = (): string[] => arrivals().map((arrival) => arrival.line);
  /** Where Odoo saw the answered request, else the reason why it did not. */
  const about = (answer: WireAnswer): string =>
    answer.status === 200
      ? (JSON.parse(answer.fields['x-seen'] ?? '{}') as { path: string }).path
      : `${answer.status} ${reasonOf(answer)}`;

  test('are answered in the order in which they came, one after the other', async () => {
    await send(slow('/odoo') + get('/web/login') + get('/web'));
    const answers = [await connection.answer(), await connection.answer(), await connection.answer()];
    expect(answers.map(about)).toEqual(['/odoo', '/web/login', '/web']);
    expect(lines()).toEqual(['GET /odoo HTTP/1.1', 'GET /web/login HTTP/1.1', 'GET /web HTTP/1.1']);
  });

  test('are answered when they come byte by byte', async () => {
    await send('');
    for (const byte of `POST /odoo HTTP/1.1\r\n${hostField}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${get('/web')}`) {
      connection.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([about(await connection.answer()), about(await connection.answer())]).toEqual(['/odoo', '/web']);
    expect(arrivals().map((arrival) => arrival.body)).toEqual(['hello', '']);
  });

  test.each([
    ['bytes that are no request', '\x01\x02\x03\r\n\r\n', 'framing_invalid'],
    ['a request with a broken field', get('/web', 'X A: b\r\n'), 'header_invalid'],
    [
      'a request with two lengths',
      get('/web', 'Content-Length: 1\r\nContent-Length: 2\r\n'),
      'framing_invalid',
    ],
    ['a request with an odd coding', get('/web', 'Transfer-Encoding: , chunked\r\n'), 'framing_invalid'],
    [
      'a request whose body breaks',
      `POST /web HTTP/1.1\r\n${hostField}Transfer-Encoding: chunked\r\n\r\nfive\r\n`,
      'framing_invalid',
    ],
  ])('%s behind a slow request do not overtake its answer', async (_name, bytes, reason) => {
    await send(slow('/odoo') + bytes + get('/web/login'));
    expect(about(await connection.answer())).toBe('/odoo');
    expect(about(await connection.answer())).toBe(`400 ${reason}`);
    expect([await connection.closed(), connection.received]).toEqual(['ended', '']);
    expect(lines()).toEqual(['GET /odoo HTTP/1.1']);
  });

  test('come to nothing behind a head that is refused for its framing', async () => {
    await send(
      `POST /odoo HTTP/1.1\r\n${hostField}Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n${get('/web')}`,
    );
    expect(about(await connection.answer())).toBe('400 framing_invalid');
    expect([await connection.closed(), connection.received, lines()]).toEqual(['ended', '', []]);
  });

  test('come to nothing behind a chunked body that nobody read', async () => {
    const refused =
      'POST /odoo HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
    await send(refused + get('/web'));
    expect(about(await connection.answer())).toBe('404 no_zone');
    expect([await connection.closed(), connection.received, lines()]).toEqual(['ended', '', []]);
  });

  test.each([
    ['another request', get('/web')],
    ['an empty line', '\r\n'],
    ['garbage', '\x01\x02\x03'],
  ])('do not lose their answer to %s behind a Connection: close', async (_name, bytes) => {
    const logged = surface.logLines.length;
    await send(get('/odoo', 'Connection: close\r\nX-Stand-In-Delay-Ms: 30\r\n') + bytes);
    const answer = await connection.answer();
    expect([about(answer), answer.fields['connection']]).toEqual(['/odoo', 'close']);
    expect([await connection.closed(), connection.received]).toEqual(['ended', '']);
    expect(lines()).toEqual(['GET /odoo HTTP/1.1']);
    // Nor are the bytes worth a word.
    expect(surface.logLines.slice(logged).map(({ msg }) => msg)).toEqual(['request']);
  });

  test('are all answered, however many come ahead', async () => {
    const targets = Array.from({ length: 40 }, (_, index) => `/odoo/${index}`);
    await send(targets.map((target) => get(target)).join(''));
    const answers: WireAnswer[] = [];
    for (let i = 0; i < 40; i++) answers.push(await connection.answer());
    expect(answers.map(about)).toEqual(targets);
    expect(lines()).toHaveLength(40);
  });

  test('wait in the kernel when they come by the thousands, and one at a time is sent on', async () => {
    await send(slow('/odoo') + get('/odoo').repeat(200_000));
    expect(about(await connection.answer())).toBe('/odoo');
    // Most of the 10 MiB have not left the client: nobody reads them.
    expect(connection.socket.writableLength).toBeGreaterThan(0);
    connection.destroy();
    await waitUntil(async () => (await surface.busySeats()) === 0, 'all seats free');
    expect(arrivals().length).toBeLessThan(100);
  });

  test('are not sent on any more when their client has gone', async () => {
    await send(slow('/odoo') + get('/web'));
    await waitUntil(() => odoo.busy === 1, 'the first request is with its worker');
    connection.destroy();
    await waitUntil(async () => (await surface.busySeats()) === 0, 'all seats free');
    expect(lines()).toEqual(['GET /odoo HTTP/1.1']);
  });

  test('of which one is an upgrade are answered in their turn', async () => {
    const upgrade = `GET /websocket HTTP/1.1\r\n${hostField}Origin: http://acme.open.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`;
    await send(slow('/odoo') + upgrade);
    expect(about(await connection.answer())).toBe('/odoo');
    await connection.until((text) => text.startsWith('HTTP/1.1 101 Switching Protocols\r\n'));
    connection.destroy();
    await waitUntil(async () => (await surface.busySeats()) === 0, 'all seats free');
    expect(lines()).toEqual(['GET /odoo HTTP/1.1', 'GET /websocket HTTP/1.1']);
  });

  test('end with CONNECT, whatever stands behind it', async () => {
    await send(`${slow('/odoo')}CONNECT odoo:8069 HTTP/1.1\r\n${hostField}\r\n${get('/web')}`);
    expect(about(await connection.answer())).toBe('/odoo');
    expect(about(await connection.answer())).toBe('501 method_not_supported');
    expect([await connection.closed(), connection.received]).toEqual(['ended', '']);
    expect(lines()).toEqual(['GET /odoo HTTP/1.1']);
  });

  test('go on after a refusal that says nothing about framing', async () => {
    await send(
      `GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\nGET //x HTTP/1.1\r\n${hostField}\r\n${get('/web')}`,
    );
    const answers = [await connection.answer(), await connection.answer(), await connection.answer()];
    expect(answers.map(about)).toEqual(['404 no_zone', '400 path_ambiguous', '/web']);
    expect(lines()).toEqual(['GET /web HTTP/1.1']);
  });
});

describe('answers', () => {
  let odoo: OdooPrefork;
  let surface: Surface;
  beforeAll(async () => {
    odoo = await startOdooPrefork({ port: 0, workers: 4, name: 'prefork' });
    surface = await startSurface({
      interactive: `endpoints: [{ url: "${odoo.url}", seats: 4 }], health: false`,
    });
  });
  afterAll(async () => {
    await surface.stop();
    await odoo.close();
  });

  test('to HEAD have the fields of GET and no body, refused or not', async () => {
    const connection = await WireConnection.open(surface.port);
    connection.send(`HEAD /web/content/1?bytes=100 HTTP/1.1\r\n${hostField}\r\n`);
    connection.send(`HEAD /odoo HTTP/1.1\r\nHost: evil.example\r\n\r\n`);
    connection.send(`GET /odoo HTTP/1.1\r\n${hostField}\r\n`);
    const passed = await connection.answer({ toHead: true });
    const refused = await connection.answer({ toHead: true });
    expect([passed.status, passed.fields['content-length']]).toEqual([200, '100']);
    expect([refused.status, refused.fields['content-type']]).toEqual([404, 'application/problem+json']);
    expect((await connection.answer()).status).toBe(200);
    connection.destroy();
  });

  test('to a client of HTTP/1.0 end with the connection, unless it asks to keep it', async () => {
    const connection = await WireConnection.open(surface.port);
    connection.send(`GET /odoo HTTP/1.0\r\n${hostField}Connection: keep-alive\r\n\r\n`);
    expect((await connection.answer()).fields['connection']).toBe('keep-alive');
    connection.send(`GET /odoo HTTP/1.0\r\n${hostField}\r\n`);
    expect((await connection.answer()).status).toBe(200);
    expect(await connection.closed()).toBe('ended');
  });

  test('never say more than one request id, and always the one that Odoo saw', async () => {
    const connection = await WireConnection.open(surface.port);
    connection.send(`GET /odoo HTTP/1.1\r\n${hostField}X-Request-Id: mine\r\n\r\n`);
    const { fields } = await connection.answer();
    const seen = JSON.parse(fields['x-seen'] ?? '{}') as { headers: Record<string, string> };
    expect(fields['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
    expect(seen.headers['x-request-id']).toBe(fields['x-request-id']);
    connection.destroy();
  });
});
