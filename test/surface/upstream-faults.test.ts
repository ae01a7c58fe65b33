import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Behaviour, type FaultyUpstream, startFaultyUpstream } from '../servers/faulty-upstream.ts';
import { waitUntil, startSurface, type Surface, surfaceHostField as hostField } from './start-surface.ts';
import { askOnce, reasonOf, WireConnection } from './wire-connection.ts';

// What an upstream can do wrong (RFC 9112 §6.3, §8; RFC 9110 §15). The client gets a whole answer, a refusal, or a connection
// that visibly breaks: never an answer that looks whole and is not, and never one that belongs to somebody else.

interface Fault {
  name: string;
  behaviour: Behaviour;
  /** The request that meets the fault; GET by default. */
  request?: string;
  /** A refusal by its reason, an answer that is passed on, or `broken`: the client sees that the answer is cut off. */
  outcome: { reason: string; status: number } | { status: number; body: string } | 'broken';
}

const invalid = { status: 502, reason: 'upstream_invalid' } as const;
/** The reset may come before the connection is known to stand. */
const reset = { status: 502, reason: expect.stringMatching(/^upstream_(invalid|unreachable)$/) as string };
const timeout = { status: 504, reason: 'upstream_timeout' } as const;
const answering = (text: string): Behaviour => ({ onRequest: (socket) => void socket.write(text, 'latin1') });
const ending = (text: string): Behaviour => ({ onRequest: (socket) => void socket.end(text, 'latin1') });
const resetting = (text: string): Behaviour => ({
  onRequest: (socket) =>
    void socket.write(text, 'latin1', () => setTimeout(() => socket.resetAndDestroy(), 20)),
});
const fine = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const withField = (field: string): string => `HTTP/1.1 200 OK\r\n${field}\r\nContent-Length: 2\r\n\r\nok`;
const get = (target: string): string => `GET ${target} HTTP/1.1\r\n${hostField}\r\n`;
const post = (target: string, body: string): string =>
  `POST ${target} HTTP/1.1\r\n${hostField}Content-Length: ${body.length}\r\n\r\n${body}`;

/** Each of these takes a time-out. */
const stalls: Fault[] = [
  { name: 'does not answer', behaviour: {}, outcome: timeout },
  { name: 'stops within the head', behaviour: answering('HTTP/1.1 200 OK\r\nContent-Le'), outcome: timeout },
  {
    name: 'stalls within a body of known length',
    behaviour: answering('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'),
    outcome: 'broken',
  },
  {
    name: 'stalls between chunks',
    behaviour: answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'),
    outcome: 'broken',
  },
];

