import type { Cidr } from '../core/ip.ts';
import { intersectHosts, isTenantText, matchesHost } from './host-pattern.ts';
import type { HostPattern } from './host-pattern.ts';
import { coversName } from './predicate.ts';
import type { Literal, OdooPattern, Predicate } from './predicate.ts';
import { testRegexp } from './regexp.ts';

/**
 * Whether no request meets both literals. Sound but not complete: true is certain, false may mean that it cannot be told,
 * as with two regular expressions. Headers and query keys may be repeated, so two values of one do not exclude each other.
 */
export function contradict(a: Literal, b: Literal): boolean {
  if (a.negated && b.negated) return false;
  if (a.negated) return implies(b.predicate, a.predicate);
  if (b.negated) return implies(a.predicate, b.predicate);
  return exclude(a.predicate, b.predicate) || exclude(b.predicate, a.predicate);
}

/** Whether every request that meets the first literal meets the second; sound, not complete. */
export function impliesLiteral(a: Literal, b: Literal): boolean {
  return contradict(a, { predicate: b.predicate, negated: !b.negated });
}

/** Whether every request that meets all of the first literals meets all of the second; sound, not complete. */
export function impliesAll(a: readonly Literal[], b: readonly Literal[]): boolean {
  return b.every((wanted) => a.some((given) => impliesLiteral(given, wanted)));
}

/** The first two literals that exclude each other. */
export function findContradiction(literals: readonly Literal[]): [Literal, Literal] | undefined {
  for (const [i, first] of literals.entries()) {
    for (let j = i + 1; j < literals.length; j++) {
      const second = literals[j];
      if (second !== undefined && contradict(first, second)) return [first, second];
    }
  }
  return undefined;
}

function implies(a: Predicate, b: Predicate): boolean {
  if (a.text === b.text) return true;
  switch (b.kind) {
    case 'host':
      return a.kind === 'host' && coversHost(b.pattern, a.pattern);
    case 'hostRegexp':
      return a.kind === 'host' && a.pattern.kind === 'exact' && testRegexp(b.regexp, a.pattern.host);
    case 'pathPrefix':
      return (
        (a.kind === 'path' && a.path.startsWith(b.prefix)) ||
        (a.kind === 'pathPrefix' && a.prefix.startsWith(b.prefix)) ||
        ((a.kind === 'odooModel' || a.kind === 'odooMethod') && callPrefix(a).startsWith(b.prefix)) ||
        // Every path starts with a slash.
        b.prefix === '/'
      );
    case 'pathRegexp':
      return a.kind === 'path' && testRegexp(b.regexp, a.path);
    case 'headerRegexp':
      return a.kind === 'header' && a.name === b.name && testRegexp(b.regexp, a.value);
    case 'queryRegexp':
      return a.kind === 'query' && a.key === b.key && testRegexp(b.regexp, a.value);
    case 'clientIp':
      return a.kind === 'clientIp' && coversCidr(b.cidrs[0], a.cidrs[0]);
    case 'odooModel':
    case 'odooMethod':
      if (a.kind !== 'odooModel' && a.kind !== 'odooMethod') return false;
      // Any of the two asks for an Odoo call, and a call has both a model and a method.
      if (b.pattern.open && b.pattern.start === '') return true;
      return a.kind === b.kind && coversPattern(b.pattern, a.pattern);
    case 'path':
    case 'method':
    case 'header':
    case 'query':
    case 'clientCert':
    case 'listener':
      return false;
  }
}

function exclude(a: Predicate, b: Predicate): boolean {
  switch (a.kind) {
    case 'host':
      if (b.kind === 'host') return intersectHosts(a.pattern, b.pattern, ['x']).length === 0;
      return b.kind === 'hostRegexp' && a.pattern.kind === 'exact' && !testRegexp(b.regexp, a.pattern.host);
    case 'path':
      if (b.kind === 'path') return a.path !== b.path;
      if (b.kind === 'pathPrefix') return !a.path.startsWith(b.prefix);
      return b.kind === 'pathRegexp' && !testRegexp(b.regexp, a.path);
    case 'pathPrefix':
      return b.kind === 'pathPrefix' && !a.prefix.startsWith(b.prefix) && !b.prefix.startsWith(a.prefix);
    case 'method':
      return b.kind === 'method' && a.method !== b.method;
    case 'listener':
      return b.kind === 'listener' && a.name !== b.name;
    case 'clientIp':
      return (
        b.kind === 'clientIp' && !coversCidr(a.cidrs[0], b.cidrs[0]) && !coversCidr(b.cidrs[0], a.cidrs[0])
      );
    case 'odooModel':
    case 'odooMethod':
      if (b.kind === 'path') return !b.path.startsWith(callPrefix(a));
      if (b.kind === 'pathPrefix')
        return !callPrefix(a).startsWith(b.prefix) && !b.prefix.startsWith(callPrefix(a));
      return (
        a.kind === b.kind && !coversPattern(a.pattern, b.pattern) && !coversPattern(b.pattern, a.pattern)
      );
    case 'hostRegexp':
    case 'pathRegexp':
    case 'header':
    case 'headerRegexp':
    case 'query':
    case 'queryRegexp':
    case 'clientCert':
      return false;
  }
}

/** What the path of such a call starts with: the call is read from the path. */
function callPrefix(predicate: Extract<Predicate, { kind: 'odooModel' | 'odooMethod' }>): string {
  if (predicate.kind === 'odooMethod') return '/json/2/';
  return `/json/2/${predicate.pattern.start}${predicate.pattern.open ? '' : '/'}`;
}

function coversHost(wide: HostPattern, narrow: HostPattern): boolean {
  if (narrow.kind === 'exact') return matchesHost(wide, narrow.host);
  if (wide.kind === 'exact') return false;
  if (!narrow.before.startsWith(wide.before) || !narrow.after.endsWith(wide.after)) return false;
  const captured = `${narrow.before.slice(wide.before.length)}x${narrow.after.slice(0, narrow.after.length - wide.after.length)}`;
  return isTenantText(captured, 0, captured.length);
}

function coversCidr(wide: Cidr, narrow: Cidr): boolean {
  if (wide.family !== narrow.family || wide.prefixBits > narrow.prefixBits) return false;
  for (let i = 0; i * 32 < wide.prefixBits; i++) {
    const bits = Math.min(32, wide.prefixBits - i * 32);
    if (((wide.words[i] ?? 0) ^ (narrow.words[i] ?? 0)) >>> (32 - bits) !== 0) return false;
  }
  return true;
}

function coversPattern(wide: OdooPattern, narrow: OdooPattern): boolean {
  return wide.open ? coversName(wide, narrow.start) : !narrow.open && wide.start === narrow.start;
}
