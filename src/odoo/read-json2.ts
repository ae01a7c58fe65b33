// hot path
import type { OdooCall } from '../core/facts.ts';

const prefix = '/json/2/';

/**
 * Reads model and method from the canonical path of a JSON-2 call, `/json/2/<model>/<method>`. Unlike the other Odoo
 * protocols, here the path is authoritative (addons/rpc/controllers/json2.py). One trailing slash says the same: Odoo's
 * routes take it (`strict_slashes=False`). Undefined for any other path.
 */
export function readJson2(path: string): OdooCall | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const slash = path.indexOf('/', prefix.length);
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  if (slash === -1 || !isModel(path, prefix.length, slash) || !isMethod(path, slash + 1, end))
    return undefined;
  return { protocol: 'json-2', model: path.slice(prefix.length, slash), method: path.slice(slash + 1, end) };
}

/** Odoo model names: letters, digits, dots and underscores. */
function isModel(path: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (path[i] !== '.' && !isWordCharacter(path.charCodeAt(i))) return false;
  }
  return to > from;
}

function isMethod(path: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (!isWordCharacter(path.charCodeAt(i))) return false;
  }
  return to > from;
}

function isWordCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x5f
  );
}
