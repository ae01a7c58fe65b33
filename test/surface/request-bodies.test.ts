import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bodyOf, type RawConnection, type RawUpstream, startRawUpstream } from './raw-upstream.ts';
import { waitUntil, startSurface, type Surface, surfaceHostField as hostField } from './start-surface.ts';
import { reasonOf, type WireAnswer, WireConnection } from './wire-connection.ts';

// Request bodies on their way: passed on as they come (`requestBody: stream`), or kept in a file until a seat is free.

const mebibyte = 1024 * 1024;
const chunked = 'Transfer-Encoding: chunked\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

let upstream: RawUpstream;
let surface: Surface;
let onConnection: (connection: RawConnection) => void;
let onData: (connection: RawConnection) => void;
let opened: { destroy(): unknown }[];
beforeEach(async () => {
  onConnection = () => {};
  onData = () => {};
  opened = [];
  upstream = await startRawUpstream({
    onConnection: (connection) => onConnection(connection),
    onData: (connection) => onData(connection),
  });
});
afterEach(async () => {
  for (const connection of opened) connection.destroy();
  await surface.stop();
  await upstream.close();
});

async function start({ pool = '', seats = 1, http = '{}' } = {}): Promise<void> {
  surface = await startSurface({
    http,
    interactive: `endpoints: [{ url: "${upstream.url}", seats: ${seats} }], health: false${pool}`,
  });
}

async function open(bytes: string | Buffer = ''): Promise<WireConnection> {
  const connection = await WireConnection.open(surface.port);
  opened.push(connection);
  connection.send(bytes);
  return connection;
}

