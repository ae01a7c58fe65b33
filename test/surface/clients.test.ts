import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type OdooPrefork, startOdooPrefork } from '../../src/demo/odoo-prefork.ts';
import { type FaultyUpstream, startFaultyUpstream } from '../servers/faulty-upstream.ts';
import { watchArrivals } from './arrivals.ts';
import {
  waitUntil,
  startSurface,
  type Surface,
  type SurfaceOptions,
  surfaceHostField as hostField,
} from './start-surface.ts';
import { reasonOf, WireConnection } from './wire-connection.ts';

// What clients do on their side of a connection: leave, read slowly, write slowly, stay idle, and meet a gateway that stops.

const mebibyte = 1024 * 1024;
const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\n${hostField}${fields}\r\n`;
const slow = (target: string, delayMs: number): string => get(target, `X-Stand-In-Delay-Ms: ${delayMs}\r\n`);

let odoo: OdooPrefork;
let surface: Surface;
const opened: { destroy(): void }[] = [];
afterEach(async () => {
  for (const connection of opened.splice(0)) connection.destroy();
  await surface.stop();
  await odoo?.close();
});

async function start({
  seats = 1,
  ...options
}: { seats?: number } & Partial<SurfaceOptions> = {}): Promise<void> {
  odoo = await startOdooPrefork({ port: 0, workers: seats, name: 'prefork' });
  surface = await startSurface({
    interactive: `endpoints: [{ url: "${odoo.url}", seats: ${seats} }], health: false`,
    ...options,
  });
}

async function open(bytes = ''): Promise<WireConnection> {
  const connection = await WireConnection.open(surface.port);
  opened.push(connection);
  connection.send(bytes);
  return connection;
}

/** Returns when the gateway has read what was sent on connections that were opened before. */
async function untilSeen(): Promise<void> {
  const later = await open(get('/odoo', 'Connection: close\r\n'));
  await later.answer();
}

describe('a client that goes', () => {
  test('while it waits for a seat leaves the queue, and nothing of it is sent', async () => {
    await start();
    const arrivals = watchArrivals([odoo], 'nothing');
    const first = await open(slow('/first', 200));
    await waitUntil(() => odoo.busy === 1, 'the first request is with the worker');
    const second = await open(get('/second'));
    const third = await open(get('/third'));
    await waitUntil(async () => (await surface.queued()) === 2, 'two requests wait');
    second.destroy();
    await waitUntil(async () => (await surface.queued()) === 1, 'one request waits');
    expect([(await first.answer()).status, (await third.answer()).status]).toEqual([404, 404]);
    expect(arrivals().map(({ line }) => line)).toEqual(['GET /first HTTP/1.1', 'GET /third HTTP/1.1']);
    expect(surface.requests().find(({ path }) => path === '/second')).toMatchObject({
      status: 499,
      reason: 'client_gone',
    });
    expect(await surface.busySeats()).toBe(0);
  });

  // The worker does not learn that its client has gone. A seat that came free early would send the next request into the
  // backlog of the kernel, where nobody sees it and nothing can take it back.
  test.each([
    ['goes', (connection: WireConnection) => connection.destroy()],
    ['is reset', (connection: WireConnection) => connection.reset()],
    ['says that it sends no more', (connection: WireConnection) => void connection.socket.end()],
  ])(
    'and %s after its request was sent keeps its seat taken until the worker is free',
    async (_name, leave) => {
      await start();
      const first = await open(slow('/first', 150));
      await waitUntil(() => odoo.busy === 1, 'the first request is with the worker');
      leave(first);
      const second = await open(get('/second'));
      let waitedInBacklog = 0;
      await waitUntil(() => {
        waitedInBacklog += odoo.waiting;
        return odoo.requests.some(({ request }) => request.target === '/second');
      }, 'the second request is with the worker');
      expect([(await second.answer()).status, waitedInBacklog]).toEqual([404, 0]);
      expect(surface.requests()).toMatchObject([
        { path: '/first', status: 499, reason: 'client_gone' },
        { path: '/second', status: 404 },
      ]);
      expect(await surface.busySeats()).toBe(0);
    },
  );

  test('in the middle of its answer frees the seat when the worker is done', async () => {
    await start();
    const connection = await open(get(`/web/content/1?bytes=${20 * mebibyte}`));
    await connection.until((text) => text.length > 0);
    connection.destroy();
    await waitUntil(async () => (await surface.busySeats()) === 0, 'the seat is free');
    expect(surface.requests()).toMatchObject([{ status: 499, reason: 'client_gone' }]);
  });
});

describe('an answer whose client has gone', () => {
  let upstream: FaultyUpstream;
  let dripping: NodeJS.Timeout | undefined;
  afterEach(async () => {
    clearInterval(dripping);
    await upstream.close();
  });

  // It came to no more than 64 MiB, and held its worker for as long as it liked.
  test('and that comes drop by drop is broken off when the time of its worker is over', async () => {
    upstream = await startFaultyUpstream();
    let leftMs = 0;
    const lastedMs = new Promise<number>((resolve) => {
      upstream.behave({
        onRequest: (socket) => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n');
          dripping = setInterval(() => socket.write('x'), 20);
        },
        onClose: () => resolve(performance.now() - leftMs),
      });
    });
    await start({
      interactive: `endpoints: [{ url: "${upstream.url}", seats: 1 }], health: false, timeout: 400ms, connectTimeout: 300ms`,
    });
    const connection = await open(get('/drops'));
    // Its pauses are shorter than the time-out: with a client it may go on.
    await connection.until((text) => text.split('\r\n\r\n')[1]?.length === 40);
    leftMs = performance.now();
    connection.destroy();
    expect(await lastedMs).toBeGreaterThanOrEqual(400);
    await waitUntil(async () => (await surface.busySeats()) === 0, 'the seat is free');
    expect(surface.requests()).toMatchObject([{ path: '/drops', status: 499, reason: 'client_gone' }]);
  });
});

describe('a client that reads slowly', () => {
  test('gets all of its 5 MiB', async () => {
    await start();
    const socket = connect(surface.port, '127.0.0.1');
    opened.push(socket);
    socket.write(get(`/web/content/1?bytes=${5 * mebibyte}`));
    let text = '';
    const bodyLength = (): number => text.length - text.indexOf('\r\n\r\n') - 4;
    while (text === '' || bodyLength() < 5 * mebibyte) {
      // 64 KiB at a time, at about 30 MB/s.
      const piece = socket.read(65_536) ?? (socket.readableLength > 0 ? socket.read() : undefined);
      if (Buffer.isBuffer(piece)) text += piece.toString('latin1');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const body = text.slice(text.indexOf('\r\n\r\n') + 4);
    expect([text.slice(0, 15), body.length, hashOf(body)]).toEqual([
      'HTTP/1.1 200 OK',
      5 * mebibyte,
      hashOf('odoo'.repeat((5 * mebibyte) / 4)),
    ]);
  });

  test('holds the upstream back when neither memory nor the spool may take more, and then gets everything', async () => {
    const total = 96 * mebibyte;
    const upstream: FaultyUpstream = await startFaultyUpstream();
    opened.push({ destroy: () => void upstream.close() });
    let taken = 0;
    upstream.behave({
      onRequest: (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\nConnection: close\r\n\r\n`);
        const piece = Buffer.alloc(mebibyte, 'odoo');
        const write = (): void => {
          while (taken < total) {
            taken += piece.length;
            if (!socket.write(piece)) return void socket.once('drain', write);
          }
        };
        write();
      },
    });
    await start({
      http: '{ spool: { memory: 64KiB, file: 2MiB } }',
      interactive: `endpoints: [{ url: "${upstream.url}", seats: 1 }], health: false`,
    });
    const socket = connect(surface.port, '127.0.0.1');
    opened.push(socket);
    socket.pause();
    socket.write(get('/big'));
    // Until nothing moves any more.
    let before = -1;
    await waitUntil(async () => {
      const still = taken === before;
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return still && taken > 0;
    }, 'the upstream stands still');
    // What stands between are buffers of the kernel, twice.
    expect(taken).toBeLessThan(48 * mebibyte);
    let received = 0;
    const { promise: whole, resolve } = Promise.withResolvers<void>();
    socket.on('data', (data: Buffer) => {
      received += data.length;
      if (received >= total) resolve();
    });
    socket.resume();
    await whole;
    expect(received).toBeGreaterThan(total);
    await waitUntil(async () => (await surface.busySeats()) === 0, 'the seat is free');
  });

  test('holds no worker: its answer waits in a file, and comes whole', async () => {
    const total = 40 * mebibyte;
    await start({ http: '{ spool: { memory: 64KiB } }' });
    const socket = connect(surface.port, '127.0.0.1');
    opened.push(socket);
    socket.pause();
    socket.write(get(`/web/content/1?bytes=${total}`));
    await waitUntil(() => odoo.requests.length === 1, 'the worker has the request');
    await waitUntil(async () => (await surface.busySeats()) === 0, 'the seat is free');
    expect(surface.requests()).toEqual([]);
    const hash = createHash('sha256');
    let length = -1;
    const { promise: whole, resolve } = Promise.withResolvers<void>();
    socket.on('data', (data: Buffer) => {
      const content = length === -1 ? data.subarray(data.indexOf('\r\n\r\n') + 4) : data;
      length = Math.max(0, length) + content.length;
      hash.update(content);
      if (length >= total) resolve();
    });
    socket.resume();
    await whole;
    expect([length, hash.digest('hex')]).toEqual([total, hashOf('odoo'.repeat(total / 4))]);
    await waitUntil(() => surface.requests().length === 1, 'the request is over');
    expect(surface.requests()).toMatchObject([{ status: 200 }]);
  });

  test('and stops reading is given up', async () => {
    await start({ http: '{ writeTimeout: 200ms }' });
    const socket = connect(surface.port, '127.0.0.1');
    opened.push(socket);
    socket.on('error', () => {});
    socket.pause();
    socket.write(get(`/web/content/1?bytes=${60 * mebibyte}`));
    await waitUntil(() => surface.requests().length === 1, 'the request is over');
    expect(surface.requests()).toMatchObject([{ status: 499, reason: 'client_gone' }]);
    expect(await surface.busySeats()).toBe(0);
  });
});

