// hot path: every header field of every request and answer is read and written here.
import { countLineCharacters, isFieldValue } from './characters.ts';
import { fieldStart, readFieldName } from './field-names.ts';

export type FieldDefect = 'header_invalid' | 'header_too_large';

/**
 * Reads the field lines of a head (RFC 9112 §5) in `text` (latin-1) from `from` to its end, where each but the last ends in
 * CRLF; what stands before `from` is well-formed. Pushes lower-case name and value without surrounding blanks onto `fields`,
 * names with `_` only if they are kept. Refuses, and never repairs: blanks before the colon, folded lines, empty names,
 * control characters in values, a bare CR or LF.
 */
export function readFieldLines(
  text: string,
  from: number,
  fields: string[],
  maxFields: number,
  keepsUnderscored = true,
): FieldDefect | undefined {
  const end = text.length;
  // All lines at once, because an expression costs more to call than to run.
  const goodEnd = countLineCharacters(text);
  let at = from;
  let count = 0;
  while (at < end) {
    const lf = text.indexOf('\n', at);
    const lineEnd = lf === -1 ? end : lf - 1;
    const colon = text.indexOf(':', at);
    if (colon === -1 || colon > lineEnd) return 'header_invalid';
    const name = readFieldName(text, at, colon);
    if (name === undefined) return 'header_invalid';
    if (++count > maxFields) return 'header_too_large';
    if (lineEnd > goodEnd || (lf !== -1 && text.charCodeAt(lineEnd) !== 0x0d)) return 'header_invalid';
    let start = colon + 1;
    while (start < lineEnd && isBlank(text.charCodeAt(start))) start++;
    let stop = lineEnd;
    while (stop > start && isBlank(text.charCodeAt(stop - 1))) stop--;
    if (keepsUnderscored || !name.underscored) fields.push(name.lower, text.slice(start, stop));
    at = lineEnd + 2;
  }
  return undefined;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * The field lines of a head as they go out: each behind a CRLF, and none at the end. Undefined when a name is no token, or a
 * value has a character that could end it (RFC 9112 §5). What is written was judged long before; this is the last defence
 * against header injection (CWE-113).
 */
export function fieldLines(fields: readonly string[]): string | undefined {
  let text = '';
  let values = '';
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1] ?? '';
    const start = fieldStart(fields[i] ?? '');
    if (start === undefined) return undefined;
    text = text + start + value;
    values += value;
  }
  return isFieldValue(values) ? text : undefined;
}
