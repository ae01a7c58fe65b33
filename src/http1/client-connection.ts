// hot path: one object per connection; a request costs it no closure, no timer and no listener.
import type { Socket } from 'node:net';
import type { Reason } from '../core/reason.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { ConnectionServer } from './connection-server.ts';
import type { Timed } from './deadlines.ts';
import { readDirectly, readThroughStream } from './direct-read.ts';
import { Exchange } from './exchange.ts';
import { HeadFinder } from './head-finder.ts';
import { type BodyReceiver, IncomingBody } from './incoming-body.ts';
import { answerAndClose, closeLingering } from './raw-answer.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';
import { resetSocket } from './reset-socket.ts';

/**
 * What the bytes that come next are.
 * - `head`: a request head, or nothing yet.
 * - `body`: the body of the current request, whether somebody reads it yet or not.
 * - `ahead`: requests behind one whose answer is due. They are held, so that answers keep their order and nothing is taken
 *   from behind a request that ends the connection.
 * - `nothing`: the last answer is given or due; whatever comes is dropped.
 */
type Expected = 'head' | 'body' | 'ahead' | 'nothing';

/** Bytes that nobody wants yet; more waits in the kernel. */
const maxHeldBytes = 64 * 1024;

/** One client connection: takes requests off it, one after the other, and holds each of them to its time. */
export class ClientConnection implements Timed {
  deadline: number;
  readonly peerAddress: string;
  readonly #socket: Socket;
  readonly #server: ConnectionServer;
  #expected: Expected = 'head';
  /** Bytes that came and are not read yet. */
  #held: BodyBuffer | undefined;
  #exchange: Exchange | undefined;
  #guarded = false;
  /** When the time for a stall began; the pieces are of one size, so a new one may make up for one that has gone. */
  #unsentBytes = 0;
  #progressed = false;
  #receiver: BodyReceiver | undefined;
  #body: IncomingBody | undefined;
  readonly #finder: HeadFinder;
  /** Whether a loop further up the stack goes on with the next request, so that none of them nests. */
  #reading = false;

