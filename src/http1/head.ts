// hot path: the strict reading of a request head, on top of what `node:http` lets through.
import type { IncomingMessage } from 'node:http';
import type { Reason } from '../core/reason.ts';

/** Why a head that `node:http` accepted is refused all the same. */
export type HeadDefect = Extract<
  Reason,
  | 'framing_invalid'
  | 'header_invalid'
  | 'header_too_large'
  | 'host_invalid'
  | 'target_too_long'
  | 'version_not_supported'
  | 'expectation_failed'
>;

export interface HeadBounds {
  maxFields: number;
  maxTargetBytes: number;
}

export interface StrictHead {
  fields: string[];
  /** Declared length; 0 without a body, undefined for a chunked one. */
  bodyLength: number | undefined;
  defect: HeadDefect | undefined;
}

/**
 * Reads the fields as they came, names lower-cased, and names with `_` dropped: an upstream that maps names to CGI
 * variables cannot tell `X_Forwarded_For` from `X-Forwarded-For`, so one of them must not exist.
 *
 * `node:http` keeps the first of two Host fields, takes odd versions, forwards `identity, chunked` and drops fields past a
 * count (measured; that count is switched off here and ours refuses). Each of these is a defect.
 */
export function readHead(request: IncomingMessage, bounds: HeadBounds): StrictHead {
  const raw = request.rawHeaders;
  const fields: string[] = [];
  let hosts = 0;
  let lengths = 0;
  let lengthText = '';
  let codings = 0;
  let coding = '';
  let expectation: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const value = raw[i + 1] ?? '';
    if (name.includes('_')) continue;
    if (name === 'host') hosts++;
    else if (name === 'content-length') {
      lengths++;
      lengthText = value;
    } else if (name === 'transfer-encoding') {
      codings++;
      coding = value;
    } else if (name === 'expect') {
      expectation = expectation === undefined ? value : `${expectation}, ${value}`;
    }
    fields.push(name, value);
  }

  let defect: HeadDefect | undefined;
  let bodyLength: number | undefined = 0;
  const version = request.httpVersion;
  if (version !== '1.1' && version !== '1.0') defect = 'version_not_supported';
  else if (raw.length / 2 > bounds.maxFields) defect = 'header_too_large';
  else if ((request.url ?? '').length > bounds.maxTargetBytes) defect = 'target_too_long';
  else if (hosts !== 1) defect = 'host_invalid';
  else if (codings > 0) {
    // RFC 9112 §6.1: a length beside a coding, or a coding in HTTP/1.0, is how requests are smuggled.
    if (codings > 1 || lengths > 0 || version === '1.0' || coding.toLowerCase() !== 'chunked') {
      defect = 'framing_invalid';
    }
    bodyLength = undefined;
  } else if (lengths > 0) {
    if (lengths > 1 || !isLength(lengthText)) defect = 'framing_invalid';
    else bodyLength = Number(lengthText);
  }
  // RFC 9110 §10.1.1; `node:http` finds the word anywhere in the value. HTTP/1.0 knows no expectations.
  if (defect === undefined && expectation !== undefined && version === '1.1') {
    if (expectation.toLowerCase() !== '100-continue') defect = 'expectation_failed';
  }
  return { fields, bodyLength, defect };
}

/** RFC 9110 §8.6, bounded so that it is exact in a double. */
function isLength(text: string): boolean {
  if (text.length === 0 || text.length > 15) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
