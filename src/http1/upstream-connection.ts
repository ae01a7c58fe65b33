// hot path: one object per connection carries request after request; per request only its call is made.
import type { Deadlines, Timed } from './deadlines.ts';
import type { Peer } from './origin.ts';
import { type BodyWatcher, RequestBody } from './request-body.ts';
import { ResponseReader } from './response-reader.ts';
import type { UpstreamCall, UpstreamFailure, UpstreamListener, UpstreamRequest } from './upstream.ts';
import { type SocketOwner, UpstreamSocket } from './upstream-socket.ts';

/** Where connections come from and go back to. */
export interface ConnectionHome {
  readonly deadlines: Deadlines;
  /** Every connection reads into it. */
  readonly readBuffer: Buffer;
  /** The connection may serve again; it is kept, or destroyed. */
  onIdle(connection: UpstreamConnection): void;
  /** An idle connection is of no use any more. */
  onIdleLost(connection: UpstreamConnection): void;
  /** The socket is gone. */
  onClosed(connection: UpstreamConnection): void;
}

/** A body up to this size goes out in one write with its head. */
const maxJoinedBodyBytes = 16 * 1024;

/** One connection to an upstream, with one request at a time on it. It is one of: connecting, busy, idle, destroyed. */
export class UpstreamConnection implements Timed, SocketOwner, BodyWatcher {
  deadline = 0;
  readonly #home: ConnectionHome;
  readonly #socket: UpstreamSocket;
  readonly #reader = new ResponseReader();
  #connected = false;
  /** Whether it has given a whole answer before, and may have been closed for idleness meanwhile. */
  #reused = false;
  #idle = false;
  /** When the request under way must be over; 0 while there is only the wait for its next piece. */
  #lastDeadline = 0;
  #unwritable = false;
  #starting = false;
  #paused = false;
  #request: UpstreamRequest | undefined;
  #head = '';
  #body: RequestBody | undefined;
  #listener: UpstreamListener | undefined;
  #call: ConnectionCall | undefined;

  constructor(home: ConnectionHome, { host, port }: Peer) {
    this.#home = home;
    this.#socket = new UpstreamSocket(this, home.readBuffer);
    home.deadlines.watch(this);
    this.#socket.connect({ host, port });
  }

  /** Sends a request, on a new connection or an idle one. The listener hears nothing before this returns. */
  start(request: UpstreamRequest, head: string, listener: UpstreamListener): UpstreamCall {
    this.#idle = false;
    this.#request = request;
    this.#head = head;
    this.#listener = listener;
    this.#call = new ConnectionCall(this);
    const call = this.#call;
    this.#reader.expect(listener, request.method === 'HEAD');
    if (this.#connected) {
      this.#starting = true;
      this.#write(request);
      this.#starting = false;
    } else this.deadline = this.#home.deadlines.after(request.connectTimeoutMs);
    return call;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#restartDeadline();
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#restartDeadline();
    this.#socket.resume();
  }

  finishWithin(ms: number): void {
    this.#lastDeadline = this.#home.deadlines.after(ms);
    this.deadline = this.#bounded(this.deadline);
  }

  abort(): void {
    this.#fail('aborted');
  }

