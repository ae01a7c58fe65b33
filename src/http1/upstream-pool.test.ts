import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type FaultyUpstream, startFaultyUpstream } from '../../test/servers/faulty-upstream.ts';
import { type Heard, HeardAnswer } from '../../test/support/heard-answer.ts';
import { createUpstreamClient, type UpstreamClient, type UpstreamRequest } from './upstream.ts';

let upstream: FaultyUpstream;
let client: UpstreamClient;
/** The upstream's side of each connection, oldest first. */
let sockets: Socket[];
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  upstream = await startFaultyUpstream();
  client = createUpstreamClient();
  sockets = [];
  answerWith(ok('fine'));
});
afterEach(async () => {
  await client.close();
  expect(client.connections).toBe(0);
  await upstream.close();
  vi.useRealTimers();
});

const ok = (body: string, fields = ''): string =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
const fine: Heard = { status: 200, body: 'fine', failure: undefined };
const failed = (failure: Heard['failure']): Heard => ({ status: undefined, body: '', failure });

function answerWith(text: string): void {
  upstream.behave({
    onConnect: (socket) => void sockets.push(socket),
    onRequest: (socket) => void socket.write(text, 'latin1'),
  });
}

/** The side of the upstream when the next request has come whole; nobody answers it. */
function nextRequest(): Promise<Socket> {
  return new Promise((resolve) => {
    upstream.behave({ onConnect: (socket) => void sockets.push(socket), onRequest: resolve });
  });
}

const send = (change: Partial<UpstreamRequest> = {}): HeardAnswer =>
  new HeardAnswer().send(client, { origin: upstream.url, ...change });
const closed = (socket: Socket | undefined): Promise<unknown> | undefined =>
  socket === undefined || socket.destroyed ? undefined : once(socket, 'close');

describe('a connection', () => {
  test('serves one request after the other, and is one', async () => {
    for (let i = 0; i < 5; i++) expect(await send().ended).toEqual(fine);
    expect([upstream.connections, client.connections]).toEqual([1, 1]);
    expect(upstream.requests.map(({ earlier }) => earlier)).toEqual([0, 1, 2, 3, 4]);
  });

  test('serves the request that its listener sends at the end of the one before', async () => {
    const second = new HeardAnswer();
    const first = new (class extends HeardAnswer {
      override onEnd(): void {
        super.onEnd();
        second.send(client, { origin: upstream.url });
      }
    })().send(client, { origin: upstream.url });
    expect([await first.ended, await second.ended, upstream.connections]).toEqual([fine, fine, 1]);
  });

  test('is not shared by requests at the same time; the one that became idle last serves next', async () => {
    const requests: Socket[] = [];
    const both = new Promise<void>((resolve) => {
      upstream.behave({
        onRequest: (socket) => {
          requests.push(socket);
          if (requests.length === 2) resolve();
        },
      });
    });
    const first = send();
    const second = send();
    await both;
    requests[1]?.write(ok('fine'));
    await Promise.race([first.ended, second.ended]);
    requests[0]?.write(ok('fine'));
    expect([await first.ended, await second.ended]).toEqual([fine, fine]);
    const third = nextRequest();
    send();
    expect(await third).toBe(requests[0]);
  });

  test('that a request asked for alone is not taken from the idle ones, says so, and is closed', async () => {
    await send().ended;
    expect(await send({ keepAlive: false }).ended).toEqual(fine);
    await closed(sockets[1]);
    expect(await send({ keepAlive: false }).ended).toEqual(fine);
    await closed(sockets[2]);
    expect([upstream.connections, sockets[0]?.destroyed]).toEqual([3, false]);
    expect(upstream.requests.map(({ head }) => head)).toEqual([
      'GET /odoo HTTP/1.1\r\nhost: a.example\r\n\r\n',
      'GET /odoo HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n',
      'GET /odoo HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n',
    ]);
  });

  test('is a new one when the request asks for it, and serves again afterwards', async () => {
    await send().ended;
    expect([await send({ freshConnection: true }).ended, upstream.connections]).toEqual([fine, 2]);
    expect([await send().ended, upstream.connections, client.connections]).toEqual([fine, 2, 2]);
  });

  test('does not hear of the call of a request that has ended', async () => {
    const first = send();
    await first.ended;
    const request = nextRequest();
    const second = send();
    first.call?.pause();
    first.call?.abort();
    first.call?.resume();
    (await request).write(ok('fine'));
    expect([await second.ended, upstream.connections]).toEqual([fine, 1]);
  });

  test('leads to an IPv6 address', async () => {
    const origin = upstream.url.replace('127.0.0.1', '[::ffff:127.0.0.1]');
    expect(await send({ origin }).ended).toEqual(fine);
  });
});

