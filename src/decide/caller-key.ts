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

/** 32 bits, evenly spread, the same everywhere (FNV-1a, with the last mixing steps of MurmurHash3). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
