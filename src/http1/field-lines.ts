// hot path: every header field of every request and answer is read here.
import { ownText } from '../core/own-text.ts';
import { isFieldValue, isToken } from './characters.ts';

export type FieldDefect = 'header_invalid' | 'header_too_large';

/**
 * Reads the field lines of a head (RFC 9112 §5) in `text` (latin-1) from `from` to its end, where each but the last ends in
 * CRLF. Pushes lower-case name and value without surrounding blanks onto `fields`. Refuses, and never repairs: blanks before
 * the colon, folded lines, empty names, control characters in values, a bare CR or LF.
 */
export function readFieldLines(
  text: string,
  from: number,
  fields: string[],
  maxFields: number,
): FieldDefect | undefined {
  const end = text.length;
  let at = from;
  let count = 0;
  while (at < end) {
    let lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === -1) lineEnd = end;
    const colon = text.indexOf(':', at);
    if (colon === -1 || colon >= lineEnd) return 'header_invalid';
    const name = lowerCaseName(text.slice(at, colon));
    if (name === undefined) return 'header_invalid';
    if (++count > maxFields) return 'header_too_large';
    let start = colon + 1;
    while (start < lineEnd && isBlank(text.charCodeAt(start))) start++;
    let stop = lineEnd;
    while (stop > start && isBlank(text.charCodeAt(stop - 1))) stop--;
    // A CR or LF that is not a line end is within a value here, and is no character of one.
    const value = text.slice(start, stop);
    if (!isFieldValue(value)) return 'header_invalid';
    fields.push(name, value);
    at = lineEnd + 2;
  }
  return undefined;
}

const maxKnownNames = 1_000;
/** Names as they came, and in lower case. Few names make up nearly all traffic; strange ones are worked out each time. */
const knownNames = new Map<string, string>();

/** Undefined when `name` is no token (RFC 9110 §5.1). */
function lowerCaseName(name: string): string | undefined {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  if (!isToken(name)) return undefined;
  const lower = name.toLowerCase();
  if (knownNames.size < maxKnownNames && name.length <= 40) knownNames.set(ownText(name), ownText(lower));
  return lower;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
