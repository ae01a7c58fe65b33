import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Handshake, type TunnelTarget } from './handshake.ts';

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
// The example of RFC 6455 §1.3.
const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const agreement = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`;

type Outcome =
  | { agreed: readonly string[]; early: string }
  | { declined: number; fields: readonly string[]; body: string }
  | { failure: string };

let server: Server;
let port: number;
let received: string;
let sockets: Socket[];
let onRequest: (socket: Socket) => void;
beforeEach(async () => {
  received = '';
  sockets = [];
  server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const before = received.includes('\r\n\r\n');
      received += data.toString('latin1');
      if (!before && received.includes('\r\n\r\n')) onRequest(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  if (!server.listening) return;
  server.close();
  await once(server, 'close');
});

const target = (change: Partial<TunnelTarget> = {}): TunnelTarget => ({
  origin: `http://127.0.0.1:${port}`,
  target: '/websocket?version=1',
  fields: ['host', 'a.example', 'upgrade', 'websocket', 'sec-websocket-key', key],
  connectTimeoutMs: 1_000,
  timeoutMs: 1_000,
  ...change,
});

/** Shakes hands, and gives every outcome that is told until a moment after the first. */
async function shake(change: Partial<TunnelTarget> = {}): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const tell = (outcome: Outcome): void => {
    outcomes.push(outcome);
    resolve();
  };
  void new Handshake(target(change), key, {
    onAgreed(fields, socket, early) {
      sockets.push(socket);
      tell({ agreed: fields, early: early.toString('latin1') });
    },
    onDeclined: (status, fields, body) => tell({ declined: status, fields, body: body.toString('latin1') }),
    onFailure: (failure) => tell({ failure }),
  });
  await promise;
  await sleep(10);
  return outcomes;
}

const say = (text: string) => (socket: Socket) => void socket.write(text, 'latin1');
const sayAndEnd = (text: string) => (socket: Socket) => void socket.end(text, 'latin1');

