import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SoakUpstream {
  readonly url: string;
  close(): Promise<void>;
}

/** What the answer to a GET says: nobody else's answer looks like it. */
export function contentOf(id: string, bytes: number): string {
  return `${id};`.repeat(Math.ceil(bytes / (id.length + 1))).slice(0, bytes);
}

/** What the answer to a request with a body says. */
export function receiptOf(id: string, body: Buffer): string {
  return `${id} ${body.length} ${createHash('sha1').update(body).digest('hex')}`;
}

/**
 * The worker of a soak: does what the query of the target says. `id` names the request, `bytes` is the size of the answer,
 * `chunked` leaves its length out, `wait` delays it by milliseconds, `fault` breaks it.
 */
export async function startSoakUpstream(): Promise<SoakUpstream> {
  const server = createServer((message, response) => {
    // A request that is broken off is what the soak is about.
    receive(message, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function receive(message: IncomingMessage, response: ServerResponse): Promise<void> {
  const query = new URLSearchParams(message.url?.split('?')[1]);
  const id = query.get('id') ?? '';
  const pieces: Buffer[] = [];
  for await (const piece of message as AsyncIterable<Buffer>) pieces.push(piece);
  const body = Buffer.concat(pieces);
  const waitMs = Number(query.get('wait') ?? 0);
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  const bytes = Number(query.get('bytes') ?? 200);
  const content = Buffer.from(message.method === 'GET' ? contentOf(id, bytes) : receiptOf(id, body));
  const fault = query.get('fault');
  if (fault !== null) return answerWrongly(response, { fault, content });
  if (query.has('close')) response.setHeader('connection', 'close');
  if (!query.has('chunked')) response.setHeader('content-length', content.length);
  response.end(content);
}

function answerWrongly(
  response: ServerResponse,
  { fault, content }: { fault: string; content: Buffer },
): void {
  const { socket } = response;
  switch (fault) {
    case 'reset':
      socket?.resetAndDestroy();
      break;
    case 'close':
      socket?.end();
      break;
    case 'garbage':
      socket?.end('what is this\r\n\r\n');
      break;
    case 'cut':
      response.setHeader('content-length', content.length);
      response.write(content.subarray(0, content.length / 2), () => socket?.resetAndDestroy());
      break;
    case 'surplus':
      // A second answer that nobody asked for must not become the answer to the next request.
      socket?.write(
        `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`,
      );
      break;
    default:
      throw new TypeError(`there is no fault "${fault}"`);
  }
}
