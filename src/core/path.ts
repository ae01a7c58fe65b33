// hot path: runs for every request before anything else is known; a path that is canonical already is returned as it came.

/** The two parts of an origin-form target, both as they came. */
export interface SplitTarget {
  path: string;
  /** Without `?`; undefined when the target has none. */
  query: string | undefined;
}

// What a character may be in a path. "Kept" escapes stay encoded because the character may not stand raw (RFC 3986 §3.3).
const never = 0;
const plain = 1;
const slash = 2;
const dot = 3;
const percent = 4;
/** Browsers send it raw although RFC 3986 has no place for it: encoded, so that it has one spelling. */
const encoded = 5;
const escapedOnly = 6;

const classOf = new Uint8Array(128);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,=:@")
  classOf[character.charCodeAt(0)] = plain;
for (const character of '[]^|') classOf[character.charCodeAt(0)] = encoded;
for (const character of ' "#<>?`{};') classOf[character.charCodeAt(0)] = escapedOnly;
classOf[0x2f] = slash;
classOf[0x2e] = dot;
classOf[0x25] = percent;

/**
 * Characters that a later normalisation (NFKC, best fit to a code page) turns into a delimiter, or that a reader takes for
 * one: fullwidth, small and mathematical forms of `/ \ . % ; ? #`.
 */
const delimiterLookalikes: ReadonlySet<number> = new Set([
  0x037e, 0x2024, 0x2025, 0x2044, 0x2215, 0x2216, 0x29f5, 0x29f8, 0x29f9, 0xfe19, 0xfe30, 0xfe52, 0xfe54,
  0xfe56, 0xfe5f, 0xfe68, 0xfe6a, 0xff03, 0xff05, 0xff0e, 0xff0f, 0xff1b, 0xff1f, 0xff3c, 0xfe14, 0xfe16,
]);

/** Most paths: nothing to decode, and nothing to refuse. A fifth of the time of the scan below (measured). */
const simplePath = /^(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9\-_~!$&'()*+,=:@.]+)+\/?$/;

/**
 * The one spelling of a path (origin-form, without query) that is judged and sent; undefined when the path can be read in
 * more than one way and must be refused. Idempotent, never throws.
 *
 * An escape of a character that may stand raw is decoded, once; every other legal escape stays, in upper-case hex. So two
 * paths that Odoo decodes alike have one canonical form, and `/web/%64atabase` meets the rule for `/web/database`.
 *
 * Refused: anything but one leading slash; `//` anywhere, since werkzeug strips it at the start and redirects to the merged
 * path elsewhere, so no upstream reads it as it stands; dot segments; `;` (path parameters); `\`, `#`, blanks, control and
 * non-ASCII characters raw; malformed escapes; escapes of `/ \ . % NUL` and of control characters; escapes that are not
 * shortest-form UTF-8, or are a look-alike of a delimiter.
 */
export function canonicalPath(raw: string): string | undefined {
  if (simplePath.test(raw)) return raw;
  const length = raw.length;
  if (length === 0 || raw.charCodeAt(0) !== 0x2f) return undefined;
  let rewritten: string | undefined;
  let copiedTo = 0;
  let segmentStart = 1;
  let i = 1;
  while (i < length) {
    const code = raw.charCodeAt(i);
    const kind = code < 128 ? classOf[code] : never;
    if (kind === plain || kind === dot) {
      i++;
    } else if (kind === slash) {
      if (i === segmentStart || isDotSegment(raw, segmentStart, i)) return undefined;
      segmentStart = ++i;
    } else if (kind === percent) {
      const end = endOfEscape(raw, i);
      if (end === -1) return undefined;
      const byte = byteAt(raw, i);
      if (byte < 128 && classOf[byte] === plain) {
        rewritten = (rewritten ?? '') + raw.slice(copiedTo, i) + String.fromCharCode(byte);
        copiedTo = end;
      } else if (hasLowerHex(raw, i, end)) {
        rewritten = (rewritten ?? '') + raw.slice(copiedTo, i) + raw.slice(i, end).toUpperCase();
        copiedTo = end;
      }
      i = end;
    } else if (kind === encoded) {
      rewritten = `${rewritten ?? ''}${raw.slice(copiedTo, i)}%${code.toString(16).toUpperCase()}`;
      copiedTo = ++i;
    } else {
      return undefined;
    }
  }
  if (isDotSegment(raw, segmentStart, length)) return undefined;
  return rewritten === undefined ? raw : rewritten + raw.slice(copiedTo);
}

/**
 * Splits an origin-form target at the first `?`. Undefined for absolute-form, authority-form and asterisk-form, and for a
 * query with `#`, blanks, control or non-ASCII characters: those are cut or decoded differently from server to server.
 */
export function splitTarget(target: string): SplitTarget | undefined {
  if (target.charCodeAt(0) !== 0x2f) return undefined;
  const mark = target.indexOf('?');
  if (mark === -1) return { path: target, query: undefined };
  for (let i = mark + 1; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || code === 0x23) return undefined;
  }
  return { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

function isDotSegment(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(start) !== 0x2e) return false;
  return end - start === 1 || (end - start === 2 && text.charCodeAt(start + 1) === 0x2e);
}

/** Index after the escape, or the run of escapes that make one UTF-8 character; -1 when it must be refused. */
function endOfEscape(raw: string, at: number): number {
  const lead = byteAt(raw, at);
  if (lead < 0x80) {
    // byteAt gives -1 for a malformed escape.
    if (lead < 0) return -1;
    const kind = classOf[lead];
    return kind === plain || kind === encoded || kind === escapedOnly ? at + 3 : -1;
  }
  // RFC 3629 §4: these bounds leave no room for overlong forms, surrogates and values above U+10FFFF.
  const length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const secondMin = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const secondMax = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  let codePoint = lead & (length === 2 ? 0x1f : length === 3 ? 0x0f : 0x07);
  for (let k = 1; k < length; k++) {
    const byte = raw.charCodeAt(at + 3 * k) === 0x25 ? byteAt(raw, at + 3 * k) : -1;
    if (byte < (k === 1 ? secondMin : 0x80) || byte > (k === 1 ? secondMax : 0xbf)) return -1;
    codePoint = (codePoint << 6) | (byte & 0x3f);
  }
  // U+0080 to U+009F are control characters too.
  if (codePoint < 0xa0 || delimiterLookalikes.has(codePoint)) return -1;
  return at + 3 * length;
}

/** The byte of the escape at `at`; -1 when two hex digits do not follow. */
function byteAt(raw: string, at: number): number {
  const high = hexValue(raw.charCodeAt(at + 1));
  const low = hexValue(raw.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** NaN, which charCodeAt gives past the end, falls through to -1. */
function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}

function hasLowerHex(raw: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (raw.charCodeAt(i) >= 0x61) return true;
  return false;
}
