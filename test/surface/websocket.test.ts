import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type OdooGevent, startOdooGevent } from '../../src/demo/odoo-gevent.ts';
import { acceptKey } from '../../src/demo/websocket-echo.ts';
import { type Behaviour, type FaultyUpstream, startFaultyUpstream } from '../servers/faulty-upstream.ts';
import { watchArrivals } from './arrivals.ts';
import {
  waitUntil,
  startSurface,
  type Surface,
  surfaceHost,
  surfaceHostField as hostField,
} from './start-surface.ts';
import { askOnce, reasonOf, WireConnection } from './wire-connection.ts';

const nowhere = 'endpoints: [{ url: "http://127.0.0.1:9", seats: 1 }], health: false';
const origin = `http://${surfaceHost}`;
const key = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A handshake as RFC 6455 §4.1 wants it; a field that is changed to undefined is left out. */
function handshake(
  change: Record<string, string | undefined> = {},
  target = '/websocket?version=19.0-2',
): string {
  const fields = {
    Origin: origin,
    Connection: 'keep-alive, Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': key,
    ...change,
  };
  const lines = Object.entries(fields).map(([name, value]) =>
    value === undefined ? '' : `${name}: ${value}\r\n`,
  );
  return `GET ${target} HTTP/1.1\r\n${hostField}${lines.join('')}\r\n`;
}

/** A text frame of a client, masked with zeros. */
function textFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

