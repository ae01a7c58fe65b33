import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Reason } from '../core/reason.ts';
import { Exchange, type ExchangeTimeouts } from './exchange.ts';
import { type HeadBounds, readHead } from './head.ts';
import { WebSocketRequest } from './websocket.ts';

export interface HttpServerOptions extends HeadBounds, ExchangeTimeouts {
  maxHeadBytes: number;
  headTimeoutMs: number;
  idleTimeoutMs: number;
}

/** What a surface does with what the transport hands it. */
export interface HttpServerHandlers {
  onExchange(exchange: Exchange): void;
  /** A request that asks for an upgrade; without this handler it is an ordinary exchange. */
  onUpgrade?(request: WebSocketRequest): void;
  /** Bytes that are no request: reports them, and says what to answer before the connection is closed. */
  onMalformed(reason: Reason, peerAddress: string): MalformedAnswer;
}

export interface MalformedAnswer {
  status: number;
  /** Flat list of names and values. */
  fields: readonly string[];
  body: string;
}

export interface HttpServer {
  listen(address: { host: string; port: number }): Promise<AddressInfo>;
  /** Stops taking connections; resolves when those that exist are finished. Answers get `Connection: close`. */
  drain(): Promise<void>;
  /** Ends every connection now. */
  destroy(): void;
}

/**
 * An HTTP/1.1 server on `node:http` whose known gaps are closed: see `head.ts` for the head, `#onClientError` for a parse
 * error that would overtake an answer on its way (both measured).
 */
export function createHttpServer(options: HttpServerOptions, handlers: HttpServerHandlers): HttpServer {
  const open = new WeakMap<Duplex, Set<Exchange>>();
  const tunnels = new Set<WebSocketRequest>();
  let draining = false;

  const server: Server = createServer({
    maxHeaderSize: options.maxHeadBytes,
    headersTimeout: options.headTimeoutMs,
    // The pause between pieces of a body is bounded by the exchange; a large upload may rightly take long as a whole.
    requestTimeout: 0,
    keepAliveTimeout: options.idleTimeoutMs,
    connectionsCheckingInterval: 1000,
    requireHostHeader: false,
    highWaterMark: 64 * 1024,
    noDelay: true,
  });
  // `node:http` would silently drop what exceeds its own count; readHead refuses instead.
  server.maxHeadersCount = 0;

  const siblingsOn = (socket: Socket): Set<Exchange> => {
    let siblings = open.get(socket);
    if (siblings === undefined) {
      siblings = new Set();
      open.set(socket, siblings);
    }
    return siblings;
  };

  const accept = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    const head = readHead(request, options);
    if (draining) response.shouldKeepAlive = false;
    handlers.onExchange(
      new Exchange(request, response, head, {
        timeouts: options,
        expectsContinue,
        siblings: siblingsOn(request.socket),
      }),
    );
  };

  server.on('request', (request, response) => accept(request, response, false));
  server.on('checkContinue', (request, response) => accept(request, response, true));
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const head = { ...readHead(request, options), defect: 'expectation_failed' as const };
    handlers.onExchange(
      new Exchange(request, response, head, {
        timeouts: options,
        expectsContinue: false,
        siblings: siblingsOn(request.socket),
      }),
    );
  });

  if (handlers.onUpgrade !== undefined) {
    const onUpgrade = handlers.onUpgrade.bind(handlers);
    server.on('upgrade', (request: IncomingMessage, socket: Socket, early: Buffer) => {
      const tunnel = new WebSocketRequest(request, socket, { head: readHead(request, options), early });
      tunnels.add(tunnel);
      socket.once('close', () => tunnels.delete(tunnel));
      onUpgrade(tunnel);
    });
  }

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (socket.destroyed || error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const reason = reasonOf(error.code);
    const peer = 'remoteAddress' in socket ? String(socket.remoteAddress) : '';
    const exchanges = open.get(socket);
    if (exchanges !== undefined && exchanges.size > 0) {
      // The broken bytes are the body of the only pending request: its own refusal tells it. Otherwise they came
      // behind a request whose answer is on its way, and an answer now would be taken for that one's.
      const [only] = exchanges;
      if (exchanges.size === 1 && only?.failBody(reason === 'body_timeout' ? reason : 'framing_invalid'))
        return;
      handlers.onMalformed(reason, peer);
      return void socket.destroy();
    }
    const { status, fields, body } = handlers.onMalformed(reason, peer);
    socket.end(
      `HTTP/1.1 ${status} Refused\r\n${formatFields(fields)}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
    setTimeout(() => socket.destroy(), 500).unref();
  });

  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port, backlog: 4096 }, () => {
          server.off('error', reject);
          resolve(server.address() as AddressInfo);
        });
      }),
    drain() {
      draining = true;
      for (const tunnel of tunnels) tunnel.goAway();
      return new Promise((resolve) => {
        // A connection that was busy when the drain began becomes idle later; `server.close` looks only once.
        const sweep = setInterval(() => server.closeIdleConnections(), 50);
        server.close(() => {
          clearInterval(sweep);
          resolve();
        });
      });
    },
    destroy() {
      for (const tunnel of tunnels) tunnel.destroy();
      server.close();
      server.closeAllConnections();
    },
  };
}

function reasonOf(code: string | undefined): Reason {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'header_too_large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'body_timeout';
    case 'HPE_INVALID_HEADER_TOKEN':
      return 'header_invalid';
    case 'HPE_INVALID_VERSION':
      return 'version_not_supported';
    default:
      return 'framing_invalid';
  }
}

function formatFields(fields: readonly string[]): string {
  let text = '';
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return text;
}
