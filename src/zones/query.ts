// hot path: runs for rules that ask about the query; nothing is built unless a key or value is escaped.

import { unescape } from 'node:querystring';
import { testRegexp } from './regexp.ts';
import type { LinearRegexp } from './regexp.ts';

/**
 * Whether one of the values of a key equals a text or matches an expression. Pairs are cut at `&` only and decoded as Odoo
 * does (`+` is a blank, malformed escapes stay), because a pair that only one of the two sees would pass a negated matcher.
 */
export function queryHas(query: string | undefined, key: string, wanted: string | LinearRegexp): boolean {
  if (query === undefined) return false;
  let start = 0;
  while (start <= query.length) {
    let end = query.indexOf('&', start);
    if (end === -1) end = query.length;
    if (end > start) {
      let equals = query.indexOf('=', start);
      if (equals === -1 || equals > end) equals = end;
      if (decode(query.slice(start, equals)) === key) {
        const value = equals === end ? '' : decode(query.slice(equals + 1, end));
        if (typeof wanted === 'string' ? value === wanted : testRegexp(wanted, value)) return true;
      }
    }
    start = end + 1;
  }
  return false;
}

function decode(text: string): string {
  const plain = text.includes('+') ? text.replaceAll('+', ' ') : text;
  return plain.includes('%') ? unescape(plain) : plain;
}
