import { hash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startOdooGevent } from '../../src/demo/odoo-gevent.ts';
import { type HeldUpstream, startHeldUpstream } from '../support/held-upstream.ts';
import { exchangeBytes, parseAnswer, type RawAnswer, sendRequest } from '../support/raw-http.ts';
import { startSurface, type Surface, surfaceHost, waitUntil } from './start-surface.ts';

let upstream: HeldUpstream;
let surface: Surface;
const cleanUps: (() => unknown)[] = [];

beforeEach(async () => {
  upstream = await startHeldUpstream();
});
afterEach(async () => {
  upstream.hold(false);
  while (upstream.waiting().length > 0) upstream.release();
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
  await surface.stop();
  await upstream.stop();
});

interface Start {
  slots: number;
  key?: 'tenant' | 'session';
  seats?: number;
  queue?: number;
  url?: string;
  websocket?: string;
}

async function start(options: Start): Promise<void> {
  const { slots, key = 'tenant', seats = 4, queue = 4, url = upstream.url, websocket } = options;
  surface = await startSurface({
    interactive: `endpoints: [{ url: "${url}", seats: ${seats} }], queue: { max: ${queue} }, health: false`,
    ...(websocket === undefined
      ? {}
      : { websocket: `endpoints: [{ url: "${websocket}", seats: 9 }], health: false` }),
    zone: `limits:\n  - { name: parallel, key: ${key}, inFlight: ${slots} }\n`,
  });
}

const send = (target: string, more: { method?: string; body?: string } = {}): Promise<RawAnswer> =>
  sendRequest(surface.port, { target, headers: { Host: surfaceHost }, ...more });

/** Sends a request and waits until it is at the upstream. */
async function seat(target: string): Promise<{ answer: Promise<RawAnswer> }> {
  const answer = send(target);
  await waitUntil(() => upstream.arrived.includes(target), `${target} at the upstream`);
  return { answer };
}

/** Keys with slots in use: all that the store holds here. */
async function keysInUse(): Promise<number> {
  const text = await exchangeBytes(
    surface.adminPort,
    'GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n',
  );
  return Number(/^bulkhead_entries\{collection="limit_keys"\} (\d+)$/m.exec(parseAnswer(text).body)?.[1]);
}