describe('a WebSocket', () => {
  let gevent: OdooGevent;
  let surface: Surface;
  beforeAll(async () => {
    gevent = await startOdooGevent({ port: 0 });
    surface = await startSurface({
      interactive: nowhere,
      websocket: `endpoints: [{ url: "${gevent.url}", seats: 250 }], health: false, queue: { max: 0 }`,
    });
  });
  afterAll(async () => {
    await surface.stop();
    await gevent.close();
  });
  afterEach(async () => {
    await waitUntil(async () => (await surface.busySeats('websocket')) === 0, 'all seats free');
    await waitUntil(() => gevent.sockets === 0, 'no connection is left upstream');
  });

  const open = async (): Promise<WebSocket> => {
    const socket = new WebSocket(`ws://127.0.0.1:${surface.port}/websocket?version=19.0-2`, {
      origin,
      headers: { Host: surfaceHost, Cookie: 'session_id=x', 'X-Forwarded-For': '203.0.113.9' },
    });
    await once(socket, 'open');
    return socket;
  };
  const closeOf = async (socket: WebSocket): Promise<unknown> =>
    ((await once(socket, 'close')) as unknown[])[0];
  const echoOf = async (
    socket: WebSocket,
    message: string | Buffer,
  ): Promise<{ data: Buffer; isBinary: unknown }> => {
    socket.send(message);
    const [data, isBinary] = (await once(socket, 'message')) as [Buffer, unknown];
    return { data, isBinary };
  };

  test('carries text and bytes both ways', async () => {
    const socket = await open();
    expect(await echoOf(socket, 'grüezi')).toEqual({ data: Buffer.from('grüezi'), isBinary: false });
    expect(await echoOf(socket, Buffer.from([0, 255, 10, 13]))).toEqual({
      data: Buffer.from([0, 255, 10, 13]),
      isBinary: true,
    });
    socket.close(1000);
    expect(await closeOf(socket)).toBe(1000);
  });

  test('carries a message of 1 MiB, the most that Odoo takes', async () => {
    const socket = await open();
    const message = Buffer.alloc(1024 * 1024, 'odoo');
    expect((await echoOf(socket, message)).data.equals(message)).toBe(true);
    socket.terminate();
  });

  test('carries pings and pongs', async () => {
    const socket = await open();
    socket.ping('are you there');
    const [data] = (await once(socket, 'pong')) as [Buffer];
    expect(data.toString()).toBe('are you there');
    socket.terminate();
  });

  test('carries the close code of the client and that of Odoo', async () => {
    const left = await open();
    left.close(4001, 'bye');
    expect(await closeOf(left)).toBe(4001);
    const ended = await open();
    // More than Odoo takes: it says so itself.
    ended.send(Buffer.alloc(1024 * 1024 + 1));
    expect(await closeOf(ended)).toBe(1009);
  });

  test('arrives as one handshake with the fields of the gateway', async () => {
    const arrivals = watchArrivals([gevent], 'nothing');
    arrivals();
    const socket = await open();
    socket.terminate();
    const [arrival] = arrivals();
    expect(arrival?.line).toBe('GET /websocket?version=19.0-2 HTTP/1.1');
    expect(arrival?.fields.filter((field) => !field.startsWith('sec-websocket-key: '))).toEqual([
      'connection: Upgrade',
      'cookie: session_id=x',
      `host: ${surfaceHost}`,
      `origin: ${origin}`,
      'sec-websocket-extensions: permessage-deflate; client_max_window_bits',
      'sec-websocket-version: 13',
      'traceparent: *',
      'upgrade: websocket',
      'x-bulkhead-tenant: acme',
      'x-bulkhead-workload: websocket',
      'x-bulkhead-zone: open',
      'x-forwarded-for: 203.0.113.9',
      `x-forwarded-host: ${surfaceHost}`,
      'x-forwarded-proto: http',
      'x-request-id: *',
    ]);
  });

  test('holds a seat while it stands, and is logged when it opens', async () => {
    const logged = surface.requests().length;
    const sockets = [await open(), await open(), await open()];
    expect([await surface.busySeats('websocket'), gevent.sockets]).toEqual([3, 3]);
    expect(surface.requests().slice(logged)).toMatchObject(
      Array.from({ length: 3 }, () => ({ surface: 'websocket', status: 101 })),
    );
    for (const socket of sockets) socket.terminate();
  });

  test.each([
    ['closes', (connection: WireConnection) => connection.destroy()],
    ['is reset', (connection: WireConnection) => connection.reset()],
    ['says that it sends no more', (connection: WireConnection) => void connection.socket.end()],
  ])('ends upstream when its client %s', async (_name, leave) => {
    const connection = await WireConnection.open(surface.port, { allowHalfOpen: true });
    connection.send(handshake());
    expect((await connection.answer()).status).toBe(101);
    expect(gevent.sockets).toBe(1);
    leave(connection);
    await waitUntil(() => gevent.sockets === 0, 'the upstream side ends');
    connection.destroy();
  });

  test('leaves nothing behind, 200 times', async () => {
    const countSockets = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
    const before = countSockets();
    const sockets = await Promise.all(Array.from({ length: 200 }, () => open()));
    expect([await surface.busySeats('websocket'), gevent.sockets]).toEqual([200, 200]);
    const closed = Promise.all(sockets.map((socket) => closeOf(socket)));
    sockets.forEach((socket, index) => (index % 2 === 0 ? socket.close(1000) : socket.terminate()));
    await closed;
    await waitUntil(() => gevent.sockets === 0 && countSockets() <= before, 'every socket is closed');
  });

  test.each([
    ['of another origin', handshake({ Origin: 'http://evil.example' }), '403 origin_not_allowed'],
    [
      'of an origin that begins like ours',
      handshake({ Origin: `${origin}.evil.example` }),
      '403 origin_not_allowed',
    ],
    ['of no origin', handshake({ Origin: undefined }), '403 origin_not_allowed'],
    ['of a null origin', handshake({ Origin: 'null' }), '403 origin_not_allowed'],
    ['without a version', handshake({ 'Sec-WebSocket-Version': undefined }), '400 upgrade_invalid'],
    ['of an old version', handshake({ 'Sec-WebSocket-Version': '8' }), '400 upgrade_invalid'],
    ['without a key', handshake({ 'Sec-WebSocket-Key': undefined }), '400 upgrade_invalid'],
    ['with a short key', handshake({ 'Sec-WebSocket-Key': 'c2hvcnQ=' }), '400 upgrade_invalid'],
    ['that no Connection names', handshake({ Connection: 'keep-alive' }), '400 upgrade_invalid'],
    ['without an Upgrade', handshake({ Upgrade: undefined }), '400 upgrade_invalid'],
    ['on a path beside it', handshake({}, '/websocket/peek_notifications'), '400 upgrade_invalid'],
    ['on a page', handshake({}, '/odoo'), '400 upgrade_invalid'],
    ['on a path that is it once decoded twice', handshake({}, '/%2577ebsocket'), '400 path_ambiguous'],
    ['that is a plain request', `GET /websocket HTTP/1.1\r\n${hostField}\r\n`, '400 upgrade_invalid'],
    ['to a host of nobody', handshake().replace(surfaceHost, 'evil.example'), '404 no_zone'],
  ])('%s is refused, and nobody upstream hears of it', async (_name, bytes, refusal) => {
    const before = gevent.requests.length;
    const answer = await askOnce(surface.port, bytes);
    expect([`${answer.status} ${reasonOf(answer)}`, gevent.requests.length]).toEqual([refusal, before]);
  });

  test('that is refused is no tunnel for what its client sends next', async () => {
    const before = gevent.requests.length;
    const connection = await WireConnection.open(surface.port);
    connection.send(handshake({ Origin: 'http://evil.example' }));
    connection.send(`GET /websocket/health HTTP/1.1\r\n${hostField}\r\n`);
    const answer = await connection.answer();
    expect([answer.status, answer.fields['connection'], answer.fields['content-type']]).toEqual([
      403,
      'close',
      'application/problem+json',
    ]);
    expect([await connection.closed(), connection.received, gevent.requests.length]).toEqual([
      'ended',
      '',
      before,
    ]);
  });
});