describe('a connection', () => {
  test('serves one request after the other', async () => {
    await start();
    const connection = await open();
    for (let i = 0; i < 20; i++) {
      connection.send(
        i % 2 === 0
          ? get(`/odoo/${i}`)
          : `POST /odoo/${i} HTTP/1.1\r\n${hostField}Content-Length: 2\r\n\r\nhi`,
      );
      const answer = await connection.answer();
      const seen = JSON.parse(answer.fields['x-seen'] ?? '{}') as { path: string };
      expect([answer.status, seen.path, answer.fields['connection']]).toEqual([200, `/odoo/${i}`, undefined]);
    }
  });

  test('that stays idle is closed', async () => {
    await start({ http: '{ idleTimeout: 100ms }' });
    const connection = await open(get('/odoo'));
    expect((await connection.answer()).status).toBe(200);
    expect([await connection.closed(), connection.received]).toEqual(['ended', '']);
  });

  test.each([
    ['sends half a request line', 'GET /od'],
    ['sends half a head', `GET /odoo HTTP/1.1\r\n${hostField}Accept: `],
  ])('that %s is refused when the time for a head is over', async (_name, bytes) => {
    await start({ http: '{ headTimeout: 100ms }' });
    const connection = await open(bytes);
    const answer = await connection.answer();
    expect([answer.status, reasonOf(answer), answer.fields['connection']]).toEqual([
      408,
      'head_timeout',
      'close',
    ]);
    expect(await connection.closed()).toBe('ended');
    expect(surface.logLines.at(-1)).toMatchObject({ reason: 'head_timeout', msg: 'malformed request' });
  });

  test('that sends nothing is closed without a word when the time for a head is over', async () => {
    await start({ http: '{ headTimeout: 100ms }' });
    const connection = await open();
    expect([await connection.closed(), connection.received]).toEqual(['ended', '']);
    expect(surface.logLines.map(({ msg }) => msg)).not.toContain('malformed request');
  });

  test('that sends its head byte by byte gets no more time for it', async () => {
    await start({ http: '{ headTimeout: 100ms }' });
    const connection = await open();
    const startMs = performance.now();
    const drip = setInterval(() => connection.send('a'), 20);
    connection.send('GET /odoo HTTP/1.1\r\nX-A: ');
    expect(reasonOf(await connection.answer())).toBe('head_timeout');
    clearInterval(drip);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  test('that begins a second head and stops gets the answer to its first request, then the refusal', async () => {
    await start({ http: '{ headTimeout: 100ms }' });
    const connection = await open(`${slow('/first', 300)}GET /second HTTP/1.1\r\n`);
    expect((await connection.answer()).status).toBe(404);
    expect(reasonOf(await connection.answer())).toBe('head_timeout');
    expect(await connection.closed()).toBe('ended');
  });

  test('is one of many that stall: others are served meanwhile, and all of them are closed in time', async () => {
    await start({ http: '{ headTimeout: 300ms }' });
    const stalled = await Promise.all(Array.from({ length: 200 }, () => open('GET /odoo HTTP/1.1\r\n')));
    const other = await open(get('/odoo'));
    expect((await other.answer()).status).toBe(200);
    const ends = await Promise.all(stalled.map((connection) => connection.closed()));
    expect(new Set(ends)).toEqual(new Set(['ended']));
  });
});

describe('a gateway that stops', () => {
  test('finishes what is in progress or waits for a seat, says that connections end, and takes no new ones', async () => {
    await start();
    const busy = await open(slow('/busy', 200));
    await waitUntil(() => odoo.busy === 1, 'the first request is with the worker');
    const waiting = await open(get('/waiting'));
    await waitUntil(async () => (await surface.queued()) === 1, 'the second request waits');
    const uploading = await open(
      `POST /upload HTTP/1.1\r\n${hostField}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`,
    );
    await uploading.until((text) => text.startsWith('HTTP/1.1 100 '));
    const stopped = surface.stop();
    await waitUntil(async () => {
      const probe = await WireConnection.open(surface.port);
      opened.push(probe);
      return (await probe.closed()) === 'reset';
    }, 'connections are refused');
    uploading.send('hello');
    for (const connection of [busy, waiting, uploading]) {
      const answer = await connection.answer();
      expect([answer.status, answer.fields['connection']]).toEqual([404, 'close']);
      expect(await connection.closed()).toBe('ended');
    }
    await stopped;
    expect(odoo.requests.map(({ request }) => request.target)).toEqual(['/busy', '/waiting', '/upload']);
  });

  test('does not wait for connections without a request', async () => {
    await start({ drainTimeout: '10s' });
    const used = await open(get('/odoo'));
    expect((await used.answer()).status).toBe(200);
    const unused = await open();
    const begun = await open('GET /odoo HTTP/1.1\r\n');
    await untilSeen();
    const startMs = performance.now();
    await surface.stop();
    expect(performance.now() - startMs).toBeLessThan(3_000);
    expect([await used.closed(), await unused.closed(), await begun.closed()]).toEqual([
      'ended',
      'ended',
      'ended',
    ]);
  });

  test('still takes a request of which the beginning is there', async () => {
    await start();
    const begun = await open(`GET /odoo HTTP/1.1\r\n${hostField}`);
    await untilSeen();
    const stopped = surface.stop();
    await new Promise((resolve) => setTimeout(resolve, 100));
    begun.send('\r\n');
    const answer = await begun.answer();
    expect([answer.status, answer.fields['connection']]).toEqual([200, 'close']);
    await stopped;
  });

  test('gives up what is not done in its time', async () => {
    await start({ drainTimeout: '300ms' });
    const busy = await open(slow('/busy', 3_000));
    await waitUntil(() => odoo.busy === 1, 'the request is with the worker');
    const startMs = performance.now();
    await surface.stop();
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(await busy.closed()).toMatch(/^(ended|reset)$/);
    expect(surface.logLines.map(({ msg }) => msg)).toContain(
      'requests were still in progress when the drain time was over',
    );
  });
});

function hashOf(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex');
}
