// hot path: once per answer.
import { isFieldValue, parseLength } from './characters.ts';
import { readFieldLines } from './field-lines.ts';

/** The head of one answer, and what it says about the bytes behind it. */
export interface ResponseHead {
  status: number;
  /** Flat list; names in lower case, values as they came. */
  fields: string[];
  /** How the body ends (RFC 9112 §6.3). */
  framing: 'length' | 'chunked' | 'until-end';
  /** Bytes of the body when `framing` is `length`. */
  length: number;
  /** Longest time that the connection may serve again after being idle; 0 when it may not at all. */
  idleMs: number;
}

/** Head with its last empty line. */
export const maxHeadBytes = 64 * 1024;
const maxFields = 500;
/** Below the five seconds after which many servers close, so that hardly a request meets a closing connection. */
const defaultIdleMs = 4_000;

/**
 * Reads the head of an answer in latin-1 `text`, which ends before the CRLFCRLF. Undefined when it is malformed, or when its
 * framing could be read in more than one way (RFC 9112 §6.3). A blank before a colon is one of the defects: RFC 9112 §5.1 lets
 * a proxy remove it, but an upstream that sends one is not to be trusted about where its answer ends either.
 */
export function readResponseHead(text: string, isAnswerToHead: boolean): ResponseHead | undefined {
  let lineEnd = text.indexOf('\r\n');
  if (lineEnd === -1) lineEnd = text.length;
  const version = readVersion(text);
  const status = readStatus(text, lineEnd);
  if (version === -1 || status === -1) return undefined;
  const fields: string[] = [];
  if (readFieldLines(text, lineEnd + 2, fields, maxFields) !== undefined) return undefined;

  let length: number | undefined;
  let chunked = false;
  // A server of HTTP/1.0 may mean something else by `keep-alive` than we do; Odoo's always closes.
  let idleMs = version === 1 ? defaultIdleMs : 0;
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1] ?? '';
    switch (fields[i] ?? '') {
      case 'content-length': {
        // A repeated length is refused even when it is the same (RFC 9110 §8.6): whoever reads the answer next may differ.
        if (length !== undefined) return undefined;
        length = parseLength(value);
        if (length === undefined) return undefined;
        break;
      }
      case 'transfer-encoding':
        // RFC 9112 §6.1: no coding in HTTP/1.0; and §7: none but `chunked` was offered, as we send no TE.
        if (chunked || version === 0 || value.toLowerCase() !== 'chunked') return undefined;
        chunked = true;
        break;
      case 'connection':
        if (saysClose(value)) idleMs = 0;
        break;
      case 'keep-alive':
        idleMs = Math.min(idleMs, announcedIdleMs(value));
        break;
    }
  }
  if (chunked && length !== undefined) return undefined;
  // RFC 9112 §6.3: these have no body, whatever their fields say.
  if (isAnswerToHead || status < 200 || status === 204 || status === 304)
    return { status, fields, framing: 'length', length: 0, idleMs };
  if (chunked) return { status, fields, framing: 'chunked', length: 0, idleMs };
  if (length !== undefined) return { status, fields, framing: 'length', length, idleMs };
  return { status, fields, framing: 'until-end', length: 0, idleMs: 0 };
}

/**
 * Whether the first bytes of a head, read up to `end` and checked up to `from` before, can become one that is well-formed. So
 * a peer that speaks another protocol, or ends its lines otherwise, is found out without waiting for the rest.
 */
export function mayBecomeHead(bytes: Buffer, from: number, end: number): boolean {
  for (let i = from; i < end; i++) {
    if (i < versionStart.length && bytes[i] !== versionStart.charCodeAt(i)) return false;
    // Every line ends in CRLF, and only a line does (RFC 9112 §2.2).
    if (bytes[i] === 0x0a && bytes[i - 1] !== 0x0d) return false;
  }
  return true;
}

const versionStart = 'HTTP/1.';

/** The minor version, or -1. */
function readVersion(text: string): 0 | 1 | -1 {
  if (text.startsWith('HTTP/1.1 ')) return 1;
  return text.startsWith('HTTP/1.0 ') ? 0 : -1;
}

/** RFC 9112 §4. The blank in front of an empty reason is often left out, which changes nothing. */
function readStatus(text: string, lineEnd: number): number {
  const status = parseLength(text.slice(9, 12));
  if (lineEnd < 12 || status === undefined || status < 100 || status > 599) return -1;
  if (lineEnd > 12 && (text.charCodeAt(12) !== 0x20 || !isFieldValue(text.slice(13, lineEnd)))) return -1;
  return status;
}

function saysClose(connection: string): boolean {
  if (connection === 'keep-alive') return false;
  for (const option of connection.toLowerCase().split(',')) if (option.trim() === 'close') return true;
  return false;
}

/** What `Keep-Alive: timeout=5` allows, less a second for the way; Infinity when it does not say. */
function announcedIdleMs(value: string): number {
  const lower = value.toLowerCase();
  const at = lower.indexOf('timeout=');
  if (at === -1) return Infinity;
  let end = at + 8;
  while (end < lower.length && lower.charCodeAt(end) >= 0x30 && lower.charCodeAt(end) <= 0x39) end++;
  const seconds = parseLength(lower.slice(at + 8, end));
  return seconds === undefined ? 0 : Math.max(0, seconds - 1) * 1_000;
}
