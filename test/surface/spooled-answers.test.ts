import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RawConnection, type RawUpstream, startRawUpstream } from './raw-upstream.ts';
import { waitUntil, startSurface, type Surface, surfaceHostField as hostField } from './start-surface.ts';
import { askOnce } from './wire-connection.ts';

// Answers that their clients do not take at once. The kernel takes some of each, so they are large.

const mebibyte = 1024 * 1024;
const total = 24 * mebibyte;
const block = randomBytes(mebibyte);

/** A client that reads when it is told to. */
class SlowClient {
  readonly socket: Socket;
  readonly #hash = createHash('sha256');
  head = '';
  bodyBytes = 0;
  /** The newest bytes of the body. */
  tail = Buffer.alloc(0);
  ended: 'no' | 'ended' | 'reset' = 'no';

  constructor(port: number, bytes: string) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.pause();
    this.socket.on('data', (data: Buffer) => this.#take(data));
    this.socket.on('end', () => (this.ended = 'ended'));
    this.socket.on('error', () => (this.ended = 'reset'));
    this.socket.write(bytes);
  }

  get hash(): string {
    return this.#hash.copy().digest('hex');
  }

  #take(data: Buffer): void {
    let content = data;
    if (!this.head.includes('\r\n\r\n')) {
      const text = this.head + data.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      content = end === -1 ? Buffer.alloc(0) : data.subarray(end + 4 - this.head.length);
      this.head = end === -1 ? text : text.slice(0, end + 4);
    }
    this.bodyBytes += content.length;
    this.#hash.update(content);
    this.tail = Buffer.concat([this.tail, content]).subarray(-64);
  }
}

let upstream: RawUpstream;
let surface: Surface;
let onConnection: (connection: RawConnection) => void;
let clients: SlowClient[];
let stopped: boolean;
beforeEach(async () => {
  clients = [];
  stopped = false;
  upstream = await startRawUpstream({ onConnection: (connection) => onConnection(connection) });
});
afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  if (!stopped) await surface.stop();
  await upstream.close();
});

async function start({ http = '{ spool: { memory: 64KiB } }', seats = 1, pool = '' } = {}): Promise<void> {
  surface = await startSurface({
    http,
    interactive: `endpoints: [{ url: "${upstream.url}", seats: ${seats} }], health: false${pool}`,
  });
}

function ask(target = '/big', version = '1.1'): SlowClient {
  const client = new SlowClient(surface.port, `GET ${target} HTTP/${version}\r\n${hostField}\r\n`);
  clients.push(client);
  return client;
}

/** Writes `bytes` bytes of repeated `content`, as fast as they are taken. */
function pour(
  socket: Socket,
  bytes: number,
  { content = block, onDone = () => {} }: { content?: Buffer; onDone?: () => void } = {},
): void {
  let sent = 0;
  const write = (): void => {
    while (sent < bytes) {
      const piece = content.subarray(0, Math.min(content.length, bytes - sent));
      sent += piece.length;
      if (!socket.write(piece) && sent < bytes) return void socket.once('drain', write);
    }
    onDone();
  };
  write();
}

const lengthHead = (bytes: number): string => `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`;

/** Answers each request with a large body. */
function serveBig(content: (target: string) => Buffer = () => block): void {
  onConnection = ({ socket }) =>
    void socket.once('data', (data: Buffer) => {
      const target = data.toString('latin1').split(' ')[1] ?? '';
      if (target === '/small') return void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall');
      socket.write(lengthHead(total));
      pour(socket, total, { content: content(target), onDone: () => void socket.end() });
    });
}

function hashOf(content: Buffer, bytes = total): string {
  const hash = createHash('sha256');
  for (let i = 0; i < bytes; i += content.length) hash.update(content);
  return hash.digest('hex');
}

const seatIsFree = (): Promise<void> =>
  waitUntil(
    async () => upstream.connections.length > 0 && (await surface.busySeats()) === 0,
    'the seat is free',
  );

