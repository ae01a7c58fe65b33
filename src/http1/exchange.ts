// hot path: one object per request, no closures; listeners are bound once per body or answer that has to wait.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fields } from '../core/fields.ts';
import type { Reason } from '../core/reason.ts';
import type { HeadDefect } from './head.ts';

/** How collecting a request body ended: the bytes, or why there are none. */
export type BodyResult = Buffer | BodyFailure;
export type BodyFailure = Extract<
  Reason,
  'body_too_large' | 'body_timeout' | 'framing_invalid' | 'client_gone'
>;

/** What a surface wants to hear about an exchange that it is still working on. */
export interface ExchangeListener {
  /** The client went away before its answer was complete. Called at most once. */
  onGone(): void;
  /** The client takes bytes again after `sendChunk` returned false. */
  onDrain(): void;
}

export interface ExchangeTimeouts {
  /** Longest pause between two pieces of a request body. */
  bodyIdleMs: number;
  /** Longest time for which a client may take no byte of an answer. */
  writeStallMs: number;
}

const emptyBody = Buffer.alloc(0);

/**
 * One request and its answer. This is the seam between the surfaces and the transport: nothing above it knows
 * `node:http`. The answer is given once, either whole (`answer`) or as a stream (`startAnswer` … `finishAnswer`).
 */
export class Exchange {
  readonly method: string;
  readonly target: string;
  readonly fields: Fields;
  readonly peerAddress: string;
  /** Declared length of the body; 0 when there is none, undefined when it is chunked. */
  readonly bodyLength: number | undefined;
  /** What the strict reading of the head found wrong; such a request must be refused and its connection closed. */
  readonly defect: HeadDefect | undefined;

  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #timeouts: ExchangeTimeouts;
  /** The unanswered exchanges of the same connection. */
  readonly #siblings: Set<Exchange>;
  #listener: ExchangeListener | undefined;
  #expectsContinue: boolean;
  #bodyConsumed: boolean;
  #failBody: ((failure: BodyFailure) => void) | undefined;
  #stallTimer: NodeJS.Timeout | undefined;
  #finished = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    head: { fields: Fields; bodyLength: number | undefined; defect: HeadDefect | undefined },
    options: { timeouts: ExchangeTimeouts; expectsContinue: boolean; siblings: Set<Exchange> },
  ) {
    this.method = request.method ?? '';
    this.target = request.url ?? '';
    this.fields = head.fields;
    this.peerAddress = request.socket.remoteAddress ?? '';
    this.bodyLength = head.bodyLength;
    this.defect = head.defect;
    this.#request = request;
    this.#response = response;
    this.#timeouts = options.timeouts;
    this.#expectsContinue = options.expectsContinue;
    this.#bodyConsumed = head.bodyLength === 0;
    this.#siblings = options.siblings;
    this.#siblings.add(this);
    response.on('close', this.#onClose);
  }

  get hasBody(): boolean {
    return this.bodyLength !== 0;
  }

  /** Whether the client is gone or has its whole answer. */
  get ended(): boolean {
    return this.#finished || this.#response.destroyed;
  }

  listen(listener: ExchangeListener): void {
    this.#listener = listener;
  }

  /** Collects the whole body, at most `maxBytes`, and calls back once. Answers `Expect: 100-continue` first. */
  collectBody(maxBytes: number, onDone: (result: BodyResult) => void): void {
    if (this.bodyLength !== undefined && this.bodyLength > maxBytes) return onDone('body_too_large');
    if (!this.hasBody) return onDone(emptyBody);
    if (this.#expectsContinue) {
      this.#expectsContinue = false;
      this.#response.writeContinue();
    }
    this.#collect(maxBytes, onDone);
  }

  /** Ends a body that is being collected, because the transport found it malformed. False when none is. */
  failBody(failure: BodyFailure): boolean {
    if (this.#failBody === undefined) return false;
    this.#failBody(failure);
    return true;
  }

  /**
   * Gives the whole answer. It is the last one on its connection after a malformed head, and when so much of the request
   * body is still to come that reading it costs more than a new connection.
   */
  answer(status: number, fields: readonly string[], body: string | Buffer | undefined): void {
    if (this.ended) return;
    const close = this.defect !== undefined || !(this.#bodyConsumed || this.#mayDiscardBody());
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    const head = [...fields, 'content-length', String(length)];
    if (close) head.push('connection', 'close');
    this.#response.writeHead(status, head);
    this.#response.end(this.method === 'HEAD' ? undefined : body);
    if (close) this.#closeAfterAnswer();
  }

  startAnswer(status: number, fields: string[]): void {
    if (!this.#bodyConsumed) fields.push('connection', 'close');
    this.#response.writeHead(status, fields);
  }

  /** Returns false when the client is slower than the upstream; `onDrain` tells when to go on. */
  sendChunk(chunk: Buffer): boolean {
    if (this.#response.write(chunk)) return true;
    if (this.#stallTimer === undefined) {
      this.#stallTimer = setTimeout(this.#onStall, this.#timeouts.writeStallMs).unref();
      this.#response.once('drain', this.#onDrain);
    }
    return false;
  }

  finishAnswer(lastChunk?: Buffer): void {
    this.#response.end(lastChunk);
  }

  /** Breaks the answer off so that the client can see that it is incomplete (RFC 9112 §8). */
  abortAnswer(): void {
    this.#response.destroy();
  }

  #collect(maxBytes: number, onDone: (result: BodyResult) => void): void {
    const request = this.#request;
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => finish('body_timeout'), this.#timeouts.bodyIdleMs).unref();
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) return finish('body_too_large');
      timer.refresh();
      chunks.push(chunk);
    };
    const onEnd = (): void => {
      this.#bodyConsumed = true;
      finish(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size));
    };
    const onClosed = (): void => finish('client_gone');
    const finish = (result: BodyResult): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('error', onClosed).off('close', onClosed);
      // A body that is not wanted any more may still arrive until the connection is closed.
      request.on('error', ignore);
      this.#failBody = undefined;
      if (!this.#bodyConsumed) request.pause();
      onDone(result);
    };
    this.#failBody = finish;
    request.on('data', onData).on('end', onEnd).on('error', onClosed).on('close', onClosed);
  }

  /** `node:http` reads and drops what is left of a body once the answer is out. */
  #mayDiscardBody(): boolean {
    return !this.#expectsContinue && this.bodyLength !== undefined && this.bodyLength <= maxDiscardedBytes;
  }

  /** What the client still sends is not read: after a refusal its bytes have no meaning that we could trust. */
  #closeAfterAnswer(): void {
    const { socket } = this.#request;
    this.#request.on('error', ignore);
    this.#response.once('finish', () => {
      socket.end();
      // Gives the answer time to arrive before a reset that unread bytes would cause.
      setTimeout(() => socket.destroy(), lingerMs).unref();
    });
  }

  #onStall = (): void => {
    this.#response.destroy();
  };

  #onDrain = (): void => {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#listener?.onDrain();
  };

  #onClose = (): void => {
    this.#finished = true;
    this.#siblings.delete(this);
    clearTimeout(this.#stallTimer);
    if (!this.#response.writableFinished) this.#listener?.onGone();
  };
}

const lingerMs = 500;
const maxDiscardedBytes = 64 * 1024;

function ignore(): void {}
