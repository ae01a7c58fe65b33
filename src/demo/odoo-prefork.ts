import { once } from 'node:events';
import { STATUS_CODES } from 'node:http';
import net from 'node:net';
import { answerOdoo, type OdooAnswer } from './odoo-app.ts';
import { keepReceived, type ReceivedRequest } from './odoo-log.ts';
import { splitTargetLikeWerkzeug, toOdooRequest } from './odoo-request.ts';
import { type PythonHead, readPythonBody, readPythonHead } from './python-http.ts';
import { ReadStalled, SocketReader } from './socket-reader.ts';

export interface OdooPreforkOptions {
  /** 0 takes a free port. */
  port: number;
  workers: number;
  name: string;
  host?: string;
  /** Extra time by path prefix; reports take 1.5 s unless told otherwise. */
  delaysMs?: Readonly<Record<string, number>>;
  /** How long a worker waits for the next byte of a request, or for a client that does not read: 2 s in Odoo. */
  socketTimeoutMs?: number;
  maxBodyBytes?: number;
  /** How many requests `requests` keeps. */
  keepRequests?: number;
  log?: (line: string) => void;
}

export interface OdooPrefork {
  readonly url: string;
  readonly port: number;
  /** The newest requests, oldest first. */
  readonly requests: readonly ReceivedRequest[];
  /** Workers that have a connection. */
  readonly busy: number;
  /** Connections that no worker has taken yet. */
  readonly waiting: number;
  /** Breaks off everything. */
  close(): Promise<void>;
}

/**
 * Stands in for Odoo's prefork HTTP port. Each worker has one connection at a time, reads one request from it, answers with
 * HTTP/1.0 and closes. A connection that no worker has taken is open but unread, as in the backlog of the kernel: its request
 * is executed later even when its client has gone.
 */
export async function startOdooPrefork(options: OdooPreforkOptions): Promise<OdooPrefork> {
  const settings = {
    host: '127.0.0.1',
    delaysMs: { '/report/': 1_500 },
    socketTimeoutMs: 2_000,
    maxBodyBytes: 128 * 1024 * 1024,
    keepRequests: 200,
    ...options,
  };
  const requests: ReceivedRequest[] = [];
  const backlog: net.Socket[] = [];
  const sockets = new Set<net.Socket>();
  const stop = new AbortController();
  let busy = 0;

  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that is gone; a read or a write finds it out.
    socket.on('error', () => {});
    backlog.push(socket);
    accept();
  });

  function accept(): void {
    while (busy < settings.workers && !stop.signal.aborted) {
      const socket = backlog.shift();
      if (socket === undefined) return;
      busy++;
      void work(socket).finally(() => {
        busy--;
        accept();
      });
    }
  }

  /** The life of one connection in a worker; never rejects. */
  async function work(socket: net.Socket): Promise<void> {
    const startedMs = performance.now();
    try {
      const line = await serve(socket);
      settings.log?.(`${settings.name} ${line} ${Math.round(performance.now() - startedMs)}ms`);
    } catch (error) {
      settings.log?.(
        `${settings.name} connection dropped: ${error instanceof Error ? error.name : 'unknown'}`,
      );
      socket.destroy();
    }
  }

  async function serve(socket: net.Socket): Promise<string> {
    const reader = new SocketReader(socket, settings.socketTimeoutMs);
    // A stall here is thrown: http.server closes the connection without an answer then.
    const head = await readPythonHead(reader);
    if ('status' in head) {
      if (head.status === undefined) socket.destroy();
      else await send(socket, { answer: plainAnswer(head.status), withHead: true, withBody: true });
      return `unreadable ${head.status ?? ''}`;
    }
    const answer = await execute(socket, reader, head);
    await send(socket, { answer, withHead: head.version !== 'HTTP/0.9', withBody: head.method !== 'HEAD' });
    return `${head.method} ${head.target} ${answer.status}`;
  }

  async function execute(socket: net.Socket, reader: SocketReader, head: PythonHead): Promise<OdooAnswer> {
    const wire = {
      ...head,
      ...splitTargetLikeWerkzeug(head.target),
      peerAddress: socket.remoteAddress ?? '',
      body: Buffer.alloc(0),
    };
    const expect = head.fields.find(([name]) => name.toLowerCase() === 'expect')?.[1];
    if (expect?.trim().toLowerCase() === '100-continue') socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    const read = await readPythonBody(reader, { fields: head.fields, maxBytes: settings.maxBodyBytes }).catch(
      (error: unknown) => {
        if (error instanceof ReadStalled) return { status: 500 } as const;
        throw error;
      },
    );
    const executed = 'body' in read;
    const request = toOdooRequest(executed ? { ...wire, body: read.body } : wire);
    keepReceived(requests, { head: head.raw, request, executed }, settings.keepRequests);
    if (!executed) return plainAnswer(read.status);
    return answerOdoo(request, { options: settings, signal: stop.signal });
  }

  async function send(
    socket: net.Socket,
    { answer, withHead, withBody }: { answer: OdooAnswer; withHead: boolean; withBody: boolean },
  ): Promise<void> {
    if (socket.destroyed) return;
    // A client that stops reading is cut off after the same time, without any sign of an error.
    socket.setTimeout(settings.socketTimeoutMs, () => socket.destroy());
    const { promise: sent, resolve } = Promise.withResolvers<void>();
    socket.once('finish', resolve).once('close', resolve);
    if (withHead) socket.write(renderHead(answer), 'latin1');
    if (withBody) socket.write(answer.body);
    // Whatever else the client sends is read and dropped: closing with unread bytes would reset the answer on its way.
    socket.resume().end();
    // The worker is free once the kernel has the answer; a client that keeps its side open goes with the time-out.
    await sent;
  }

  server.listen(settings.port, settings.host);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return {
    url: `http://${settings.host}:${port}`,
    port,
    requests,
    get busy() {
      return busy;
    },
    get waiting() {
      return backlog.length;
    },
    async close() {
      stop.abort();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function renderHead(answer: OdooAnswer): string {
  const lines = [
    `HTTP/1.0 ${answer.status} ${(STATUS_CODES[answer.status] ?? 'Unknown').toUpperCase()}`,
    'Server: odoo-stand-in',
    ...answer.fields.map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${answer.body.length}`,
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function plainAnswer(status: number): OdooAnswer {
  const body = Buffer.from(`<h1>${STATUS_CODES[status] ?? 'Error'}</h1>`);
  return { status, fields: [['Content-Type', 'text/html; charset=utf-8']], body };
}