/** A client that writes as fast as it may, and can be asked how far it came. */
function openRaw(): { socket: Socket; sentBytes(): number } {
  const socket = connect({ port: surface.port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  opened.push(socket);
  return { socket, sentBytes: () => socket.bytesWritten - socket.writableLength };
}

const post = (fields: string, body = '', target = '/odoo'): string =>
  `POST ${target} HTTP/1.1\r\n${hostField}${fields}\r\n${body}`;
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const summary = (answer: WireAnswer): string => `${answer.status} ${reasonOf(answer) ?? answer.body}`;
const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const first = (): RawConnection => {
  const [connection] = upstream.connections;
  if (connection === undefined) throw new Error('nobody has connected');
  return connection;
};
/** The body upstream, once so much of it is there. */
async function arrived(text: string): Promise<void> {
  await waitUntil(() => upstream.connections[0] !== undefined, 'a connection upstream');
  await waitUntil(() => bodyOf(first()).toString('latin1') === text, `the body ${JSON.stringify(text)}`);
}
/** Takes the chunked coding off, as far as it came. */
function unchunk(bytes: Buffer): { content: Buffer; ended: boolean } {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return { content: Buffer.concat(pieces), ended: false };
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-f]+$/.test(line)) throw new Error(`${JSON.stringify(line)} is no chunk size`);
    const size = Number.parseInt(line, 16);
    if (size === 0) return { content: Buffer.concat(pieces), ended: bytes.length === lineEnd + 4 };
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

describe('a body that is passed on as it comes', () => {
  const stream = ', requestBody: stream, keepAlive: true';
  const answerWhen = (end: string): void => {
    onData = (connection) => {
      if (connection.text.endsWith(end)) connection.socket.write(ok);
    };
  };

  test.each([
    [
      'with a length',
      'Content-Length: 10\r\n',
      ['hello', 'world'],
      ['hello', 'helloworld'],
      'content-length: 10',
    ],
    [
      'in chunks',
      chunked,
      [chunk('hello'), `${chunk('world')}0\r\n\r\n`],
      ['5\r\nhello\r\n', '5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n'],
      'transfer-encoding: chunked',
    ],
  ])('%s reaches the worker before its end', async (_name, fields, sent, seen, framing) => {
    await start({ pool: stream });
    answerWhen(seen[1] ?? '');
    const connection = await open(post(fields, sent[0]));
    await arrived(seen[0] ?? '');
    expect(await surface.busySeats()).toBe(1);
    connection.send(sent[1] ?? '');
    expect(summary(await connection.answer())).toBe('200 hi');
    await arrived(seen[1] ?? '');
    const head = first().text.slice(0, first().text.indexOf('\r\n\r\n'));
    expect(head.split('\r\n').filter((line) => /^(content-length|transfer-encoding):/i.test(line))).toEqual([
      framing,
    ]);
    expect(await surface.busySeats()).toBe(0);
    expect(surface.requests()).toMatchObject([{ status: 200, path: '/odoo' }]);
  });

  test('is followed by the next request on both connections', async () => {
    await start({ pool: stream });
    answerWhen('world');
    const connection = await open(
      post('Content-Length: 5\r\n', 'world', '/one') + post('Content-Length: 10\r\n', 'hello', '/two'),
    );
    expect(summary(await connection.answer())).toBe('200 hi');
    await waitUntil(() => first().text.endsWith('hello'), 'a part of the second body');
    connection.send('world');
    expect(summary(await connection.answer())).toBe('200 hi');
    expect([upstream.connections.length, first().text.match(/POST \S+/g)]).toEqual([
      1,
      ['POST /one', 'POST /two'],
    ]);
  });

  test('has its expectation met, once', async () => {
    await start({ pool: stream });
    answerWhen('hello');
    const connection = await open(post('Content-Length: 5\r\nExpect: 100-continue\r\n'));
    await connection.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n');
    connection.send('hello');
    const answer = await connection.answer();
    expect([summary(answer), answer.interim, first().text.includes('xpect')]).toEqual([
      '200 hi',
      [100],
      false,
    ]);
  });

  test.each([
    ['with a length', 48 * mebibyte, 'Content-Length: 50331648\r\n'],
    ['in chunks', undefined, chunked],
  ])('%s waits in the client while the worker does not read', async (_name, length, fields) => {
    await start({ pool: `${stream}, maxBody: 64MiB` });
    const total = 48 * mebibyte;
    onConnection = ({ socket }) => void socket.pause();
    const { socket, sentBytes } = openRaw();
    const piece = randomBytes(mebibyte);
    socket.write(post(fields));
    for (let sent = 0; sent < total; sent += piece.length) {
      if (length === undefined) socket.write(`${piece.length.toString(16)}\r\n`);
      socket.write(piece);
      if (length === undefined) socket.write('\r\n');
    }
    if (length === undefined) socket.write('0\r\n\r\n');
    let before = -1;
    await waitUntil(async () => {
      const still = before === sentBytes();
      before = sentBytes();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return still && before > 0;
    }, 'the client stands still');
    // What is on its way are buffers of the kernel, twice.
    expect(before).toBeLessThan(36 * mebibyte);
    const expected = createHash('sha256');
    for (let sent = 0; sent < total; sent += piece.length) expected.update(piece);
    onData = (connection) => {
      if (connection.receivedBytes < total) return;
      const body = bodyOf(connection);
      if (length === undefined ? unchunk(body).ended : body.length === total) connection.socket.write(ok);
    };
    first().socket.resume();
    let received = '';
    socket.on('data', (data) => (received += data.toString('latin1')));
    await waitUntil(() => received.endsWith('\r\n\r\nhi'), 'the answer');
    const body = bodyOf(first());
    const content = length === undefined ? unchunk(body).content : body;
    expect([content.length, hashOf(content)]).toEqual([total, expected.digest('hex')]);
  });

  test('has as much time as it takes, while each piece comes in time', async () => {
    await start({ pool: `${stream}, timeout: 150ms, connectTimeout: 100ms`, http: '{ bodyTimeout: 150ms }' });
    answerWhen('9');
    const connection = await open(post('Content-Length: 10\r\n'));
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      connection.send(String(i));
    }
    expect(summary(await connection.answer())).toBe('200 hi');
  });

  test('is not asked for while its request waits for a seat', async () => {
    await start({ pool: stream });
    const one = await open(post('Content-Length: 5\r\n', 'first'));
    await arrived('first');
    const two = await open(post('Content-Length: 5\r\n', 'other'));
    await waitUntil(async () => (await surface.queued()) === 1, 'the second request waits');
    onData = ({ socket }) => socket.write(ok);
    first().socket.write(ok);
    expect([summary(await one.answer()), summary(await two.answer())]).toEqual(['200 hi', '200 hi']);
    expect(first().text.split('\r\n\r\n')[2]).toBe('other');
  });

  test.each([
    ['goes', (connection: WireConnection) => connection.destroy()],
    ['is reset', (connection: WireConnection) => connection.reset()],
  ])('leaves the queue when its client %s', async (_name, leave) => {
    await start({ pool: stream });
    const one = await open(post('Content-Length: 5\r\n', 'first'));
    await arrived('first');
    const two = await open(post('Content-Length: 10\r\n', 'other'));
    await waitUntil(async () => (await surface.queued()) === 1, 'the second request waits');
    leave(two);
    await waitUntil(async () => (await surface.queued()) === 0, 'nobody waits');
    first().socket.write(ok);
    expect(summary(await one.answer())).toBe('200 hi');
    expect(upstream.connections.length).toBe(1);
  });

  test.each([
    ['an answer that keeps the connection', ''],
    ['an answer that ends the connection', 'Connection: close\r\n'],
  ])('may be answered before it is there, by %s', async (_name, fields) => {
    await start({ pool: stream });
    onConnection = ({ socket }) =>
      void socket.once('data', () =>
        socket.write(`HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n${fields}\r\nno`),
      );
    const connection = await open(post(`Content-Length: ${mebibyte}\r\n`, 'begin'));
    const answer = await connection.answer();
    expect([summary(answer), answer.fields['connection']]).toEqual(['403 no', 'close']);
    // The rest is not asked for, and the request is not completed: its connection is of no use any more.
    await waitUntil(() => first().closed, 'the connection upstream is gone');
    expect(bodyOf(first()).toString()).toBe('begin');
    connection.send(Buffer.alloc(mebibyte));
    await connection.closed();
    expect([upstream.connections.length, await surface.busySeats()]).toEqual([1, 0]);
  });

  test('that is small and answered early costs no connection', async () => {
    await start({ pool: stream });
    onConnection = ({ socket }) => void socket.once('data', () => socket.write(ok));
    const connection = await open(post('Content-Length: 10\r\n', 'begin'));
    expect(summary(await connection.answer())).toBe('200 hi');
    connection.send(`nning${post('Content-Length: 4\r\n', 'next')}`);
    expect(summary(await connection.answer())).toBe('200 hi');
    expect(upstream.connections.map((one) => bodyOf(one).toString())).toEqual(['begin', 'next']);
  });

  test('that is announced as too large is refused, and nobody upstream hears of it', async () => {
    await start({ pool: `${stream}, maxBody: 1KiB` });
    const connection = await open(post('Content-Length: 1025\r\n'));
    expect(summary(await connection.answer())).toBe('413 body_too_large');
    expect(upstream.connections).toEqual([]);
  });

  test('that breaks in the worker is answered with its failure', async () => {
    await start({ pool: stream });
    onConnection = ({ socket }) => void socket.once('data', () => socket.resetAndDestroy());
    const connection = await open(post('Content-Length: 10\r\n', 'hello'));
    expect(summary(await connection.answer())).toBe('502 upstream_invalid');
    expect(await surface.busySeats()).toBe(0);
  });

  describe('and never becomes whole', () => {
    test.each([
      ['its client goes', 'Content-Length: 10\r\n', 'hello', (client: WireConnection) => client.destroy()],
      ['its client is reset', chunked, chunk('hello'), (client: WireConnection) => client.reset()],
    ])('is not completed when %s', async (_name, fields, begin, leave) => {
      await start({ pool: stream });
      const connection = await open(post(fields, begin));
      await arrived(begin);
      leave(connection);
      await waitUntil(() => first().closed, 'the connection upstream is gone');
      expect(bodyOf(first()).toString()).toBe(begin);
      await waitUntil(async () => (await surface.busySeats()) === 0, 'the seat is free');
      expect(surface.requests()).toMatchObject([{ status: 499, reason: 'client_gone' }]);
    });

    test.each([
      ['stalls', 'Content-Length: 10\r\n', 'hello', '', '408 body_timeout'],
      ['has a broken chunk', chunked, chunk('hello'), 'x\r\n', '400 framing_invalid'],
      ['turns out too large', chunked, chunk('hello'), chunk('x'.repeat(1024)), '413 body_too_large'],
    ])('is refused when it %s, and its connection ends', async (_name, fields, begin, rest, refusal) => {
      await start({ pool: `${stream}, maxBody: 1KiB`, http: '{ bodyTimeout: 150ms }' });
      const connection = await open(post(fields, begin));
      await arrived(begin);
      connection.send(rest);
      const answer = await connection.answer();
      expect([summary(answer), answer.fields['connection']]).toEqual([refusal, 'close']);
      await connection.closed();
      await waitUntil(() => first().closed, 'the connection upstream is gone');
      expect(bodyOf(first()).toString()).toBe(begin);
      expect(await surface.busySeats()).toBe(0);
      expect(surface.requests()).toMatchObject([{ reason: refusal.slice(4) }]);
    });
  });
});

