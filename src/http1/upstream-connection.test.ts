import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type FaultyUpstream, startFaultyUpstream } from '../../test/servers/faulty-upstream.ts';
import { type Heard, HeardAnswer, ScriptedBody } from '../../test/support/heard-answer.ts';
import { createUpstreamClient, type UpstreamClient, type UpstreamRequest } from './upstream.ts';

let upstream: FaultyUpstream;
let client: UpstreamClient;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  upstream = await startFaultyUpstream();
  client = createUpstreamClient();
});
afterEach(async () => {
  await client.close();
  expect(client.connections).toBe(0);
  await upstream.close();
  vi.useRealTimers();
});

const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const fine: Heard = { status: 200, body: 'fine', failure: undefined };
const failed = (failure: Heard['failure']): Heard => ({ status: undefined, body: '', failure });
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

const send = (change: Partial<UpstreamRequest> = {}, answer = new HeardAnswer()): HeardAnswer =>
  answer.send(client, { origin: upstream.url, method: 'POST', ...change });

/** The next connection, and all that comes on it. */
class Arrival {
  readonly socket: Socket;
  text = '';
  readonly ended: Promise<unknown>;

  constructor(socket: Socket) {
    this.socket = socket;
    this.ended = once(socket, 'close');
    socket.on('data', (data: Buffer) => (this.text += data.toString('latin1')));
  }

  /** Waits for the bytes that end in `end`. */
  async until(end: string): Promise<string> {
    while (!this.text.endsWith(end)) await once(this.socket, 'data');
    return this.text;
  }
}

const nextConnection = (): Promise<Arrival> =>
  new Promise((resolve) => upstream.behave({ onConnect: (socket) => resolve(new Arrival(socket)) }));

/** A client with one idle connection, and what comes on it from now on. */
async function idleConnection(): Promise<Arrival> {
  const connection = nextConnection();
  const first = send({ method: 'GET' });
  const arrival = await connection;
  await arrival.until('\r\n\r\n');
  arrival.socket.write(ok('fine'));
  expect(await first.ended).toEqual(fine);
  arrival.text = '';
  return arrival;
}

const headOf = (framing: string): string => `POST /odoo HTTP/1.1\r\nhost: a.example\r\n${framing}\r\n\r\n`;