const faults: Fault[] = [
  // No answer.
  {
    name: 'closes as soon as it is connected',
    behaviour: { onConnect: (socket) => socket.end() },
    outcome: invalid,
  },
  {
    name: 'resets as soon as it is connected',
    behaviour: { onConnect: (socket) => socket.resetAndDestroy() },
    outcome: reset,
  },
  { name: 'closes without an answer', behaviour: ending(''), outcome: invalid },
  {
    name: 'resets without an answer',
    behaviour: { onRequest: (socket) => socket.resetAndDestroy() },
    outcome: invalid,
  },
  { name: 'closes within the status line', behaviour: ending('HTTP/1.1 20'), outcome: invalid },
  { name: 'closes within the head', behaviour: ending('HTTP/1.1 200 OK\r\nContent-Le'), outcome: invalid },
  { name: 'resets within the head', behaviour: resetting('HTTP/1.1 200 OK\r\nContent-Le'), outcome: invalid },
  // Answers that are cut off.
  {
    name: 'closes within a body of known length',
    behaviour: ending('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'),
    outcome: 'broken',
  },
  {
    name: 'resets within a body of known length',
    behaviour: resetting('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'),
    outcome: 'broken',
  },
  {
    name: 'closes before a body of known length',
    behaviour: ending('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'),
    outcome: 'broken',
  },
  {
    name: 'closes within a chunk',
    behaviour: ending('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello'),
    outcome: 'broken',
  },
  {
    name: 'closes between chunks',
    behaviour: ending('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'),
    outcome: 'broken',
  },
  {
    name: 'closes within the last chunk',
    behaviour: ending('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n'),
    outcome: 'broken',
  },
  {
    name: 'sends a chunk size that does not read',
    behaviour: answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n'),
    outcome: 'broken',
  },
  {
    name: 'sends a chunk longer than its size',
    behaviour: answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n'),
    outcome: 'broken',
  },
  // Heads that have no one meaning.
  { name: 'sends garbage', behaviour: answering('\x00\x01\x02 nothing\r\n\r\n'), outcome: invalid },
  { name: 'answers like HTTP/0.9', behaviour: ending('<html>hello</html>'), outcome: invalid },
  {
    name: 'answers in HTTP/3.0',
    behaviour: ending('HTTP/3.0 200 OK\r\nContent-Length: 2\r\n\r\nok'),
    outcome: invalid,
  },
  {
    name: 'answers in ICY',
    behaviour: ending('ICY 200 OK\r\nContent-Length: 2\r\n\r\nok'),
    outcome: invalid,
  },
  ...['000', '099', '99', '1000', '2x0', '-200', '+20'].map((status) => ({
    name: `answers with status ${status}`,
    behaviour: ending(`HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n\r\nok`),
    outcome: invalid,
  })),
  ...[
    ['a NUL in a value', 'X-A: a\0b'],
    ['a control character in a value', 'X-A: a\x01b'],
    ['a bare CR in a value', 'X-A: a\rSet-Cookie: session_id=x'],
    ['a bare LF in a value', 'X-A: a\nSet-Cookie: session_id=x'],
    ['a blank in a name', 'X A: b'],
    ['a blank before a colon', 'Content-Type : text/html'],
    ['no name', ': b'],
    ['no colon', 'X-A'],
    ['two lengths', 'Content-Length: 3'],
    ['a repeated length', 'Content-Length: 2'],
    ['a coding beside a length', 'Transfer-Encoding: chunked'],
    ['a head beyond its bound', `X-A: ${'a'.repeat(70_000)}`],
  ].map(([what, field]) => ({
    name: `answers with ${what}`,
    behaviour: ending(withField(field ?? '')),
    outcome: invalid,
  })),
  ...['-5', '+5', '0x5', '5 5', '5, 5', 'five', '99999999999999999999'].map((length) => ({
    name: `answers with a length of ${length}`,
    behaviour: ending(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nhello`),
    outcome: invalid,
  })),
  // News before the answer.
  {
    name: 'sends news before its answer',
    behaviour: answering(`HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${fine('hello')}`),
    outcome: { status: 200, body: 'hello' },
  },
  {
    name: 'sends nothing but news',
    behaviour: answering('HTTP/1.1 102 Processing\r\n\r\n'.repeat(100)),
    outcome: invalid,
  },
  {
    name: 'switches protocols unasked',
    behaviour: answering(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi',
    ),
    outcome: invalid,
  },
  // More than the answer.
  {
    name: 'sends more than its length',
    behaviour: answering('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world'),
    outcome: { status: 200, body: 'hello' },
  },
  {
    name: 'sends a body with 204',
    behaviour: answering('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello'),
    outcome: { status: 204, body: '' },
  },
  {
    name: 'sends a body with 304',
    behaviour: answering('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello'),
    outcome: { status: 304, body: '' },
  },
  {
    name: 'sends a body to HEAD',
    behaviour: answering(fine('hello')),
    request: `HEAD /odoo HTTP/1.1\r\n${hostField}\r\n`,
    outcome: { status: 200, body: '' },
  },
  {
    name: 'answers twice',
    behaviour: answering(fine('first') + fine('second')),
    outcome: { status: 200, body: 'first' },
  },
  // Answers that are fine, by another way.
  {
    name: 'closes behind a body without a length',
    behaviour: ending('HTTP/1.0 200 OK\r\n\r\nhello'),
    outcome: { status: 200, body: 'hello' },
  },
  {
    name: 'answers in chunks with trailers',
    behaviour: answering(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n5;x=y\r\nhello\r\n0\r\nSet-Cookie: a=b\r\n\r\n',
    ),
    outcome: { status: 200, body: 'hello' },
  },
  {
    name: 'answers before it has the body',
    behaviour: {
      onHead: (socket) =>
        void socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno'),
    },
    request: post('/odoo', 'x'.repeat(1_000_000)),
    outcome: { status: 413, body: 'no' },
  },
];

describe.each([
  ['a connection for each request', 'keepAlive: false', [...faults, ...stalls]],
  ['connections that are kept', 'keepAlive: true', faults],
])('behind %s, an upstream that', (_mode, keepAlive, list) => {
  let upstream: FaultyUpstream;
  let surface: Surface;
  let canaries = 0;
  beforeAll(async () => {
    upstream = await startFaultyUpstream();
    surface = await startSurface({
      interactive: `endpoints: [{ url: "${upstream.url}", seats: 2 }], health: false, timeout: 250ms, connectTimeout: 200ms, ${keepAlive}`,
    });
  });
  afterAll(async () => {
    await surface.stop();
    await upstream.close();
  });

  const expectNextIsFine = async (): Promise<void> => {
    // The answer tells which request it belongs to. The second one ends its connection, so that each fault meets a new one.
    upstream.behave({
      onRequest: (socket, { head, earlier }) => {
        const target = /^GET (\S+)/.exec(head)?.[1] ?? '';
        socket.write(earlier === 0 ? fine(target) : fine(target).replace('OK', 'OK\r\nConnection: close'));
      },
    });
    for (let i = 0; i < 2; i++) {
      const target = `/canary/${++canaries}`;
      const answer = await askOnce(surface.port, get(target));
      expect([answer.status, answer.body]).toEqual([200, target]);
    }
    await waitUntil(async () => (await surface.busySeats()) === 0, 'all seats free');
  };

  test.each(list.map((fault) => [fault.name, fault] as const))('%s', async (_name, fault) => {
    const { behaviour, request = get('/odoo'), outcome } = fault;
    upstream.behave(behaviour);
    const logged = surface.requests().length;
    const connection = await WireConnection.open(surface.port);
    connection.send(request);
    const toHead = request.startsWith('HEAD');
    if (outcome === 'broken') {
      await expect(connection.answer({ toHead })).rejects.toThrow(/^the connection was reset within/);
    } else {
      const answer = await connection.answer({ toHead });
      if ('reason' in outcome)
        expect([answer.status, reasonOf(answer)]).toEqual([outcome.status, outcome.reason]);
      else expect([answer.status, answer.body, answer.interim]).toEqual([outcome.status, outcome.body, []]);
      expect(connection.received).toBe('');
    }
    connection.destroy();
    await waitUntil(() => surface.requests().length > logged, 'the request is logged');
    const status = outcome === 'broken' ? 200 : outcome.status;
    const reason = typeof outcome === 'object' && 'reason' in outcome ? { reason: outcome.reason } : {};
    await expectNextIsFine();
    expect(surface.requests().slice(logged)).toMatchObject([
      { status, upstream: upstream.url, ...reason },
      { status: 200, path: `/canary/${canaries - 1}` },
      { status: 200, path: `/canary/${canaries}` },
    ]);
  });

  test('fails a POST gets it once', async () => {
    for (const behaviour of [
      ending(''),
      resetting('HTTP/1.1 2'),
      { onConnect: (socket: Socket) => socket.end() },
    ]) {
      const before = upstream.requests.length;
      upstream.behave(behaviour);
      const answer = await askOnce(surface.port, post('/odoo', 'pay'));
      expect([answer.status, reasonOf(answer)]).toEqual([502, 'upstream_invalid']);
      expect(upstream.requests.length - before).toBeLessThanOrEqual(1);
      await expectNextIsFine();
    }
  });

  test('cuts off an answer shows that to a client of HTTP/1.0, for which a close would be its end', async () => {
    upstream.behave(ending('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'));
    const connection = await WireConnection.open(surface.port);
    connection.send(`GET /odoo HTTP/1.0\r\n${hostField}\r\n`);
    expect(await connection.closed()).toBe('reset');
    await expectNextIsFine();
  });

  test('says a length with 204 is not followed in that (RFC 9110 §8.6)', async () => {
    upstream.behave(answering('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nETag: x\r\n\r\n'));
    const { status, fields } = await askOnce(surface.port, get('/odoo'));
    expect([status, fields['content-length'], fields['etag']]).toEqual([204, undefined, 'x']);
    await expectNextIsFine();
  });

  test('calls fields hop-by-hop sees them end here', async () => {
    upstream.behave(
      answering(
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-A\r\nConnection: close, X-B\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\nKeep-Alive: timeout=9\r\nUpgrade: h2c\r\nProxy-Authenticate: Basic\r\nTrailer: X\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nok',
      ),
    );
    const { fields } = await askOnce(surface.port, get('/odoo'));
    expect(Object.keys(fields).toSorted()).toEqual([
      'connection',
      'content-length',
      'date',
      'keep-alive',
      'set-cookie',
      'x-c',
      'x-request-id',
    ]);
    expect([fields['set-cookie'], fields['keep-alive'], fields['connection']]).toEqual([
      'a=1, b=2',
      'timeout=120',
      'keep-alive',
    ]);
    await expectNextIsFine();
  });
});

describe('an upstream with connections that are kept', () => {
  let upstream: FaultyUpstream;
  let surface: Surface;
  beforeAll(async () => {
    upstream = await startFaultyUpstream();
    surface = await startSurface({
      interactive: `endpoints: [{ url: "${upstream.url}", seats: 1 }], health: false, timeout: 1s, connectTimeout: 500ms, keepAlive: true`,
    });
  });
  afterAll(async () => {
    await surface.stop();
    await upstream.close();
  });

  test('gets the next request on the same connection', async () => {
    upstream.behave(answering(fine('ok')));
    const before = upstream.connections;
    for (let i = 0; i < 3; i++) expect((await askOnce(surface.port, get('/odoo'))).body).toBe('ok');
    expect([upstream.connections - before, upstream.requests.at(-1)?.earlier]).toEqual([1, 2]);
  });

  test.each([
    ['GET', get('/odoo')],
    ['POST', post('/odoo', 'pay')],
  ])(
    'that closes one just when %s comes on it gets the request once, and the client a refusal',
    async (_method, request) => {
      upstream.behave(answering(fine('ok').replace('OK', 'OK\r\nConnection: close')));
      await askOnce(surface.port, get('/last-on-its-connection'));
      upstream.behave({
        onRequest: (socket, { earlier }) => void (earlier === 0 ? socket.write(fine('ok')) : socket.end()),
      });
      expect((await askOnce(surface.port, get('/first-on-its-connection'))).status).toBe(200);
      const before = upstream.requests.length;
      const answer = await askOnce(surface.port, request);
      expect([answer.status, reasonOf(answer)]).toEqual([502, 'upstream_invalid']);
      expect(upstream.requests.length - before).toBe(1);
    },
  );

  // Response queue poisoning (Node CVE-2026-48931): bytes that come on an idle connection answer nobody.
  test('that sends an answer nobody asked for does not have it taken for the next one', async () => {
    upstream.behave({
      onRequest: (socket) => {
        socket.write(fine('mine'));
        setTimeout(() => socket.write(fine('poison')), 20);
      },
    });
    expect((await askOnce(surface.port, get('/odoo'))).body).toBe('mine');
    await new Promise((resolve) => setTimeout(resolve, 60));
    upstream.behave(answering(fine('next')));
    expect((await askOnce(surface.port, get('/odoo'))).body).toBe('next');
    expect((await askOnce(surface.port, get('/odoo'))).body).toBe('next');
  });
});

describe('an endpoint that cannot be reached', () => {
  let upstream: FaultyUpstream;
  let surface: Surface | undefined;
  let closedUrl: string;
  beforeAll(async () => {
    upstream = await startFaultyUpstream();
    upstream.behave(answering(fine('ok')));
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    closedUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    server.close();
    await once(server, 'close');
  });
  afterEach(() => surface?.stop());
  afterAll(() => upstream.close());

  test('alone is told to the client', async () => {
    surface = await startSurface({
      interactive: `endpoints: [{ url: "${closedUrl}", seats: 1 }], health: false`,
    });
    for (const request of [get('/odoo'), post('/odoo', 'pay')]) {
      const answer = await askOnce(surface.port, request);
      expect([answer.status, reasonOf(answer)]).toEqual([502, 'upstream_unreachable']);
    }
    expect(await surface.busySeats()).toBe(0);
    expect(surface.requests().at(-1)).toMatchObject({
      status: 502,
      reason: 'upstream_unreachable',
      upstream: closedUrl,
    });
  });

  test('beside another one costs nobody an answer, and no POST comes twice', async () => {
    surface = await startSurface({
      interactive: `endpoints: [{ url: "${closedUrl}", seats: 4 }, { url: "${upstream.url}", seats: 4 }], health: false`,
    });
    const before = upstream.requests.length;
    for (let i = 0; i < 10; i++) {
      const answer = await askOnce(surface.port, post(`/odoo/${i}`, `pay ${i}`));
      expect([answer.status, answer.body]).toEqual([200, 'ok']);
    }
    expect(upstream.requests.slice(before).map(({ body }) => body.toString())).toEqual(
      Array.from({ length: 10 }, (_, i) => `pay ${i}`),
    );
    expect(await surface.busySeats()).toBe(0);
  });

  test('goes out of service after some failures, and the pool says so', async () => {
    surface = await startSurface({
      interactive: `endpoints: [{ url: "${closedUrl}", seats: 1 }], health: { interval: 1h, unhealthyAfter: 3 }`,
    });
    const port = surface.port;
    await waitUntil(
      async () => reasonOf(await askOnce(port, get('/odoo'))) === 'pool_down',
      'the pool is down',
    );
    const answer = await askOnce(port, get('/odoo'));
    expect([answer.status, Number(answer.fields['retry-after'])]).toEqual([503, expect.any(Number)]);
    expect(await surface.busySeats()).toBe(0);
  });
});
