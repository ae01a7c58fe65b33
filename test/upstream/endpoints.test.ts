import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type FaultyUpstream, startFaultyUpstream } from '../servers/faulty-upstream.ts';
import {
  startSurface,
  type Surface,
  surfaceHostField as hostField,
  waitUntil,
} from '../surface/start-surface.ts';
import { askOnce, reasonOf } from '../surface/wire-connection.ts';
import { fine } from './fault.ts';

// Endpoints to which no connection can be made: nothing of a request has left, so another endpoint may get it.

const get = (target: string): string => `GET ${target} HTTP/1.1\r\n${hostField}\r\n`;
const post = (target: string, body: string): string =>
  `POST ${target} HTTP/1.1\r\n${hostField}Content-Length: ${body.length}\r\n\r\n${body}`;

/** A port on which nobody listens. */
async function closedUrlOf(): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

/** Listens, and lets the kernel accept one connection at most; its thread sleeps from then on. */
const deafServer = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
`;

/** A port that does not answer a SYN, as a host behind a firewall does not: its backlog is full. */
async function startDeafServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const worker = new Worker(deafServer, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  const waiting: Socket[] = [];
  // Linux takes one connection more than the backlog says.
  for (let i = 0; i < 2; i++) {
    const socket = connect(port, '127.0.0.1');
    waiting.push(socket);
    await once(socket, 'connect');
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      for (const socket of waiting) socket.destroy();
      await worker.terminate();
    },
  };
}

describe('an endpoint that cannot be reached', () => {
  let upstream: FaultyUpstream;
  let surface: Surface | undefined;
  let deaf: Awaited<ReturnType<typeof startDeafServer>>;
  let closedUrl: string;
  let otherClosedUrl: string;
  beforeAll(async () => {
    upstream = await startFaultyUpstream();
    upstream.behave({ onRequest: (socket) => void socket.write(fine('ok')) });
    deaf = await startDeafServer();
    closedUrl = await closedUrlOf();
    otherClosedUrl = await closedUrlOf();
  });
  afterEach(async () => {
    expect(await surface?.busySeats()).toBe(0);
    await surface?.stop();
  });
  afterAll(async () => {
    await upstream.close();
    await deaf.stop();
  });

  const start = async (urls: string[], more = 'health: false'): Promise<Surface> => {
    const endpoints = urls.map((url) => `{ url: "${url}", seats: 4 }`).join(', ');
    surface = await startSurface({
      interactive: `endpoints: [${endpoints}], connectTimeout: 200ms, ${more}`,
    });
    return surface;
  };

  test.each([
    ['refuses', () => [closedUrl]],
    ['does not answer', () => [deaf.url]],
    ['refuses like the other one', () => [closedUrl, otherClosedUrl]],
    ['does not answer, and the other one refuses', () => [deaf.url, closedUrl]],
  ])('and %s is told to the client', async (_how, urls) => {
    const { port, requests } = await start(urls());
    for (const request of [get('/odoo'), post('/odoo', 'pay')]) {
      const answer = await askOnce(port, request);
      expect([answer.status, reasonOf(answer)]).toEqual([502, 'upstream_unreachable']);
    }
    expect(requests().length).toBe(2);
    for (const line of requests()) {
      expect(line).toMatchObject({ status: 502, reason: 'upstream_unreachable' });
      expect(urls()).toContain(line['upstream']);
    }
  });

  test.each([
    ['refuses', () => closedUrl],
    ['does not answer', () => deaf.url],
  ])('and %s costs nobody an answer beside another one, and no POST comes twice', async (_how, url) => {
    const { port } = await start([url(), upstream.url]);
    const before = upstream.requests.length;
    for (let i = 0; i < 6; i++) {
      const answer = await askOnce(port, post(`/odoo/${i}`, `pay ${i}`));
      expect([answer.status, answer.body]).toEqual([200, 'ok']);
    }
    expect(upstream.requests.slice(before).map(({ body }) => body.toString())).toEqual(
      Array.from({ length: 6 }, (_, i) => `pay ${i}`),
    );
  });

  test('goes out of service after some failures, and the pool says so', async () => {
    const { port } = await start([closedUrl], 'health: { interval: 1h, unhealthyAfter: 3 }');
    await waitUntil(
      async () => reasonOf(await askOnce(port, get('/odoo'))) === 'pool_down',
      'the pool is down',
    );
    const answer = await askOnce(port, get('/odoo'));
    expect([answer.status, Number(answer.fields['retry-after'])]).toEqual([503, expect.any(Number)]);
  });
});
