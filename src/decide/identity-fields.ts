// hot path: what the gateway tells Odoo about the caller, on every surface the same.
import type { Facts } from '../core/facts.ts';
import type { Principal } from '../core/principal.ts';
import { combinedFieldValue, fieldValue } from '../core/fields.ts';
import type { Inquiry } from './inquiry.ts';

/**
 * Every field by which an allowed request may be told who called. A surface first removes all of them from what the client
 * sent, then sets those that `pushIdentityFields` gives.
 */
export const identityFieldNames: readonly string[] = [
  'authorization',
  'x-bulkhead-zone',
  'x-bulkhead-tenant',
  'x-bulkhead-principal',
  'x-bulkhead-workload',
  'x-bulkhead-pool',
  'x-odoo-database',
  'x-odoo-dbfilter',
  'x-openerp-dbfilter',
  'x-request-id',
];

/**
 * Names that a zone cannot pass even by a prefix: the gateway or the transport sets them, and a name with `_` is another
 * spelling of one with `-`. The name is in lower case.
 */
export function isOurs(name: string): boolean {
  return (
    name.includes('_') ||
    name.startsWith('x-forwarded') ||
    name.startsWith('x-bulkhead-') ||
    name.startsWith('x-odoo-') ||
    name.startsWith('x-openerp-') ||
    name.startsWith('sec-websocket-') ||
    ours.has(name)
  );
}

const ours: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'traceparent',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-original-url',
  'x-real-ip',
  'x-request-id',
  'x-rewrite-url',
]);

/** Appends zone, tenant and principal of an allowed request, the database of a stateless call, and what Odoo is to see as Authorization. */
export function pushIdentityFields(out: string[], inquiry: Inquiry): void {
  pushAuthorization(out, inquiry);
  const { tenant, principal, known } = inquiry;
  out.push('x-bulkhead-zone', inquiry.governing.name, 'x-bulkhead-workload', inquiry.workload ?? '');
  out.push('x-request-id', known.requestId);
  if (tenant !== undefined) {
    out.push('x-bulkhead-tenant', tenant.id);
    // Only calls without a session: beside a session of another database Odoo answers 403 (odoo/http.py).
    if (isStateless(known)) out.push('x-odoo-database', tenant.database);
  }
  if (principal !== undefined) out.push('x-bulkhead-principal', encodedSubject(principal));
}

/** A principal lives as long as its credential is remembered, and calls more than once. */
const encodedSubjects = new WeakMap<Principal, string>();

function encodedSubject(principal: Principal): string {
  let encoded = encodedSubjects.get(principal);
  if (encoded === undefined) {
    encoded = encodeURI(principal.subject.toWellFormed());
    encodedSubjects.set(principal, encoded);
  }
  return encoded;
}

/** A call that carries its own credential, and no session beside it. Without the field Odoo asks PostgreSQL for all databases. */
function isStateless({ odoo, fields }: Facts): boolean {
  if (odoo === undefined || odoo.protocol === 'web' || odoo.service === 'db') return false;
  return combinedFieldValue(fields, 'cookie')?.includes('session_id=') !== true;
}

/**
 * A zone that takes tokens consumes the Authorization field: the token is for the gateway. What Odoo wants there on JSON-2
 * is its own API key, which the tenant's configuration holds. In other zones the field is Odoo's and passes; a caller that
 * is known by something else, such as a certificate, and sends no such field gets the key as well. Nobody unknown does.
 */
function pushAuthorization(out: string[], inquiry: Inquiry): void {
  const { identify, forwarding } = inquiry.governing;
  const takesTokens = identify.alternatives.some((alternative) => alternative.kind === 'jwt');
  if (!takesTokens || forwarding.passAuthorization) {
    const value = fieldValue(inquiry.known.fields, 'authorization');
    if (value !== undefined) out.push('authorization', value);
    if (value !== undefined || inquiry.principal === undefined) return;
  }
  const key = inquiry.tenant?.odooApiKey;
  if (key !== undefined && inquiry.known.odoo?.protocol === 'json-2')
    out.push('authorization', `Bearer ${key}`);
}
