import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Reason } from '../core/reason.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConnectionOptions, ConnectionServer } from './connection-server.ts';
import { Deadlines } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import type { RawAnswer } from './raw-answer.ts';
import { WebSocketRequest } from './websocket.ts';

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
  /**
   * Stops taking connections; resolves when those that exist are finished. Answers get `Connection: close`. Tunnels end at
   * random moments within `tunnelSpreadMs`, so that their clients do not all come back at once.
   */
  drain(options?: { tunnelSpreadMs: number }): Promise<void>;
  /** Ends every connection now. */
  destroy(): void;
  /** Open connections, tunnels included. */
  readonly connections: number;
}

/** How often a drain looks for connections that have become idle. */
const sweepMs = 50;
/** How long a drain waits for a request on a connection that has none in progress. */
const headGraceMs = 1_000;
/** Time-outs are a quarter late at most, and no sweep costs more than it is worth. */
const tickRange = { minMs: 10, maxMs: 250 };

/** An HTTP/1.1 server on plain sockets. */
export function createHttpServer(options: ConnectionOptions, handlers: HttpServerHandlers): HttpServer {
  const connections = new Set<ClientConnection>();
  const tunnels = new Set<WebSocketRequest>();
  const shortestMs = Math.min(options.headTimeoutMs, options.bodyIdleMs, options.idleTimeoutMs);
  const tickMs = Math.max(tickRange.minMs, Math.min(tickRange.maxMs, shortestMs / 4));

  const onUpgrade = handlers.onUpgrade?.bind(handlers);
  const shared: ConnectionServer & { draining: boolean } = {
    options,
    deadlines: new Deadlines(tickMs),
    draining: false,
    onExchange: handlers.onExchange.bind(handlers),
    onUpgrade:
      onUpgrade === undefined
        ? undefined
        : (head, socket, early) => {
            const tunnel = new WebSocketRequest(head, { socket, early }, shared);
            tunnels.add(tunnel);
            socket.once('close', () => tunnels.delete(tunnel));
            onUpgrade(tunnel);
          },
    onMalformed: handlers.onMalformed.bind(handlers),
    onConnectionEnd: (connection) => connections.delete(connection),
  };

  // A client that closes its side is dealt with by the connection, which knows whether an answer is due.
  const server: Server = createServer(
    { noDelay: true, allowHalfOpen: true, highWaterMark: 64 * 1024 },
    (socket: Socket) => connections.add(new ClientConnection(socket, shared)),
  );

  return {
    get connections() {
      return connections.size + tunnels.size;
    },
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port, backlog: 4096 }, () => {
          server.off('error', reject);
          resolve(server.address() as AddressInfo);
        });
      }),
    drain({ tunnelSpreadMs } = { tunnelSpreadMs: 0 }) {
      shared.draining = true;
      const leaving = new Map([...tunnels].map((tunnel) => [tunnel, Math.random() * tunnelSpreadMs]));
      return new Promise((resolve) => {
        let drainedMs = 0;
        const look = (): void => {
          for (const [tunnel, atMs] of leaving) {
            if (drainedMs < atMs) continue;
            leaving.delete(tunnel);
            tunnel.goAway();
          }
          for (const connection of connections) {
            // Whoever asks once more until then learns in the answer that the connection ends; to close at once would lose
            // what is just on its way.
            if (connection.idle && drainedMs >= headGraceMs) connection.close();
          }
          drainedMs += sweepMs;
        };
        look();
        const sweep = setInterval(look, sweepMs);
        server.close(() => {
          clearInterval(sweep);
          resolve();
        });
      });
    },
    destroy() {
      server.close();
      for (const tunnel of tunnels) tunnel.destroy();
      for (const connection of connections) connection.destroy();
    },
  };
}