describe('a WebSocket before an upstream', () => {
  let upstream: FaultyUpstream;
  let surface: Surface;
  beforeAll(async () => {
    upstream = await startFaultyUpstream();
    surface = await startSurface({
      interactive: nowhere,
      websocket: `endpoints: [{ url: "${upstream.url}", seats: 2 }], health: false, queue: { max: 0 }, timeout: 250ms, connectTimeout: 200ms`,
    });
  });
  afterAll(async () => {
    await surface.stop();
    await upstream.close();
  });
  afterEach(async () => {
    await waitUntil(async () => (await surface.busySeats('websocket')) === 0, 'all seats free');
  });

  const agreement = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(key)}\r\n`;
  const answering = (text: string): Behaviour => ({
    onRequest: (socket) => void socket.write(text, 'latin1'),
  });
  const ending = (text: string): Behaviour => ({ onRequest: (socket) => void socket.end(text, 'latin1') });

  test.each([
    ['says nothing', {}, '504 upstream_timeout'],
    ['closes', ending(''), '502 upstream_invalid'],
    ['resets', { onRequest: (socket) => socket.resetAndDestroy() }, '502 upstream_invalid'],
    ['sends garbage', answering('\x00\x01 what\r\n\r\n'), '502 upstream_invalid'],
    [
      'agrees to another key',
      answering(`${agreement.replace(acceptKey(key), acceptKey('x'))}\r\n`),
      '502 upstream_invalid',
    ],
    [
      'agrees without a key',
      answering('HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
      '502 upstream_invalid',
    ],
    [
      'switches to something else',
      answering(`${agreement.replace('Upgrade: websocket', 'Upgrade: h2c')}\r\n`),
      '502 upstream_invalid',
    ],
    [
      'switches without an Upgrade',
      answering(`${agreement.replace('Upgrade: websocket\r\n', '')}\r\n`),
      '502 upstream_invalid',
    ],
    [
      'breaks off its refusal',
      ending('HTTP/1.1 400 Bad\r\nContent-Length: 10\r\n\r\nhello'),
      '502 upstream_invalid',
    ],
    [
      'stalls in its refusal',
      answering('HTTP/1.1 400 Bad\r\nContent-Length: 10\r\n\r\nhello'),
      '504 upstream_timeout',
    ],
    [
      'refuses without end',
      answering(`HTTP/1.1 400 Bad\r\n\r\n${'x'.repeat(100_000)}`),
      '502 upstream_invalid',
    ],
  ] as [string, Behaviour, string][])('that %s gets a refusal', async (_name, behaviour, refusal) => {
    upstream.behave(behaviour);
    const answer = await askOnce(surface.port, handshake());
    expect(`${answer.status} ${reasonOf(answer)}`).toBe(refusal);
  });

  // Envoy CVE-2024-23326: an answer other than 101 was taken for the beginning of a tunnel.
  test.each([
    ['200', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello'],
    ['426', 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello'],
    ['401', 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello'],
  ])('that answers %s gets that answer, and no tunnel', async (status, text) => {
    upstream.behave(answering(text));
    const before = upstream.requests.length;
    const connection = await WireConnection.open(surface.port);
    connection.send(handshake());
    connection.send(`GET /secret HTTP/1.1\r\nHost: x\r\n\r\n`);
    const answer = await connection.answer();
    expect([
      String(answer.status),
      answer.body,
      answer.fields['content-type'],
      answer.fields['connection'],
    ]).toEqual([status, 'hello', 'text/plain', 'close']);
    expect([await connection.closed(), connection.received, upstream.requests.length - before]).toEqual([
      'ended',
      '',
      1,
    ]);
    expect(surface.requests().at(-1)).toMatchObject({ surface: 'websocket', status: Number(status) });
  });

  test('that has not agreed yet gets nothing of what its client sends already', async () => {
    let early = 0;
    let agreed = false;
    let later = Buffer.alloc(0);
    upstream.behave({
      onRequest: (socket) => {
        socket.on('data', (data: Buffer) => {
          if (agreed) later = Buffer.concat([later, data]);
          else early += data.length;
        });
        setTimeout(() => {
          agreed = true;
          socket.write(`${agreement}Set-Cookie: session_id=y\r\nX-Other: z\r\n\r\n\x81\x02hi`, 'latin1');
        }, 60);
      },
    });
    const connection = await WireConnection.open(surface.port);
    connection.send(Buffer.concat([Buffer.from(handshake()), textFrame('one')]));
    connection.send(textFrame('two'));
    const answer = await connection.answer();
    expect([answer.status, answer.fields['set-cookie'], answer.fields['x-other']]).toEqual([
      101,
      'session_id=y',
      undefined,
    ]);
    expect(answer.fields['sec-websocket-accept']).toBe(acceptKey(key));
    await connection.until((text) => text === '\x81\x02hi');
    await waitUntil(
      () => later.length > 0 && later.equals(Buffer.concat([textFrame('one'), textFrame('two')])),
      'both frames are there',
    );
    expect(early).toBe(0);
    connection.destroy();
  });

  test.each([
    ['closes', (socket: { end(): void }) => socket.end()],
    ['is reset', (socket: { resetAndDestroy(): void }) => socket.resetAndDestroy()],
  ])('that %s ends, even if its client does not', async (_name, leave) => {
    upstream.behave({
      onRequest: (socket) => {
        socket.write(`${agreement}\r\n`);
        setTimeout(() => leave(socket as never), 30);
      },
    });
    const connection = await WireConnection.open(surface.port, { allowHalfOpen: true });
    connection.send(handshake());
    expect((await connection.answer()).status).toBe(101);
    await connection.closed();
    // The seat comes free although this client keeps its side open.
    await waitUntil(async () => (await surface.busySeats('websocket')) === 0, 'the seat is free');
    connection.destroy();
  });

  test.each([
    ['goes', (connection: WireConnection) => connection.destroy()],
    ['is reset', (connection: WireConnection) => connection.reset()],
  ])('that keeps silent is left when the client %s', async (_name, leave) => {
    let left = false;
    upstream.behave({ onRequest: (socket) => void socket.once('close', () => (left = true)) });
    const asked = upstream.requests.length;
    const connection = await WireConnection.open(surface.port);
    connection.send(Buffer.concat([Buffer.from(handshake()), textFrame('early')]));
    await waitUntil(() => upstream.requests.length > asked, 'the handshake is there');
    const startMs = performance.now();
    leave(connection);
    await waitUntil(() => left, 'the connection upstream ends');
    // Not by the time-out, which is 250 ms.
    expect(performance.now() - startMs).toBeLessThan(150);
    expect(surface.requests().at(-1)).toMatchObject({
      surface: 'websocket',
      status: 499,
      reason: 'client_gone',
    });
  });

  test('that refuses has its seat back at once, however long the client stays', async () => {
    upstream.behave(answering('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'));
    const connection = await WireConnection.open(surface.port, { allowHalfOpen: true });
    connection.send(handshake());
    expect([(await connection.answer()).status, await surface.busySeats('websocket')]).toEqual([401, 0]);
    connection.destroy();
  });

  test('finds its place or is refused at once', async () => {
    upstream.behave(answering(`${agreement}\r\n`));
    const connections = await Promise.all(Array.from({ length: 2 }, () => WireConnection.open(surface.port)));
    for (const connection of connections) {
      connection.send(handshake());
      expect((await connection.answer()).status).toBe(101);
    }
    const answer = await askOnce(surface.port, handshake());
    expect([answer.status, reasonOf(answer)]).toEqual([503, 'pool_queue_full']);
    for (const connection of connections) connection.destroy();
  });

  test('stays open through a silence that is longer than the time-out of a request', async () => {
    upstream.behave({
      onRequest: (socket) => {
        socket.write(`${agreement}\r\n`);
        setTimeout(() => socket.write('\x81\x02hi', 'latin1'), 500);
      },
    });
    const connection = await WireConnection.open(surface.port);
    connection.send(handshake());
    expect((await connection.answer()).status).toBe(101);
    await connection.until((text) => text === '\x81\x02hi');
    connection.destroy();
  });

  test('that cannot be reached is told to the client', async () => {
    const other = await startSurface({ interactive: nowhere, websocket: nowhere });
    const answer = await askOnce(other.port, handshake());
    expect([answer.status, reasonOf(answer)]).toEqual([502, 'upstream_unreachable']);
    await other.stop();
  });
});

test('a gateway that stops ends its tunnels, one after the other', async () => {
  const gevent = await startOdooGevent({ port: 0 });
  const surface = await startSurface({
    interactive: nowhere,
    websocket: `endpoints: [{ url: "${gevent.url}", seats: 20 }], health: false`,
    // The one that keeps its side open is cut off a second after its turn.
    drainTimeout: '6s',
  });
  const clients: WireConnection[] = [];
  for (let i = 0; i < 20; i++) {
    // One of them keeps its side open.
    const client = await WireConnection.open(surface.port, { allowHalfOpen: i === 0 });
    client.send(handshake());
    expect((await client.answer()).status).toBe(101);
    clients.push(client);
  }
  const seen = new Set<number>();
  const look = setInterval(() => seen.add(gevent.sockets), 10);
  await surface.stop();
  clearInterval(look);
  // If they all left at once, they would all come back at once.
  expect([...seen].filter((sockets) => sockets > 0 && sockets < 20).length).toBeGreaterThan(0);
  expect(gevent.sockets).toBe(0);
  expect(surface.logLines.map(({ msg }) => msg)).not.toContain(
    'requests were still in progress when the drain time was over',
  );
  for (const client of clients.slice(1)) expect(await client.closed()).toBe('ended');
  clients[0]?.destroy();
  await gevent.close();
});
