import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type OdooGevent, startOdooGevent } from './odoo-gevent.ts';

const started: OdooGevent[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});

async function start(): Promise<OdooGevent> {
  const server = await startOdooGevent({ port: 0 });
  started.push(server);
  return server;
}

async function open(server: OdooGevent, path = '/websocket?version=19.0-2'): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, { origin: 'https://acme.example' });
  await once(socket, 'open');
  return socket;
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\nX_Dropped: 1\r\n\r\n`;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const handshakeFields = {
  Host: 'acme.example',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  Origin: 'https://acme.example',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

/** A handshake with some fields changed or, as undefined, left out; yields what the server says until `end` is seen. */
async function handshake(
  server: OdooGevent,
  { changes = {}, after = '' }: { changes?: Record<string, string | undefined>; after?: string } = {},
): Promise<{ socket: net.Socket; head: string; rest: Buffer }> {
  const fields = Object.entries({ ...handshakeFields, ...changes }).filter(
    ([, value]) => value !== undefined,
  );
  const socket = net.connect(server.port, '127.0.0.1');
  socket.write(
    `GET /websocket HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${after}`,
    'latin1',
  );
  let bytes = Buffer.alloc(0);
  while (!bytes.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  const end = bytes.indexOf('\r\n\r\n') + 4;
  return { socket, head: bytes.subarray(0, end).toString('latin1'), rest: bytes.subarray(end) };
}

/** All bytes until the server closes. */
async function readToEnd(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('the websocket', () => {
  it.each([
    ['a short message', 'hello'],
    ['a message of 200 bytes', 'ü'.repeat(100)],
    ['a message of 100 KB', 'x'.repeat(100_000)],
    ['an empty message', ''],
  ])('sends %s back', async (_title, text) => {
    const socket = await open(await start());
    const echoed = once(socket, 'message');
    socket.send(text);
    const [data, isBinary] = (await echoed) as [Buffer, boolean];
    expect([data.toString(), isBinary]).toEqual([text, false]);
    socket.close();
  });

  it('puts the parts of a message together, a ping between them included', async () => {
    const socket = await open(await start());
    const answers = Promise.all([once(socket, 'pong'), once(socket, 'message')]);
    socket.send('one ', { fin: false });
    socket.ping('p');
    socket.send('two', { fin: true });
    const [[pong], [message]] = (await answers) as [[Buffer], [Buffer]];
    expect([pong.toString(), message.toString()]).toEqual(['p', 'one two']);
    socket.close();
  });

  it('closes with the code that the client gave', async () => {
    const server = await start();
    const socket = await open(server);
    expect(server.sockets).toBe(1);
    socket.close(4001);
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(4001);
    await until(() => server.sockets === 0);
  });

  it('closes a message over 1 MiB with 1009', async () => {
    const socket = await open(await start());
    socket.send('x'.repeat(1024 * 1024 + 1));
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1009);
  });

  it('closes a message whose parts are over 1 MiB together with 1009', async () => {
    const socket = await open(await start());
    for (const fin of [false, true]) socket.send('x'.repeat(600_000), { fin });
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1009);
  });

  it.each([
    ['a frame without a mask', '\x81\x01a'],
    ['a reserved bit', '\xc1\x80\0\0\0\0'],
    ['an unknown opcode', '\x83\x80\0\0\0\0'],
    ['a continuation of nothing', '\x80\x80\0\0\0\0'],
    ['a message inside a message', '\x01\x80\0\0\0\0\x81\x80\0\0\0\0'],
    ['a fragmented ping', '\x09\x80\0\0\0\0'],
    ['a long ping', '\x89\xfe\0\x7e\0\0\0\0'],
  ])('closes %s with 1002', async (_title, frames) => {
    const { socket, rest } = await handshake(await start(), { after: frames });
    expect(Buffer.concat([rest, await readToEnd(socket)])).toEqual(Buffer.from([0x88, 2, 0x03, 0xea]));
  });

  it('serves frames that came with the handshake, byte by byte as well', async () => {
    const frame = '\x81\x83\x01\x02\x03\x04\x60\x60\x60';
    const server = await start();
    const { socket, rest } = await handshake(server, { after: frame.slice(0, 4) });
    for (const byte of frame.slice(4)) socket.write(byte, 'latin1');
    socket.write('\x88\x80\0\0\0\0', 'latin1');
    expect(Buffer.concat([rest, await readToEnd(socket)]).toString('latin1')).toBe('\x81\x03abc\x88\x00');
  });
});

describe('the handshake', () => {
  it('is accepted with the key that RFC 6455 derives', async () => {
    const server = await start();
    const { socket, head } = await handshake(server, {
      changes: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' },
    });
    expect(head).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nx-odoo-stand-in: gevent\r\n\r\n',
    );
    expect(server.requests.map(({ request }) => [request.path, request.headers.get('origin')])).toEqual([
      ['/websocket', 'https://acme.example'],
    ]);
    socket.destroy();
  });

  it.each<[string, Record<string, string | undefined>, string, string]>([
    ['no origin', { Origin: undefined }, '400 Bad Request', 'Empty or missing header(s): origin'],
    [
      'no key',
      { 'Sec-WebSocket-Key': undefined },
      '400 Bad Request',
      'Empty or missing header(s): sec-websocket-key',
    ],
    [
      'another version',
      { 'Sec-WebSocket-Version': '8' },
      '426 Upgrade Required',
      'Only version 13 is supported',
    ],
    ['another protocol', { Upgrade: 'h2c' }, '400 Bad Request', 'Invalid upgrade header'],
    [
      'a short key',
      { 'Sec-WebSocket-Key': 'AAAA' },
      '400 Bad Request',
      'Sec-WebSocket-Key should be of length 16 once decoded',
    ],
    [
      'no wish to upgrade',
      { Upgrade: undefined, Connection: undefined },
      '400 Bad Request',
      'Empty or missing header(s): connection, upgrade',
    ],
  ])('is refused with %s', async (_title, changes, status, message) => {
    const server = await start();
    const { socket, head, rest } = await handshake(server, { changes });
    // A refusal of a plain request keeps its connection.
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? message.length);
    let body = rest;
    while (body.length < length) body = Buffer.concat([body, ((await once(socket, 'data')) as [Buffer])[0]]);
    expect([head.split('\r\n', 1)[0], body.toString()]).toEqual([
      `HTTP/1.1 ${status}`,
      expect.stringContaining(message),
    ]);
    socket.destroy();
  });
});

describe('everything else', () => {
  it('is a complete application on kept connections', async () => {
    const server = await start();
    const socket = net.connect(server.port, '127.0.0.1');
    socket.write(get('/web%2Fdatabase%2Fmanager'));
    await once(socket, 'data');
    socket.write(get('/websocket/health'));
    const [second] = (await once(socket, 'data')) as [Buffer];
    expect(second.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\{"status": "pass"\}$/);
    expect(server.requests.map(({ request: { path, headers } }) => [path, [...headers.keys()]])).toEqual([
      ['/web/database/manager', ['host']],
      ['/websocket/health', ['host']],
    ]);
    expect(server.requests[0]?.head).toBe(get('/web%2Fdatabase%2Fmanager'));
    socket.destroy();
  });

  it('is plain HTTP even for a request that asks for an upgrade', async () => {
    const server = await start();
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/web/login`, { origin: 'https://a' });
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.destroy();
  });

  it('breaks off open websockets when it is closed', async () => {
    const server = await start();
    const socket = await open(server);
    await server.close();
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1006);
  });
});
