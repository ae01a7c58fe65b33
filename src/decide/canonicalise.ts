// hot path
import type { Facts } from '../core/facts.ts';
import { combineValues, type Fields, fieldCount, fieldValue } from '../core/fields.ts';
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
  const told = readFields(fields);
  if (told.repeated) return 'header_invalid';
  if (told.hosts !== 1) return 'host_invalid';
  const authority = parseHost(told.host);
  if (authority === undefined) return 'host_invalid';
  const target = splitTarget(head.target);
  if (target === undefined) return 'target_invalid';
  const path = canonicalPath(target.path);
  if (path === undefined) return 'path_ambiguous';
  if (head.forwardedByPeer && path !== target.path) return 'path_not_canonical';
  const { connection } = told;
  if (connection !== undefined && namesProtectedField(connection)) return 'header_invalid';

  const peerAddress = canonicalIp(head.peerAddress) ?? head.peerAddress;
  const fromTrustedProxy = containsIp(trustedProxies, peerAddress);
  const upgrade = told.upgrade || head.forwardedByPeer ? readUpgrade(head, path, connection) : undefined;
  if (upgrade === 'invalid') return 'upgrade_invalid';
  return {
    method,
    scheme: fromTrustedProxy ? (schemeOf(told.forwardedProto) ?? head.scheme) : head.scheme,
    host: authority.host,
    port: authority.port,
    path,
    query: target.query,
    fields,
    clientAddress: fromTrustedProxy
      ? clientBehindProxies(told.forwardedFor, trustedProxies, peerAddress)
      : peerAddress,
    fromTrustedProxy,
    clientCertificate: fromTrustedProxy ? told.clientCertificate : undefined,
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

/** What the fields tell, read in one pass. Lists are combined (RFC 9110 §5.3). */
interface Told {
  hosts: number;
  host: string;
  connection: string | undefined;
  upgrade: boolean;
  /** The first of them. */
  forwardedProto: string | undefined;
  forwardedFor: string | undefined;
  clientCertificate: string | undefined;
  /** Whether a field that decides something and has one value is there twice: one parser reads the first, the next one the last. */
  repeated: boolean;
}

function readFields(fields: Fields): Told {
  const told: Told = {
    hosts: 0,
    host: '',
    connection: undefined,
    upgrade: false,
    forwardedProto: undefined,
    forwardedFor: undefined,
    clientCertificate: undefined,
    repeated: false,
  };
  let authorizations = 0;
  let contentTypes = 0;
  let origins = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1] ?? '';
    switch (fields[i]) {
      case 'host':
        told.hosts++;
        told.host = value;
        break;
      case 'authorization':
        authorizations++;
        break;
      case 'content-type':
        contentTypes++;
        break;
      case 'origin':
        origins++;
        break;
      case 'connection':
        told.connection = combineValues(told.connection, value);
        break;
      case 'upgrade':
        told.upgrade = true;
        break;
      case 'x-forwarded-proto':
        told.forwardedProto ??= value;
        break;
      case 'x-forwarded-for':
        told.forwardedFor = combineValues(told.forwardedFor, value);
        break;
      case 'x-forwarded-tls-client-cert':
        told.clientCertificate = combineValues(told.clientCertificate, value);
        break;
      default:
    }
  }
  told.repeated = authorizations > 1 || contentTypes > 1 || origins > 1;
  return told;
}

function schemeOf(scheme: string | undefined): 'http' | 'https' | undefined {
  if (scheme === 'https' || scheme === 'wss') return 'https';
  return scheme === 'http' || scheme === 'ws' ? 'http' : undefined;
}

/** The rightmost address that is not one of our proxies: everything left of it is the client's own claim. */
function clientBehindProxies(
  chain: string | undefined,
  trusted: readonly Cidr[],
  peerAddress: string,
): string {
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
