import { randomBytes, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as connectPlain, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { connect, createServer, type SecureVersion, type Server, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { mintCertificate, pemOf } from '../../test/servers/certificates.ts';
import { joinTunnel } from '../../test/support/join-tunnel.ts';
import { startRawUpstream } from '../../test/surface/raw-upstream.ts';
import type { BodySource } from './body-source.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConnectionServer } from './connection-server.ts';
import { Deadlines } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import { SpoolBudget } from './spool-file.ts';
import { WebSocketRequest } from './websocket.ts';

const hourMs = 60 * 60 * 1000;
const writeStallMs = 1_000;
// The example of RFC 6455 §1.3.
const webSocketKey = 'dGhlIHNhbXBsZSBub25jZQ==';
const agreement =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

let key: string;
let cert: string;
beforeAll(async () => {
  const own = await mintCertificate({
    subject: 'CN=gateway',
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + hourMs),
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.keys.privateKey));
  key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  cert = pemOf(own);
});

let server: Server;
let version: SecureVersion;
let connections: Set<ClientConnection>;
let serverSockets: TLSSocket[];
let client: Client;
let onExchange: (exchange: Exchange) => void;
let onUpgrade: ((request: WebSocketRequest) => void) | undefined;

/** The engine on the sockets of a TLS server, as `createHttpServer` has it on plain ones. */
async function start(): Promise<void> {
  const shared: ConnectionServer = {
    options: {
      maxHeadBytes: 16 * 1024,
      maxFields: 100,
      maxTargetBytes: 8 * 1024,
      headTimeoutMs: 10_000,
      bodyIdleMs: 10_000,
      idleTimeoutMs: 10_000,
      writeStallMs,
      spool: {
        memoryBytes: 64 * 1024,
        maxFileBytes: 0,
        directory: '/nowhere',
        budget: new SpoolBudget(0),
      },
    },
    deadlines: new Deadlines(10),
    draining: false,
    onExchange: (exchange) => onExchange(exchange),
    onUpgrade: (head, socket, early) => onUpgrade?.(new WebSocketRequest(head, { socket, early }, shared)),
    onMalformed: (reason) => ({ status: 400, fields: [], body: reason }),
    onConnectionEnd: (connection) => void connections.delete(connection),
  };
  server = createServer(
    { key, cert, minVersion: version, maxVersion: version, noDelay: true, allowHalfOpen: true },
    (socket) => {
      serverSockets.push(socket);
      connections.add(new ClientConnection(socket, shared));
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

/** A client that reads with a tap on the wire: what TLS itself says is not told by its socket. */
class Client {
  readonly socket: TLSSocket;
  readonly #plain: Socket;
  readonly #wire: Buffer[] = [];
  /** One character per byte. */
  text = '';

  constructor() {
    this.#plain = connectPlain((server.address() as AddressInfo).port, '127.0.0.1');
    this.#plain.on('error', () => {});
    this.#plain.on('data', (bytes: Buffer) => void this.#wire.push(bytes));
    const plain = this.#plain;
    const [near, far] = duplexPair();
    plain.pipe(far).pipe(plain);
    this.socket = connect({ socket: near, ca: cert, checkServerIdentity: () => undefined });
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes) => (this.text += bytes.toString('latin1')));
  }

  /** The server has ended the connection below TLS, and everything before that is read. */
  get ended(): boolean {
    return this.#plain.readableEnded && this.socket.readableEnded;
  }

  /** Whether the last thing that the server said is that it ends: in 1.3 an alert can be told by its length alone. */
  get isClosureSaid(): boolean {
    const wire = Buffer.concat(this.#wire);
    let last: [type: number, length: number] = [0, 0];
    for (let at = 0; at + 5 <= wire.length; at += 5 + last[1]) {
      last = [wire.readUInt8(at), wire.readUInt16BE(at + 3)];
    }
    return last[0] === 21 || (last[0] === 23 && last[1] === 2 + 1 + 16);
  }

  send(content: string | Buffer): void {
    this.socket.write(content, 'latin1');
  }

  ask(target: string, fields = ''): void {
    this.send(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`);
  }

  stopReading(): void {
    this.socket.pause();
    this.#plain.unpipe();
    this.#plain.pause();
  }

  destroy(): void {
    this.socket.destroy();
    this.#plain.destroy();
  }
}

/** Waits for what real sockets do. */
const until = (look: () => boolean): Promise<unknown> => vi.waitUntil(look, { interval: 5, timeout: 5_000 });

/** Until nothing moves any more, however often one looks. */
async function untilStill(measure: () => number): Promise<void> {
  let before = -1;
  let still = 0;
  await until(() => {
    const now = measure();
    still = now === before && now > 0 ? still + 1 : 0;
    before = now;
    return still >= 10;
  });
}

/** What the connections have taken off their clients, and what is on its way to them. */
const readBytes = (): number => serverSockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
const sentBytes = (): number =>
  serverSockets.reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);

const bodiesOf = (text: string): string[] => text.match(/(?<=\r\n\r\n)[^\r]*?(?=HTTP\/1\.1|$)/g) ?? [];

describe.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('over %s', (tlsVersion) => {
  beforeEach(async () => {
    // Only what the deadlines go by: the sockets are real.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    version = tlsVersion;
    connections = new Set();
    serverSockets = [];
    onExchange = (exchange) => exchange.answer(200, [], exchange.target);
    await start();
    client = new Client();
    await once(client.socket, 'secureConnect');
    expect(client.socket.getProtocol()).toBe(version);
  });
  afterEach(async () => {
    client.destroy();
    for (const socket of serverSockets) socket.destroy();
    server.close();
    await until(() => connections.size === 0);
    vi.useRealTimers();
  });

  test('a request is answered, and the next one on the same connection, which ends when its client ends it', async () => {
    client.ask('/one');
    await until(() => client.text.endsWith('/one'));
    client.ask('/two');
    await until(() => client.text.endsWith('/two'));
    expect(bodiesOf(client.text)).toEqual(['/one', '/two']);
    expect([serverSockets.length, client.ended]).toEqual([1, false]);
    client.socket.end();
    await until(() => client.ended);
    expect(client.isClosureSaid).toBe(true);
  });

  test('requests that come ahead are answered in their order, though more of them come than are held', async () => {
    const targets = Array.from({ length: 40 }, (_, i) => `/${i}`);
    const asked: Exchange[] = [];
    onExchange = (exchange) => void asked.push(exchange);
    for (const target of targets) client.ask(target, `X-Long: ${'x'.repeat(4 * 1024)}\r\n`);
    await until(() => asked.length === 1);
    await untilStill(readBytes);
    expect(asked.length).toBe(1);
    onExchange = (exchange) => void setImmediate(() => exchange.answer(200, [], exchange.target));
    asked[0]?.answer(200, [], '/0');
    await until(() => client.text.endsWith('/39'));
    expect(bodiesOf(client.text)).toEqual(targets);
  });

  test.each(['by its length', 'in chunks'])(
    'a body told %s arrives whole, though who takes it pauses time and again',
    async (framing) => {
      const content = randomBytes(1024 * 1024);
      const taken: Buffer[] = [];
      let source: BodySource | undefined;
      onExchange = (exchange) => {
        source = exchange.streamBody(2 * content.length);
        source.start({
          onPiece(piece) {
            taken.push(Buffer.from(piece));
            if (taken.length > 1 && taken.length % 5 === 0) setImmediate(() => source?.resume());
            return taken.length > 1 && taken.length % 5 !== 0;
          },
          onEnd: () => exchange.answer(200, [], 'thanks'),
          onFailure: () => exchange.answer(400, [], 'failed'),
        });
      };
      const length =
        framing === 'in chunks' ? 'Transfer-Encoding: chunked' : `Content-Length: ${content.length}`;
      client.send(`POST / HTTP/1.1\r\nHost: a.example\r\n${length}\r\n\r\n`);
      if (framing === 'in chunks') {
        client.send(`${content.length.toString(16)}\r\n`);
        client.send(content);
        client.send('\r\n0\r\n\r\n');
      } else client.send(content);
      await until(() => taken.length > 0);
      await untilStill(readBytes);
      expect(taken.length).toBe(1);
      source?.resume();
      await until(() => client.text !== '');
      expect(bodiesOf(client.text)).toEqual(['thanks']);
      expect(Buffer.concat(taken).equals(content)).toBe(true);
      // And what comes behind it is a request again.
      onExchange = (exchange) => exchange.answer(200, [], exchange.target);
      client.ask('/next');
      await until(() => client.text.endsWith('/next'));
    },
  );

  test('a malformed head is answered with 400, and the connection ends in an orderly way', async () => {
    client.send('GET /\r\nHost: a.example\r\n\r\n');
    await until(() => client.ended);
    expect(client.text).toBe(
      'HTTP/1.1 400 Bad Request\r\ncontent-length: 15\r\nconnection: close\r\n\r\nframing_invalid',
    );
    expect(client.isClosureSaid).toBe(true);
  });

  test.each<[string, boolean, (exchange: Exchange) => void]>([
    ['finished says', true, (exchange) => exchange.finishAnswer()],
    ['broken off does not say', false, (exchange) => exchange.abortAnswer()],
  ])('an answer that only its end delimits and that is %s that it ends', async (_how, said, finish) => {
    let asked: Exchange | undefined;
    onExchange = (exchange) => {
      asked = exchange;
      exchange.startAnswer(200, []);
      exchange.sendChunk(Buffer.from('half'));
    };
    client.send('GET / HTTP/1.0\r\nHost: a.example\r\n\r\n');
    await until(() => client.text.endsWith('half'));
    if (asked !== undefined) finish(asked);
    await until(() => client.ended);
    expect([bodiesOf(client.text), client.isClosureSaid]).toEqual([['half'], said]);
  });

  test('a client that takes nothing of its answer is given up, and not before its time', async () => {
    let gone = false;
    onExchange = (exchange) => {
      // More and more, until the kernel has what it takes for a peer that reads nothing.
      const fill = (): void => {
        while (exchange.sendChunk(Buffer.alloc(64 * 1024, 'x')));
      };
      exchange.listen({ onGone: () => (gone = true), onAnswered: () => {}, onDrain: fill });
      exchange.startAnswer(200, []);
      fill();
    };
    client.stopReading();
    client.ask('/');
    await untilStill(sentBytes);
    // It took something within its first time, and has a second one.
    vi.advanceTimersByTime(writeStallMs + 100);
    vi.advanceTimersByTime(writeStallMs - 200);
    await untilStill(sentBytes);
    expect([gone, connections.size]).toEqual([false, 1]);
    vi.advanceTimersByTime(200);
    await until(() => gone);
    expect([connections.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('a tunnel passes what both ends say, and ends when the client takes nothing of it', async () => {
    const upstream = await startRawUpstream({
      onConnection: ({ socket }) => void socket.once('data', () => socket.write(agreement)),
    });
    const heard: string[] = [];
    onUpgrade = (request) => joinTunnel(request, { origin: upstream.url, key: webSocketKey, heard });
    client.ask(
      '/websocket',
      `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${webSocketKey}\r\n`,
    );
    // Ahead of the agreement, in a record of its own.
    client.send('first');
    await until(() => upstream.connections[0]?.text.endsWith('first') ?? false);
    const far = upstream.connections[0]?.socket;
    far?.write('second');
    await until(() => client.text.endsWith('second'));
    expect(heard).toEqual(['open']);
    client.stopReading();
    const pour = (error?: Error | null): void => {
      if (!error && far?.writable === true) far.write(Buffer.alloc(256 * 1024, 'x'), pour);
    };
    pour();
    await untilStill(sentBytes);
    vi.advanceTimersByTime(writeStallMs - 100);
    expect(heard).toEqual(['open']);
    vi.advanceTimersByTime(writeStallMs + 200);
    await until(() => heard.length === 3);
    expect(heard).toEqual(['open', 'client stalled', 'closed']);
    await until(() => vi.getTimerCount() === 0);
    await upstream.close();
  });
});