describe('a request body', () => {
  test.each([0, 1, 16_384, 16_385, 1_000_000])('of %d bytes arrives as it is', async (size) => {
    const body = Buffer.from(Array.from({ length: size }, (_, i) => i % 256));
    const connection = nextConnection();
    const answer = send({ body });
    const arrival = await connection;
    const expected = headOf(`content-length: ${size}`) + body.toString('latin1');
    while (arrival.text.length < expected.length) await once(arrival.socket, 'data');
    expect(arrival.text === expected).toBe(true);
    arrival.socket.write(ok('fine'));
    expect(await answer.ended).toEqual(fine);
  });

  test.each([
    ['in its length', 6, 'content-length: 6', 'abcdef'],
    ['in chunks', undefined, 'transfer-encoding: chunked', '3\r\nabc\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n'],
  ])(
    'that comes in pieces goes out %s, and leaves a connection that serves again',
    async (_, length, framing, sent) => {
      const arrival = await idleConnection();
      const body = new ScriptedBody(length, (consumer) => {
        expect(consumer.onPiece(bytes('abc'))).toBe(true);
        expect(consumer.onPiece(bytes(''))).toBe(true);
      });
      const answer = send({ body });
      body.consumer.onPiece(bytes('de'));
      await arrival.until('e' + (length === undefined ? '\r\n' : ''));
      body.consumer.onPiece(bytes('f'));
      body.consumer.onEnd();
      await arrival.until(sent);
      expect(arrival.text).toBe(headOf(framing) + sent);
      arrival.socket.write(ok('fine'));
      expect([await answer.ended, body.asked]).toEqual([fine, ['start']]);
      arrival.text = '';
      const next = send({ method: 'GET' });
      await arrival.until('\r\n\r\n');
      arrival.socket.write(ok('fine'));
      expect(await next.ended).toEqual(fine);
    },
  );

  test('is held back while the upstream does not read, and goes on when it does', async () => {
    const piece = Buffer.alloc(256 * 1024, 'x');
    let left = 64;
    const pour = (consumer: { onPiece(piece: Buffer): boolean; onEnd(): void }): void => {
      while (left > 0) {
        left--;
        if (!consumer.onPiece(piece)) return;
      }
      consumer.onEnd();
    };
    const body = new ScriptedBody(64 * piece.length, pour, pour);
    const arrived = Promise.withResolvers<Socket>();
    const server = createServer({ pauseOnConnect: true }, arrived.resolve).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const answer = send({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, body });
    const socket = await arrived.promise;
    // Another request in the meantime: the kernel has taken what it takes.
    upstream.behave({ onRequest: (other) => void other.write(ok('fine')) });
    expect(await send().ended).toEqual(fine);
    expect(left).toBeGreaterThan(0);
    const size = headOf(`content-length: ${64 * piece.length}`).length + 64 * piece.length;
    socket.on('data', () => {
      if (socket.bytesRead === size) socket.write(ok('fine'));
    });
    socket.resume();
    expect(await answer.ended).toEqual(fine);
    expect(new Set(body.asked)).toEqual(new Set(['start', 'resume']));
    server.close();
  });

  test.each<[string, number | undefined, (body: ScriptedBody) => void, string]>([
    ['is too short', 6, ({ consumer }) => consumer.onEnd(), 'abc'],
    ['is too long', 5, ({ consumer }) => void consumer.onPiece(bytes('def')), 'abc'],
    ['fails in its length', 6, ({ consumer }) => consumer.onFailure(), 'abc'],
    ['fails in chunks', undefined, ({ consumer }) => consumer.onFailure(), '3\r\nabc\r\n'],
  ])('that %s is never completed', async (_, length, act, sent) => {
    const connection = nextConnection();
    const body = new ScriptedBody(length, (consumer) => void consumer.onPiece(bytes('abc')));
    const answer = send({ body });
    const arrival = await connection;
    await arrival.until(sent);
    act(body);
    expect(await answer.ended).toEqual(failed('aborted'));
    await arrival.ended;
    expect(arrival.text.endsWith(`\r\n\r\n${sent}`)).toBe(true);
  });

  test('that fails at once on a connection that stands is heard of after send', async () => {
    const arrival = await idleConnection();
    const answer = send({ body: new ScriptedBody(5, (consumer) => consumer.onFailure()) });
    expect(answer.heard.failure).toBeUndefined();
    answer.call?.abort();
    expect(await answer.ended).toEqual(failed('aborted'));
    await arrival.ended;
  });

  test('is stopped when its connection breaks', async () => {
    const connection = nextConnection();
    const body = new ScriptedBody(5);
    const answer = send({ body });
    const arrival = await connection;
    await arrival.until('\r\n\r\n');
    arrival.socket.resetAndDestroy();
    expect([await answer.ended, body.asked]).toEqual([failed('invalid'), ['start', 'stop']]);
    expect(body.consumer.onPiece(bytes('hello'))).toBe(false);
    body.consumer.onEnd();
    body.consumer.onFailure();
  });

  test('is not started when nobody listens', async () => {
    const gone = await startFaultyUpstream();
    await gone.close();
    const body = new ScriptedBody(5);
    expect(await send({ origin: gone.url, body }).ended).toEqual(failed('unreachable'));
    expect(body.asked).toEqual([]);
  });
});

describe('an answer before the body is sent', () => {
  test.each([
    ['a source', () => new ScriptedBody(5)],
    ['a buffer', () => Buffer.alloc(32 * 1024 * 1024)],
  ])('is heard; then %s is stopped and the connection destroyed', async (_, bodyOf) => {
    upstream.behave({
      onHead: (socket) => {
        socket.pause();
        socket.write(ok('fine'));
      },
    });
    const body = bodyOf();
    expect(await send({ body }).ended).toEqual(fine);
    await vi.waitUntil(() => client.connections === 0);
    if (body instanceof ScriptedBody) expect(body.asked).toEqual(['start', 'stop']);
  });

  test('does not end the request when only its head is early', async () => {
    const connection = nextConnection();
    const body = new ScriptedBody(5);
    const headHeard = Promise.withResolvers<void>();
    const answer = send({ body }, new HeardAnswer({ onAnswer: () => headHeard.resolve() }));
    const arrival = await connection;
    await arrival.until('\r\n\r\n');
    arrival.socket.write(ok('fine').slice(0, -4));
    await headHeard.promise;
    body.consumer.onPiece(bytes('hello'));
    body.consumer.onEnd();
    await arrival.until('hello');
    arrival.socket.write('fine');
    expect([await answer.ended, client.connections]).toEqual([fine, 1]);
  });

  const tooLarge = 'HTTP/1.1 413 X\r\nContent-Length: 5\r\n\r\nlarge';
  test.each<[string, string, Heard]>([
    ['and is whole by its length', tooLarge, { status: 413, body: 'large', failure: undefined }],
    ['but not all of it', tooLarge.slice(0, -1), { status: 413, body: 'larg', failure: 'invalid' }],
    // The end may as well be the reset.
    ['but has no length', 'HTTP/1.1 413 X\r\n\r\nlarge', { status: 413, body: 'large', failure: 'invalid' }],
    ['but is none', '', failed('invalid')],
  ])('is not hidden by a write that fails, %s', async (_, text, heard) => {
    const body = new ScriptedBody(undefined);
    upstream.behave({
      onHead: (socket) => {
        socket.write(text);
        socket.resetAndDestroy();
        // The client has read nothing yet, and finds out by writing.
        for (let i = 0; i < 3; i++) body.consumer.onPiece(bytes('hello'));
        expect(body.asked).toEqual(['start', 'stop']);
      },
    });
    expect(await send({ body }).ended).toEqual(heard);
    expect(body.asked).toEqual(['start', 'stop']);
    await vi.waitUntil(() => client.connections === 0);
  });
});

