import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Reason } from '../core/reason.ts';
import { ClientConnection } from './connection.ts';
import { Exchange, type ExchangeTimeouts } from './exchange.ts';
import { type HeadBounds, readHead } from './head.ts';
import { answerAndClose, type RawAnswer } from './raw-answer.ts';
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
  onMalformed(reason: Reason, peerAddress: string): RawAnswer;
}

export interface HttpServer {
  listen(address: { host: string; port: number }): Promise<AddressInfo>;
  /** Stops taking connections; resolves when those that exist are finished. Answers get `Connection: close`. */
  drain(): Promise<void>;
  /** Ends every connection now. */
  destroy(): void;
}

/** How often a drain looks for connections that have become idle. */
const sweepMs = 50;
/** How long a drain waits for a request of which only the beginning, or nothing at all, has come. */
const headGraceMs = 1_000;

/**
 * An HTTP/1.1 server on `node:http` whose known gaps (each measured) are closed: see `head.ts` for the head and
 * `connection.ts` for what stands behind a request that is in progress or malformed.
 */
export function createHttpServer(options: HttpServerOptions, handlers: HttpServerHandlers): HttpServer {
  const connections = new Map<Duplex, ClientConnection>();
  const tunnels = new Set<WebSocketRequest>();
  const state = {
    draining: false,
    onExchange: handlers.onExchange.bind(handlers),
    onMalformed: handlers.onMalformed.bind(handlers),
  };

  const server: Server = createServer({
    maxHeaderSize: options.maxHeadBytes,
    headersTimeout: options.headTimeoutMs,
    // The pause between pieces of a body is bounded by the exchange; a large upload may rightly take long as a whole.
    requestTimeout: 0,
    keepAliveTimeout: options.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, options.headTimeoutMs),
    requireHostHeader: false,
    highWaterMark: 64 * 1024,
    noDelay: true,
    shouldUpgradeCallback: (request) => handlers.onUpgrade !== undefined && asksForWebSocket(request),
  });
  // `node:http` would silently drop what exceeds its own count; readHead refuses instead.
  server.maxHeadersCount = 0;

  server.on('connection', (socket: Socket) => {
    connections.set(socket, new ClientConnection(socket, state));
    socket.once('close', () => connections.delete(socket));
  });

  const accept = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    const owner = connections.get(request.socket);
    if (owner === undefined) return void request.socket.destroy();
    const head = readHead(request, options);
    owner.accept(new Exchange(request, response, head, { timeouts: options, expectsContinue, owner }));
  };
  server.on('request', (request, response) => accept(request, response, false));
  server.on('checkContinue', (request, response) => accept(request, response, true));
  server.on('checkExpectation', (request, response) => accept(request, response, false));

  /** Takes a socket away from `node:http`; undefined when an answer is still to come on it, which must not be overtaken. */
  const detach = (socket: Duplex): Socket | undefined => {
    const connection = connections.get(socket);
    connections.delete(socket);
    return connection?.detach();
  };

  server.on('upgrade', (request: IncomingMessage, upgraded: Duplex, early: Buffer) => {
    const socket = detach(upgraded);
    if (socket === undefined || state.draining) return void upgraded.destroy();
    const tunnel = new WebSocketRequest(request, socket, { head: readHead(request, options), early });
    tunnels.add(tunnel);
    socket.once('close', () => tunnels.delete(tunnel));
    handlers.onUpgrade?.(tunnel);
  });

  server.on('connect', (_request: IncomingMessage, connected: Duplex) => {
    const socket = detach(connected);
    if (socket === undefined) return void connected.destroy();
    socket.on('error', () => socket.destroy());
    answerAndClose(socket, state.onMalformed('method_not_supported', socket.remoteAddress ?? ''));
  });

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const connection = connections.get(socket);
    if (connection === undefined || !socket.writable || isGone(error.code)) return void socket.destroy();
    if (error.code === 'HPE_CLOSED_CONNECTION') connection.ignoreRest();
    else connection.fail(reasonOf(error.code));
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
      state.draining = true;
      for (const tunnel of tunnels) tunnel.goAway();
      return new Promise((resolve) => {
        let drainedMs = 0;
        // A connection that was busy when the drain began becomes idle later; `server.close` looks only once, and never
        // counts a connection as idle that has not brought its first request.
        const sweep = setInterval(() => {
          server.closeIdleConnections();
          drainedMs += sweepMs;
          if (drainedMs < headGraceMs) return;
          for (const connection of connections.values()) if (connection.idle) connection.destroy();
        }, sweepMs);
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

/** Whether a request may become a tunnel; every other upgrade is an ordinary request, which the policy refuses. */
function asksForWebSocket(request: IncomingMessage): boolean {
  const { headers, method, httpVersion } = request;
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined
  );
}

/** A client that closes within a request is gone, even if it could still read an answer. */
function isGone(code: string | undefined): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'HPE_INVALID_EOF_STATE';
}

function reasonOf(code: string | undefined): Reason {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'header_too_large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'head_timeout';
    case 'HPE_INVALID_HEADER_TOKEN':
      return 'header_invalid';
    case 'HPE_INVALID_VERSION':
      return 'version_not_supported';
    default:
      return 'framing_invalid';
  }
}
