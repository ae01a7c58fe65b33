import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { announce } from './processes.ts';

// The two ports of an Odoo, as cheap as they can be: a keep-alive port on `node:http`, and one that answers HTTP/1.0 and
// closes, like the prefork server. Run as a process of its own: `node bench/upstream.ts`.

const answer = Buffer.from(
  JSON.stringify([
    {
      id: 17,
      name: 'WH/OUT/00017',
      state: 'assigned',
      partner_id: 42,
      scheduled_date: '2026-03-01 08:00:00',
    },
    { id: 18, name: 'WH/OUT/00018', state: 'waiting', partner_id: 43, scheduled_date: '2026-03-01 09:00:00' },
  ]),
);

/** What the upstream was asked last, for the check that every contender forwards the same request. */
export interface Seen {
  method: string;
  target: string;
  /** Flat list as it came. */
  fields: string[];
  body: string;
}

let seen: Seen = { method: '', target: '', fields: [], body: '' };
const oneShotHead = `HTTP/1.0 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${answer.length}\r\n\r\n`;

const keepAlive = createServer({ keepAliveTimeout: 120_000, noDelay: true }, (request, response) => {
  if (request.url === '/_seen') {
    response.end(JSON.stringify(seen));
    return;
  }
  // The gateway's own health probe.
  if (request.url === '/web/health') {
    response.end('{}');
    return;
  }
  note(request);
  request.on('data', (chunk: Buffer) => (seen.body += chunk.toString()));
  request.on('end', () => {
    response.writeHead(200, [
      'Content-Type',
      'application/json; charset=utf-8',
      'Content-Length',
      String(answer.length),
    ]);
    response.end(answer);
  });
});

const oneShot = createTcpServer({ noDelay: true }, (socket) => {
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    received += text;
    const end = received.indexOf('\r\n\r\n');
    if (end === -1) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(received)?.[1] ?? 0);
    if (received.length < end + 4 + length) return;
    socket.write(oneShotHead);
    socket.end(answer);
  });
  socket.on('error', () => socket.destroy());
});

function note(request: IncomingMessage): void {
  seen = { method: request.method ?? '', target: request.url ?? '', fields: request.rawHeaders, body: '' };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  while (!server.listening) await nextTurn();
  return (server.address() as AddressInfo).port;
}

announce([await listen(keepAlive), await listen(oneShot)]);