describe('a connection that ends before any byte of an answer', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['closed', (socket) => void socket.end()],
    ['reset', (socket) => void socket.resetAndDestroy()],
  ])('is stale when it has served before, whatever the method: %s', async (_, end) => {
    for (const change of [
      {},
      { method: 'POST', body: Buffer.from('x') },
      { body: Buffer.alloc(1_000_000) },
    ]) {
      answerWith(ok('fine'));
      await send().ended;
      upstream.behave({ onHead: end });
      expect(await send(change).ended).toEqual(failed('stale'));
    }
  });

  test.each(['HTTP/1.1 100 Continue\r\n\r\n', 'H'])('is invalid behind %j', async (text) => {
    await send().ended;
    upstream.behave({ onRequest: (socket) => void socket.end(text) });
    expect(await send().ended).toEqual(failed('invalid'));
  });
});

describe('an idle connection', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['a byte comes', (socket) => void socket.write('\n')],
    ['an answer comes', (socket) => void socket.write(ok('poison'))],
    ['the upstream closes it', (socket) => void socket.end()],
    ['the upstream resets it', (socket) => void socket.resetAndDestroy()],
  ])('is destroyed when %s', async (_, act) => {
    await send().ended;
    for (const socket of sockets) act(socket);
    await vi.waitUntil(() => client.connections === 0);
    expect([await send().ended, upstream.connections]).toEqual([fine, 2]);
  });

  test.each([
    ['', 4_000],
    ['Keep-Alive: timeout=3\r\n', 2_000],
    ['Keep-Alive: timeout=60\r\n', 4_000],
  ])(
    'with %j is destroyed after its time, and the time begins anew with each answer',
    async (fields, idleMs) => {
      answerWith(ok('fine', fields));
      for (let i = 0; i < 3; i++) {
        expect(await send().ended).toEqual(fine);
        vi.advanceTimersByTime(idleMs - 100);
      }
      expect([upstream.connections, client.connections]).toEqual([1, 1]);
      vi.advanceTimersByTime(200);
      await closed(sockets[0]);
      expect([await send().ended, upstream.connections]).toEqual([fine, 2]);
    },
  );

  test('is one of 256 at most', async () => {
    const waiting: Socket[] = [];
    const all = new Promise<void>((resolve) => {
      upstream.behave({
        onRequest: (socket) => {
          if (waiting.push(socket) === 258) resolve();
        },
      });
    });
    const answers = Array.from({ length: 258 }, () => send());
    await all;
    const two = new Promise<void>((resolve) => {
      let gone = 0;
      for (const socket of waiting) socket.once('close', () => ++gone === 2 && resolve());
    });
    for (const socket of waiting) socket.write(ok('fine'));
    await Promise.all(answers.map(({ ended }) => ended));
    await two;
    await vi.waitUntil(() => client.connections === 256);
  });
});

describe('retain', () => {
  test('lets busy connections of other origins end with their answer, and closes idle ones at once', async () => {
    const other = await startFaultyUpstream();
    other.behave({ onRequest: (socket) => void socket.write(ok('fine')) });
    await send({ origin: other.url }).ended;
    const request = nextRequest();
    const busy = send();
    const socket = await request;
    client.retain(new Set([other.url]));
    expect(client.connections).toBe(2);
    socket.write(ok('fine'));
    expect(await busy.ended).toEqual(fine);
    await closed(socket);
    expect([await send({ origin: other.url }).ended, other.connections]).toEqual([fine, 1]);
    answerWith(ok('fine'));
    // An origin that comes back is like a new one.
    expect([await send().ended, await send().ended, upstream.connections]).toEqual([fine, fine, 2]);
    client.retain(new Set());
    await vi.waitUntil(() => client.connections === 0);
    await other.close();
  });
});

describe('close', () => {
  test('destroys every connection, and aborts what is under way', async () => {
    await send().ended;
    const request = nextRequest();
    const busy = send();
    await request;
    const connecting = send();
    expect(client.connections).toBe(2);
    await client.close();
    expect([client.connections, await busy.ended, await connecting.ended]).toEqual([
      0,
      failed('aborted'),
      failed('aborted'),
    ]);
  });

  test('is done at once when there is none', async () => {
    await client.close();
    expect(client.connections).toBe(0);
  });
});
