// hot path
import type { OdooCall } from '../core/facts.ts';

const prefix = '/json/2/';
/** Odoo model names are letters, digits, dots and underscores. */
const call = /^\/json\/2\/[A-Za-z0-9_.]+\/[A-Za-z0-9_]+\/?$/;

/**
 * Reads model and method from the canonical path of a JSON-2 call, `/json/2/<model>/<method>`. Unlike the other Odoo
 * protocols, here the path is authoritative (addons/rpc/controllers/json2.py). One trailing slash says the same: Odoo's
 * routes take it (`strict_slashes=False`). Undefined for any other path.
 */
export function readJson2(path: string): OdooCall | undefined {
  if (!path.startsWith(prefix) || !call.test(path)) return undefined;
  const slash = path.indexOf('/', prefix.length);
  const end = path.indexOf('/', slash + 1);
  const model = path.slice(prefix.length, slash);
  const method = end === -1 ? path.slice(slash + 1) : path.slice(slash + 1, end);
  return {
    protocol: 'json-2',
    service: 'object',
    model,
    method,
    database: undefined,
    login: undefined,
    records: undefined,
    limit: undefined,
    sized: false,
  };
}
