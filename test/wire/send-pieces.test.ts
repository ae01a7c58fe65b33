import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { WireConnection } from '../surface/wire-connection.ts';
import { sendPieces } from './send-pieces.ts';

test('a server on the same event loop reads each piece before the next one is sent', async () => {
  const read: string[] = [];
  const server = createServer((socket) => {
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      read.push(piece);
      socket.write('.');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sent: string[] = [];
  for (let i = 0; i < 50; i++) {
    const connection = await WireConnection.open((server.address() as AddressInfo).port);
    const pieces = ['GET', ' ', '/', `${i}`, '\r', '\n'];
    sent.push(...pieces);
    await sendPieces(
      connection,
      pieces.map((piece) => Buffer.from(piece)),
    );
    // As a case does: it waits for an answer, and goes on where that has come in.
    await connection.until((received) => received.length >= pieces.length);
    connection.destroy();
  }
  server.close();
  expect(read).toEqual(sent);
});
