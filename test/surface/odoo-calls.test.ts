import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type OdooPrefork, startOdooPrefork } from '../../src/demo/odoo-prefork.ts';
import { startSurface, type Surface, surfaceHostField as hostField } from './start-surface.ts';
import { reasonOf, WireConnection } from './wire-connection.ts';

/** What is judged of a call is what Odoo gets: over the wire, in whatever pieces it comes. */
describe('a call in a body', () => {
  let odoo: OdooPrefork;
  let surface: Surface;
  let connection: WireConnection;
  beforeAll(async () => {
    odoo = await startOdooPrefork({ port: 0, workers: 2, name: 'prefork' });
    const pool = `endpoints: [{ url: "${odoo.url}", seats: 2 }], health: false, maxBody: 1MiB`;
    surface = await startSurface({
      http: '{ bodyTimeout: 150ms }',
      interactive: pool,
      batch: pool,
      zone: `bruteForce: false
allow: { odoo: [{ model: stock.picking, methods: [read, write] }] }
odoo: { maxBody: 8KiB }`,
    });
  });
  afterAll(async () => {
    await surface.stop();
    await odoo.close();
  });
  afterEach(() => connection.destroy());

  const rpc = (database: string, model: string, value: string, indent?: number): string =>
    JSON.stringify(
      {
        jsonrpc: '2.0',
        method: 'call',
        params: {
          service: 'object',
          method: 'execute_kw',
          args: [database, 7, 'key', model, 'write', [[17], { note: value }]],
        },
        id: 'ä',
      },
      undefined,
      indent,
    );
  const head = (fields: string, target = '/jsonrpc'): string =>
    `POST ${target} HTTP/1.1\r\n${hostField}Content-Type: application/json\r\n${fields}\r\n`;
  const length = (body: string): string => `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const received = () => odoo.requests.map(({ request }) => request);
  const open = async (...pieces: (string | Buffer)[]): Promise<void> => {
    connection = await WireConnection.open(surface.port);
    for (const piece of pieces) connection.send(Buffer.from(piece));
  };

  test('arrives byte for byte, with its length and the database of the tenant', async () => {
    const body = rpc('acme', 'stock.picking', 'zürich 日本', 2);
    await open(head(length(body)), Buffer.from(body));
    expect((await connection.answer()).status).toBe(200);
    const last = received().at(-1);
    expect(last?.body.toString()).toBe(body);
    expect(last?.headers.get('content-length')).toBe(String(Buffer.byteLength(body)));
    expect(last?.headers.get('x-odoo-database')).toBe('acme');
  });

  test('is read when it comes byte by byte in chunks, and goes on as one', async () => {
    const body = rpc('acme', 'stock.picking', 'x');
    await open(head('Transfer-Encoding: chunked\r\n'));
    for (const byte of Buffer.from(body))
      connection.send(Buffer.concat([Buffer.from('1\r\n'), Buffer.of(byte), Buffer.from('\r\n')]));
    connection.send('0\r\n\r\n');
    expect((await connection.answer()).status).toBe(200);
    const last = received().at(-1);
    expect([last?.body.toString(), last?.headers.get('transfer-encoding')]).toEqual([body, undefined]);
  });

  test.each<[string, string, number, string]>([
    ['of another database', rpc('globex', 'stock.picking', 'x'), 403, 'tenant_mismatch'],
    ['of a model that is not allowed', rpc('acme', 'res.users', 'x'), 403, 'odoo_method_not_allowed'],
    [
      'that can be read in two ways',
      rpc('acme', 'stock.picking', 'x').replace(
        '"args"',
        '"args":["acme",7,"key","res.users","write",[]],"args"',
      ),
      403,
      'odoo_call_unreadable',
    ],
    [
      'that is too large to be read',
      rpc('acme', 'stock.picking', 'x'.repeat(9000)),
      403,
      'odoo_call_unreadable',
    ],
    ['that is no call', '{}', 403, 'odoo_call_unreadable'],
  ])('%s never reaches Odoo', async (_title, body, status, reason) => {
    const before = received().length;
    await open(head(length(body)), Buffer.from(body));
    const answer = await connection.answer();
    expect([answer.status, reasonOf(answer), received().length]).toEqual([status, reason, before]);
  });

  test('that is too large to be read is refused in chunks as well', async () => {
    const before = received().length;
    const body = rpc('acme', 'stock.picking', 'x'.repeat(9000));
    await open(
      head('Transfer-Encoding: chunked\r\n'),
      `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    const answer = await connection.answer();
    expect([answer.status, reasonOf(answer), received().length]).toEqual([
      403,
      'odoo_call_unreadable',
      before,
    ]);
  });

  test('that stalls is refused, and takes no seat while it does', async () => {
    const before = received().length;
    await open(head('Content-Length: 100\r\n'), '{"params"');
    expect(await surface.busySeats()).toBe(0);
    const answer = await connection.answer();
    expect([answer.status, reasonOf(answer), received().length]).toEqual([408, 'body_timeout', before]);
  });

  test('whose client goes away is reported as that', async () => {
    const before = surface.requests().length;
    await open(head('Content-Length: 100\r\n'), '{"params"');
    connection.destroy();
    await expect
      .poll(() =>
        surface
          .requests()
          .slice(before)
          .map(({ reason, status }) => [reason, status]),
      )
      .toEqual([['client_gone', 499]]);
  });

  test('is followed by the next request on the same connection', async () => {
    const refused = rpc('globex', 'stock.picking', 'x');
    const allowed = rpc('acme', 'stock.picking', 'x');
    await open(head(length(refused)), refused, head(length(allowed)), allowed);
    expect((await connection.answer()).status).toBe(403);
    expect((await connection.answer()).status).toBe(200);
  });

  test('waits for "100 Continue" as any other body', async () => {
    const body = rpc('acme', 'stock.picking', 'x');
    await open(head(`${length(body)}Expect: 100-continue\r\n`));
    await connection.until((text) => text.startsWith('HTTP/1.1 100 '));
    connection.send(Buffer.from(body));
    expect((await connection.answer()).status).toBe(200);
  });

  test('debug is taken out of the query that Odoo gets', async () => {
    await open(`GET /web?a=1&d%65bug=assets&b=2 HTTP/1.1\r\n${hostField}\r\n`);
    expect((await connection.answer()).status).toBe(200);
    expect(received().at(-1)?.target).toBe('/web?a=1&b=2');
  });
});
