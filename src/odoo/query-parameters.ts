// hot path: a query that names neither is scanned once or twice.
import { unescape } from 'node:querystring';

/**
 * Pairs are cut at `&` only and decoded as Odoo does (werkzeug: `+` is a blank, malformed escapes stay), because a parameter that
 * only one of the two sees would get past the gateway.
 */
export function parameterValues(query: string | undefined, key: string): readonly string[] {
  if (query === undefined || !mayHave(query, key)) return none;
  const values: string[] = [];
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && decode(pair.slice(0, equals)) === key) values.push(decode(pair.slice(equals + 1)));
    else if (equals === -1 && pair !== '' && decode(pair) === key) values.push('');
  }
  return values;
}

/** The query without every pair of this key, in any spelling; the same text when there is none. */
export function withoutParameter(query: string, key: string): string | undefined {
  if (!mayHave(query, key)) return query;
  const kept = query.split('&').filter((pair) => {
    const equals = pair.indexOf('=');
    return decode(equals === -1 ? pair : pair.slice(0, equals)) !== key;
  });
  return kept.length === 0 ? undefined : kept.join('&');
}

const none: readonly string[] = [];

function mayHave(query: string, key: string): boolean {
  return query.includes(key) || query.includes('%');
}

function decode(text: string): string {
  const plain = text.includes('+') ? text.replaceAll('+', ' ') : text;
  return plain.includes('%') ? unescape(plain) : plain;
}
