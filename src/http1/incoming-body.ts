// hot path: a request body as it comes, its framing taken off.
import { type BodySink, ChunkedReader } from './chunked.ts';

/** Takes the body of a request, piece by piece. */
export interface BodyReceiver extends BodySink {
  onBodyEnd(): void;
  onBodyFailure(failure: 'framing_invalid' | 'body_timeout' | 'client_gone'): void;
}

/** Finds the end of one request body (RFC 9112 §6): by its length, or by its last chunk. */
export class IncomingBody {
  #leftBytes: number;
  readonly #chunked: ChunkedReader | undefined;

  /** `length` is undefined for a chunked body. */
  constructor(length: number | undefined) {
    this.#leftBytes = length ?? 0;
    this.#chunked = length === undefined ? new ChunkedReader() : undefined;
  }

  get done(): boolean {
    return this.#chunked === undefined ? this.#leftBytes === 0 : this.#chunked.done;
  }

  /** Gives the content in `bytes` to `sink`; the position behind it, or -1 when the coding is broken. */
  feed(bytes: Buffer, sink: BodySink): number {
    if (this.#chunked !== undefined) return this.#chunked.feed(bytes, 0, sink);
    const end = Math.min(bytes.length, this.#leftBytes);
    this.#leftBytes -= end;
    if (end > 0) sink.onBodyPiece(end === bytes.length ? bytes : bytes.subarray(0, end));
    return end;
  }
}
