// hot path: once per request; one text, so that a small request leaves in one system call.
import { isTargetText, isToken } from './characters.ts';
import { fieldLines } from './field-lines.ts';
import { findCommonMethod } from './methods.ts';
import type { UpstreamRequest } from './upstream.ts';

/**
 * The head of a request as it goes out, in latin-1. Undefined when a part of it holds a character that could end the part
 * (RFC 9112 §3, §5), when there is not exactly one Host, or when the fields frame the body or speak for the connection, which
 * is for this side alone to do. What is judged was checked long before; this is the last defence against header injection.
 */
export function requestHead(
  request: Pick<UpstreamRequest, 'method' | 'target' | 'fields' | 'body'>,
  connection: 'close' | 'Upgrade' | undefined,
): string | undefined {
  const { method, target, fields } = request;
  if (findCommonMethod(method) === undefined && !isToken(method)) return undefined;
  if (!isTargetText(target)) return undefined;
  let hosts = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    if (name === 'host') hosts++;
    else if (name === 'content-length' || name === 'transfer-encoding' || name === 'connection')
      return undefined;
  }
  const lines = fieldLines(fields);
  if (hosts !== 1 || lines === undefined) return undefined;
  const last = connection === undefined ? '\r\n\r\n' : `\r\nconnection: ${connection}\r\n\r\n`;
  return `${method} ${target} HTTP/1.1${lines}${framing(request)}${last}`;
}

/** RFC 9112 §6.3: one way to tell the end of the body, or none for no body. */
function framing({ body, method }: Pick<UpstreamRequest, 'body' | 'method'>): string {
  // RFC 9110 §8.6: where a body is usual, its absence is said; some servers wait for one otherwise.
  if (body === undefined) return bodyIsUsual(method) ? '\r\ncontent-length: 0' : '';
  return body.length === undefined
    ? '\r\ntransfer-encoding: chunked'
    : `\r\ncontent-length: ${String(body.length)}`;
}

function bodyIsUsual(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}
