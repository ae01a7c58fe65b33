import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Behaviour, type FaultyUpstream, startFaultyUpstream } from '../servers/faulty-upstream.ts';
import { startSurface, type Surface, surfaceHostField as hostField, waitUntil } from './start-surface.ts';
import { reasonOf, WireConnection } from './wire-connection.ts';

// Bodies that go on as they come (`requestBody: stream`) and turn out wrong when their beginning is with the upstream.

describe('a streamed body', () => {
  let upstream: FaultyUpstream;
  let surface: Surface;
  let connection: WireConnection;
  beforeAll(async () => {
    upstream = await startFaultyUpstream();
    surface = await startSurface({
      http: '{ bodyTimeout: 200ms }',
      interactive: `endpoints: [{ url: "${upstream.url}", seats: 1 }], health: false, requestBody: stream, maxBody: 1KiB`,
    });
  });
  afterAll(async () => {
    await surface.stop();
    await upstream.close();
  });
  afterEach(() => connection.destroy());

  const chunked = `POST /odoo HTTP/1.1\r\n${hostField}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`;
  const canary = `GET /canary HTTP/1.1\r\n${hostField}\r\n`;
  const open = async (behaviour: Behaviour = {}): Promise<void> => {
    upstream.behave(behaviour);
    const before = upstream.connections;
    connection = await WireConnection.open(surface.port);
    connection.send(chunked);
    await waitUntil(() => upstream.connections > before, 'the upstream has its beginning');
  };

  test.each([
    ['breaks', 'XX\r\n', 400, 'framing_invalid'],
    ['grows too large', `7d0\r\n${'x'.repeat(2000)}\r\n`, 413, 'body_too_large'],
    ['stalls', '', 408, 'body_timeout'],
  ])(
    'that %s is never completed, its client learns why, and the connection ends',
    async (_name, rest, status, reason) => {
      let received = '';
      await open({
        onConnect: (socket) =>
          void socket.on('data', (piece: Buffer) => (received += piece.toString('latin1'))),
      });
      connection.send(rest);
      const answer = await connection.answer();
      expect([answer.status, reasonOf(answer), answer.fields['connection']]).toEqual([
        status,
        reason,
        'close',
      ]);
      connection.send(canary);
      expect([await connection.closed(), connection.received]).toEqual(['ended', '']);
      await waitUntil(() => upstream.open === 0, 'the connection to the upstream is broken off');
      expect([received.includes('0\r\n\r\n'), await surface.busySeats()]).toEqual([false, 0]);
      expect(surface.requests().at(-1)).toMatchObject({ status, reason });
    },
  );

  test('that breaks when its answer has begun breaks the answer off', async () => {
    const before = surface.requests().length;
    await open({ onHead: (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun') });
    await connection.until((text) => text.endsWith('begun'));
    connection.send('XX\r\n');
    expect(await connection.closed()).toMatch(/^(ended|reset)$/);
    await waitUntil(() => surface.requests().length > before, 'the request is over');
    expect(surface.requests().at(-1)).toMatchObject({ status: 200, reason: 'framing_invalid' });
  });
});
