// hot path: where a request head begins and ends in the bytes that have come.
import type { HeadDefect } from './request-head.ts';

/** RFC 9112 §2.2: an empty line that a client sends behind its body is no request. */
const maxLeadingLines = 2;
const emptyLine = Buffer.from('\r\n\r\n');

/** Looks for request heads; `start` and `end` are where the last one was found, `next` is behind its empty line. */
export class HeadFinder {
  start = 0;
  end = 0;
  next = 0;
  readonly #maxBytes: number;
  /** Empty lines in front of the next head that were there alone, and are forgotten. */
  #passedLines = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Looks at `bytes`, of which the first `scanned` were looked at before. `incomplete`: more has to come; `nothing`: there is
   * not even a beginning; a reason: what is there can never become a head, or one of this size is not taken.
   */
  find(bytes: Buffer, scanned: number): 'found' | 'incomplete' | 'nothing' | HeadDefect {
    const start = behindEmptyLines(bytes, maxLeadingLines - this.#passedLines);
    this.start = start;
    if (start === bytes.length) {
      this.#passedLines += start / 2;
      return 'nothing';
    }
    this.end = bytes.indexOf(emptyLine, Math.max(start, scanned - emptyLine.length + 1));
    if (this.end === -1) {
      if (bytes.length - start > this.#maxBytes) return tooLarge(bytes, start);
      const bad = findImpossible(bytes, Math.max(start, scanned - 1));
      return bad === -1 ? 'incomplete' : defectAt(bytes, start, bad);
    }
    this.#passedLines = 0;
    this.next = this.end + emptyLine.length;
    return this.end - start > this.#maxBytes ? tooLarge(bytes, start) : 'found';
  }
}

function tooLarge(bytes: Buffer, start: number): HeadDefect {
  return bytes.indexOf('\r\n', start) === -1 ? 'target_too_long' : 'header_too_large';
}

function behindEmptyLines(bytes: Buffer, maxLines: number): number {
  let at = 0;
  while (at < 2 * maxLines && bytes[at] === 0x0d && bytes[at + 1] === 0x0a) at += 2;
  return at;
}

/**
 * Where the beginning of a head can never become one, or -1. The peer speaks something else then (TLS, a proxy protocol, a line
 * ending of its own), and waiting for the rest would only give it time.
 */
function findImpossible(bytes: Buffer, from: number): number {
  for (let i = from; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte > 0x20) {
      if (byte === 0x7f) return i;
    } else if (byte === 0x0a) {
      if (i === 0 || bytes[i - 1] !== 0x0d) return i;
    } else if (byte === 0x0d) {
      if (i + 1 < bytes.length && bytes[i + 1] !== 0x0a) return i;
    } else if (byte !== 0x20 && byte !== 0x09) return i;
  }
  return -1;
}

/** The same reason as for a head that comes at once. */
function defectAt(bytes: Buffer, start: number, bad: number): HeadDefect {
  const lineEnd = bytes.indexOf('\r\n', start);
  return lineEnd !== -1 && lineEnd < bad ? 'header_invalid' : 'framing_invalid';
}
