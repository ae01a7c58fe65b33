import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import type { HealthOptions } from './options.ts';
import { probeEndpoint } from './probe.ts';
import { manualScheduler, type Scheduler, systemScheduler } from '../core/scheduler.ts';

const health: HealthOptions = {
  path: '/web/health',
  host: undefined,
  intervalMs: 5_000,
  timeoutMs: 2_000,
  unhealthyAfter: 3,
  healthyAfter: 1,
};

const servers: net.Server[] = [];
const sockets = new Set<net.Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

/** A server that answers each connection with what `answer` writes; collects what it was sent. */
async function listen(answer: (socket: net.Socket) => void) {
  const received: string[] = [];
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (data) => {
      received.push(data.toString('latin1'));
      answer(socket);
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, received, server };
}

function probe(
  url: string,
  changes: { health?: Partial<HealthOptions>; scheduler?: Scheduler; signal?: AbortSignal } = {},
) {
  return probeEndpoint({
    url,
    health: { ...health, ...changes.health },
    scheduler: changes.scheduler ?? systemScheduler,
    signal: changes.signal ?? new AbortController().signal,
  });
}

describe('probeEndpoint', () => {
  it('sends one short request that asks for the connection to be closed', async () => {
    const { url, port, received } = await listen((socket) =>
      socket.end('HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n{}'),
    );
    expect(await probe(url)).toEqual({ kind: 'answered' });
    expect(received).toEqual([
      `GET /web/health HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\nuser-agent: bulkhead-health\r\naccept: */*\r\n\r\n`,
    ]);
  });

  it('names the configured host', async () => {
    const { url, received } = await listen((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\n'));
    await probe(url, { health: { host: 'erp.example' } });
    expect(received[0]).toContain('\r\nhost: erp.example\r\n');
  });

  it.each([500, 503, 404, 303])('takes status %i for a failure', async (status) => {
    const { url } = await listen((socket) => socket.end(`HTTP/1.0 ${status} X\r\nContent-Length: 0\r\n\r\n`));
    expect(await probe(url)).toEqual({ kind: 'failed', cause: `HTTP ${status}` });
  });

  it('takes a refused connection for a failure', async () => {
    const { url, server } = await listen(() => {});
    await new Promise((resolve) => server.close(resolve));
    expect(await probe(url)).toEqual({ kind: 'failed', cause: 'ECONNREFUSED' });
  });

  it('takes a connection that breaks for a failure', async () => {
    const { url } = await listen((socket) => socket.resetAndDestroy());
    expect(await probe(url)).toEqual({ kind: 'failed', cause: 'ECONNRESET' });
  });

  it('takes an answer that is not HTTP for a failure', async () => {
    const { url } = await listen((socket) => socket.end('220 mail.example ESMTP\r\n'));
    expect(await probe(url)).toEqual({ kind: 'failed', cause: 'HTTPParserError' });
  });

  it.each([
    ['never comes', ''],
    ['stops in its head', 'HTTP/1.0 200 OK\r\nContent-'],
    ['stops in its body', 'HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n{'],
  ])('tells an answer that %s from a failure, and lets go of the connection', async (_title, bytes) => {
    const scheduler = manualScheduler(manualClock());
    const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
    const { url } = await listen((socket) => {
      socket.on('close', () => onClosed());
      if (bytes !== '') socket.write(bytes);
      onAsked();
    });
    const outcome = probe(url, { scheduler });
    await asked;
    scheduler.advance(health.timeoutMs);
    expect(await outcome).toEqual({ kind: 'timeout' });
    await closed;
  });

  it('lets go of the connection of a bad answer without reading it to the end', async () => {
    const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
    const { url } = await listen((socket) => {
      socket.on('close', () => onClosed());
      socket.write('HTTP/1.0 503 X\r\nContent-Length: 9\r\n\r\n{');
    });
    expect(await probe(url)).toEqual({ kind: 'failed', cause: 'HTTP 503' });
    await closed;
  });

  it('leaves no timer behind', async () => {
    const scheduler = manualScheduler(manualClock());
    const { url } = await listen((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\n'));
    await probe(url, { scheduler });
    expect(scheduler.pending()).toBe(0);
  });

  it('ends when it is given up', async () => {
    const stop = new AbortController();
    const { url } = await listen(() => stop.abort());
    expect(await probe(url, { signal: stop.signal })).toEqual({ kind: 'failed', cause: 'AbortError' });
  });
});
