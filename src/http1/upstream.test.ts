import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Behaviour,
  type FaultyUpstream,
  startFaultyUpstream,
} from '../../test/servers/faulty-upstream.ts';
import { type Heard, HeardAnswer } from '../../test/support/heard-answer.ts';
import { createUpstreamClient, type UpstreamClient } from './upstream.ts';

let upstream: FaultyUpstream;
let client: UpstreamClient;
beforeEach(async () => {
  upstream = await startFaultyUpstream();
  client = createUpstreamClient();
});
afterEach(async () => {
  await client.close();
  expect(client.connections).toBe(0);
  await upstream.close();
});

type OnRequest = NonNullable<Behaviour['onRequest']>;
type Ending = 'stays' | 'ends' | 'resets';

interface Case {
  name: string;
  answer: string;
  /** What the upstream does with the connection afterwards; it stays by default. */
  ending?: Ending;
  method?: string;
  heard: Heard;
  /** Whether the connection may serve the next request. */
  reused?: boolean;
  /** Bytes behind an answer are seen only if they come with it. */
  wholeOnly?: boolean;
}

const whole = (status: number, body = ''): Heard => ({ status, body, failure: undefined });
const refused: Heard = { status: undefined, body: '', failure: 'invalid' };
const cutOff = (body: string): Heard => ({ status: 200, body, failure: 'invalid' });
const ok = (body: string, fields = ''): string =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (rest: string): string => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${rest}`;

const cases: Case[] = [
  { name: 'a body of known length', answer: ok('hello'), heard: whole(200, 'hello'), reused: true },
  { name: 'a body of no bytes', answer: ok(''), heard: whole(200), reused: true },
  {
    name: 'a chunked body',
    answer: chunked('5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nX: y\r\n\r\n'),
    heard: whole(200, 'hello!'),
    reused: true,
  },
  {
    name: 'a body until the end',
    answer: 'HTTP/1.1 200 OK\r\n\r\nhello',
    ending: 'ends',
    heard: whole(200, 'hello'),
  },
  {
    name: 'a body of HTTP/1.0',
    answer: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello',
    heard: whole(200, 'hello'),
  },
  { name: 'an answer that closes', answer: ok('hello', 'Connection: close\r\n'), heard: whole(200, 'hello') },
  {
    name: 'an answer that leaves no time to be idle',
    answer: ok('hello', 'Keep-Alive: timeout=1\r\n'),
    heard: whole(200, 'hello'),
  },
  {
    name: 'news before the answer',
    answer: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: x\r\n\r\n${ok('hello')}`,
    heard: whole(200, 'hello'),
    reused: true,
  },
  { name: '204', answer: 'HTTP/1.1 204 No Content\r\n\r\n', heard: whole(204), reused: true },
  {
    name: '304 with a length',
    answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    heard: whole(304),
    reused: true,
  },
  {
    name: 'an answer to HEAD',
    method: 'HEAD',
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    heard: whole(200),
    reused: true,
  },
  {
    name: 'an answer to HEAD with a coding',
    method: 'HEAD',
    answer: chunked(''),
    heard: whole(200),
    reused: true,
  },
  // More than one answer.
  { name: 'two answers', answer: ok('first') + ok('second'), heard: whole(200, 'first'), wholeOnly: true },
  { name: 'a byte too many', answer: `${ok('hello')}\n`, heard: whole(200, 'hello'), wholeOnly: true },
  {
    name: 'a byte behind the last chunk',
    answer: chunked('1\r\na\r\n0\r\n\r\n\0'),
    heard: whole(200, 'a'),
    wholeOnly: true,
  },
  {
    name: 'a body with 204',
    answer: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello',
    heard: whole(204),
    wholeOnly: true,
  },
  { name: 'a body to HEAD', method: 'HEAD', answer: ok('hello'), heard: whole(200), wholeOnly: true },
  // Answers that are cut off.
  { name: 'nothing', answer: '', ending: 'ends', heard: refused },
  { name: 'nothing but a reset', answer: '', ending: 'resets', heard: refused },
  { name: 'a status line cut off', answer: 'HTTP/1.1 20', ending: 'ends', heard: refused },
  {
    name: 'a head cut off',
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n',
    ending: 'ends',
    heard: refused,
  },
  { name: 'a head that is reset', answer: 'HTTP/1.1 200 OK\r\n', ending: 'resets', heard: refused },
  { name: 'news alone', answer: 'HTTP/1.1 100 Continue\r\n\r\n', ending: 'ends', heard: refused },
  { name: 'a body cut off', answer: ok('hello').slice(0, -1), ending: 'ends', heard: cutOff('hell') },
  { name: 'a body that is reset', answer: ok('hello').slice(0, -1), ending: 'resets', heard: cutOff('hell') },
  {
    name: 'a body until a reset',
    answer: 'HTTP/1.1 200 OK\r\n\r\nhello',
    ending: 'resets',
    heard: cutOff('hello'),
  },
  { name: 'a chunk cut off', answer: chunked('5\r\nhel'), ending: 'ends', heard: cutOff('hel') },
  { name: 'no last chunk', answer: chunked('5\r\nhello\r\n'), ending: 'ends', heard: cutOff('hello') },
  { name: 'a last chunk cut off', answer: chunked('1\r\na\r\n0\r\n\r'), ending: 'ends', heard: cutOff('a') },
  {
    name: 'chunks that are reset',
    answer: chunked('5\r\nhello\r\n'),
    ending: 'resets',
    heard: cutOff('hello'),
  },
  // Answers with no one meaning.
  { name: 'another protocol', answer: 'SSH-2.0-OpenSSH_9\r\n', heard: refused },
  { name: 'HTTP/0.9', answer: '<html>hello</html>', heard: refused },
  { name: 'lines that end in LF', answer: 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', heard: refused },
  { name: 'an empty line first', answer: `\r\n${ok('hello')}`, heard: refused },
  { name: 'a switch of protocols', answer: 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n', heard: refused },
  { name: 'endless news', answer: 'HTTP/1.1 102 X\r\n\r\n'.repeat(17), heard: refused },
  { name: 'a wrong status', answer: ok('').replace('200', '600'), heard: refused },
  { name: 'a wrong version', answer: ok('').replace('1.1', '2.0'), heard: refused },
  { name: 'a repeated length', answer: ok('', 'Content-Length: 0\r\n'), heard: refused },
  { name: 'differing lengths', answer: ok('', 'Content-Length: 1\r\n'), heard: refused },
  { name: 'a length beside a coding', answer: ok('', 'Transfer-Encoding: chunked\r\n'), heard: refused },
  { name: 'an unknown coding', answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', heard: refused },
  { name: 'a blank before a colon', answer: ok('', 'X : y\r\n'), heard: refused },
  { name: 'a NUL in a value', answer: ok('', 'X: \0\r\n'), heard: refused },
  { name: 'a folded line', answer: ok('', 'X: y\r\n z\r\n'), heard: refused },
  { name: '501 fields', answer: ok('', 'a: b\r\n'.repeat(500)), heard: refused, wholeOnly: true },
  {
    name: 'a head beyond 64 KiB',
    answer: `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(65_536)}`,
    heard: refused,
    wholeOnly: true,
  },
  { name: 'a wrong chunk size', answer: chunked('1\r\na\r\nzz\r\n'), heard: cutOff('a') },
  { name: 'a chunk longer than its size', answer: chunked('1\r\nab\r\n0\r\n\r\n'), heard: cutOff('a') },
];

function end(socket: Socket, how: Ending): void {
  if (how === 'ends') socket.end();
  if (how === 'resets') socket.resetAndDestroy();
}

const atOnce =
  (answer: string, ending: Ending): OnRequest =>
  (socket) => {
    if (answer === '') end(socket, ending);
    else socket.write(answer, 'latin1', () => end(socket, ending));
  };

/** Each byte in a turn of its own, so that the client reads it alone. */
const byteByByte =
  (answer: string, ending: Ending): OnRequest =>
  (socket) => {
    const next = (at: number): void => {
      if (socket.destroyed) return;
      if (at === answer.length) return end(socket, ending);
      socket.write(answer.slice(at, at + 1), 'latin1', () => setImmediate(() => setImmediate(next, at + 1)));
    };
    next(0);
  };

describe.each([
  ['at once', atOnce],
  ['byte by byte', byteByByte],
])('an upstream that sends %s', (speed, sending) => {
  test.each(cases.filter(({ wholeOnly }) => speed === 'at once' || wholeOnly !== true))(
    '$name is heard as it is, and the next request gets its own answer',
    async ({ answer, ending = 'stays', method = 'GET', heard, reused = false }) => {
      upstream.behave({ onRequest: sending(answer, ending) });
      expect(await new HeardAnswer().send(client, { origin: upstream.url, method }).ended).toEqual(heard);
      upstream.behave({ onRequest: (socket) => void socket.write(ok('canary')) });
      expect(await new HeardAnswer().send(client, { origin: upstream.url }).ended).toEqual(
        whole(200, 'canary'),
      );
      expect(upstream.connections).toBe(reused ? 1 : 2);
    },
  );
});

describe('the upstream client', () => {
  test('gives the fields in their order, names in lower case', async () => {
    upstream.behave({
      onRequest: atOnce(ok('', 'Set-Cookie: a=1\r\nX-A:\t\xe9 \r\nset-COOKIE: b=2\r\n'), 'stays'),
    });
    const answer = new HeardAnswer().send(client, { origin: upstream.url });
    await answer.ended;
    expect(answer.fields).toEqual([
      'set-cookie',
      'a=1',
      'x-a',
      '\xe9',
      'set-cookie',
      'b=2',
      'content-length',
      '0',
    ]);
  });

  test.each([
    { method: 'GET\r\n' },
    { target: '/ HTTP/1.1\r\nx: y' },
    { fields: ['host', 'a', 'x', 'y\r\nz: a'] },
    { fields: ['host', 'a', 'x\n', 'y'] },
    { origin: 'nonsense' },
    { origin: 'https://127.0.0.1:1' },
  ])('writes nothing of %j', async (change) => {
    const answer = new HeardAnswer().send(client, { origin: upstream.url, ...change });
    expect(await answer.ended).toEqual(refused);
    answer.call?.abort();
    expect([upstream.connections, client.connections]).toEqual([0, 0]);
  });

  test('has not reached anybody when nobody listens', async () => {
    const gone = await startFaultyUpstream();
    await gone.close();
    const { ended } = new HeardAnswer().send(client, { origin: gone.url });
    expect(await ended).toEqual({ ...refused, failure: 'unreachable' });
  });
});