describe('abort', () => {
  test('while it connects', async () => {
    const answer = send();
    answer.call?.abort();
    expect(answer.heard).toEqual(failed('aborted'));
    answer.call?.abort();
    await vi.waitUntil(() => client.connections === 0);
  });

  test('while it waits, with the source of the body', async () => {
    const connection = nextConnection();
    const body = new ScriptedBody(5);
    const answer = send({ body });
    const arrival = await connection;
    await arrival.until('\r\n\r\n');
    answer.call?.abort();
    expect([answer.heard, body.asked]).toEqual([failed('aborted'), ['start', 'stop']]);
    await arrival.ended;
  });

  test.each<[string, ConstructorParameters<typeof HeardAnswer>[0], Heard]>([
    ['onAnswer', { onAnswer: (call) => call.abort() }, { status: 200, body: '', failure: 'aborted' }],
    ['onChunk', { onChunk: (call) => call.abort() }, { status: 200, body: 'fi', failure: 'aborted' }],
  ])('within %s, and nothing is heard afterwards', async (_, during, heard) => {
    const text = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2\r\nne\r\n0\r\n\r\n';
    upstream.behave({ onRequest: (socket) => void socket.write(text) });
    expect(await send({}, new HeardAnswer(during)).ended).toEqual(heard);
    await vi.waitUntil(() => client.connections === 0);
  });
});

describe('pause', () => {
  test('leaves the rest with the upstream until resume', async () => {
    const size = 16 * 1024 * 1024;
    const paused = Promise.withResolvers<void>();
    let first = true;
    const answer = new HeardAnswer({
      onChunk: (call) => {
        if (!first) return;
        first = false;
        call.pause();
        paused.resolve();
      },
    });
    const connection = nextConnection();
    send({}, answer);
    const { socket } = await connection;
    let sent = false;
    socket.write(ok('x'.repeat(size)), () => (sent = true));
    await paused.promise;
    // Another request in the meantime: all that could arrive has arrived.
    upstream.behave({ onRequest: (other) => void other.write(ok('fine')) });
    expect(await send().ended).toEqual(fine);
    expect([answer.heard.body.length <= 64 * 1024, sent]).toEqual([true, false]);
    answer.call?.resume();
    answer.call?.resume();
    const heard = await answer.ended;
    expect([heard.body.length, heard.failure]).toEqual([size, undefined]);
  });

  test('does not outlive the answer', async () => {
    upstream.behave({ onRequest: (socket) => void socket.write(ok('fine')) });
    expect(await send({}, new HeardAnswer({ onChunk: (call) => call.pause() })).ended).toEqual(fine);
    expect([await send().ended, upstream.connections]).toEqual([fine, 1]);
  });
});

