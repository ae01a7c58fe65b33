// hot path: at most once for each request, where a zone or a pool wants to recognise who calls.
import { sessionIdOf } from '../odoo/session-id.ts';
import type { Inquiry } from './inquiry.ts';

/** What the requests of somebody are recognised by. */
export interface CallerKey {
  kind: 'session' | 'principal' | 'address';
  value: string;
}

/**
 * Sessions first: what a browser loads must be of one version. Every instance comes to the same result, because it depends on nothing
 * that they do not share.
 */
export function callerKeyOf({ known, principal }: Inquiry): CallerKey {
  const session = sessionIdOf(known.fields);
  if (session !== undefined) return { kind: 'session', value: session };
  if (principal !== undefined) {
    return { kind: 'principal', value: `${principal.issuer}\0${principal.subject}` };
  }
  return { kind: 'address', value: known.clientAddress };
}
