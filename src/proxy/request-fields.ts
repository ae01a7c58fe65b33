// hot path: builds the field list that goes upstream.
import type { Facts } from '../core/facts.ts';
import { combinedFieldValue, type Fields, fieldValue } from '../core/fields.ts';
import { isOurs, pushIdentityFields } from '../decide/identity-fields.ts';
import type { Inquiry } from '../decide/inquiry.ts';

/**
 * What a client may say to Odoo; every other field is dropped. A list of what passes instead of what is removed, because
 * the next header that some module trusts is not known yet. A zone adds names with `headers.pass`.
 */
const passing: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'access-control-request-headers',
  'access-control-request-method',
  'cache-control',
  'content-encoding',
  'content-language',
  'content-type',
  'cookie',
  'dnt',
  'from',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'origin',
  'pragma',
  'priority',
  'range',
  'referer',
  'tracestate',
  'upgrade-insecure-requests',
  'user-agent',
  'x-csrf-token',
  'x-csrftoken',
  'x-requested-with',
]);

const webSocketFields: ReadonlySet<string> = new Set([
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
]);

/** The fields of the request as Odoo gets it. Fields that the gateway sets never come from the client. */
export function upstreamFields(inquiry: Inquiry): string[] {
  const facts = inquiry.known;
  const { fields } = facts;
  const { passFields } = inquiry.governing.forwarding;
  const connection = hopByHopNames(fields);
  // The host that the zone rule saw, not the spelling of the client: Odoo finds its database by it.
  const host = facts.port === undefined ? facts.host : `${facts.host}:${facts.port}`;
  const out: string[] = ['host', host];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (!mayPass(name, facts.webSocket, passFields)) continue;
    // RFC 9110 §7.6.1: what the client calls hop-by-hop ends here.
    if (connection !== undefined && isNamedIn(connection, name)) continue;
    out.push(name, fields[i + 1] ?? '');
  }
  pushForwarded(out, facts, host);
  pushIdentityFields(out, inquiry);
  if (facts.webSocket) out.push('upgrade', 'websocket');
  return out;
}

function mayPass(name: string, webSocket: boolean, passFields: readonly string[]): boolean {
  if (passing.has(name)) return true;
  if (name.startsWith('sec-'))
    return name.startsWith('sec-websocket-') ? webSocket && webSocketFields.has(name) : true;
  for (const pass of passFields) {
    if (pass === name || (pass.endsWith('*') && name.startsWith(pass.slice(0, -1)))) return !isOurs(name);
  }
  return false;
}

/** The Connection field when it names fields, which it hardly ever does. */
function hopByHopNames(fields: Fields): string | undefined {
  const connection = combinedFieldValue(fields, 'connection');
  return connection === 'keep-alive' || connection === 'close' ? undefined : connection;
}

function isNamedIn(connection: string, name: string): boolean {
  if (connection.length < name.length) return false;
  for (const token of connection.toLowerCase().split(',')) {
    if (token.trim() === name) return true;
  }
  return false;
}

/** Exactly one value each: Odoo reads the last X-Forwarded-For and none at all without X-Forwarded-Host (odoo/http.py). */
function pushForwarded(out: string[], facts: Facts, host: string): void {
  out.push(
    'x-forwarded-for',
    facts.clientAddress,
    'x-forwarded-host',
    host,
    'x-forwarded-proto',
    facts.scheme,
    'traceparent',
    traceParent(fieldValue(facts.fields, 'traceparent'), facts.requestId),
  );
}

/**
 * W3C Trace Context: goes on with the caller's trace when it is well-formed, else begins one that has the request id for
 * its trace id; always with a span of our own, the second half of the request id.
 */
function traceParent(given: string | undefined, requestId: string): string {
  const span = requestId.slice(16);
  if (given !== undefined && wellFormedTrace.test(given))
    return `${given.slice(0, 36)}${span}${given.slice(52)}`;
  return `00-${requestId}-${span}-00`;
}

const wellFormedTrace = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