  constructor(socket: Socket, server: ConnectionServer) {
    this.#socket = socket;
    this.#server = server;
    this.peerAddress = socket.remoteAddress ?? '';
    this.#finder = new HeadFinder(server.options.maxHeadBytes);
    this.deadline = server.deadlines.after(server.options.headTimeoutMs);
    server.deadlines.watch(this);
    socket.on('data', this.#onData);
    readDirectly(socket, this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onPeerEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  /** Whether no request is in progress, though one may come. */
  get idle(): boolean {
    return this.#exchange === undefined && this.#expected !== 'nothing';
  }

  /** Whether the answer to the current request must be the last one. */
  get ending(): boolean {
    return this.#server.draining || this.#expected === 'nothing';
  }

  get bodyDone(): boolean {
    return this.#expected !== 'body';
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Latin-1 text. */
  write(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  /** A large piece between two texts, in one vectored write. */
  writeBytes(before: string, bytes: Buffer, behind: string): void {
    const socket = this.#socket;
    socket.cork();
    if (before !== '') socket.write(before, 'latin1');
    socket.write(bytes);
    if (behind !== '') socket.write(behind, 'latin1');
    socket.uncork();
  }

  /** Whether the client is given up when nothing that is written gets through to it for a while. */
  guardWrites(guarded: boolean): void {
    this.#guarded = guarded;
    if (this.#expected !== 'body') this.deadline = guarded ? this.#stallDeadline() : 0;
  }

  /** Gives the body of the current request to `receiver`, what is there already at once. */
  readBody(receiver: BodyReceiver): void {
    this.#receiver = receiver;
    this.deadline = this.#server.deadlines.after(this.#server.options.bodyIdleMs);
    const held = this.#takeHeld();
    this.#socket.resume();
    if (held !== undefined) this.#readBody(held);
  }

  /** No more of the body until `resumeBody`, however long that takes. */
  pauseBody(): void {
    this.deadline = 0;
    this.#pause();
  }

  resumeBody(): void {
    if (this.#expected !== 'body') return;
    this.deadline = this.#server.deadlines.after(this.#server.options.bodyIdleMs);
    this.#socket.resume();
  }

  /** The whole answer to the current request is written: goes on with the next one, or closes. */
  finish(goesOn: boolean): void {
    this.#exchange = undefined;
    if (this.#socket.destroyed) return;
    if (!goesOn) return this.close();
    // A rest of the body is small enough to be read and dropped, else the exchange had ended the connection.
    if (this.#expected === 'body') this.readBody(discard);
    else this.#awaitHead();
  }

  /** Breaks the connection so that the client sees that its answer is incomplete. */
  reset(): void {
    resetSocket(this.#socket);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  onDeadline(): void {
    if (this.#expected === 'body') this.#endBody('body_timeout');
    else if (this.#expected === 'head' && this.#held !== undefined) this.#refuse('head_timeout');
    else this.#endStalled();
  }

  /** Gives up who is idle, or takes nothing of what is written; who takes some of it has his time again. */
  #endStalled(): void {
    const unsentBytes = this.#socket.writableLength;
    const idle = unsentBytes === 0 && this.#exchange === undefined;
    const stalled = unsentBytes > 0 && unsentBytes === this.#unsentBytes && !this.#progressed;
    if (idle) this.#socket.destroy();
    // An orderly close would leave what was not taken with the kernel, which goes on offering it.
    else if (stalled) this.reset();
    else this.deadline = this.#stallDeadline();
  }

  #stallDeadline(): number {
    this.#unsentBytes = this.#socket.writableLength;
    this.#progressed = false;
    return this.#server.deadlines.after(this.#server.options.writeStallMs);
  }

  #pause(): void {
    readThroughStream(this.#socket);
    this.#socket.pause();
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#expected === 'nothing') return;
    if (this.#expected === 'body' && this.#receiver !== undefined) return this.#readBody(bytes);
    if (this.#expected === 'head' && this.#held === undefined) return this.#readHeads(bytes);
    const held = this.#hold(bytes);
    if (this.#expected === 'head') this.#readHeads(held, held.length - bytes.length);
    // Somebody who sends ahead of the answers must wait for them.
    else if (held.length >= maxHeldBytes) this.#pause();
  };

  #hold(bytes: Buffer): Buffer {
    this.#held ??= new BodyBuffer(Number.MAX_SAFE_INTEGER);
    this.#held.append(bytes);
    return this.#held.take();
  }

  /** Reads requests off `bytes` as long as their answers are given at once; holds what is left. */
  #readHeads(bytes: Buffer, scanned = 0): void {
    this.#reading = true;
    let rest: Buffer | undefined = bytes;
    while (rest !== undefined) {
      const found = this.#finder.find(rest, scanned);
      if (found === 'nothing') {
        this.#held = undefined;
        break;
      }
      if (found === 'incomplete') {
        this.#awaitRest(rest);
        break;
      }
      this.#held = undefined;
      if (found === 'found') this.#accept(rest);
      else this.#refuse(found);
      scanned = 0;
      rest = this.#expected === 'head' ? this.#takeHeld() : undefined;
    }
    this.#reading = false;
  }

  /** What came behind the request that was just read. */
  #takeHeld(): Buffer | undefined {
    const held = this.#held;
    this.#held = undefined;
    return held?.take();
  }

  /** A head that is not complete yet has its time from its first byte, and not anew with each of them. */
  #awaitRest(bytes: Buffer): void {
    if (this.#held !== undefined) return;
    this.#hold(bytes);
    this.deadline = this.#server.deadlines.after(this.#server.options.headTimeoutMs);
  }

  #accept(bytes: Buffer): void {
    const { start, end, next } = this.#finder;
    const head = parseRequestHead(bytes.toString('latin1', start, end), this.#server.options);
    if (typeof head === 'string') return this.#refuse(head);
    this.deadline = 0;
    if (head.upgrade && head.defect === undefined && this.#server.onUpgrade !== undefined) {
      if (this.#server.draining) this.#socket.destroy();
      else this.#giveAway(head, bytes.subarray(next));
      return;
    }
    if (head.defect === undefined) {
      this.#expected = head.bodyLength === 0 ? 'ahead' : 'body';
      this.#body = head.bodyLength === 0 ? undefined : new IncomingBody(head.bodyLength);
      if (next < bytes.length) this.#hold(bytes.subarray(next));
    } else {
      this.#expected = 'nothing';
    }
    this.#exchange = new Exchange(this, head, this.#server.options.spool);
    this.#server.onExchange(this.#exchange);
  }

  #readBody(bytes: Buffer): void {
    const receiver = this.#receiver;
    const body = this.#body;
    if (receiver === undefined || body === undefined) return;
    this.deadline = this.#server.deadlines.after(this.#server.options.bodyIdleMs);
    const end = body.feed(bytes, receiver);
    // The receiver may have ended the connection within a piece.
    if (this.#receiver !== receiver) return;
    if (end === -1) return this.#endBody('framing_invalid');
    if (!body.done) return;
    if (end < bytes.length) this.#hold(bytes.subarray(end));
    this.#endBody(undefined);
  }

  #endBody(failure: 'framing_invalid' | 'body_timeout' | undefined): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.#body = undefined;
    this.deadline = this.#guarded ? this.#stallDeadline() : 0;
    this.#expected = failure === undefined ? 'ahead' : 'nothing';
    if (failure !== undefined) this.#held = undefined;
    if (receiver === discard) {
      if (failure === undefined) this.#awaitHead();
      else this.close();
    } else if (failure === undefined) receiver?.onBodyEnd();
    else receiver?.onBodyFailure(failure);
  }

  #awaitHead(): void {
    this.#expected = 'head';
    this.deadline = this.#server.deadlines.after(this.#server.options.idleTimeoutMs);
    if (this.#server.draining && this.#held === undefined) return this.close();
    // A client that takes no answers gets no further ones made.
    if (this.#socket.writableNeedDrain) {
      this.#expected = 'ahead';
      return;
    }
    if (this.#reading) return;
    const held = this.#takeHeld();
    this.#socket.resume();
    if (held !== undefined) this.#readHeads(held);
  }

  #refuse(reason: Reason): void {
    this.#stopReading();
    answerAndClose(this.#socket, this.#server.onMalformed(reason, this.peerAddress));
  }

  /** Closes in an orderly way; what still comes is dropped. */
  close(): void {
    this.#stopReading();
    if (this.#socket.writableLength > 0) this.deadline = this.#stallDeadline();
    closeLingering(this.#socket);
  }

  #stopReading(): void {
    this.#expected = 'nothing';
    this.#held = undefined;
    this.#receiver = undefined;
    this.deadline = 0;
  }

  #giveAway(head: RequestHead, early: Buffer): void {
    this.#stopReading();
    const socket = this.#socket;
    readThroughStream(socket);
    this.#server.deadlines.forget(this);
    socket.off('data', this.#onData).off('drain', this.#onDrain).off('end', this.#onPeerEnd);
    socket.off('error', this.#onError).off('close', this.#onClose);
    this.#server.onConnectionEnd(this);
    this.#server.onUpgrade?.(head, socket, early);
  }

  readonly #onDrain = (): void => {
    this.#progressed = true;
    if (this.#exchange !== undefined) this.#exchange.onWritable();
    else if (this.#expected === 'ahead') this.#awaitHead();
  };

  /** A client that closes within a request is gone, even if it could still read an answer: most of them cannot. */
  readonly #onPeerEnd = (): void => {
    if (this.#exchange !== undefined) this.#socket.destroy();
    else this.#socket.end();
  };

  readonly #onError = (): void => void this.#socket.destroy();

  readonly #onClose = (): void => {
    this.#server.deadlines.forget(this);
    const exchange = this.#exchange;
    const receiver = this.#receiver;
    this.#stopReading();
    this.#exchange = undefined;
    this.#server.onConnectionEnd(this);
    exchange?.onConnectionClosed();
    receiver?.onBodyFailure('client_gone');
  };
}

/** Reads a body that nobody wants. */
const discard: BodyReceiver = { onBodyPiece() {}, onBodyEnd() {}, onBodyFailure() {} };
