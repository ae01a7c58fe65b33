import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

const answer = JSON.stringify([
  {
    id: 17,
    name: 'WH/OUT/00017',
    state: 'assigned',
    partner_id: 42,
    scheduled_date: '2026-03-01 08:00:00',
  },
  { id: 18, name: 'WH/OUT/00018', state: 'waiting', partner_id: 43, scheduled_date: '2026-03-01 09:00:00' },
]);
const answerFields = `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${answer.length}\r\n\r\n`;
const keptAnswer = `HTTP/1.1 200 OK\r\n${answerFields}${answer}`;
const lastAnswer = `HTTP/1.0 200 OK\r\n${answerFields}${answer}`;

/** What the upstream was asked last, for the check that every contender forwards the same request. */
export interface Seen {
  method: string;
  target: string;
  /** Flat list as it came. */
  fields: string[];
  body: string;
}

/** The last request to the keep-alive port as it came; taken apart when it is asked for. */
let seenHead = '';
let seenBody = '';

function readSeen(): Seen {
  const [requestLine = '', ...lines] = seenHead.trimEnd().split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const fields = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { method, target, fields, body: seenBody };
}

const contentLength = /\r\ncontent-length: *(\d+)\r\n/i;

/** Where the first request in what has come ends; undefined when it is not whole yet, NaN when its body has no length. */
function readRequestEnd(received: string, bodyStart: number): number | undefined {
  if (bodyStart < 4) return undefined;
  // A GET of the benchmark has no body. If a contender gave it one, that would be the next request, and refused.
  if (received.startsWith('GET ')) return bodyStart;
  const end = bodyStart + Number(contentLength.exec(received)?.[1] ?? NaN);
  return received.length < end ? undefined : end;
}

function serve(
  socket: Socket,
  answerWhole: (received: string, bodyStart: number, end: number) => void,
): void {
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1');
    let received = rest === '' ? text : rest + text;
    for (;;) {
      const bodyStart = received.indexOf('\r\n\r\n') + 4;
      const end = readRequestEnd(received, bodyStart);
      if (end === undefined) break;
      if (Number.isNaN(end) || !/^(GET|POST) /.test(received)) {
        socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        return;
      }
      answerWhole(received, bodyStart, end);
      received = received.length === end ? '' : received.slice(end);
    }
    rest = received;
  });
  socket.on('error', () => socket.destroy());
}

const keepAlive = createServer({ noDelay: true }, (socket) => {
  serve(socket, (received, bodyStart, end) => {
    let text = keptAnswer;
    if (received.startsWith('GET /_seen ')) text = renderJson(JSON.stringify(readSeen()));
    // The gateway's own health probe.
    else if (received.startsWith('GET /web/health ')) text = renderJson('{}');
    else {
      seenHead = received.slice(0, bodyStart);
      seenBody = received.slice(bodyStart, end);
    }
    socket.write(text, 'latin1');
    // The way in which the correctness check asks for it; no contender does at this port.
    if (received.endsWith('\r\nConnection: close\r\n\r\n', bodyStart)) socket.end();
  });
});

const oneShot = createServer({ noDelay: true }, (socket) => {
  serve(socket, () => socket.end(lastAnswer, 'latin1'));
});

function renderJson(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

async function listen(server: Server): Promise<number> {
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 });
  while (!server.listening) await nextTurn();
  return (server.address() as AddressInfo).port;
}

/**
 * Opens the two ports of an Odoo, as cheap as they can be, because they share a core with the generator: one that keeps
 * connections, and one that answers HTTP/1.0 and closes, like the prefork server.
 */
export async function listenAsOdoo(): Promise<readonly number[]> {
  return [await listen(keepAlive), await listen(oneShot)];
}