describe('a body that is collected', () => {
  const small = '{ memory: 64KiB }';
  const answerAll = (): void => {
    const neededBytes = new WeakMap<RawConnection, number>();
    onData = (connection) => {
      let needed = neededBytes.get(connection);
      if (needed === undefined) {
        const head = headOf(connection);
        needed = head.length + 2 + Number(/^content-length: (\d+)\r$/m.exec(head)?.[1]);
        neededBytes.set(connection, needed);
      }
      if (connection.receivedBytes >= needed) connection.socket.end(ok);
    };
  };
  const headOf = ({ bytes }: RawConnection): string =>
    bytes.toString('latin1', 0, Math.max(0, bytes.indexOf('\r\n\r\n') + 2));

  test.each([
    ['with a length', (body: Buffer) => [post(`Content-Length: ${body.length}\r\n`), body]],
    [
      'in chunks',
      (body: Buffer) => [
        post(chunked),
        ...Array.from({ length: Math.ceil(body.length / 50_000) }, (_, i) => {
          const piece = body.subarray(i * 50_000, (i + 1) * 50_000);
          return [`${piece.length.toString(16)}\r\n`, piece, '\r\n'];
        }).flat(),
        '0\r\n\r\n',
      ],
    ],
  ])(
    '%s goes through a file when it is larger than the memory, and arrives byte for byte',
    async (_name, sent) => {
      await start({ http: `{ spool: ${small} }` });
      answerAll();
      const body = randomBytes(8 * mebibyte - 1);
      const connection = await open();
      for (const piece of sent(body)) connection.send(piece);
      expect(summary(await connection.answer())).toBe('200 hi');
      const fields = headOf(first())
        .split('\r\n')
        .filter((line) => /^(content-length|transfer-encoding):/i.test(line));
      expect([hashOf(bodyOf(first())), fields]).toEqual([hashOf(body), [`content-length: ${body.length}`]]);
      expect(await surface.busySeats()).toBe(0);
    },
  );

  test('in a file takes no seat and no connection while it comes', async () => {
    await start({ http: `{ spool: ${small} }` });
    const body = randomBytes(2 * mebibyte);
    const connection = await open(post(`Content-Length: ${body.length}\r\nExpect: 100-continue\r\n`));
    await connection.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n');
    connection.send(body.subarray(0, -1));
    const other = await open(`GET /other HTTP/1.1\r\n${hostField}\r\n`);
    onData = ({ socket }) => void socket.end(ok);
    expect(summary(await other.answer())).toBe('200 hi');
    expect([upstream.connections.length, await surface.busySeats()]).toEqual([1, 0]);
    answerAll();
    connection.send(body.subarray(-1));
    expect(summary(await connection.answer())).toBe('200 hi');
    expect(upstream.connections.slice(1).map((one) => hashOf(bodyOf(one)))).toEqual([hashOf(body)]);
  });

  test.each([
    ['all files together', '{ memory: 64KiB, total: 1MiB }'],
    ['one file', '{ memory: 64KiB, file: 1MiB }'],
  ])(
    'that needs more room than %s may take is refused, and the next request is served',
    async (_name, spool) => {
      await start({ http: `{ spool: ${spool} }` });
      answerAll();
      const connection = await open(post(`Content-Length: ${8 * mebibyte}\r\n`));
      connection.send(Buffer.alloc(8 * mebibyte));
      const answer = await connection.answer();
      expect([summary(answer), answer.fields['connection']]).toEqual(['503 spool_full', 'close']);
      expect(upstream.connections).toEqual([]);
      const body = randomBytes(512 * 1024);
      const next = await open(post(`Content-Length: ${body.length}\r\n`));
      next.send(body);
      expect([summary(await next.answer()), hashOf(bodyOf(first()))]).toEqual(['200 hi', hashOf(body)]);
    },
  );

  test('whose client goes gives its room back', async () => {
    await start({ http: '{ spool: { memory: 64KiB, total: 3MiB } }' });
    answerAll();
    for (let i = 0; i < 5; i++) {
      const gone = await open(post(`Content-Length: ${4 * mebibyte}\r\n`));
      gone.send(Buffer.alloc(2.5 * mebibyte));
      await waitUntil(() => gone.socket.writableLength === 0, 'it is sent');
      gone.reset();
      await waitUntil(() => surface.requests().length === i + 1, 'it is noticed');
    }
    expect(new Set(surface.requests().map(({ reason }) => reason))).toEqual(new Set(['client_gone']));
    const body = randomBytes(2.5 * mebibyte);
    const next = await open(post(`Content-Length: ${body.length}\r\n`));
    next.send(body);
    expect([summary(await next.answer()), hashOf(bodyOf(first()))]).toEqual(['200 hi', hashOf(body)]);
  });

  test('stays in memory where files cannot be made, as far as that goes', async () => {
    await start({ http: '{ spool: { memory: 64KiB, directory: /nowhere/at/all } }' });
    answerAll();
    const small64 = randomBytes(64 * 1024);
    const one = await open(post(`Content-Length: ${small64.length}\r\n`));
    one.send(small64);
    expect([summary(await one.answer()), hashOf(bodyOf(first()))]).toEqual(['200 hi', hashOf(small64)]);
    const two = await open(post(`Content-Length: ${8 * mebibyte}\r\n`));
    two.send(Buffer.alloc(8 * mebibyte));
    expect(summary(await two.answer())).toBe('503 spool_full');
    const three = await open(post('Content-Length: 5\r\n', 'hello'));
    expect(summary(await three.answer())).toBe('200 hi');
    expect([upstream.connections.length, await surface.busySeats()]).toEqual([2, 0]);
  });
});
