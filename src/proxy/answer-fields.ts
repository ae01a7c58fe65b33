// hot path: builds the field list that goes back to the client.
import type { LimitOutcome } from '../core/limit.ts';
import type { AnswerPolicy } from '../decide/snapshot.ts';
import { rateLimitFields } from '../limits/rate-limit-fields.ts';

/** RFC 9110 §7.6.1, and what only the gateway may say about a connection. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export interface AnsweredRequest {
  limits: readonly LimitOutcome[];
  requestId: string;
  /** As the client came, before any proxy. */
  scheme: 'http' | 'https';
  /** What the zone says of its answers; undefined where it says nothing. */
  policy: AnswerPolicy | undefined;
}

/**
 * Rewrites the fields of an upstream's answer, names in lower case: hop-by-hop ones and those that its `Connection` names
 * end here, the session of Odoo is kept from other sites and from plain HTTP, and what the zone removes or sets is removed
 * or set.
 */
export function answerFields(
  upstream: readonly string[],
  { limits, requestId, scheme, policy }: AnsweredRequest,
): string[] {
  let out: string[] = [];
  let named: string[] | undefined;
  for (let i = 0; i < upstream.length; i += 2) {
    const name = upstream[i] ?? '';
    const value = upstream[i + 1] ?? '';
    if (name === 'connection') named = addNames(named, value);
    if (hopByHop.has(name) || name === 'x-request-id') continue;
    if (policy?.replaced.has(name) === true) continue;
    out.push(name, name === 'set-cookie' ? guardedCookie(value, scheme) : value);
  }
  if (named !== undefined) out = withoutFields(out, named);
  out.push('x-request-id', requestId);
  rateLimitFields(limits, out);
  if (policy !== undefined) for (const part of policy.set) out.push(part);
  return out;
}

/**
 * Odoo gives its session cookie neither attribute and asks the proxy to (its deployment guide, "HTTPS Hardening"). Secure
 * only where the client came by HTTPS: by plain HTTP a browser would drop the cookie.
 */
function guardedCookie(cookie: string, scheme: 'http' | 'https'): string {
  if (!cookie.startsWith('session_id=')) return cookie;
  let guarded = cookie;
  if (scheme === 'https' && !/;\s*secure\s*(;|$)/i.test(cookie)) guarded += '; Secure';
  if (!/;\s*samesite\s*=/i.test(cookie)) guarded += '; SameSite=Lax';
  return guarded;
}

/** Adds the fields that a `Connection` calls hop-by-hop; the usual `close` and `keep-alive` name none. */
function addNames(names: string[] | undefined, connection: string): string[] | undefined {
  const value = connection.toLowerCase();
  if (value === 'close' || value === 'keep-alive') return names;
  return [...(names ?? []), ...value.split(',').map((token) => token.trim())];
}

function withoutFields(fields: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (!names.includes(name)) kept.push(name, fields[i + 1] ?? '');
  }
  return kept;
}
