// hot path: asked for every request.
import type { Facts } from '../core/facts.ts';

/** A route of Odoo that takes a password or an API key and says whether it was right. */
export type LoginRoute = 'web-login' | 'web-totp' | 'web-session' | 'json-rpc' | 'xml-rpc' | 'json-2';

/** Odoo takes a website language off the front (`find-route.ts`), and one trailing slash says the same. */
const login =
  /^(?:\/[^/]+)?\/(web\/login|web\/login\/totp|web\/session\/authenticate|jsonrpc|xmlrpc\/(?:2\/)?(?:common|object|db))\/?$/;

const routes: Readonly<Record<string, LoginRoute>> = {
  'web/login': 'web-login',
  'web/login/totp': 'web-totp',
  'web/session/authenticate': 'web-session',
  jsonrpc: 'json-rpc',
};

/** The login route that this request goes to; undefined for any other request. */
export function findLoginRoute({ method, path, odoo }: Facts): LoginRoute | undefined {
  if (method !== 'POST') return undefined;
  if (odoo !== undefined) return 'json-2';
  const found = login.exec(path)?.[1];
  return found === undefined ? undefined : (routes[found] ?? 'xml-rpc');
}

/** The service that an XML-RPC path names: `common`, `object` or `db`. */
export function xmlRpcService(path: string): string {
  return /([a-z]+)\/?$/.exec(path)?.[1] ?? '';
}