async function takeAll(client: SlowClient, bytes = total): Promise<void> {
  client.socket.resume();
  await waitUntil(() => client.bodyBytes >= bytes || client.ended === 'reset', 'everything is there');
}

describe('an answer that its client does not take', () => {
  test('frees its seat at once, and is complete afterwards', async () => {
    await start();
    serveBig();
    const client = ask();
    await seatIsFree();
    expect([surface.requests(), client.bodyBytes]).toEqual([[], 0]);
    await takeAll(client);
    expect([client.bodyBytes, client.hash]).toEqual([total, hashOf(block)]);
    await waitUntil(() => surface.requests().length === 1, 'it is logged');
    expect(surface.requests()).toMatchObject([{ status: 200, path: '/big' }]);
  });

  test('does so without a length too, in chunks for its client', async () => {
    await start();
    onConnection = ({ socket }) =>
      void socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        pour(socket, total, { onDone: () => void socket.end() });
      });
    const client = ask();
    await seatIsFree();
    client.socket.resume();
    await waitUntil(() => client.tail.toString('latin1').endsWith('\r\n0\r\n\r\n'), 'the last chunk');
    expect(client.head.toLowerCase()).toContain('\r\ntransfer-encoding: chunked\r\n');
    expect(client.bodyBytes).toBeGreaterThan(total);
  });

  test('ends with its connection for a client of HTTP/1.0', async () => {
    await start();
    onConnection = ({ socket }) =>
      void socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        pour(socket, total, { onDone: () => void socket.end() });
      });
    const client = ask('/big', '1.0');
    await seatIsFree();
    client.socket.resume();
    await waitUntil(() => client.ended !== 'no', 'the end');
    expect([client.ended, client.bodyBytes, client.hash]).toEqual(['ended', total, hashOf(block)]);
  });

  test('keeps its bytes to itself, beside others', async () => {
    await start({ seats: 4 });
    const contents = new Map(Array.from({ length: 4 }, (_, i) => [`/${i}`, randomBytes(mebibyte)]));
    serveBig((target) => contents.get(target) ?? block);
    const asked = [...contents].map(([target, content]) => ({ client: ask(target), content }));
    await waitUntil(() => upstream.connections.length === 4, 'all are asked');
    await seatIsFree();
    await Promise.all(asked.map(({ client }) => takeAll(client)));
    expect(asked.map(({ client }) => client.hash)).toEqual(asked.map(({ content }) => hashOf(content)));
  });

  test('comes before the answer to the next request on its connection', async () => {
    await start();
    serveBig();
    const client = ask();
    client.socket.write(`GET /small HTTP/1.1\r\n${hostField}\r\n`);
    await seatIsFree();
    expect(upstream.connections.length).toBe(1);
    await takeAll(client);
    await waitUntil(() => client.tail.toString('latin1').endsWith('\r\n\r\nsmall'), 'the second answer');
    expect(upstream.connections.length).toBe(2);
  });

  test('waits under no name', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'spool-'));
    await start({ http: `{ spool: { memory: 64KiB, directory: ${directory} } }` });
    serveBig();
    const client = ask();
    await seatIsFree();
    expect(readdirSync(directory)).toEqual([]);
    await takeAll(client);
    expect(client.hash).toBe(hashOf(block));
    rmSync(directory, { recursive: true });
  });

  test('is taken in sips, however long that takes', async () => {
    await start({ http: '{ spool: { memory: 64KiB }, writeTimeout: 300ms }' });
    serveBig();
    const client = ask();
    await seatIsFree();
    for (let i = 0; client.bodyBytes < total; i++) {
      client.socket.resume();
      const wanted = Math.min(total, client.bodyBytes + 2 * mebibyte);
      await waitUntil(() => client.bodyBytes >= wanted, 'a sip');
      client.socket.pause();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(client.hash).toBe(hashOf(block));
  });

  test('is broken off when its worker breaks it off', async () => {
    await start();
    onConnection = ({ socket }) =>
      void socket.once('data', () => {
        socket.write(lengthHead(total));
        pour(socket, total - 1, { onDone: () => void socket.end() });
      });
    const client = ask();
    await seatIsFree();
    client.socket.resume();
    await waitUntil(() => client.ended !== 'no', 'the end');
    expect([client.ended, client.bodyBytes < total]).toEqual(['reset', true]);
    expect(surface.requests()).toMatchObject([{ reason: 'upstream_invalid' }]);
  });

  test('is finished by a gateway that stops', async () => {
    await start();
    serveBig();
    const client = ask();
    await seatIsFree();
    const stopping = surface.stop();
    stopped = true;
    await takeAll(client);
    await stopping;
    expect([client.hash, client.ended]).toEqual([hashOf(block), 'ended']);
  });

  test('a client that sends bytes and takes none is given up all the same', async () => {
    await start({ http: '{ spool: { memory: 64KiB }, writeTimeout: 200ms }' });
    serveBig();
    const client = ask();
    const drip = setInterval(() => client.socket.write('x'), 40);
    try {
      await waitUntil(() => surface.requests().length === 1, 'the client is given up');
    } finally {
      clearInterval(drip);
    }
    expect(surface.requests()).toMatchObject([{ status: 499, reason: 'client_gone' }]);
  });
});

