import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RawUpstream, startRawUpstream } from './raw-upstream.ts';
import { startSurface, type Surface, surfaceHostField as hostField } from './start-surface.ts';
import { askOnce } from './wire-connection.ts';

// What a zone says of Odoo's answers: fields that are set and removed, and tracebacks that nobody is to see.

const zone = `
answers:
  set: { strict-transport-security: max-age=31536000 }
  remove: [server]
  hideTracebacks: true
`;
const traceback = 'Traceback (most recent call last):\\n  File \\"/opt/odoo/odoo/http.py\\", line 2130';
const data = (debug: string): string => `{"name":"builtins.KeyError","message":"x","debug":"${debug}"}`;
const rpcError = (debug: string): string =>
  `{"jsonrpc":"2.0","id":7,"error":{"code":0,"data":${data(debug)}}}`;
const faultOf = (text: string): string =>
  "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n" +
  '<value><int>1</int></value>\n</member>\n<member>\n<name>faultString</name>\n' +
  `<value><string>${text}</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n`;

let upstream: RawUpstream;
let surface: Surface;
/** What the upstream answers, piece by piece. */
let pieces: string[];
beforeEach(async () => {
  upstream = await startRawUpstream({
    onData({ socket }) {
      const [first = '', ...rest] = pieces;
      socket.write(first, 'latin1');
      const writeNext = (): void => {
        const piece = rest.shift();
        if (piece === undefined) socket.end();
        else socket.write(piece, 'latin1', () => setImmediate(writeNext));
      };
      setImmediate(writeNext);
    },
  });
  surface = await startSurface({
    interactive: `endpoints: [{ url: "${upstream.url}", seats: 1 }], health: false`,
    zone,
  });
});
afterEach(async () => {
  await surface.stop();
  await upstream.close();
});

const ask = (method = 'POST') =>
  askOnce(surface.port, `${method} /web/dataset/call_kw HTTP/1.1\r\n${hostField}Content-Length: 0\r\n\r\n`);

function answerOf(status: string, type: string, body: string, length = true): string {
  const told = length ? `Content-Length: ${Buffer.byteLength(body)}\r\n` : '';
  return `HTTP/1.0 ${status}\r\nServer: Werkzeug\r\nContent-Type: ${type}\r\n${told}\r\n${body}`;
}

/** Cuts text into pieces of so many characters. */
const cut = (text: string, size: number): string[] =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));

describe('an answer of Odoo', () => {
  test('has the fields that the zone sets, and none that it removes', async () => {
    pieces = [answerOf('200 OK', 'text/html', 'hello')];
    const { fields, body } = await ask('GET');
    expect(body).toBe('hello');
    expect(fields['server']).toBeUndefined();
    expect(fields['strict-transport-security']).toBe('max-age=31536000');
  });

  test.each([
    ['an error of JSON-RPC', '200 OK', 'application/json', rpcError(traceback), rpcError('')],
    ['an error of JSON-2', '500 Oops', 'application/json; charset=utf-8', data(traceback), data('')],
    ['a fault', '200 OK', 'text/xml', faultOf(traceback), faultOf('Odoo Server Error')],
  ])('that is %s passes without its traceback, however it comes', async (_, status, type, body, passed) => {
    for (const length of [true, false]) {
      const whole = answerOf(status, type, body, length);
      for (const cutting of [[whole], cut(whole, 7), cut(whole, 300)]) {
        pieces = cutting;
        const answer = await ask();
        expect(answer.status).toBe(Number(status.slice(0, 3)));
        expect(answer.body).toBe(passed);
        expect(answer.fields['content-length']).toBe(String(Buffer.byteLength(passed)));
      }
    }
  });

  test.each([
    ['a result', '200 OK', 'application/json', `{"jsonrpc":"2.0","id":7,"result":{"debug":"${traceback}"}}`],
    ['a large result', '200 OK', 'application/json', `{"id":7,"result":"${'x'.repeat(200_000)}"}`],
    ['a list of JSON-2', '200 OK', 'application/json', '[{"id":7,"debug":"kept"}]'],
    ['a page', '500 Oops', 'text/html', '<html>{"error":{"debug":"x"}}</html>'],
    ['an empty one', '204 No Content', 'application/json', ''],
    ['an empty error', '401 No', 'application/json', ''],
  ])('that is %s passes as it is', async (_, status, type, body) => {
    for (const length of [true, false]) {
      const whole = answerOf(status, type, body, length);
      for (const cutting of [[whole], cut(whole, body.length > 1000 ? 5000 : 9)]) {
        pieces = cutting;
        expect((await ask()).body).toBe(body);
      }
    }
  });

  test('that begins as an error and cannot be read does not pass', async () => {
    pieces = [answerOf('200 OK', 'application/json', '{"id":7,"error":{"debug":"secret')];
    const { status, body } = await ask();
    expect(status).toBe(502);
    expect(JSON.parse(body)).toMatchObject({ reason: 'upstream_invalid' });
    expect(body).not.toContain('secret');
    expect(await surface.busySeats()).toBe(0);
  });

  test('that is an error without end does not pass', async () => {
    pieces = cut(answerOf('200 OK', 'application/json', `{"error":"${'x'.repeat(1_200_000)}"}`), 50_000);
    expect((await ask()).status).toBe(502);
    expect(await surface.busySeats()).toBe(0);
  });

  test('that breaks off within an error is told as such, since nothing of it has passed', async () => {
    pieces = [`${answerOf('200 OK', 'application/json', '').replace('Length: 0', 'Length: 99')}{"error":1`];
    expect((await ask()).status).toBe(502);
  });
});
