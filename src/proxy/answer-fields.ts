// hot path: builds the field list that goes back to the client.
import type { LimitOutcome } from '../core/limit.ts';
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

/** Rewrites the fields of an upstream's answer: hop-by-hop ones and those that its `Connection` names end here. */
export function answerFields(
  upstream: readonly string[],
  { limits, requestId }: { limits: readonly LimitOutcome[]; requestId: string },
): string[] {
  const named = connectionTokens(upstream);
  const out: string[] = [];
  for (let i = 0; i < upstream.length; i += 2) {
    const name = upstream[i] ?? '';
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || lower === 'x-request-id' || named?.includes(lower)) continue;
    out.push(name, upstream[i + 1] ?? '');
  }
  out.push('x-request-id', requestId);
  if (limits.length > 0) for (const part of rateLimitFields(limits)) out.push(part);
  return out;
}

/** The fields that the upstream calls hop-by-hop; undefined for the usual `close` and `keep-alive`. */
function connectionTokens(fields: readonly string[]): string[] | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() !== 'connection') continue;
    const value = fields[i + 1]?.toLowerCase() ?? '';
    if (value === 'close' || value === 'keep-alive') continue;
    return value.split(',').map((token) => token.trim());
  }
  return undefined;
}
