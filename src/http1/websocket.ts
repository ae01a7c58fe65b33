import { createHash } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Fields } from '../core/fields.ts';
import type { HeadDefect, StrictHead } from './head.ts';
import { answerAndClose, closeLingering, writeHead } from './raw-answer.ts';

/** How connecting a tunnel ended without one. */
export type TunnelFailure = 'unreachable' | 'invalid' | 'timeout';

export interface TunnelTarget {
  host: string;
  port: number;
  path: string;
  fields: string[];
  connectTimeoutMs: number;
  /** Longest wait for the answer to the handshake. */
  timeoutMs: number;
}

export interface TunnelListener {
  /** The upstream agreed and both sides are joined. */
  onOpen(): void;
  /** The upstream answered with an ordinary response, which was passed on. */
  onDeclined(status: number): void;
  onFailure(failure: TunnelFailure): void;
}

const maxDeclinedBytes = 64 * 1024;
/** What a client may send ahead of an answer; more waits in the kernel. */
const maxEarlyBytes = 64 * 1024;

/** A request for a WebSocket, until it is refused or joined with an upstream (RFC 6455 §4, RFC 9110 §7.8). */
export class WebSocketRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: Fields;
  readonly peerAddress: string;
  readonly defect: HeadDefect | undefined;
  readonly #key: string;
  readonly #socket: Socket;
  /** What the client sent before it had an answer; it must not pass until the upstream agreed. */
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;
  #upstream: Socket | undefined;
  #leaving = false;

  constructor(request: IncomingMessage, socket: Socket, parts: { head: StrictHead; early: Buffer }) {
    this.method = request.method ?? '';
    this.target = request.url ?? '';
    this.fields = parts.head.fields;
    this.peerAddress = socket.remoteAddress ?? '';
    this.defect = parts.head.defect;
    this.#key = request.headers['sec-websocket-key'] ?? '';
    this.#socket = socket;
    socket.on('error', () => socket.destroy());
    // Without a reader nobody would notice that the client has gone while the upstream keeps silent.
    socket.on('data', this.#onEarly).on('end', this.#onEarlyEnd);
    this.#onEarly(parts.early);
  }

  /** Calls back once when the client's connection is closed, whatever happened before. */
  onClosed(listener: { onClosed(): void }): void {
    if (this.#socket.destroyed) listener.onClosed();
    else this.#socket.once('close', () => listener.onClosed());
  }

  /** Answers with an ordinary response and closes: what follows an upgrade request has no agreed meaning. */
  refuse(status: number, fields: readonly string[], body: string | Buffer): void {
    this.#endEarly();
    answerAndClose(this.#socket, { status, fields, body });
  }

  /** Repeats the handshake upstream and joins the two connections once the upstream has agreed to this very key. */
  connect(target: TunnelTarget, listener: TunnelListener): void {
    const socket = this.#socket;
    let connected = false;
    let settled = false;
    const fail = (failure: TunnelFailure): void => {
      if (settled) return;
      settled = true;
      listener.onFailure(failure);
    };
    const upstream = httpRequest({
      host: target.host,
      port: target.port,
      method: 'GET',
      path: target.path,
      headers: target.fields,
      agent: false,
      setHost: false,
      timeout: target.connectTimeoutMs,
    });
    socket.once('close', () => {
      if (this.#upstream === undefined) upstream.destroy();
    });
    upstream.once('socket', (upstreamSocket) => {
      upstreamSocket.once('connect', () => {
        connected = true;
        upstreamSocket.setTimeout(target.timeoutMs);
      });
    });
    upstream.on('timeout', () => {
      fail(connected ? 'timeout' : 'unreachable');
      upstream.destroy();
    });
    upstream.on('error', () => fail(connected ? 'invalid' : 'unreachable'));
    upstream.on('response', (response) => {
      if (settled) return;
      settled = true;
      this.#decline(response, listener);
    });
    upstream.on('upgrade', (response, upstreamSocket, early) => {
      if (settled || socket.destroyed) return void upstreamSocket.destroy();
      if (!agrees(response, this.#key)) {
        upstreamSocket.destroy();
        return fail('invalid');
      }
      settled = true;
      this.#upstream = upstreamSocket;
      writeHead(socket, 101, endToEndHandshake(response.rawHeaders));
      if (early.length > 0) socket.write(early);
      this.#endEarly();
      for (const piece of this.#early.splice(0)) upstreamSocket.write(piece);
      join(socket, upstreamSocket);
      listener.onOpen();
      if (this.#leaving) this.goAway();
    });
    upstream.end();
  }

  /** Ends the tunnel in an orderly way: both peers see the connection close. One in the making ends when it is made. */
  goAway(): void {
    this.#leaving = true;
    if (this.#upstream === undefined) return;
    closeLingering(this.#upstream);
    closeLingering(this.#socket);
  }

  destroy(): void {
    this.#upstream?.destroy();
    this.#socket.destroy();
  }

  readonly #onEarly = (piece: Buffer): void => {
    if (piece.length === 0) return;
    this.#early.push(piece);
    this.#earlyBytes += piece.length;
    if (this.#earlyBytes > maxEarlyBytes) this.#socket.pause();
  };

  readonly #onEarlyEnd = (): void => {
    this.#socket.destroy();
  };

  #endEarly(): void {
    this.#socket.off('data', this.#onEarly).off('end', this.#onEarlyEnd);
  }

  /** A refused upgrade ends as plain HTTP with a bounded body: never as a tunnel (Envoy CVE-2024-23326). */
  #decline(response: IncomingMessage, listener: TunnelListener): void {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxDeclinedBytes) chunks.push(chunk);
      else response.destroy();
    });
    response.on('close', () => {
      const status = response.statusCode ?? 502;
      const complete = response.complete && size <= maxDeclinedBytes && status >= 200;
      if (!complete) return listener.onFailure('invalid');
      const type = response.headers['content-type'];
      this.refuse(status, type === undefined ? [] : ['content-type', type], Buffer.concat(chunks));
      listener.onDeclined(status);
    });
  }
}

/** Joins two connections; when one ends or breaks, so does the other. */
function join(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.setTimeout(0);
    from.setNoDelay(true);
    // A peer that vanished without a word is found by TCP itself; Odoo pings after 40 s, so this is no chatter.
    from.setKeepAlive(true, 60_000);
    from.on('error', () => from.destroy());
    from.on('close', () => closeLingering(to));
    from.pipe(to);
  }
}

/** RFC 6455 §4.1: the upstream must switch to `websocket` and prove that it read our key. */
function agrees(response: IncomingMessage, key: string): boolean {
  const expected = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return (
    response.headers.upgrade?.toLowerCase() === 'websocket' &&
    response.headers['sec-websocket-accept'] === expected
  );
}

/** The handshake fields that concern the client; `Upgrade` and `Connection` are ours to say. */
function endToEndHandshake(raw: readonly string[]): string[] {
  const fields = ['connection', 'Upgrade', 'upgrade', 'websocket'];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]?.toLowerCase() ?? '';
    if (name.startsWith('sec-websocket-') || name === 'set-cookie') fields.push(name, raw[i + 1] ?? '');
  }
  return fields;
}
