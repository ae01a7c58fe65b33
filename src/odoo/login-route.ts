// hot path: asked for every request.
import type { Facts } from '../core/facts.ts';
import { xmlRpcService } from './read-call.ts';
import { findOdooRoute, type OdooRoute } from './route.ts';

/** A route of Odoo that takes a password or an API key and says whether it was right. */
export type LoginRoute = Extract<
  OdooRoute,
  'web-login' | 'web-totp' | 'web-session' | 'json-rpc' | 'xml-rpc' | 'json-2'
>;

/** The login route that this request goes to; undefined for any other request. */
export function findLoginRoute({ method, path, odoo }: Facts): LoginRoute | undefined {
  if (method !== 'POST') return undefined;
  const route = findOdooRoute(path);
  switch (route) {
    case 'json-2':
      return odoo === undefined ? undefined : route;
    case 'xml-rpc':
      return services.has(xmlRpcService(path)) ? route : undefined;
    case 'web-login':
    case 'web-totp':
    case 'web-session':
    case 'json-rpc':
      return route;
    default:
      return undefined;
  }
}

const services: ReadonlySet<string> = new Set(['common', 'object', 'db']);