describe('a time-out', () => {
  const limits = { connectTimeoutMs: 500, timeoutMs: 1_000 };

  test('while it connects means that nobody was reached', async () => {
    const answer = send(limits);
    vi.advanceTimersByTime(400);
    expect(answer.heard.failure).toBeUndefined();
    vi.advanceTimersByTime(300);
    expect(answer.heard).toEqual(failed('unreachable'));
    await vi.waitUntil(() => client.connections === 0);
    expect(upstream.requests).toEqual([]);
  });

  test.each([
    ['nothing', ''],
    ['a part of the head', 'HTTP/1.1 200 OK\r\n'],
    ['news', 'HTTP/1.1 102 Processing\r\n\r\n'],
  ])('of the head is not begun anew by %s', async (_, text) => {
    const arrival = await idleConnection();
    const answer = send(limits);
    await arrival.until('\r\n\r\n');
    vi.advanceTimersByTime(900);
    arrival.socket.write(text);
    // Another request in the meantime: the text has arrived.
    upstream.behave({ onRequest: (socket) => void socket.write(ok('fine')) });
    await send({ keepAlive: false }).ended;
    expect(answer.heard.failure).toBeUndefined();
    vi.advanceTimersByTime(200);
    expect(answer.heard).toEqual(failed('timeout'));
    await arrival.ended;
  });

  test('of the body is begun anew by each piece', async () => {
    const connection = nextConnection();
    let heard = Promise.withResolvers<void>();
    const answer = send(limits, new HeardAnswer({ onChunk: () => heard.resolve() }));
    const { socket } = await connection;
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
    for (let i = 0; i < 5; i++) {
      heard = Promise.withResolvers<void>();
      socket.write('x');
      await heard.promise;
      vi.advanceTimersByTime(900);
    }
    expect(answer.heard).toEqual({ status: 200, body: 'xxxxx', failure: undefined });
    vi.advanceTimersByTime(200);
    expect(answer.heard.failure).toBe('timeout');
  });

  test.each(['within onAnswer', 'later'])('does not run while the listener has paused, %s', async (when) => {
    const connection = nextConnection();
    const heard = Promise.withResolvers<void>();
    const answer = send(
      limits,
      new HeardAnswer({
        onAnswer: (call) => {
          if (when !== 'later') call.pause();
          heard.resolve();
        },
      }),
    );
    const { socket } = await connection;
    socket.write(ok('fine').slice(0, -1));
    await heard.promise;
    answer.call?.pause();
    vi.advanceTimersByTime(60_000);
    expect(answer.heard.failure).toBeUndefined();
    answer.call?.resume();
    vi.advanceTimersByTime(900);
    expect(answer.heard.failure).toBeUndefined();
    vi.advanceTimersByTime(200);
    expect(answer.heard.failure).toBe('timeout');
  });

  test('does not run while the source of the body has nothing to give, and begins with its last byte', async () => {
    const arrival = await idleConnection();
    const body = new ScriptedBody(5);
    const answer = send({ ...limits, body });
    vi.advanceTimersByTime(60_000);
    body.consumer.onPiece(bytes('hello'));
    vi.advanceTimersByTime(60_000);
    body.consumer.onEnd();
    vi.advanceTimersByTime(900);
    expect(answer.heard.failure).toBeUndefined();
    vi.advanceTimersByTime(200);
    expect(answer.heard).toEqual(failed('timeout'));
    await arrival.ended;
  });

  test('of the whole answer is begun anew by nothing', async () => {
    const connection = nextConnection();
    let heard = Promise.withResolvers<void>();
    const answer = send(limits, new HeardAnswer({ onChunk: () => heard.resolve() }));
    const arrival = await connection;
    arrival.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx');
    await heard.promise;
    vi.advanceTimersByTime(900);
    answer.call?.finishWithin(1_000);
    for (let i = 0; i < 3; i++) {
      heard = Promise.withResolvers<void>();
      arrival.socket.write('x');
      await heard.promise;
      vi.advanceTimersByTime(300);
    }
    answer.call?.pause();
    answer.call?.resume();
    expect(answer.heard).toEqual({ status: 200, body: 'xxxx', failure: undefined });
    answer.call?.pause();
    vi.advanceTimersByTime(200);
    expect(answer.heard.failure).toBe('timeout');
    await arrival.ended;
  });

  test('of the whole answer gives the head no more time than it had', async () => {
    const arrival = await idleConnection();
    const answer = send(limits);
    await arrival.until('\r\n\r\n');
    vi.advanceTimersByTime(900);
    answer.call?.finishWithin(1_000);
    vi.advanceTimersByTime(200);
    expect(answer.heard).toEqual(failed('timeout'));
  });

  test('of the whole answer ends with it', async () => {
    const arrival = await idleConnection();
    const first = send(limits);
    await arrival.until('\r\n\r\n');
    first.call?.finishWithin(1_000);
    arrival.socket.write(ok('fine'));
    expect(await first.ended).toEqual(fine);
    arrival.text = '';
    const second = send({ ...limits, timeoutMs: 60_000 });
    await arrival.until('\r\n\r\n');
    first.call?.finishWithin(1);
    vi.advanceTimersByTime(30_000);
    arrival.socket.write(ok('fine'));
    expect([await second.ended, upstream.connections]).toEqual([fine, 1]);
  });

  test('runs while the upstream does not take the body', async () => {
    upstream.behave({ onHead: (socket) => void socket.pause() });
    const piece = Buffer.alloc(32 * 1024 * 1024);
    const body = new ScriptedBody(2 * piece.length, (consumer) => void consumer.onPiece(piece));
    const answer = send({ ...limits, body });
    await vi.waitUntil(() => body.asked.length > 0);
    vi.advanceTimersByTime(1_100);
    expect([answer.heard, body.asked]).toEqual([failed('timeout'), ['start', 'stop']]);
  });
});
