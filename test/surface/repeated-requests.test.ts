import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bodyOf, type RawConnection, type RawUpstream, startRawUpstream } from './raw-upstream.ts';
import { startSurface, type Surface, surfaceHostField as hostField } from './start-surface.ts';
import { askOnce, reasonOf } from './wire-connection.ts';

let upstream: RawUpstream;
let surface: Surface;
let onConnection: (connection: RawConnection) => void;
beforeEach(async () => {
  upstream = await startRawUpstream({ onConnection: (connection) => onConnection(connection) });
});
afterEach(async () => {
  await surface.stop();
  await upstream.close();
});

async function start(pool = ''): Promise<void> {
  surface = await startSurface({
    interactive: `endpoints: [{ url: "${upstream.url}", seats: 1 }], health: false, keepAlive: true${pool}`,
  });
}

// RFC 9110 §9.2.2: a connection that has served may be closed just when it is used again. Then nobody knows whether the
// request was seen.
describe('a request on a connection that turns out closed', () => {
  const seen: string[] = [];
  /** Each connection serves so many requests, and ends with the next one. */
  const serve = (most: number, end: (socket: Socket) => unknown = (socket) => socket.end()): void => {
    seen.length = 0;
    onConnection = ({ socket }) => {
      let served = 0;
      socket.on('data', (data: Buffer) => {
        const line = /^([A-Z]+ \S+) HTTP/.exec(data.toString('latin1'))?.[1];
        if (line === undefined) return;
        seen.push(line);
        if (++served > most) end(socket);
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
    };
  };
  const ask = async (method: string, fields = '', body = ''): Promise<string> => {
    const request = `${method} /odoo HTTP/1.1\r\n${hostField}${fields}\r\n${body}`;
    const answer = await askOnce(surface.port, request, { toHead: method === 'HEAD' });
    return `${answer.status} ${reasonOf(answer) ?? answer.body}`;
  };

  test.each([
    ['GET', ''],
    ['HEAD', ''],
    ['OPTIONS', ''],
    ['DELETE', ''],
    ['PUT', 'hello'],
  ])('is sent once more when it is %s', async (method, body) => {
    await start();
    serve(1);
    const fields = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
    expect([await ask('GET'), await ask(method, fields, body)]).toEqual(['200 ', '200 ']);
    expect(seen).toEqual(['GET /odoo', `${method} /odoo`, `${method} /odoo`]);
    expect([
      upstream.connections.length,
      upstream.connections[1] && bodyOf(upstream.connections[1]).toString(),
    ]).toEqual([2, body]);
    expect(await surface.busySeats()).toBe(0);
  });

  test.each([
    ['POST', '', 'Content-Length: 0\r\n'],
    ['POST', 'hello', 'Content-Length: 5\r\n'],
    ['PATCH', 'hello', 'Content-Length: 5\r\n'],
  ])('is never sent again when it is %s with the body "%s"', async (method, body, fields) => {
    await start();
    serve(1);
    expect([await ask('GET'), await ask(method, fields, body)]).toEqual(['200 ', '502 upstream_invalid']);
    expect(seen).toEqual(['GET /odoo', `${method} /odoo`]);
  });

  test('is never sent again when its body is gone', async () => {
    await start(', requestBody: stream');
    serve(1);
    expect([await ask('GET'), await ask('PUT', 'Content-Length: 5\r\n', 'hello')]).toEqual([
      '200 ',
      '502 upstream_invalid',
    ]);
    expect(seen).toEqual(['GET /odoo', 'PUT /odoo']);
  });

  test.each([
    ['reset', (socket: Socket) => socket.resetAndDestroy(), ['GET /odoo', 'GET /odoo', 'GET /odoo'], '200 '],
    [
      'closed within an answer',
      (socket: Socket) => socket.end('HTTP/1.1 200'),
      ['GET /odoo', 'GET /odoo'],
      '502 upstream_invalid',
    ],
  ])('and was %s is sent as often as that may be', async (_name, end, requests, answer) => {
    await start();
    serve(1, end);
    expect([await ask('GET'), await ask('GET')]).toEqual(['200 ', answer]);
    expect(seen).toEqual(requests);
  });

  test('is not sent a third time', async () => {
    await start();
    serve(1);
    const serving = onConnection;
    let connections = 0;
    onConnection = (connection) => {
      if (++connections === 1) return serving(connection);
      connection.socket.once('data', () => {
        seen.push('closed');
        connection.socket.end();
      });
    };
    expect([await ask('GET'), await ask('GET')]).toEqual(['200 ', '502 upstream_invalid']);
    expect(seen).toEqual(['GET /odoo', 'GET /odoo', 'closed']);
  });

  test('is sent again within a budget only', async () => {
    await start();
    serve(1);
    const answers: string[] = [];
    // Each but the first finds the connection of the one before closed.
    for (let i = 0; i < 14; i++) answers.push(await ask('GET'));
    const refused = answers.filter((answer) => answer === '502 upstream_invalid').length;
    expect([answers.slice(0, 11), new Set(answers)]).toEqual([
      Array.from({ length: 11 }, () => '200 '),
      new Set(['200 ', '502 upstream_invalid']),
    ]);
    // Ten at once, and a tenth of what was asked.
    const repeated = seen.length - answers.length;
    expect(repeated).toBeGreaterThanOrEqual(10);
    expect(repeated).toBeLessThanOrEqual(11);
    expect(refused).toBeGreaterThanOrEqual(1);
  });
});
