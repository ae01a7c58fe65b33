// hot path: one reading of a request head, refused where another parser could read it otherwise.
import { combineValues } from '../core/fields.ts';
import type { Reason } from '../core/reason.ts';
import { isTargetText, isToken, parseLength } from './characters.ts';
import { readFieldLines } from './field-lines.ts';
import { findCommonMethod } from './methods.ts';

/** Why a request is refused for its head alone; its connection ends with the refusal. */
export type HeadDefect = Extract<
  Reason,
  | 'framing_invalid'
  | 'header_invalid'
  | 'header_too_large'
  | 'host_invalid'
  | 'method_not_supported'
  | 'target_too_long'
  | 'version_not_supported'
  | 'expectation_failed'
>;

export interface HeadBounds {
  maxFields: number;
  maxTargetBytes: number;
}

/** A request head that could be read as one, with or without a defect. */
export interface RequestHead {
  method: string;
  /** As it came: printable, without blanks, and nothing more is known of it. */
  target: string;
  /** Flat list, names lower-cased, those with `_` dropped. */
  fields: string[];
  /** Declared length; 0 without a body, undefined for a chunked one. */
  bodyLength: number | undefined;
  http10: boolean;
  /** Whether the client allows another request behind this one. */
  keepAlive: boolean;
  expectsContinue: boolean;
  /** Whether it asks for a WebSocket in the form that may become a tunnel. */
  upgrade: boolean;
  defect: HeadDefect | undefined;
}

const maxMethodLength = 32;

/**
 * Reads a head (latin-1, without the empty line at its end). A string says why the bytes are no request at all.
 *
 * RFC 9112 leaves a recipient much to repair; nothing is repaired here, because the next one would repair it otherwise.
 */
export function parseRequestHead(text: string, bounds: HeadBounds): RequestHead | HeadDefect {
  const lineEnd = text.indexOf('\r\n');
  const line = lineEnd === -1 ? text : text.slice(0, lineEnd);
  const methodEnd = line.indexOf(' ');
  const targetEnd = line.indexOf(' ', methodEnd + 1);
  if (methodEnd <= 0 || targetEnd <= methodEnd + 1) return 'framing_invalid';
  const cutMethod = line.slice(0, methodEnd);
  const common = findCommonMethod(cutMethod);
  const method = common ?? cutMethod;
  const target = line.slice(methodEnd + 1, targetEnd);
  const version = line.slice(targetEnd + 1);
  if (common === undefined && (methodEnd > maxMethodLength || !isToken(method))) return 'framing_invalid';
  if (!isTargetText(target)) return 'framing_invalid';
  // RFC 9110 §9.3.6: what stands behind it may be meant for a tunnel, so it is not a request either.
  if (method === 'CONNECT') return 'method_not_supported';
  const http10 = version === 'HTTP/1.0';
  if (!http10 && version !== 'HTTP/1.1') {
    return /^HTTP\/\d\.\d$/.test(version) ? 'version_not_supported' : 'framing_invalid';
  }

  const head: RequestHead = {
    method,
    target,
    fields: [],
    bodyLength: 0,
    http10,
    keepAlive: !http10,
    expectsContinue: false,
    upgrade: false,
    defect: undefined,
  };
  if (target.length > bounds.maxTargetBytes) head.defect = 'target_too_long';
  else if (lineEnd === -1) head.defect = 'host_invalid';
  else {
    // To an upstream that makes variables of names, X_Forwarded_For is X-Forwarded-For: one of them must not exist.
    const defect = readFieldLines(text, lineEnd + 2, head.fields, bounds.maxFields, false);
    head.defect = defect ?? readMeaning(head);
  }
  return head;
}

/** What the fields say about host, framing and connection. */
function readMeaning(head: RequestHead): HeadDefect | undefined {
  const { fields } = head;
  let hosts = 0;
  let length: string | undefined;
  let coding: string | undefined;
  let expectation: string | undefined;
  let connection: string | undefined;
  let upgrade: string | undefined;
  let repeated = false;
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1] ?? '';
    switch (fields[i] ?? '') {
      case 'host':
        hosts++;
        break;
      case 'content-length':
        repeated ||= length !== undefined;
        length = value;
        break;
      case 'transfer-encoding':
        repeated ||= coding !== undefined;
        coding = value;
        break;
      case 'connection':
        connection = combineValues(connection, value);
        break;
      case 'expect':
        expectation = combineValues(expectation, value);
        break;
      case 'upgrade':
        upgrade = value;
        break;
    }
  }
  if (connection !== undefined) head.keepAlive = allowsAnother(connection, head.http10);
  if (hosts !== 1) return 'host_invalid';
  if (coding !== undefined) {
    head.bodyLength = undefined;
    // RFC 9112 §6.1: a length beside a coding, or a coding in HTTP/1.0, is how requests are smuggled.
    if (repeated || length !== undefined || head.http10 || coding.toLowerCase() !== 'chunked')
      return 'framing_invalid';
  } else if (length !== undefined) {
    const bytes = repeated ? undefined : parseLength(length);
    if (bytes === undefined) return 'framing_invalid';
    head.bodyLength = bytes;
  }
  // RFC 9110 §10.1.1: HTTP/1.0 knows no expectations.
  if (expectation !== undefined && !head.http10) {
    if (expectation.toLowerCase() !== '100-continue') return 'expectation_failed';
    head.expectsContinue = head.bodyLength !== 0;
  }
  head.upgrade =
    upgrade !== undefined &&
    upgrade.toLowerCase() === 'websocket' &&
    head.method === 'GET' &&
    !head.http10 &&
    length === undefined &&
    coding === undefined;
  return undefined;
}

/** RFC 9112 §9.3: `close` outdoes everything; HTTP/1.0 has to ask. */
function allowsAnother(connection: string, http10: boolean): boolean {
  if (connection === 'keep-alive') return true;
  const options = connection
    .toLowerCase()
    .split(',')
    .map((option) => option.trim());
  return !options.includes('close') && (!http10 || options.includes('keep-alive'));
}
