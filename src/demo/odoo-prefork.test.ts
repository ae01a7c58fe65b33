import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type OdooPrefork, type OdooPreforkOptions, startOdooPrefork } from './odoo-prefork.ts';

const started: OdooPrefork[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});

async function start(options: Partial<OdooPreforkOptions> = {}): Promise<OdooPrefork> {
  const server = await startOdooPrefork({ port: 0, workers: 2, name: 'odoo-1', ...options });
  started.push(server);
  return server;
}

/** Sends bytes and keeps its own side open; yields all that comes back until the server closes. */
async function exchange(server: OdooPrefork, bytes: string): Promise<string> {
  const socket = net.connect(server.port, '127.0.0.1');
  socket.write(bytes, 'latin1');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

function get(path: string, ...fields: string[]): string {
  return `GET ${path} HTTP/1.1\r\nHost: acme.example\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
}

function post(path: string, body: string, ...fields: string[]): string {
  return `POST ${path} HTTP/1.1\r\nHost: acme.example\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${fields
    .map((field) => `${field}\r\n`)
    .join('')}\r\n${body}`;
}

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}

function seenIn(answer: string): unknown {
  return JSON.parse(/^x-seen: (.*)\r$/m.exec(answer)?.[1] ?? 'null');
}

/** Waits until a state is reached that sockets bring about; the test's own time-out is the limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const bearer = 'Authorization: bearer 0123456789abcdef';

describe('the wire', () => {
  it('answers with HTTP/1.0, a length and a close', async () => {
    const server = await start();
    const answer = await exchange(server, get('/web/health'));
    expect(answer.replace(/x-seen: .*\r\n/, '')).toBe(
      'HTTP/1.0 200 OK\r\nServer: odoo-stand-in\r\nx-odoo-stand-in: odoo-1\r\nContent-Type: application/json\r\nContent-Length: 18\r\nConnection: close\r\n\r\n{"status": "pass"}',
    );
  });

  it('ignores a keep-alive wish and a second request on the connection', async () => {
    const server = await start();
    const answer = await exchange(server, get('/web/health', 'Connection: keep-alive') + get('/web/login'));
    expect(answer.match(/HTTP\/1/g)).toHaveLength(1);
    expect(server.requests.map(({ request }) => request.path)).toEqual(['/web/health']);
  });

  it('sends no body for HEAD and no head for HTTP/0.9', async () => {
    const server = await start();
    expect(bodyOf(await exchange(server, get('/web/health').replace('GET', 'HEAD')))).toBe('');
    expect(await exchange(server, 'GET /web/health\r\n\r\n')).toBe('{"status": "pass"}');
  });

  it('asks for a body that waits for 100', async () => {
    const server = await start();
    const answer = await exchange(server, post('/web', 'x', 'Expect: 100-continue'));
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.0 200 OK\r\n/);
  });

  it.each([
    ['nonsense\r\n\r\n', 400],
    ['GET /x HTTP/2.0\r\n\r\n', 505],
    [get('/', ...Array.from({ length: 101 }, () => 'A: 1')), 431],
    [post('/web', '').replace('Length: 0', 'Length: 99999'), 413],
  ])('answers %j with %i', async (bytes, status) => {
    const server = await start({ maxBodyBytes: 100 });
    expect(await exchange(server, bytes)).toMatch(new RegExp(`^HTTP/1\\.0 ${status} `));
  });

  it('shows what the application saw and keeps the head as it came', async () => {
    const server = await start();
    const sent = get(
      '/web%2Flogin?db=%61',
      'x-forwarded-for: 198.51.100.7, 203.0.113.9',
      'X-Forwarded-Host: acme.example',
      'X-Forwarded-Proto: https',
      'X-Odoo-Database: acme',
      'Cookie: session_id=secret',
      bearer,
    );
    const answer = await exchange(server, sent);
    expect(seenIn(answer)).toEqual({
      method: 'GET',
      path: '/web/login',
      query: 'db=%61',
      remoteAddress: '203.0.113.9',
      scheme: 'https',
      host: 'acme.example',
      database: 'acme',
      headers: {
        host: 'acme.example',
        'x-forwarded-for': '198.51.100.7, 203.0.113.9',
        'x-forwarded-host': 'acme.example',
        'x-forwarded-proto': 'https',
      },
    });
    expect(server.requests[0]?.head).toBe(sent);
  });

  it('keeps a bounded number of requests', async () => {
    const server = await start({ keepRequests: 2 });
    for (const path of ['/a', '/b', '/c']) await exchange(server, get(path));
    expect(server.requests.map(({ request }) => request.path)).toEqual(['/b', '/c']);
  });

  it('logs a line for each request only when it is given a log', async () => {
    const lines: string[] = [];
    const server = await start({ log: (line) => lines.push(line) });
    await exchange(server, get('/web/health'));
    await until(() => lines.length > 0);
    expect(lines.map((line) => line.replace(/\d+ms/, 'Nms'))).toEqual(['odoo-1 GET /web/health 200 Nms']);
  });
});

describe('the workers', () => {
  it('have one connection each, and the next ones wait unread', async () => {
    const server = await start({ workers: 2 });
    const idle = [0, 1].map(() => net.connect(server.port, '127.0.0.1'));
    await until(() => server.busy === 2);
    const answer = exchange(server, get('/web/health'));
    await until(() => server.waiting === 1);
    expect(server.requests).toEqual([]);
    for (const socket of idle) socket.destroy();
    expect(await answer).toContain('200 OK');
  });

  it('execute a request that waited although its client has gone', async () => {
    const server = await start({ workers: 1 });
    const idle = net.connect(server.port, '127.0.0.1');
    await until(() => server.busy === 1);
    const gone = net.connect(server.port, '127.0.0.1');
    gone.end(post('/json/2/stock.picking/button_validate', '{"ids":[1]}', bearer));
    await Promise.all([once(gone, 'finish'), until(() => server.waiting === 1)]);
    gone.destroy();
    await once(gone, 'close');
    idle.destroy();
    await until(() => server.requests.length === 1);
    expect(server.requests[0]).toMatchObject({
      executed: true,
      request: { path: '/json/2/stock.picking/button_validate' },
    });
    expect(server.requests[0]?.request.body.toString()).toBe('{"ids":[1]}');
  });

  it('drop a connection that sends nothing, without an answer', async () => {
    const server = await start({ workers: 1, socketTimeoutMs: 30 });
    expect(await exchange(server, '')).toBe('');
    await until(() => server.busy === 0);
  });

  it('drop a head that stalls, without an answer', async () => {
    const server = await start({ socketTimeoutMs: 30 });
    expect(await exchange(server, 'GET /web HTTP/1.1\r\nHost: a')).toBe('');
  });

  it('answer a body that stalls with 500 and do not execute it', async () => {
    const server = await start({ socketTimeoutMs: 30 });
    expect(await exchange(server, post('/web', '').replace('Length: 0', 'Length: 5'))).toMatch(
      /^HTTP\/1\.0 500 /,
    );
    expect(server.requests.map(({ executed }) => executed)).toEqual([false]);
  });

  it('cut off a client that does not read, and are free again', async () => {
    const server = await start({ workers: 1, socketTimeoutMs: 50 });
    const slow = net.connect(server.port, '127.0.0.1');
    slow.on('error', () => {});
    slow.pause();
    slow.write(get('/web/content/1?bytes=30000000'));
    await until(() => server.requests.length === 1);
    await until(() => server.busy === 0);
    let bytes = 0;
    slow.on('data', (chunk) => {
      bytes += chunk.length;
    });
    slow.resume();
    await once(slow, 'close');
    expect(bytes).toBeLessThan(30_000_000);
  });

  it('are free again after everything is closed', async () => {
    const server = await start({ workers: 1, delaysMs: { '/web': 10_000 } });
    const answers = [exchange(server, get('/web')), exchange(server, get('/web'))];
    await until(() => server.busy === 1 && server.waiting === 1);
    await server.close();
    expect(await Promise.all(answers.map((answer) => answer.catch(() => '')))).toEqual(['', '']);
    await until(() => server.busy === 0);
  });

  it('take the time that the path or the request asks for', async () => {
    const server = await start({ delaysMs: { '/report/': 60, '/slow': 10_000, '/slow/but/not': 0 } });
    const timeOf = async (bytes: string): Promise<number> => {
      const startMs = performance.now();
      await exchange(server, bytes);
      return performance.now() - startMs;
    };
    // Node's timers may be a millisecond early.
    expect(await timeOf(get('/report/pdf/stock.report_picking/1'))).toBeGreaterThan(58);
    expect(await timeOf(get('/web', 'x-stand-in-delay-ms: 60'))).toBeGreaterThan(58);
    expect(await timeOf(get('/slow/but/not/this'))).toBeLessThan(9_000);
  });
});

describe('the routes', () => {
  it.each([
    '/web/database/manager',
    '//web/database/manager',
    '/web%2Fdatabase%2Fmanager',
    '/web/%64atabase/manager',
    '/web/database/manager/',
    '/web/database/manager%2f',
    '/%2fweb/database/manager',
    'http://evil/web/database/manager',
    'http:web/database/manager',
    '/de/web/database/manager',
    '/web/database/manager?x#y',
  ])('lead %s to the database manager', async (target) => {
    expect(bodyOf(await exchange(await start(), get(target)))).toContain('<h1>Database Manager</h1>');
  });

  it.each([
    ['/web//database/manager', '308'],
    ['/x/../web/database/manager', '404'],
    ['/web/database/manager;x', '404'],
    ['/web\\database\\manager', '404'],
    ['/WEB/database/manager', '404'],
    ['/web/database/manager%20', '404'],
    ['/web/database/manager%00', '404'],
    ['/web%252Fdatabase%252Fmanager', '404'],
  ])('do not lead %s there', async (target, status) => {
    expect(await exchange(await start(), get(target))).toMatch(new RegExp(`^HTTP/1\\.0 ${status} `));
  });
});

it('loses the arguments of a JSON-2 call with a chunked body', async () => {
  const server = await start();
  const answer = await exchange(
    server,
    `POST /json/2/stock.picking/search_read HTTP/1.1\r\nHost: a\r\n${bearer}\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{"limit":2}\r\n0\r\n\r\n`,
  );
  expect(JSON.parse(bodyOf(answer))).toHaveLength(20);
  expect(server.requests[0]?.request.body.toString()).toBe('{"limit":2}');
});
