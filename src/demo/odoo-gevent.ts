import { once } from 'node:events';
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { answerOdoo } from './odoo-app.ts';
import { keepReceived, type ReceivedRequest } from './odoo-log.ts';
import { type OdooRequest, routeOf, splitTargetLikeGevent, toOdooRequest } from './odoo-request.ts';
import { acceptKey, echoWebSocket } from './websocket-echo.ts';

export interface OdooGeventOptions {
  /** 0 takes a free port. */
  port: number;
  name?: string;
  host?: string;
  delaysMs?: Readonly<Record<string, number>>;
  maxBodyBytes?: number;
  keepRequests?: number;
  log?: (line: string) => void;
}

export interface OdooGevent {
  readonly url: string;
  readonly port: number;
  /** The newest requests, oldest first; a handshake is one of them. */
  readonly requests: readonly ReceivedRequest[];
  /** Open WebSocket connections. */
  readonly sockets: number;
  /** Breaks off everything. */
  close(): Promise<void>;
}

/**
 * Stands in for Odoo's evented port: HTTP/1.1 with keep-alive, WebSockets on exactly `/websocket`, and, like the real one,
 * a complete application on every other path. Its WebSocket sends each message back.
 */
export async function startOdooGevent(options: OdooGeventOptions): Promise<OdooGevent> {
  const settings = {
    host: '127.0.0.1',
    name: 'gevent',
    delaysMs: {},
    maxBodyBytes: 128 * 1024 * 1024,
    keepRequests: 200,
    ...options,
  };
  const requests: ReceivedRequest[] = [];
  const upgraded = new Set<Duplex>();
  const stop = new AbortController();
  const server = createServer({ shouldUpgradeCallback: isForWebSocket });

  const receive = (message: IncomingMessage, body: Buffer): OdooRequest => {
    const request = readMessage(message, body);
    keepReceived(requests, { head: rawHeadOf(message), request, executed: true }, settings.keepRequests);
    return request;
  };

  server.on('request', (message, response) => {
    void (async () => {
      const body = await readBody(message, settings.maxBodyBytes);
      if (body === undefined) {
        response.writeHead(413, { connection: 'close' }).end();
        return;
      }
      const request = receive(message, body);
      const refusal = isForWebSocket(message) ? checkHandshake(request) : undefined;
      const answer = await answerOdoo(request, { options: settings, signal: stop.signal });
      if (refusal !== undefined) {
        response.writeHead(refusal.status, refusal.fields).end(refusal.message);
      } else {
        response.writeHead(
          answer.status,
          [...answer.fields, ['Content-Length', String(answer.body.length)]].flat(),
        );
        response.end(answer.body);
      }
      settings.log?.(`${settings.name} ${request.method} ${request.target} ${response.statusCode}`);
      // A client that went away, or `close`.
    })().catch(() => response.destroy());
  });

  server.on('upgrade', (message: IncomingMessage, socket: Duplex, early: Buffer) => {
    socket.on('error', () => {});
    const request = receive(message, Buffer.alloc(0));
    const refusal = checkHandshake(request);
    settings.log?.(`${settings.name} ${request.method} ${request.target} ${refusal?.status ?? 101}`);
    if (refusal !== undefined) {
      const fields = { ...refusal.fields, 'Content-Length': refusal.message.length, Connection: 'close' };
      const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(
        `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n${lines.join('')}\r\n${refusal.message}`,
      );
      return;
    }
    upgraded.add(socket);
    socket.on('close', () => upgraded.delete(socket));
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(
        request.headers.get('sec-websocket-key') ?? '',
      )}\r\nx-odoo-stand-in: ${settings.name}\r\n\r\n`,
    );
    echoWebSocket(socket, early);
  });

  server.listen(settings.port, settings.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${settings.host}:${port}`,
    port,
    requests,
    get sockets() {
      return upgraded.size;
    },
    async close() {
      stop.abort();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of upgraded) socket.destroy();
      server.closeAllConnections();
      await closed;
    },
  };
}

function isForWebSocket(message: IncomingMessage): boolean {
  const place = routeOf(splitTargetLikeGevent(message.url ?? '').path);
  return 'route' in place && place.route === '/websocket';
}

function readMessage(message: IncomingMessage, body: Buffer): OdooRequest {
  const target = message.url ?? '';
  return toOdooRequest({
    method: message.method ?? '',
    target,
    ...splitTargetLikeGevent(target),
    fields: rawFieldsOf(message),
    peerAddress: message.socket.remoteAddress ?? '',
    body,
  });
}

function rawFieldsOf(message: IncomingMessage): [string, string][] {
  const fields: [string, string][] = [];
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    fields.push([message.rawHeaders[i] ?? '', message.rawHeaders[i + 1] ?? '']);
  }
  return fields;
}

function rawHeadOf(message: IncomingMessage): string {
  const lines = rawFieldsOf(message).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${message.method} ${message.url} HTTP/${message.httpVersion}\r\n${lines.join('')}\r\n`;
}

async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of message) {
    if (!Buffer.isBuffer(chunk)) continue;
    total += chunk.length;
    if (total > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface HandshakeRefusal {
  status: 400 | 426;
  fields: Record<string, string>;
  message: string;
}

const requiredFields = [
  'connection',
  'host',
  'sec-websocket-key',
  'sec-websocket-version',
  'upgrade',
  'origin',
];

function refuse(status: 400 | 426, message: string, fields: Record<string, string> = {}): HandshakeRefusal {
  return { status, fields: { 'Content-Type': 'text/html; charset=utf-8', ...fields }, message };
}

/** The checks of Odoo's `_assert_handshake_validity`, in its order. */
function checkHandshake({ headers }: OdooRequest): HandshakeRefusal | undefined {
  const missing = requiredFields.filter((name) => (headers.get(name) ?? '') === '');
  if (missing.length > 0) return refuse(400, `Empty or missing header(s): ${missing.join(', ')}`);
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') return refuse(400, 'Invalid upgrade header');
  if (!headers.get('connection')?.toLowerCase().includes('upgrade'))
    return refuse(400, 'Invalid connection header');
  if (headers.get('sec-websocket-version') !== '13') {
    return refuse(426, 'Only version 13 is supported', { 'Sec-WebSocket-Version': '13' });
  }
  const key = headers.get('sec-websocket-key') ?? '';
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key))
    return refuse(400, 'Sec-WebSocket-Key should be of length 16 once decoded');
  return undefined;
}
