// hot path: every byte of every head passes here. Regular expressions, because V8 compiles them to machine code that reads a
// character in a fifth of the time of a loop over `charCodeAt` (measured: 1 to 2 us against 5 us for a head of 725 bytes).
import { ownText } from '../core/own-text.ts';

/** RFC 9110 §5.6.2: token. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5: all but VCHAR, obs-text, SP and HTAB. Such a character in a value is how one field becomes two. */
const notOfValue = /[^\t\x20-\x7e\x80-\xff]/;
/** RFC 9112 §3: no whitespace and no control character; what the bytes above 0x7e mean is for the policy to say. */
const targetText = /^[\x21-\x7e\x80-\xff]+$/;

const maxKnownTokens = 1_000;
const maxKnownLength = 40;
/** Method and field names in use are few. */
const knownTokens = new Set<string>();

/** Whether text is a token. */
export function isToken(text: string): boolean {
  if (knownTokens.has(text)) return true;
  if (!token.test(text)) return false;
  if (knownTokens.size < maxKnownTokens && text.length <= maxKnownLength) knownTokens.add(ownText(text));
  return true;
}

/** Whether latin-1 text may be a field value: no control character but HTAB. */
export function isFieldValue(text: string): boolean {
  return !notOfValue.test(text);
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
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
