// hot path
import type { Facts } from '../core/facts.ts';
import { combinedFieldValue, type Fields, fieldCount, fieldValue } from '../core/fields.ts';
import { parseHost } from '../core/host.ts';
import { canonicalIp, type Cidr, containsIp } from '../core/ip.ts';
import { canonicalPath, splitTarget } from '../core/path.ts';
import type { Reason } from '../core/reason.ts';
import type { RequestHead } from '../core/request-head.ts';
import { readJson2 } from '../odoo/read-json2.ts';

/**
 * Gives a request its one meaning, or says why it has none. What is found here is what the zone rule judges and, for the
 * path, byte for byte what goes upstream.
 */
export function canonicalise(head: RequestHead, trustedProxies: readonly Cidr[]): Facts | Reason {
  const { fields, method } = head;
  if (!supportedMethods.has(method)) return 'method_not_supported';
  if (repeatsSingleField(fields)) return 'header_invalid';
  if (fieldCount(fields, 'host') !== 1) return 'host_invalid';
  const authority = parseHost(fieldValue(fields, 'host') ?? '');
  if (authority === undefined) return 'host_invalid';
  const target = splitTarget(head.target);
  if (target === undefined) return 'target_invalid';
  const path = canonicalPath(target.path);
  if (path === undefined) return 'path_ambiguous';
  if (head.forwardedByPeer && path !== target.path) return 'path_not_canonical';
  const connection = combinedFieldValue(fields, 'connection');
  if (connection !== undefined && namesProtectedField(connection)) return 'header_invalid';

  const peerAddress = canonicalIp(head.peerAddress) ?? head.peerAddress;
  const fromTrustedProxy = containsIp(trustedProxies, peerAddress);
  const upgrade = readUpgrade(head, path, connection);
  if (upgrade === 'invalid') return 'upgrade_invalid';
  return {
    method,
    scheme: fromTrustedProxy ? (forwardedScheme(fields) ?? head.scheme) : head.scheme,
    host: authority.host,
    port: authority.port,
    path,
    query: target.query,
    fields,
    clientAddress: fromTrustedProxy ? clientBehindProxies(fields, trustedProxies, peerAddress) : peerAddress,
    fromTrustedProxy,
    clientCertificate: fromTrustedProxy
      ? combinedFieldValue(fields, 'x-forwarded-tls-client-cert')
      : undefined,
    webSocket: upgrade === 'websocket',
    odoo: readJson2(path),
    listener: head.listener,
    requestId: head.requestId,
  };
}

/**
 * What Odoo's routes know. Not TRACE, which echoes credentials, nor CONNECT (RFC 9110 §9.3.6 and §9.3.8), nor the methods
 * of other protocols (`SOURCE`, `DESCRIBE`) that the parser takes.
 */
const supportedMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/** Fields that decide something and have one value: of two, one parser reads the first, the next one the last. */
function repeatsSingleField(fields: Fields): boolean {
  let authorization = 0;
  let contentType = 0;
  let origin = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    if (name === 'authorization') authorization++;
    else if (name === 'content-type') contentType++;
    else if (name === 'origin') origin++;
  }
  return authorization > 1 || contentType > 1 || origin > 1;
}

function forwardedScheme(fields: Fields): 'http' | 'https' | undefined {
  const scheme = fieldValue(fields, 'x-forwarded-proto');
  if (scheme === 'https' || scheme === 'wss') return 'https';
  return scheme === 'http' || scheme === 'ws' ? 'http' : undefined;
}

/** The rightmost address that is not one of our proxies: everything left of it is the client's own claim. */
function clientBehindProxies(fields: Fields, trusted: readonly Cidr[], peerAddress: string): string {
  const chain = combinedFieldValue(fields, 'x-forwarded-for');
  if (chain === undefined) return peerAddress;
  let client = peerAddress;
  let end = chain.length;
  while (end > 0) {
    const comma = chain.lastIndexOf(',', end - 1);
    const address = canonicalIp(chain.slice(comma + 1, end).trim());
    // What does not read as an address ends the walk: nothing before it can be trusted either.
    if (address === undefined) return client;
    client = address;
    if (!containsIp(trusted, address)) return client;
    if (comma === -1) return client;
    end = comma;
  }
  return client;
}

/** Fields that a client must not remove from its own request by naming them hop-by-hop (Traefik CVE-2024-45410). */
function namesProtectedField(connection: string): boolean {
  if (connection === 'keep-alive' || connection === 'close' || connection === 'Upgrade') return false;
  for (const token of connection.toLowerCase().split(',')) {
    const name = token.trim();
    if (protectedFields.has(name) || name.startsWith('x-')) return true;
  }
  return false;
}

const protectedFields: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'cookie',
  'authorization',
  'forwarded',
  'origin',
  'traceparent',
]);

/** RFC 6455 §4.2.1. Only `websocket` is an upgrade that we know; `h2c` would be a way around every rule. */
function readUpgrade(
  head: RequestHead,
  path: string,
  connection: string | undefined,
): 'websocket' | 'invalid' | undefined {
  const { fields, method } = head;
  // Traefik removes hop-by-hop fields before it asks; there the path alone tells.
  if (head.forwardedByPeer) return path === '/websocket' && method === 'GET' ? 'websocket' : undefined;
  const upgrade = fieldValue(fields, 'upgrade');
  if (upgrade === undefined) return undefined;
  const wellFormed =
    method === 'GET' &&
    fieldCount(fields, 'upgrade') === 1 &&
    upgrade.toLowerCase() === 'websocket' &&
    connection !== undefined &&
    /(^|,)\s*upgrade\s*(,|$)/i.test(connection) &&
    fieldValue(fields, 'sec-websocket-version') === '13' &&
    fieldCount(fields, 'sec-websocket-key') === 1 &&
    /^[A-Za-z0-9+/]{22}==$/.test(fieldValue(fields, 'sec-websocket-key') ?? '') &&
    fieldValue(fields, 'content-length') === undefined &&
    fieldValue(fields, 'transfer-encoding') === undefined;
  return wellFormed ? 'websocket' : 'invalid';
}