describe('the room of an answer', () => {
  // There is room for one of them, and not for what two of them leave over when the kernel has its part.
  const http = '{ spool: { memory: 64KiB, total: 24MiB }, writeTimeout: 60s }';
  const afterFirst = async (): Promise<SlowClient> => {
    const one = ask('/one');
    await seatIsFree();
    return one;
  };
  /** The second answer waits in its worker. */
  const second = async (): Promise<SlowClient> => {
    const two = ask('/two');
    await waitUntil(() => upstream.connections.length === 2, 'the worker has the second request');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await surface.busySeats()).toBe(1);
    return two;
  };

  test.each([
    ['goes', (client: SlowClient) => void client.socket.destroy()],
    ['is reset', (client: SlowClient) => void client.socket.resetAndDestroy()],
    ['takes everything', (client: SlowClient) => void client.socket.resume()],
  ])('is given back when its client %s', async (_name, leave) => {
    await start({ http });
    serveBig();
    const one = await afterFirst();
    const two = await second();
    leave(one);
    await takeAll(two);
    await seatIsFree();
    expect(two.hash).toBe(hashOf(block));
    // And all of it.
    const three = ask('/three');
    await waitUntil(() => upstream.connections.length === 3, 'the worker has the third request');
    await seatIsFree();
    await takeAll(three);
    expect(three.hash).toBe(hashOf(block));
  });

  test('is given back when its client is given up', async () => {
    await start({ http: http.replace('60s', '300ms') });
    serveBig();
    ask('/one');
    await seatIsFree();
    await waitUntil(() => surface.requests().length === 1, 'the client is given up');
    expect(surface.requests()).toMatchObject([{ status: 499, reason: 'client_gone' }]);
    ask('/two');
    await waitUntil(() => upstream.connections.length === 2, 'the worker has the second request');
    await seatIsFree();
  });

  test.each([
    ['where files cannot be made', '{ spool: { memory: 64KiB, directory: /nowhere/at/all } }'],
    ['of no file', '{ spool: { memory: 64KiB, file: 64KiB } }'],
  ])(
    '%s is the memory alone: small answers pass, and a large one waits in its worker',
    async (_name, options) => {
      await start({ http: options });
      serveBig();
      const small = await askOnce(surface.port, `GET /small HTTP/1.1\r\n${hostField}\r\n`);
      expect([small.status, small.body]).toEqual([200, 'small']);
      const client = ask();
      await waitUntil(() => upstream.connections.length === 2, 'the worker has the request');
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await surface.busySeats()).toBe(1);
      await takeAll(client);
      expect(client.hash).toBe(hashOf(block));
      await seatIsFree();
    },
  );
});
