import type { Fields } from './fields.ts';

/** What is known of a request before any decision; every value is canonical, so equal meaning is equal text. */
export interface Facts {
  method: string;
  scheme: 'http' | 'https';
  /** Lower case, without port and without a trailing dot. */
  host: string;
  /** Port of the Host field, undefined when it names none. */
  port: number | undefined;
  /** Canonical path: decoded once, no dot segments, one leading slash. Exactly this is sent upstream. */
  path: string;
  /** Query without `?`, as it came; undefined when the target has none. */
  query: string | undefined;
  fields: Fields;
  /** The client as told by the nearest trusted proxy, else the socket peer. IPv4-mapped addresses are IPv4. */
  clientAddress: string;
  /** Whether the socket peer is a trusted proxy: only then forwarded fields were believed. */
  fromTrustedProxy: boolean;
  /** `X-Forwarded-Tls-Client-Cert` of a trusted proxy, undecoded. */
  clientCertificate: string | undefined;
  /** True for a well-formed WebSocket handshake (RFC 6455 §4.1). */
  webSocket: boolean;
  /** Model and method of an Odoo JSON-2 call; the path is authoritative for these. */
  odoo: OdooCall | undefined;
  listener: string;
  requestId: string;
}

export interface OdooCall {
  protocol: 'json-2';
  model: string;
  method: string;
}
