import { isToken } from './characters.ts';
import { readFieldLines } from './field-lines.ts';

/** Where the data of a chunked body goes. */
export interface BodySink {
  /** A view of the bytes that were fed, to be copied if it is kept. */
  onBodyPiece(piece: Buffer): void;
}

/** Hexadecimal digits of a chunk size, so that the number is exact in a double. */
const maxSizeDigits = 13;
/** Extensions and trailers of one body together: they are read and dropped, so they may not cost much (CVE-2024-22019). */
const maxOverheadBytes = 16 * 1024;
const maxTrailers = 100;

/** Where in the grammar of RFC 9112 §7.1 the next byte stands. */
type State =
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer'
  | 'trailer-lf'
  | 'done';

/**
 * Takes the chunked coding off a body, strictly (RFC 9112 §7.1): every line ends in CRLF, sizes are hexadecimal digits alone,
 * extensions follow their grammar and are dropped, trailers are checked like header fields and dropped.
 */
export class ChunkedReader {
  #state: State = 'size';
  #size = 0;
  #digits = 0;
  #overheadBytes = 0;
  #line = '';
  #trailers = '';

  get done(): boolean {
    return this.#state === 'done';
  }

  /**
   * Reads `bytes` from `from`. Gives the position behind the last byte that belongs to the body, which is the end of `bytes`
   * unless the body is done; -1 when the coding is broken.
   */
  feed(bytes: Buffer, from: number, sink: BodySink): number {
    let at = from;
    while (at < bytes.length) {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, at + this.#size);
        this.#size -= end - at;
        if (this.#size === 0) this.#state = 'data-cr';
        sink.onBodyPiece(bytes.subarray(at, end));
        at = end;
        continue;
      }
      if (this.#state === 'done') return at;
      if (!this.#read(bytes[at] ?? 0)) return -1;
      at++;
    }
    return at;
  }

  /** False when the byte may not stand here. */
  #read(byte: number): boolean {
    switch (this.#state) {
      case 'size':
        return this.#readSize(byte);
      case 'extension':
        if (byte !== cr) return this.#append(byte);
        this.#state = 'size-lf';
        return extensionsAreValid(this.#takeLine());
      case 'size-lf':
        this.#state = this.#size === 0 ? 'trailer' : 'data';
        return byte === lf;
      case 'data-cr':
        this.#state = 'data-lf';
        return byte === cr;
      case 'data-lf':
        this.#state = 'size';
        this.#digits = 0;
        return byte === lf;
      case 'trailer':
        if (byte !== cr) return this.#append(byte);
        this.#state = 'trailer-lf';
        return true;
      case 'trailer-lf':
        return byte === lf && this.#endTrailerLine();
      case 'data':
      case 'done':
        return false;
    }
  }

  #readSize(byte: number): boolean {
    const digit = hexDigit(byte);
    if (digit !== -1) {
      if (++this.#digits > maxSizeDigits) return false;
      this.#size = this.#size * 16 + digit;
      return true;
    }
    if (this.#digits === 0) return false;
    if (byte === cr) this.#state = 'size-lf';
    else if (byte === semicolon) {
      this.#state = 'extension';
      return this.#append(byte);
    } else return false;
    return true;
  }

  #append(byte: number): boolean {
    this.#line += String.fromCharCode(byte);
    return byte !== lf && ++this.#overheadBytes <= maxOverheadBytes;
  }

  #takeLine(): string {
    const line = this.#line;
    this.#line = '';
    return line;
  }

  #endTrailerLine(): boolean {
    const line = this.#takeLine();
    if (line !== '') {
      this.#trailers += this.#trailers === '' ? line : `\r\n${line}`;
      this.#state = 'trailer';
      return true;
    }
    this.#state = 'done';
    return readFieldLines(this.#trailers, 0, [], maxTrailers) === undefined;
  }
}

const cr = 0x0d;
const lf = 0x0a;
const semicolon = 0x3b;

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** RFC 9112 §7.1.1 without the optional blanks, which parsers disagree about. */
function extensionsAreValid(text: string): boolean {
  let rest = text;
  while (rest !== '') {
    const [whole = '', name = '', value] = /^;([^;="]*)(?:=("(?:[^"\\]|\\.)*"|[^;"]*))?/.exec(rest) ?? [];
    if (!isToken(name)) return false;
    if (value !== undefined && !isToken(value) && !quotedText.test(value)) return false;
    rest = rest.slice(whole.length);
  }
  return true;
}

/** RFC 9110 §5.6.4. */
const quotedText = /^"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"$/;

/** One chunk of RFC 9112 §7.1 as it goes out: the line in front of the data. */
export function chunkHead(dataBytes: number): string {
  return `${dataBytes.toString(16)}\r\n`;
}

export const lastChunk = '0\r\n\r\n';
