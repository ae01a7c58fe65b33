// hot path: every byte of every answer passes here.
import { type BodySink, ChunkedReader } from './chunked.ts';
import { maxHeadBytes, mayBecomeHead, readResponseHead } from './response-head.ts';

export interface AnswerSink {
  onAnswer(status: number, fields: string[]): void;
  /** A view of the bytes that were read, to be copied if it is kept. */
  onChunk(chunk: Buffer): void;
}

/** How far the answer is; `surplus`: it is whole, and more bytes follow that nobody asked for. */
export type Reading = 'more' | 'whole' | 'surplus' | 'broken';

/** News before the answer (RFC 9110 §15.2); an endless row of them must not keep a request alive. */
const maxInformational = 16;
const headEnd = Buffer.from('\r\n\r\n');

/** Takes the answers of one connection out of its bytes, one after the other, strictly. */
export class ResponseReader implements BodySink {
  /** From the head of the answer, see there. */
  idleMs = 0;
  /** Whether any byte of the answer has come. */
  begun = false;
  #sink: AnswerSink | undefined;
  #isAnswerToHead = false;
  #phase: 'head' | 'length' | 'chunked' | 'until-end' = 'head';
  #leftBytes = 0;
  #informational = 0;
  #chunks: ChunkedReader | undefined;
  /** The beginning of a head that comes in pieces. */
  #held: Buffer | undefined;
  #heldBytes = 0;

  /** Whether the head of the answer was given to the sink. */
  get answering(): boolean {
    return this.#phase !== 'head';
  }

  expect(sink: AnswerSink, isAnswerToHead: boolean): void {
    this.#sink = sink;
    this.#isAnswerToHead = isAnswerToHead;
    this.begun = false;
    this.#phase = 'head';
    this.#informational = 0;
  }

  /** Gives nothing to the sink any more, not even of the bytes that are being read. */
  stop(): void {
    this.#sink = undefined;
    this.#chunks = undefined;
    this.#held = undefined;
    this.#heldBytes = 0;
  }

  read(bytes: Buffer): Reading {
    this.begun = true;
    let at = 0;
    while (this.#phase === 'head') {
      if (at === bytes.length) return 'more';
      at = this.#readHead(bytes, at);
      if (at === -1) return 'broken';
    }
    return this.#readBody(bytes, at);
  }

  /** What an orderly end of the connection makes of the answer. */
  readEnd(): Reading {
    return this.#phase === 'until-end' ? 'whole' : 'broken';
  }

  onBodyPiece(piece: Buffer): void {
    this.#sink?.onChunk(piece);
  }

  /** Gives the position behind what belongs to the head; -1 when it is broken. */
  #readHead(bytes: Buffer, from: number): number {
    if (this.#held !== undefined) return this.#readHeldHead(this.#held, bytes, from);
    const end = bytes.indexOf(headEnd, from);
    if (end === -1) return this.#hold(bytes, from) ? bytes.length : -1;
    return this.#takeHead(bytes, from, end) ? end + headEnd.length : -1;
  }

  #readHeldHead(earlier: Buffer, bytes: Buffer, from: number): number {
    const earlierBytes = this.#heldBytes;
    const wellBegun = this.#hold(bytes, from);
    const held = this.#held ?? earlier;
    const end = held.subarray(0, this.#heldBytes).indexOf(headEnd, Math.max(0, earlierBytes - 3));
    if (end === -1) return wellBegun ? bytes.length : -1;
    this.#held = undefined;
    this.#heldBytes = 0;
    return this.#takeHead(held, 0, end) ? from + end + headEnd.length - earlierBytes : -1;
  }

  /** Keeps a copy of what may be the beginning of a head; false when it is none, or too long. */
  #hold(bytes: Buffer, from: number): boolean {
    const before = this.#heldBytes;
    const end = Math.min(bytes.length, from + maxHeadBytes - before);
    const size = before + end - from;
    if (this.#held === undefined || size > this.#held.length) {
      // Memory follows what has come: a head of one byte does not take 64 KiB.
      const grown = Buffer.allocUnsafeSlow(Math.min(maxHeadBytes, Math.max(size, 2 * before, 256)));
      this.#held?.copy(grown, 0, 0, before);
      this.#held = grown;
    }
    bytes.copy(this.#held, before, from, end);
    this.#heldBytes = size;
    return size < maxHeadBytes && mayBecomeHead(this.#held, before, size);
  }

  #takeHead(bytes: Buffer, from: number, end: number): boolean {
    if (end - from + headEnd.length > maxHeadBytes) return false;
    const head = readResponseHead(bytes.toString('latin1', from, end), this.#isAnswerToHead);
    if (head === undefined) return false;
    if (head.status < 200) {
      // RFC 9110 §7.8: no protocol was offered that could be switched to. Other news is dropped: no client asked for it.
      return head.status !== 101 && ++this.#informational <= maxInformational;
    }
    this.#phase = head.framing;
    this.#leftBytes = head.length;
    this.idleMs = head.idleMs;
    if (head.framing === 'chunked') this.#chunks = new ChunkedReader();
    this.#sink?.onAnswer(head.status, head.fields);
    return true;
  }

  #readBody(bytes: Buffer, from: number): Reading {
    let end = bytes.length;
    let whole = false;
    const chunks = this.#chunks;
    if (chunks !== undefined) {
      end = chunks.feed(bytes, from, this);
      if (end === -1) return 'broken';
      whole = chunks.done;
    } else {
      if (this.#phase === 'length') {
        end = Math.min(end, from + this.#leftBytes);
        this.#leftBytes -= end - from;
        whole = this.#leftBytes === 0;
      }
      if (end > from)
        this.#sink?.onChunk(from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end));
    }
    if (!whole) return 'more';
    this.#chunks = undefined;
    return end === bytes.length ? 'whole' : 'surplus';
  }
}
