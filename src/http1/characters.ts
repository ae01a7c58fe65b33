// hot path: every byte of every head passes here. Regular expressions, because V8 compiles them to machine code that reads a
// character in a fifth of the time of a loop over `charCodeAt` (measured: 1 to 2 us against 5 us for a head of 725 bytes).
/* oxlint-disable no-control-regex -- control characters are what it is about */

/** RFC 9110 §5.6.2: token. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/**
 * RFC 9110 §5.5: all but VCHAR, obs-text, SP and HTAB. Such a character in a value is how one field becomes two. In two halves
 * of 16 characters, which is as many as V8 looks for with vector instructions (0.09 ns a character; 0.8 for all in one).
 */
const forbiddenLow = /[\0-\x08\n-\x10\u0100-\uffff]/;
const forbiddenHigh = /[\x11-\x1f\x7f]/;
/** The first half for several lines at once: CRLF may stand there, and a bare LF is found by whoever cuts the lines. */
const forbiddenLowInLines = /[\0-\x08\v\f\x0e-\x10\u0100-\uffff]|\r(?!\n)/;
/** RFC 9112 §3: no whitespace and no control character; what the bytes above 0x7e mean is for the policy to say. */
const targetText = /^[\x21-\x7e\x80-\xff]+$/;

/** Whether text is a token. */
export function isToken(text: string): boolean {
  return token.test(text);
}

/** Whether latin-1 text may be a field value: no control character but HTAB. */
export function isFieldValue(text: string): boolean {
  return !forbiddenLow.test(text) && !forbiddenHigh.test(text);
}

/**
 * How many characters of latin-1 text stand before the first that may not stand in field lines: a control character, but for
 * HTAB, LF, and CR in front of LF. A LF without its CR is for whoever cuts the lines to find.
 */
export function countLineCharacters(text: string): number {
  if (!forbiddenLowInLines.test(text) && !forbiddenHigh.test(text)) return text.length;
  const first = [text.search(forbiddenLowInLines), text.search(forbiddenHigh)].filter((at) => at !== -1);
  return Math.min(...first);
}

/** Whether latin-1 text has no whitespace and no control character, and is not empty. */
export function isTargetText(text: string): boolean {
  return targetText.test(text);
}

/**
 * Reads a Content-Length: digits alone, at most 15 of them so that the number is exact in a double (RFC 9110 §8.6).
 * `Number` and `parseInt` would take signs, blanks, exponents and other bases.
 */
export function parseLength(text: string): number | undefined {
  if (text.length === 0 || text.length > 15) return undefined;
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    length = 10 * length + digit;
  }
  return length;
}