describe('a handshake', () => {
  test('sends one request, and hands the connection over with what was said behind the answer', async () => {
    onRequest = say(`${agreement}Set-Cookie: a=b\r\n\r\n\x81\x02hi`);
    expect(await shake()).toEqual([
      {
        agreed: [
          'upgrade',
          'websocket',
          'connection',
          'Upgrade',
          'sec-websocket-accept',
          accept,
          'set-cookie',
          'a=b',
        ],
        early: '\x81\x02hi',
      },
    ]);
    expect(received).toBe(
      `GET /websocket?version=1 HTTP/1.1\r\nhost: a.example\r\nupgrade: websocket\r\nsec-websocket-key: ${key}\r\nconnection: Upgrade\r\n\r\n`,
    );
    expect(createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')).toBe(
      accept,
    );
  });

  test('reads an answer that comes byte by byte', async () => {
    onRequest = (socket) => {
      void (async () => {
        for (const character of `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${agreement}\r\n`) {
          socket.write(character);
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
    };
    expect(await shake()).toMatchObject([{ early: '' }]);
  });

  test('does not hear the connection that it handed over', async () => {
    onRequest = say(`${agreement}\r\n`);
    const outcomes = await shake({ timeoutMs: 30 });
    sockets[0]?.write('HTTP/1.1 200 OK\r\n\r\n');
    await sleep(60);
    sockets[0]?.resetAndDestroy();
    sockets[1]?.on('error', () => {});
    await sleep(10);
    expect(outcomes).toHaveLength(1);
  });

  test.each([
    [
      'another case of the words',
      agreement.replace('websocket', 'WebSocket').replace('101 Switching Protocols', '101 '),
    ],
    ['16 pieces of news before', `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(16)}${agreement}`],
  ])('takes %s', async (_name, text) => {
    onRequest = say(`${text}\r\n`);
    expect(await shake()).toMatchObject([{ early: '' }]);
  });

  test.each([
    ['garbage', 'what\r\n\r\n'],
    ['TLS', '\x15\x03\x01\x00\x02\x02'],
    ['a proof of another key', agreement.replace(accept, 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=')],
    ['no proof', agreement.replace(/Sec-.*\r\n/, '')],
    ['a proof in another case', agreement.replace(accept, accept.toLowerCase())],
    ['another protocol', agreement.replace('websocket', 'h2c')],
    ['a list of protocols', agreement.replace('websocket', 'websocket, h2c')],
    ['no Upgrade', agreement.replace('Upgrade: websocket\r\n', '')],
    ['a broken field', `${agreement}A : b\r\n`],
    ['17 pieces of news', `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(17)}${agreement}`],
    ['a head without end', `HTTP/1.1 101 X\r\n${'A: b\r\n'.repeat(20_000)}`],
    ['a refusal of two lengths', 'HTTP/1.1 400 Bad\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['a refusal that is too large', `HTTP/1.1 400 Bad\r\nContent-Length: 65537\r\n\r\n${'x'.repeat(65_537)}`],
    ['a refusal with a broken chunk', 'HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
  ])('fails over %s, and leaves the connection', async (_name, text) => {
    onRequest = say(`${text}\r\n`);
    expect(await shake()).toEqual([{ failure: 'invalid' }]);
    await expect.poll(() => sockets[0]?.readableEnded === true || sockets[0]?.destroyed).toBe(true);
  });

  test.each<[string, string, (text: string) => (socket: Socket) => void, Outcome]>([
    [
      'by its length',
      'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-A: b\r\n\r\nno',
      say,
      { declined: 403, fields: ['content-length', '2', 'x-a', 'b'], body: 'no' },
    ],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', say, { declined: 204, fields: [], body: '' }],
    [
      'in chunks',
      'HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
      say,
      { declined: 400, fields: ['transfer-encoding', 'chunked'], body: 'no' },
    ],
    ['by its end', 'HTTP/1.1 200 OK\r\n\r\nno', sayAndEnd, { declined: 200, fields: [], body: 'no' }],
    [
      'of 64 KiB',
      `HTTP/1.1 400 Bad\r\nContent-Length: 65536\r\n\r\n${'x'.repeat(65_536)}`,
      say,
      { declined: 400, fields: ['content-length', '65536'], body: 'x'.repeat(65_536) },
    ],
    [
      'behind news',
      'HTTP/1.1 103 X\r\n\r\nHTTP/1.1 204 No\r\n\r\n',
      say,
      { declined: 204, fields: [], body: '' },
    ],
  ])('that is declined gives the whole answer, %s', async (_name, text, how, outcome) => {
    onRequest = how(text);
    expect(await shake()).toEqual([outcome]);
  });

  test.each<[string, (socket: Socket) => unknown, string]>([
    ['says nothing', () => {}, 'timeout'],
    ['stalls in its head', say(agreement), 'timeout'],
    ['stalls in a refusal', say('HTTP/1.1 400 Bad\r\nContent-Length: 5\r\n\r\nhe'), 'timeout'],
    ['ends', (socket) => socket.end(), 'invalid'],
    ['is reset', (socket) => socket.resetAndDestroy(), 'invalid'],
    ['ends in its head', sayAndEnd(agreement), 'invalid'],
    ['ends in a refusal', sayAndEnd('HTTP/1.1 400 Bad\r\nContent-Length: 5\r\n\r\nhe'), 'invalid'],
  ])('with an upstream that %s fails', async (_name, behave, failure) => {
    onRequest = behave;
    expect(await shake({ timeoutMs: 50 })).toEqual([{ failure }]);
  });

  test('with nobody there is unreachable', async () => {
    server.close();
    await once(server, 'close');
    expect(await shake()).toEqual([{ failure: 'unreachable' }]);
  });

  test('whose request must not be written fails, and nothing is sent', async () => {
    expect(await shake({ target: '/a b' })).toEqual([{ failure: 'invalid' }]);
    expect(received).toBe('');
  });

  test.each([
    ['before it is connected', 0],
    ['while it waits', 30],
  ])('that is destroyed %s tells nothing any more', async (_name, waitMs) => {
    onRequest = (socket) => void setTimeout(() => socket.write(`${agreement}\r\n`), 50);
    const outcomes: string[] = [];
    const handshake = new Handshake(target(), key, {
      onAgreed: () => outcomes.push('agreed'),
      onDeclined: () => outcomes.push('declined'),
      onFailure: (failure) => outcomes.push(failure),
    });
    if (waitMs > 0) await sleep(waitMs);
    handshake.destroy();
    await sleep(80);
    expect(outcomes).toEqual([]);
  });
});
