import type { Socket } from 'node:net';
import { type Fields, fieldValue } from '../core/fields.ts';
import type { ConnectionServer } from './connection-server.ts';
import type { Timed } from './deadlines.ts';
import type { HeadDefect, RequestHead } from './request-head.ts';
import { Handshake, type HandshakeListener, type TunnelFailure, type TunnelTarget } from './handshake.ts';
import { answerAndClose, closeLingering, writeHead } from './raw-answer.ts';
import { resetSocket } from './reset-socket.ts';
import { StallWatch } from './stall-watch.ts';

/** The ends of a tunnel. */
export type TunnelEnd = 'client' | 'upstream';

export interface TunnelListener {
  /** The upstream agreed and both sides are joined. */
  onOpen(): void;
  /** The upstream answered with an ordinary response, which was passed on. */
  onDeclined(status: number): void;
  onFailure(failure: TunnelFailure): void;
  /** The open tunnel ends because `end` took nothing of what waited for it. Once for each end at most. */
  onStalled(end: TunnelEnd): void;
}

/** A connection that its parser has let go. */
export interface TakenConnection {
  socket: Socket;
  /** What came behind the head. */
  early: Buffer;
}

/** What a client may send ahead of an answer; more waits in the kernel. */
const maxEarlyBytes = 64 * 1024;

/** A request for a WebSocket, until it is refused or joined with an upstream (RFC 6455 §4, RFC 9110 §7.8). */
export class WebSocketRequest implements HandshakeListener, Timed {
  deadline: number;
  readonly method: string;
  readonly target: string;
  readonly fields: Fields;
  readonly peerAddress: string;
  readonly defect: HeadDefect | undefined;
  readonly #key: string;
  readonly #socket: Socket;
  readonly #server: ConnectionServer;
  readonly #toClient: StallWatch;
  /** What the client sent before it had an answer; it must not pass until the upstream agreed. */
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;
  #upstream: Socket | undefined;
  #toUpstream: StallWatch | undefined;
  #listener: TunnelListener | undefined;
  #leaving = false;

  constructor(head: RequestHead, { socket, early }: TakenConnection, server: ConnectionServer) {
    this.method = head.method;
    this.target = head.target;
    this.fields = head.fields;
    this.peerAddress = socket.remoteAddress ?? '';
    this.defect = head.defect;
    this.#key = fieldValue(head.fields, 'sec-websocket-key') ?? '';
    this.#socket = socket;
    this.#server = server;
    this.#toClient = new StallWatch(socket);
    this.deadline = server.deadlines.after(server.options.writeStallMs);
    server.deadlines.watch(this);
    socket.on('close', this.#onEndClosed);
    socket.on('error', () => socket.destroy());
    // Without a reader nobody would notice that the client has gone while the upstream keeps silent.
    socket.on('data', this.#onEarly).on('end', this.#onEarlyEnd);
    this.#onEarly(early);
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
    this.#listener = listener;
    const handshake = new Handshake(target, this.#key, this);
    this.#socket.once('close', () => {
      if (this.#upstream === undefined) handshake.destroy();
    });
  }

  onAgreed(fields: readonly string[], upstream: Socket, early: Buffer): void {
    const socket = this.#socket;
    if (socket.destroyed) return void upstream.destroy();
    this.#upstream = upstream;
    this.#toUpstream = new StallWatch(upstream);
    upstream.on('close', this.#onEndClosed);
    writeHead(socket, 101, endToEndHandshake(fields));
    if (early.length > 0) socket.write(early);
    this.#endEarly();
    for (const piece of this.#early.splice(0)) upstream.write(piece);
    join(socket, upstream);
    this.#listener?.onOpen();
    if (this.#leaving) this.goAway();
  }

  onDeclined(status: number, fields: readonly string[], body: Buffer): void {
    const type = fieldValue(fields, 'content-type');
    this.refuse(status, type === undefined ? [] : ['content-type', type], body);
    this.#listener?.onDeclined(status);
  }

  onFailure(failure: TunnelFailure): void {
    this.#listener?.onFailure(failure);
  }

  /** Ends the tunnel in an orderly way: both peers see the connection close. One in the making ends when it is made. */
  goAway(): void {
    this.#leaving = true;
    if (this.#upstream === undefined) return;
    closeLingering(this.#upstream);
    closeLingering(this.#socket);
  }

  /** Looks at both ends as long as there is one: a peer that has gone may leave much behind for one that takes nothing. */
  onDeadline(): void {
    this.deadline = this.#server.deadlines.after(this.#server.options.writeStallMs);
    const stalledUpstream = this.#toUpstream?.look() === true ? this.#upstream : undefined;
    if (this.#toClient.look()) this.#endStalled(this.#socket, 'client');
    if (stalledUpstream !== undefined) this.#endStalled(stalledUpstream, 'upstream');
  }

  /** A reset: an orderly close would leave what was not taken with the kernel, which goes on offering it. */
  #endStalled(socket: Socket, end: TunnelEnd): void {
    if (this.#upstream !== undefined) this.#listener?.onStalled(end);
    resetSocket(socket);
  }

  readonly #onEndClosed = (): void => {
    if (this.#socket.destroyed && this.#upstream?.destroyed !== false) this.#server.deadlines.forget(this);
  };

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

/** The handshake fields that concern the client; `Upgrade` and `Connection` are ours to say. */
function endToEndHandshake(upstream: readonly string[]): string[] {
  const fields = ['connection', 'Upgrade', 'upgrade', 'websocket'];
  for (let i = 0; i < upstream.length; i += 2) {
    const name = upstream[i] ?? '';
    if (name.startsWith('sec-websocket-') || name === 'set-cookie') fields.push(name, upstream[i + 1] ?? '');
  }
  return fields;
}
