import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { joinTunnel } from '../../test/support/join-tunnel.ts';
import { type RawUpstream, startRawUpstream } from '../../test/surface/raw-upstream.ts';
import { createHttpServer, type HttpServer } from './server.ts';
import { SpoolBudget } from './spool-file.ts';

// The example of RFC 6455 §1.3.
const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const handshake = `GET /websocket HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
const agreement =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
const mebibyte = 1024 * 1024;
const writeStallMs = 1_000;

let upstream: RawUpstream;
let gateway: HttpServer;
let client: Socket;
let server: Socket;
let answer: string;
/** What the listener of the tunnel has heard, in order. */
let heard: string[];
beforeEach(async () => {
  // Only what the deadlines go by: the sockets are real.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  answer = agreement;
  heard = [];
  upstream = await startRawUpstream({
    onConnection: ({ socket }) => void socket.once('data', () => socket.write(answer)),
  });
  gateway = createHttpServer(
    {
      maxHeadBytes: 16 * 1024,
      maxFields: 100,
      maxTargetBytes: 8 * 1024,
      headTimeoutMs: 40,
      bodyIdleMs: 40,
      idleTimeoutMs: 40,
      writeStallMs,
      spool: { memoryBytes: 1024, maxFileBytes: 0, directory: '/nowhere', budget: new SpoolBudget(0) },
    },
    {
      onExchange: () => {},
      onUpgrade: (request) => joinTunnel(request, { origin: upstream.url, key, heard }),
      onMalformed: () => ({ status: 400, fields: [], body: '' }),
    },
  );
  const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
  client = connect({ port, host: '127.0.0.1' });
  client.on('error', () => {});
});
afterEach(async () => {
  client.destroy();
  gateway.destroy();
  await until(() => gateway.connections === 0);
  await upstream.close();
  vi.useRealTimers();
});

async function open(): Promise<void> {
  client.write(handshake);
  await once(client, 'data');
  const [connection] = upstream.connections;
  if (connection === undefined) throw new Error('nobody has connected');
  server = connection.socket;
  expect(heard).toEqual(['open']);
}

/** The two ends, in the order of what is told of them. */
const ends = (side: 'client' | 'upstream'): [near: Socket, far: Socket] =>
  side === 'client' ? [client, server] : [server, client];

/** Waits for what real sockets do. */
const until = (look: () => boolean): Promise<unknown> => vi.waitUntil(look, { interval: 5, timeout: 5_000 });

/** Until no more goes through, however often one looks. */
async function untilHeld(sender: Socket): Promise<void> {
  let before = -1;
  let still = 0;
  await until(() => {
    const taken = sender.bytesWritten - sender.writableLength;
    still = taken === before && taken > 0 ? still + 1 : 0;
    before = taken;
    return still >= 10;
  });
}

/** Sends without end, a piece whenever the last one is with the operating system. */
function pour(sender: Socket): void {
  const piece = Buffer.alloc(mebibyte / 4, 'x');
  const next = (error?: Error | null): void => {
    if (!error && sender.writable) sender.write(piece, next);
  };
  next();
}

describe('a tunnel', () => {
  test.each(['client', 'upstream'] as const)(
    'ends when the %s takes nothing of what waits for it, and says who did',
    async (side) => {
      await open();
      const [stalled, sender] = ends(side);
      stalled.pause();
      pour(sender);
      await untilHeld(sender);
      // What it sends itself is no excuse.
      stalled.write('hello');
      vi.advanceTimersByTime(writeStallMs - 100);
      expect(heard).toEqual(['open']);
      vi.advanceTimersByTime(writeStallMs + 200);
      await until(() => sender.destroyed && heard.length === 3);
      expect(heard).toEqual(['open', `${side} stalled`, 'closed']);
      expect(gateway.connections).toBe(0);
      await until(() => vi.getTimerCount() === 0);
    },
  );

  test.each(['client', 'upstream'] as const)(
    'lives on while the %s takes some of it within each of its times',
    async (side) => {
      await open();
      const [slow, sender] = ends(side);
      slow.pause();
      pour(sender);
      for (let sips = 0; sips < 6; sips++) {
        await untilHeld(sender);
        vi.advanceTimersByTime(writeStallMs - 100);
        const takenBytes = sender.bytesWritten - sender.writableLength;
        slow.resume();
        await until(() => sender.bytesWritten - sender.writableLength > takenBytes);
        slow.pause();
      }
      expect(heard).toEqual(['open']);
    },
  );

  test('lives on while nobody says anything, and when somebody does at last', async () => {
    await open();
    for (let i = 0; i < 100; i++) vi.advanceTimersByTime(writeStallMs);
    client.write('hello');
    const [said] = (await once(server, 'data')) as [Buffer];
    server.write('grüezi');
    const [answered] = (await once(client, 'data')) as [Buffer];
    expect([said.toString(), answered.toString(), heard]).toEqual(['hello', 'grüezi', ['open']]);
  });

  test('whose upstream has ended is not kept by a client that does not take its last words', async () => {
    await open();
    client.pause();
    pour(server);
    await untilHeld(server);
    server.end();
    vi.advanceTimersByTime(2 * writeStallMs + 100);
    await until(() => heard.length === 3);
    expect(heard).toEqual(['open', 'client stalled', 'closed']);
    await until(() => server.destroyed && vi.getTimerCount() === 0);
  });

  test('whose client has gone does not keep the upstream that takes nothing of what is left', async () => {
    await open();
    server.pause();
    pour(client);
    await untilHeld(client);
    client.resetAndDestroy();
    vi.advanceTimersByTime(2 * writeStallMs + 100);
    await until(() => heard.length === 3);
    expect(heard).toEqual(['open', 'upstream stalled', 'closed']);
    await until(() => vi.getTimerCount() === 0);
  });

  test('is watched until the second of its connections is closed as well', async () => {
    await open();
    client.pause();
    server.pause();
    pour(server);
    await untilHeld(server);
    vi.advanceTimersByTime(writeStallMs + 100);
    pour(client);
    await untilHeld(client);
    vi.advanceTimersByTime(writeStallMs + 100);
    await until(() => heard.length === 3);
    expect(heard).toEqual(['open', 'client stalled', 'closed']);
    vi.advanceTimersByTime(writeStallMs + 100);
    await until(() => vi.getTimerCount() === 0);
    expect(heard).toEqual(['open', 'client stalled', 'closed', 'upstream stalled']);
  });

  test('is watched no longer than it stands, by whomever it is ended', async () => {
    await open();
    expect(vi.getTimerCount()).toBe(1);
    client.destroy();
    await until(() => server.destroyed && vi.getTimerCount() === 0);
    expect(heard).toEqual(['open', 'closed']);
  });
});

test('an upgrade that is declined leaves nothing to be watched', async () => {
  answer = 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno';
  client.resume();
  client.write(handshake);
  await until(() => heard.length === 2);
  expect(heard).toEqual(['declined 403', 'closed']);
  await until(() => vi.getTimerCount() === 0);
});
