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
  let out: string[] = [];
  let named: string[] | undefined;
  for (let i = 0; i < upstream.length; i += 2) {
    const name = upstream[i] ?? '';
    const value = upstream[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'connection') named = addNames(named, value);
    if (hopByHop.has(lower) || lower === 'x-request-id') continue;
    out.push(name, value);
  }
  if (named !== undefined) out = withoutFields(out, named);
  out.push('x-request-id', requestId);
  if (limits.length > 0) for (const part of rateLimitFields(limits)) out.push(part);
  return out;
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
    if (!names.includes(name.toLowerCase())) kept.push(name, fields[i + 1] ?? '');
  }
  return kept;
}