describe('a limit on requests in progress', () => {
  it('refuses the one too many with the fields of the draft, and admits again when one is answered', async () => {
    await start({ slots: 1 });
    const first = await seat('/first');
    const refused = await send('/second');
    expect(refused.status).toBe(429);
    expect(refused.fields['ratelimit-policy']).toBe('"parallel";q=1;qu="concurrent-requests"');
    expect(refused.fields['ratelimit']).toBe('"parallel";r=0');
    expect(refused.fields['retry-after']).toMatch(/^[12]$/);
    expect(JSON.parse(refused.body)).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      reason: 'limit_exceeded',
      'violated-policies': ['parallel'],
    });
    upstream.release();
    expect((await first.answer).fields['ratelimit']).toBe('"parallel";r=0');
    upstream.hold(false);
    expect((await send('/third')).status).toBe(200);
    expect(await keysInUse()).toBe(0);
  });

  it('is free for the next request on the connection as soon as the answer is there', async () => {
    await start({ slots: 1 });
    upstream.hold(false);
    const one = `GET /x HTTP/1.1\r\nHost: ${surfaceHost}\r\n\r\n`;
    const last = `GET /x HTTP/1.1\r\nHost: ${surfaceHost}\r\nConnection: close\r\n\r\n`;
    const text = await exchangeBytes(surface.port, one.repeat(20) + last);
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(
      Array.from({ length: 21 }, () => '200'),
    );
  });

  it('goes on counting a request whose client has left until its worker is free', async () => {
    await start({ slots: 1 });
    const socket = connect(surface.port, '127.0.0.1').setEncoding('latin1');
    socket.write(`GET /left HTTP/1.1\r\nHost: ${surfaceHost}\r\n\r\n`);
    await waitUntil(() => upstream.arrived.includes('/left'), 'the request at the upstream');
    socket.destroy();
    expect((await send('/too-early')).status).toBe(429);
    upstream.release();
    upstream.hold(false);
    await waitUntil(async () => (await keysInUse()) === 0, 'the slot is free');
    expect((await send('/after')).status).toBe(200);
  });

  it('gives its slot back when the pool has no place', async () => {
    await start({ slots: 2, seats: 1, queue: 0 });
    const first = await seat('/first');
    for (let i = 0; i < 5; i++) expect((await send(`/refused-${i}`)).status).toBe(503);
    upstream.release();
    await first.answer;
    expect(await keysInUse()).toBe(0);
  });

  it('gives its slot back when no worker can be reached', async () => {
    await start({ slots: 1, url: 'http://127.0.0.1:9' });
    for (let i = 0; i < 3; i++) expect([502, 503]).toContain((await send(`/${i}`)).status);
    expect(await keysInUse()).toBe(0);
  });

  it('counts a tunnel as long as it stands', async () => {
    const gevent = await startOdooGevent({ port: 0 });
    cleanUps.push(() => gevent.close());
    await start({ slots: 1, websocket: gevent.url });
    const open = (): WebSocket => {
      const socket = new WebSocket(`ws://127.0.0.1:${surface.port}/websocket`, {
        origin: `http://${surfaceHost}`,
        headers: { Host: surfaceHost },
      });
      socket.on('error', () => {});
      return socket;
    };
    const first = open();
    await once(first, 'open');
    const [, refusal] = (await once(open(), 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(refusal.statusCode).toBe(429);
    expect(await keysInUse()).toBe(1);
    first.close();
    await waitUntil(async () => (await keysInUse()) === 0, 'the slot is free');
    const second = open();
    await once(second, 'open');
    second.terminate();
    await waitUntil(async () => (await keysInUse()) === 0, 'the slot is free');
  });

  it('counts the tunnels of each session, and tells nobody whose they are', async () => {
    const gevent = await startOdooGevent({ port: 0 });
    cleanUps.push(() => gevent.close());
    await start({ slots: 2, key: 'session', websocket: gevent.url });
    const stable = (user: string): string => user.repeat(42);
    const open = (cookie: string): Promise<number> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${surface.port}/websocket`, {
          origin: `http://${surfaceHost}`,
          headers: { Host: surfaceHost, Cookie: cookie },
        });
        cleanUps.push(() => socket.terminate());
        socket.on('error', () => {});
        socket.on('open', () => resolve(101));
        socket.on('unexpected-response', (_request, answer) => resolve(answer.statusCode ?? 0));
      });
    const of = (user: string, rotation: string): string =>
      `tz=x; session_id=${stable(user)}${rotation.repeat(42)}`;
    const statuses: number[] = [];
    for (const cookie of [of('A', '1'), of('A', '2'), of('A', '3'), of('B', '1'), 'tz=x', 'tz=y', 'tz=z'])
      statuses.push(await open(cookie));
    // The third of a session, and the third of those without one that share an address.
    expect(statuses).toEqual([101, 101, 429, 101, 101, 101, 429]);
    const ask = async (target: string): Promise<string> =>
      parseAnswer(
        await exchangeBytes(
          surface.adminPort,
          `GET ${target} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n`,
        ),
      ).body;
    const refused = await ask('/limits/refused');
    const key = `session-${hash('sha256', stable('A'), 'hex').slice(0, 32)}`;
    expect(
      (JSON.parse(refused) as { refused: { key: string }[] }).refused.map((one) => one.key).toSorted(),
    ).toEqual(['127.0.0.1', key]);
    const budget = await ask(`/limits/open/parallel?key=${key}`);
    expect(JSON.parse(budget)).toMatchObject({ key, burst: 2, free: 0, inUse: 2 });
    const everything = [
      refused,
      budget,
      await ask('/limits'),
      await ask('/metrics'),
      JSON.stringify(surface.logLines),
    ].join('');
    expect(everything).not.toContain('AAAAAAAAAA');
    expect(everything).not.toContain('BBBBBBBBBB');
  });

  it('is not counted for ForwardAuth, which does not see where a request ends', async () => {
    await start({ slots: 1 });
    for (let i = 0; i < 3; i++) {
      const answer = await sendRequest(surface.forwardAuthPort, {
        target: '/',
        headers: {
          Host: 'gateway',
          'X-Forwarded-Method': 'GET',
          'X-Forwarded-Proto': 'https',
          'X-Forwarded-Host': surfaceHost,
          'X-Forwarded-Uri': '/odoo',
          'X-Forwarded-For': '198.51.100.7',
        },
      });
      expect(answer.status).toBe(200);
    }
    expect(await keysInUse()).toBe(0);
  });

  it('holds no slot when all is over, in whatever way requests end', async () => {
    await start({ slots: 3, seats: 2, queue: 1 });
    const ends = ['answered', 'left', 'left in the body', 'broken upstream', 'malformed body'] as const;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...ends), { minLength: 1, maxLength: 8 }), async (some) => {
        const before = upstream.arrived.length;
        const sockets = some.map((end, i) => begin(`/${end.replaceAll(' ', '-')}-${i}`, end));
        const aside = new Promise((resolve) => setTimeout(resolve, 10));
        await aside;
        for (const [i, socket] of sockets.entries())
          if (some[i]?.startsWith('left') === true) socket.destroy();
        if (some.includes('broken upstream')) {
          await upstream.stop();
          await upstream.reopen();
        }
        for (let i = 0; i < 400 && (await keysInUse()) > 0; i++) {
          while (upstream.waiting().length > 0) upstream.release();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        for (const socket of sockets) socket.destroy();
        await waitUntil(async () => (await keysInUse()) === 0, 'no slot is in use');
        expect(upstream.arrived.length).toBeGreaterThanOrEqual(before);
      }),
      { numRuns: 15 },
    );
    upstream.hold(true);
    const seated = await Promise.all([seat('/a'), seat('/b')]);
    upstream.release();
    upstream.release();
    for (const { answer } of seated) expect((await answer).status).toBe(200);
  }, 60_000);
});

function begin(target: string, end: string): Socket {
  const socket = connect(surface.port, '127.0.0.1');
  socket.on('error', () => {});
  const head = `POST ${target} HTTP/1.1\r\nHost: ${surfaceHost}\r\n`;
  if (end === 'left in the body') socket.write(`${head}Content-Length: 1000\r\n\r\nabc`);
  else if (end === 'malformed body') socket.write(`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
  else socket.write(`${head}Content-Length: 2\r\n\r\n{}`);
  return socket;
}
