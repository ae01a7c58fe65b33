// hot path: one object per request and one for its answer; no closures.
import type { Fields } from '../core/fields.ts';
import { type AnswerOwner, AnswerStream } from './answer-stream.ts';
import { BodyCollector, type BodyResult } from './body-collector.ts';
import type { BodySource } from './body-source.ts';
import type { ClientConnection } from './client-connection.ts';
import { LiveBody } from './live-body.ts';
import type { HeadDefect, RequestHead } from './request-head.ts';
import type { SpoolOptions } from './spool.ts';

export type { BodyFailure, BodyResult } from './body-collector.ts';

/** What a surface wants to hear about an exchange that it is still working on. */
export interface ExchangeListener {
  /** The client went away before its answer was written. Called at most once. */
  onGone(): void;
  /** The last byte of the answer is with the operating system. Called at most once, and not after `onGone`. */
  onAnswered(): void;
  /** There is room for more of the answer after `sendChunk` returned false. */
  onDrain(): void;
}

/** A small rest of a refused body is cheaper to read than a new connection is to make. */
const maxDiscardedBytes = 64 * 1024;

/**
 * One request and its answer: the seam between the surfaces and the transport. The answer is given once, either whole
 * (`answer`) or as a stream (`startAnswer` … `finishAnswer`).
 */
export class Exchange implements AnswerOwner {
  readonly method: string;
  readonly target: string;
  readonly fields: Fields;
  readonly peerAddress: string;
  /** Declared length of the body; 0 when there is none, undefined when it is chunked. */
  readonly bodyLength: number | undefined;
  /** What is wrong with the head; such a request must be refused, and its connection closes. */
  readonly defect: HeadDefect | undefined;

  readonly #connection: ClientConnection;
  readonly #head: RequestHead;
  readonly #spool: SpoolOptions;
  #listener: ExchangeListener | undefined;
  #expectsContinue: boolean;
  #bodyBroken = false;
  #answer: AnswerStream | undefined;
  #ended = false;

  constructor(connection: ClientConnection, head: RequestHead, spool: SpoolOptions) {
    this.method = head.method;
    this.target = head.target;
    this.fields = head.fields;
    this.peerAddress = connection.peerAddress;
    this.bodyLength = head.bodyLength;
    this.defect = head.defect;
    this.#connection = connection;
    this.#head = head;
    this.#spool = spool;
    this.#expectsContinue = head.expectsContinue;
  }

  get hasBody(): boolean {
    return this.bodyLength !== 0;
  }

  /** Whether the client is gone or has its whole answer. */
  get ended(): boolean {
    return this.#ended;
  }

  listen(listener: ExchangeListener): void {
    this.#listener = listener;
  }

  /**
   * Collects the whole body, at most `maxBytes`, and calls back once: with a buffer, or with a spool when it is larger than
   * `memoryBytes`. Answers `Expect: 100-continue` first.
   */
  collectBody(
    { maxBytes, memoryBytes = this.#spool.memoryBytes }: { maxBytes: number; memoryBytes?: number },
    onDone: (result: BodyResult) => void,
  ): void {
    if (this.#ended) return onDone('client_gone');
    if (this.#bodyBroken) return onDone('framing_invalid');
    if (this.bodyLength !== undefined && this.bodyLength > maxBytes) return onDone('body_too_large');
    const collector = new BodyCollector(
      this.#connection,
      { maxBytes, memoryBytes, spool: this.#spool },
      (result) => {
        if (typeof result === 'string') this.#bodyBroken = true;
        onDone(result);
      },
    );
    this.#continue();
    this.#connection.readBody(collector);
  }

  /** The body as it comes, for an upstream that may wait for a slow client. */
  streamBody(maxBytes: number): BodySource {
    this.#continue();
    return new LiveBody(this.#connection, { length: this.bodyLength, maxBytes });
  }

  /**
   * Gives the whole answer. It is the last one on its connection after a malformed head or body, and when so much of the
   * request body is still to come that reading it costs more than a new connection.
   */
  answer(status: number, fields: readonly string[], body: string | Buffer | undefined): void {
    if (this.#ended) return;
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    this.startAnswer(status, [...fields, 'content-length', String(length)]);
    // As many bytes as characters: the text is ASCII, and goes out as it is.
    if (typeof body === 'string' && length === body.length) this.#answer?.finishText(body);
    else this.finishAnswer(typeof body === 'string' ? Buffer.from(body) : body);
  }

  /**
   * Takes the status and the fields, names in lower case, without hop-by-hop ones. Throws `UnwritableHeadError` for what must
   * not be written; nothing is sent then, and another answer can be given.
   */
  startAnswer(status: number, fields: readonly string[]): void {
    this.#answer = new AnswerStream(
      this.#connection,
      this,
      { status, fields },
      { method: this.method, http10: this.#head.http10, keepAlive: this.#mayKeepAlive(), spool: this.#spool },
    );
  }

  /**
   * Takes a piece of the content, whose bytes its owner may use again. False when so much waits for the client that the
   * upstream has to wait too; `onDrain` tells when to go on.
   */
  sendChunk(chunk: Buffer): boolean {
    return this.#ended || this.#answer === undefined || this.#answer.send(chunk);
  }

  /** No content comes for now: the client learns that the answer has begun. Else the head joins the first piece in one write. */
  flushAnswer(): void {
    if (!this.#ended) this.#answer?.flush();
  }

  finishAnswer(lastPiece?: Buffer): void {
    if (!this.#ended) this.#answer?.finish(lastPiece);
  }

  /**
   * Breaks the answer off so that the client can see that it is incomplete (RFC 9112 §8). A reset, because to a client of
   * HTTP/1.0 an orderly close is the end of the answer.
   */
  abortAnswer(): void {
    this.#connection.reset();
  }

  onAnswerEnd(goesOn: boolean): void {
    this.#ended = true;
    this.#listener?.onAnswered();
    this.#connection.finish(goesOn);
  }

  onRoom(): void {
    if (!this.#ended) this.#listener?.onDrain();
  }

  /** Called by the connection: the client has taken what was written. */
  onWritable(): void {
    this.#answer?.onWritable();
  }

  /** Called by the connection when it is gone before the answer was written. */
  onConnectionClosed(): void {
    this.#ended = true;
    this.#answer?.stop();
    this.#listener?.onGone();
  }

  /** RFC 9110 §15.2.1. */
  #continue(): void {
    if (!this.#expectsContinue) return;
    this.#expectsContinue = false;
    this.#connection.write('HTTP/1.1 100 Continue\r\n\r\n');
  }

  #mayKeepAlive(): boolean {
    if (!this.#head.keepAlive || this.defect !== undefined || this.#bodyBroken || this.#connection.ending)
      return false;
    if (this.#connection.bodyDone) return true;
    return !this.#expectsContinue && this.bodyLength !== undefined && this.bodyLength <= maxDiscardedBytes;
  }
}
