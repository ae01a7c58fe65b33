import type { Reason } from '../../src/core/reason.ts';
import type { UpstreamRequest } from './upstream-text.ts';

/** Status and reason of a refusal: `400 framing_invalid`. */
export type Refused = `${number} ${Reason}`;

/** Bytes on a new connection, and all that may come of them. */
export interface WireCase {
  /** Subject of the test's title: "a Content-Length of +5". */
  name: string;
  /** One character per byte. */
  bytes: string;
  /** What reaches Odoo, in this order, each compared byte for byte and answered with 200. */
  reaches?: readonly UpstreamRequest[];
  /** The answer to what is refused, behind the answers to what reached Odoo. */
  refused?: Refused;
  /** What becomes of the connection afterwards. `either` where neither an RFC nor a rule of ours says it. */
  end?: 'open' | 'closed' | 'either';
  /** 1xx answers before the first final one. */
  interim?: readonly number[];
  /** The client ends its side behind the bytes, within a request: there is no answer then, and nothing is completed. */
  cut?: boolean;
}

/** The host of the zone that passes what a zone passes by default. */
export const host = 'acme.erp.example';
export const hostField = `Host: ${host}\r\n`;

/** A GET with these field lines, each with its line end. */
export function get(fields: string, target = '/odoo'): string {
  return `GET ${target} HTTP/1.1\r\n${hostField}${fields}\r\n`;
}

/** A POST with these field lines and whatever follows them. */
export function post(fields: string, body = ''): string {
  return `POST /odoo HTTP/1.1\r\n${hostField}${fields}\r\n${body}`;
}

/** A POST with the chunked coding; `body` is as it goes over the wire. */
export function chunked(body: string): string {
  return post('Transfer-Encoding: chunked\r\n', body);
}

/** Rows that are all refused in the same way. */
export function refusing(
  refused: Refused,
  rows: readonly (readonly [name: string, bytes: string])[],
  end?: WireCase['end'],
): WireCase[] {
  return rows.map(([name, bytes]) => ({ name, bytes, refused, ...(end === undefined ? {} : { end }) }));
}

/** Rows of one request each. */
export function reaching(
  rows: readonly (readonly [name: string, bytes: string, request: UpstreamRequest])[],
  end?: WireCase['end'],
): WireCase[] {
  return rows.map(([name, bytes, request]) => ({
    name,
    bytes,
    reaches: [request],
    ...(end === undefined ? {} : { end }),
  }));
}

/** All control characters of ASCII but those given. */
export function controlsBut(...left: string[]): string[] {
  const controls = Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code));
  return [...controls, '\x7f'].filter((control) => !left.includes(control));
}

/** `0x0b`, for titles. */
export function hex(character: string): string {
  return `0x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** Refusals after which a byte more of the connection would be read on a guess (RFC 9112 §2.2, §6.3, §9.6). */
const closing: ReadonlySet<string> = new Set<Reason>([
  'framing_invalid',
  'header_invalid',
  'header_too_large',
  'target_too_long',
  'version_not_supported',
  'expectation_failed',
  'body_too_large',
]);

export function endOf({ end, refused, cut }: WireCase): 'open' | 'closed' | 'either' {
  if (end !== undefined) return end;
  if (cut === true) return 'closed';
  return refused !== undefined && closing.has(refused.slice(4)) ? 'closed' : 'open';
}

export function titleOf({ name, reaches, refused, cut }: WireCase): string {
  if (cut === true) return `${name} comes to nothing`;
  if (refused === undefined) return `${name} reaches Odoo in one reading`;
  const end = reaches === undefined ? '' : ', and what stands before it reaches Odoo';
  return `${name} is refused with ${refused}${end}`;
}
