// hot path: an answer that comes at once leaves in one write.
import { answerHeadText, dateField, isBodiless } from './answer-head.ts';
import type { BodyConsumer } from './body-source.ts';
import { chunkHead, lastChunk } from './chunked.ts';
import type { ClientConnection } from './client-connection.ts';
import { Spool, type SpoolOptions, type SpoolOwner } from './spool.ts';

/** Up to this size a piece is joined with its head as text: one plain write costs half of a vectored one (measured). */
const maxTextBytes = 16 * 1024;

/** What an answer must know of its request. */
export interface AnswerContext {
  method: string;
  http10: boolean;
  /** Whether the connection may go on behind this answer, as far as the request is concerned. */
  keepAlive: boolean;
  spool: SpoolOptions;
}

export interface AnswerOwner extends SpoolOwner {
  /** The last byte is written. */
  onAnswerEnd(goesOn: boolean): void;
}

/**
 * The answer to one request on its way to the client. What a slow client has not taken yet waits in a spool, so that whoever
 * makes the answer is done with it soon.
 */
export class AnswerStream implements BodyConsumer {
  readonly #connection: ClientConnection;
  readonly #owner: AnswerOwner;
  readonly #spoolOptions: SpoolOptions;
  readonly #bodiless: boolean;
  readonly #chunked: boolean;
  readonly #goesOn: boolean;
  /** The head, while it waits for the first piece of content. */
  #head: string;
  #spool: Spool | undefined;
  #draining = false;
  #ended = false;

  /** Fields have lower-case names, without hop-by-hop ones. Throws `UnwritableHeadError`; nothing is sent then. */
  constructor(
    connection: ClientConnection,
    owner: AnswerOwner,
    { status, fields }: { status: number; fields: readonly string[] },
    context: AnswerContext,
  ) {
    this.#connection = connection;
    this.#owner = owner;
    this.#spoolOptions = context.spool;
    let hasLength = false;
    let hasDate = false;
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] === 'content-length') hasLength = true;
      else if (fields[i] === 'date') hasDate = true;
    }
    this.#bodiless = isBodiless(context.method, status);
    // RFC 9110 §8.6: an answer without content has no length either.
    let head = answerHeadText(status, status === 204 && hasLength ? withoutLength(fields) : fields);
    if (!hasDate) head += dateField(Date.now());
    const framed = hasLength || this.#bodiless;
    // RFC 9112 §6.1: never to a client of HTTP/1.0, for whom the end of the connection is the end of the answer.
    this.#chunked = !framed && !context.http10;
    this.#goesOn = context.keepAlive && (framed || this.#chunked);
    if (this.#chunked) head += 'transfer-encoding: chunked\r\n';
    if (!this.#goesOn) head += 'connection: close\r\n';
    else if (context.http10) head += 'connection: keep-alive\r\n';
    this.#head = `${head}\r\n`;
  }

  /** Sends the head now, when no content came with it. */
  flush(): void {
    if (this.#head === '' || this.#ended || this.#connection.closed) return;
    this.#connection.write(this.#head);
    this.#head = '';
  }

  /** Takes a piece, which its owner may use again. False when so much waits that the upstream has to wait too. */
  send(piece: Buffer): boolean {
    if (this.#bodiless || piece.length === 0) return true;
    if (this.#spool === undefined) {
      if (!this.#connection.needsDrain) {
        this.#write(piece, false);
        return true;
      }
      this.#spool = new Spool(this.#spoolOptions, this.#owner);
      this.#connection.guardWrites(true);
    }
    return this.#spool.push(Buffer.from(piece));
  }

  finish(lastPiece: Buffer | undefined): void {
    if (this.#spool !== undefined) {
      if (lastPiece !== undefined) this.#spool.push(Buffer.from(lastPiece));
      return this.#spool.end();
    }
    if (lastPiece === undefined || lastPiece.length === 0 || this.#bodiless) this.onEnd();
    else {
      this.#write(lastPiece, true);
      this.#end();
    }
  }

  /** Ends with what is the whole content, in characters that are a byte each. */
  finishText(text: string): void {
    if (!this.#bodiless) this.#head += text;
    this.onEnd();
  }

  /** The client has taken everything that was written. */
  onWritable(): void {
    if (this.#spool === undefined) return;
    if (this.#draining) return this.#spool.resume();
    this.#draining = true;
    this.#spool.start(this);
  }

  /** The client is gone. */
  stop(): void {
    this.#ended = true;
    this.#spool?.stop();
  }

  onPiece(piece: Buffer): boolean {
    this.#write(piece, false);
    return !this.#connection.needsDrain;
  }

  onEnd(): void {
    const text = this.#chunked ? this.#head + lastChunk : this.#head;
    this.#head = '';
    if (text !== '') this.#connection.write(text);
    this.#end();
  }

  /** What was spooled cannot be read back. */
  onFailure(): void {
    this.#connection.reset();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#spool !== undefined) {
      this.#spool.stop();
      this.#connection.guardWrites(false);
    }
    this.#owner.onAnswerEnd(this.#goesOn);
  }

  #write(piece: Buffer, last: boolean): void {
    const before = this.#chunked ? this.#head + chunkHead(piece.length) : this.#head;
    const behind = this.#chunked ? (last ? `\r\n${lastChunk}` : '\r\n') : '';
    this.#head = '';
    if (piece.length <= maxTextBytes) {
      // Latin-1 is a byte for a byte.
      this.#connection.write(before + piece.toString('latin1') + behind);
      return;
    }
    // A copy, unless it comes out of the spool: the owner of the piece may use it again before it has left.
    this.#connection.writeBytes(before, this.#draining ? piece : Buffer.from(piece), behind);
  }
}

function withoutLength(fields: readonly string[]): string[] {
  return fields.filter((_, i) => fields[i - (i % 2)] !== 'content-length');
}
