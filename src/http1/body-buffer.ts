// hot path: a body that comes in one piece is not copied.

const empty = Buffer.alloc(0);

/**
 * Collects a body of at most `maxBytes` in one growing buffer. A list of the pieces would cost a hundred bytes for each
 * of them, and a client may send its body byte by byte.
 */
export class BodyBuffer {
  readonly #maxBytes: number;
  #bytes: Buffer = empty;
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False when the piece does not fit any more. */
  append(piece: Buffer): boolean {
    const before = this.#size;
    const size = before + piece.length;
    if (size > this.#maxBytes) return false;
    this.#size = size;
    if (before === 0) {
      this.#bytes = piece;
      return true;
    }
    // Not the declared length at once: it is only announced, and memory follows what has come.
    if (size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(size, 2 * before)));
      this.#bytes.copy(grown, 0, 0, before);
      this.#bytes = grown;
    }
    piece.copy(this.#bytes, before);
    return true;
  }

  /** Everything so far, as a view that later pieces do not change. */
  take(): Buffer {
    return this.#size === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#size);
  }
}