  destroy(): void {
    this.deadline = 0;
    this.#socket.destroy();
    if (!this.#idle) return;
    this.#idle = false;
    this.#home.onIdleLost(this);
  }

  onConnect(): void {
    this.#connected = true;
    if (this.#request !== undefined) this.#write(this.#request);
  }

  onBytes(bytes: Buffer): void {
    // Nobody asked: an answer to nothing must never become the answer to the next request.
    if (this.#listener === undefined) return this.destroy();
    const reading = this.#reader.read(bytes);
    // The listener may have given up on the way.
    if (this.#listener === undefined) return;
    if (reading === 'broken') this.#fail('invalid');
    else if (reading !== 'more') this.#finish(reading === 'whole');
    // The wait for the head is one: neither a part of it nor news before it begin it anew.
    else if (this.#reader.answering) {
      this.#restartDeadline();
      this.#listener.onWait?.();
    }
  }

  onEnd(): void {
    // After a reset that a failed write has reported, reading ends as if the peer had ended in an orderly way.
    if (this.#listener !== undefined && !this.#unwritable && this.#reader.readEnd() === 'whole')
      this.#finish(false);
    else this.#break();
  }

  onError(): void {
    this.#break();
  }

  onDrain(): void {
    if (this.#listener === undefined) return;
    this.#body?.onDrain();
    this.#restartDeadline();
  }

  onWriteFailure(): void {
    this.#unwritable = true;
    this.#body?.stop();
    this.#restartDeadline();
  }

  onClosed(): void {
    this.#home.deadlines.forget(this);
    this.#break();
    this.#home.onClosed(this);
  }

  onDeadline(): void {
    if (this.#listener === undefined) this.destroy();
    else this.#fail(this.#connected ? 'timeout' : 'unreachable');
  }

  onBodyProgress(): void {
    this.#restartDeadline();
  }

  /** The request stays incomplete upstream: its connection is destroyed (RFC 9112 §8). */
  onBodyFailure(): void {
    this.#fail('aborted');
  }

  #write(request: UpstreamRequest): void {
    const { body } = request;
    const head = this.#head;
    const socket = this.#socket;
    if (body === undefined) socket.write(head, 'latin1');
    else if (!(body instanceof Uint8Array)) {
      // The head leaves with what the source has at hand.
      socket.cork();
      socket.write(head, 'latin1');
      this.#body = new RequestBody(body, socket, this);
      this.#body.start();
      socket.uncork();
    } else if (body.length <= maxJoinedBodyBytes) socket.write(head + body.toString('latin1'), 'latin1');
    else {
      socket.cork();
      socket.write(head, 'latin1');
      socket.write(body);
      socket.uncork();
    }
    if (this.#listener !== undefined) this.#restartDeadline();
  }

  /** Begins the wait for the upstream anew; there is none while it waits for us. */
  #restartDeadline(): void {
    const request = this.#request;
    const awaited = request !== undefined && !this.#paused && this.#body?.awaitsSource !== true;
    this.deadline = this.#bounded(awaited ? this.#home.deadlines.after(request.timeoutMs) : 0);
  }

  #bounded(deadline: number): number {
    const last = this.#lastDeadline;
    return last === 0 || (deadline !== 0 && deadline < last) ? deadline : last;
  }

  #finish(clean: boolean): void {
    const listener = this.#listener;
    const idleMs = this.#reader.idleMs;
    const socket = this.#socket;
    // Exactly one whole answer to exactly one whole request, or the next one might get what belongs to this one. A write
    // that failed counts as unwritten for ever.
    const reusable =
      clean &&
      idleMs > 0 &&
      this.#request?.keepAlive === true &&
      (this.#body === undefined || this.#body.whole) &&
      socket.writableLength === 0;
    if (reusable && this.#paused) socket.resume();
    this.#detach();
    if (reusable) {
      this.#reused = true;
      this.#idle = true;
      this.deadline = this.#home.deadlines.after(idleMs);
      this.#home.onIdle(this);
    } else this.destroy();
    // Last of all: the listener may send its next request on this very connection.
    listener?.onEnd();
  }

  /** The connection ended, whatever it was doing. */
  #break(): void {
    if (!this.#connected) this.#fail('unreachable');
    else this.#fail(this.#reused && !this.#reader.begun ? 'stale' : 'invalid');
  }

  #fail(failure: UpstreamFailure): void {
    const listener = this.#listener;
    this.#detach();
    this.destroy();
    if (listener === undefined) return;
    if (this.#starting) process.nextTick(tellFailure, listener, failure);
    else listener.onFailure(failure);
  }

  /** Lets go of the request; nothing reaches its listener or touches its source any more. */
  #detach(): void {
    const body = this.#body;
    if (this.#call !== undefined) this.#call.connection = undefined;
    this.#call = undefined;
    this.#listener = undefined;
    this.#request = undefined;
    this.#head = '';
    this.#body = undefined;
    this.#lastDeadline = 0;
    this.#paused = false;
    this.#reader.stop();
    body?.stop();
  }
}

export function tellFailure(listener: UpstreamListener, failure: UpstreamFailure): void {
  listener.onFailure(failure);
}

/** What a caller holds on to: it outlives the request, and must not reach the next one on the same connection. */
class ConnectionCall implements UpstreamCall {
  connection: UpstreamConnection | undefined;

  constructor(connection: UpstreamConnection) {
    this.connection = connection;
  }

  pause(): void {
    this.connection?.pause();
  }

  resume(): void {
    this.connection?.resume();
  }

  finishWithin(ms: number): void {
    this.connection?.finishWithin(ms);
  }

  abort(): void {
    this.connection?.abort();
  }
}
