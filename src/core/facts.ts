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
  /** The Odoo call in it. Of JSON-2 the path tells it at once, of other protocols the body does, from the stage `read` on. */
  odoo: OdooCall | undefined;
  listener: string;
  requestId: string;
}

/** What a request calls in Odoo, as Odoo itself will read it. Names hold no secret; the login is never logged. */
export interface OdooCall {
  /** `web`: what Odoo's own client sends with a session, `/web/dataset/call_kw` and the login routes. */
  protocol: 'json-2' | 'web' | 'json-rpc' | 'xml-rpc';
  /** `object` calls a model, `common` logs in, `db` manages databases. */
  service: 'object' | 'common' | 'db';
  /** Empty for the services `common` and `db`. */
  model: string;
  method: string;
  /** The database that the call itself names. */
  database: string | undefined;
  /** Login name, or `uid:7`. */
  login: string | undefined;
  /** Whether `records` and `limit` were read; the path of a JSON-2 call alone does not tell them. */
  sized: boolean;
  /** How many records it is about: ids, or rows of a `create`; undefined when it does not tell. */
  records: number | undefined;
  /** Most records that it asks for; undefined when it sets no limit. */
  limit: number | undefined;
}
