// hot path: one object per request, no closures; listeners are bound once per body or answer that has to wait.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fields } from '../core/fields.ts';
import type { Reason } from '../core/reason.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { HeadDefect, StrictHead } from './head.ts';

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

/** The connection that an exchange came on, as far as the exchange has to know it. */
export interface ExchangeOwner {
  /** Whether the answer that is given now is the last one of the connection. */
  readonly ending: boolean;
  /** Makes the answer that is given now the last one; what the client still sends is dropped. */
  end(): void;
  /** The answer is out, or the connection is gone. Called once. */
  onExchangeEnd(exchange: Exchange): void;
}

export interface ExchangeTimeouts {
  /** Longest pause between two pieces of a request body. */
  bodyIdleMs: number;
  /** Longest time for which a client may take no byte of an answer. */
  writeStallMs: number;
}

const emptyBody = Buffer.alloc(0);
/** A small rest of a refused body is cheaper to read than a new connection is to make. */
const maxDiscardedBytes = 64 * 1024;

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
  readonly #owner: ExchangeOwner;
  #listener: ExchangeListener | undefined;
  #expectsContinue: boolean;
  #bodyConsumed: boolean;
  /** Why the body will never be there. */
  #bodyFailure: BodyFailure | undefined;
  #endBody: ((failure: BodyFailure) => void) | undefined;
  #stallTimer: NodeJS.Timeout | undefined;
  #finished = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    head: StrictHead,
    options: { timeouts: ExchangeTimeouts; expectsContinue: boolean; owner: ExchangeOwner },
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
    this.#owner = options.owner;
    response.on('close', () => this.#onClose());
  }

  get hasBody(): boolean {
    return this.bodyLength !== 0;
  }

  /** Whether the client is gone or has its whole answer. */
  get ended(): boolean {
    return this.#finished || this.#response.destroyed;
  }

  /** Whether some of the request is still to come. */
  get incomplete(): boolean {
    return !this.#request.complete;
  }

  listen(listener: ExchangeListener): void {
    this.#listener = listener;
  }

  /** Collects the whole body, at most `maxBytes`, and calls back once. Answers `Expect: 100-continue` first. */
  collectBody(maxBytes: number, onDone: (result: BodyResult) => void): void {
    if (this.#bodyFailure !== undefined) return onDone(this.#bodyFailure);
    if (this.bodyLength !== undefined && this.bodyLength > maxBytes) return onDone('body_too_large');
    if (!this.hasBody) return onDone(emptyBody);
    if (this.#expectsContinue) {
      this.#expectsContinue = false;
      this.#response.writeContinue();
    }
    this.#collect(maxBytes, onDone);
  }

  /** The transport found the rest of the body malformed: nobody gets it, whether it is collected already or not yet. */
  breakBody(): void {
    this.#bodyFailure ??= 'framing_invalid';
    this.#endBody?.('framing_invalid');
  }

  /**
   * Gives the whole answer. It is the last one on its connection after a malformed head or body, and when so much of the
   * request body is still to come that reading it costs more than a new connection.
   */
  answer(status: number, fields: readonly string[], body: string | Buffer | undefined): void {
    if (this.ended) return;
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    const head = [...fields, 'content-length', String(length)];
    this.#settleConnection(head);
    this.#response.writeHead(status, head);
    this.#response.end(this.method === 'HEAD' ? undefined : body);
  }

  /** Throws when a status or field cannot be written; nothing is sent then, and another answer can be given. */
  startAnswer(status: number, fields: string[]): void {
    // RFC 9110 §8.6: an answer without content has no length either.
    if (status === 204) removeField(fields, 'content-length');
    this.#settleConnection(fields);
    this.#response.writeHead(status, fields);
  }

  /** Returns false when the client is slower than the upstream; `onDrain` tells when to go on. */
  sendChunk(chunk: Buffer): boolean {
    if (this.#response.write(chunk)) return true;
    if (this.#stallTimer === undefined) {
      this.#stallTimer = setTimeout(() => this.#response.destroy(), this.#timeouts.writeStallMs).unref();
      this.#response.once('drain', () => this.#onDrain());
    }
    return false;
  }

  finishAnswer(lastChunk?: Buffer): void {
    if (lastChunk === undefined || lastChunk.length > maxTextBytes) this.#response.end(lastChunk);
    // As text it is joined with the head and leaves in a plain write, which costs half of a vectored one (measured).
    // Latin-1 is a byte for a byte.
    else this.#response.end(lastChunk.toString('latin1'), 'latin1');
  }

  /**
   * Breaks the answer off so that the client can see that it is incomplete (RFC 9112 §8). A reset, because to a client of
   * HTTP/1.0 an orderly close is the end of the answer.
   */
  abortAnswer(): void {
    this.#request.socket.resetAndDestroy();
  }

  #collect(maxBytes: number, onDone: (result: BodyResult) => void): void {
    const request = this.#request;
    const body = new BodyBuffer(Math.min(this.bodyLength ?? maxBytes, maxBytes));
    const timer = setTimeout(() => finish('body_timeout'), this.#timeouts.bodyIdleMs).unref();
    const onData = (chunk: Buffer): void => {
      if (!body.append(chunk)) return finish('body_too_large');
      timer.refresh();
    };
    const onEnd = (): void => {
      this.#bodyConsumed = true;
      finish(body.take());
    };
    const onClosed = (): void => finish('client_gone');
    const finish = (result: BodyResult): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('error', onClosed).off('close', onClosed);
      this.#endBody = undefined;
      if (typeof result === 'string') this.#bodyFailure = result;
      // A body that is not wanted any more may still arrive until the connection is closed.
      request.on('error', ignore);
      onDone(result);
    };
    this.#endBody = finish;
    request.on('data', onData).on('end', onEnd).on('error', onClosed).on('close', onClosed);
  }

  /** Says in the head of the answer whether the connection goes on, and holds it to that. */
  #settleConnection(fields: string[]): void {
    const goesOn =
      this.defect === undefined &&
      this.#bodyFailure === undefined &&
      !this.#owner.ending &&
      (this.#bodyConsumed || this.#mayDiscardBody());
    if (goesOn) return;
    fields.push('connection', 'close');
    this.#owner.end();
    if (this.#bodyConsumed) return;
    this.#request.on('error', ignore);
    this.#request.resume();
  }

  /** `node:http` reads and drops what is left of a body once the answer is out. */
  #mayDiscardBody(): boolean {
    return !this.#expectsContinue && this.bodyLength !== undefined && this.bodyLength <= maxDiscardedBytes;
  }

  #onDrain(): void {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#listener?.onDrain();
  }

  #onClose(): void {
    this.#finished = true;
    clearTimeout(this.#stallTimer);
    if (!this.#response.writableFinished) this.#listener?.onGone();
    this.#owner.onExchangeEnd(this);
  }
}

/** Above this size a copy costs more than a second piece in the write. */
const maxTextBytes = 16 * 1024;

function removeField(fields: string[], name: string): void {
  for (let i = fields.length - 2; i >= 0; i -= 2) {
    if (fields[i]?.toLowerCase() === name) fields.splice(i, 2);
  }
}

function ignore(): void {}
