import type { Issue } from '../core/issue.ts';
import { createHostIndex, growHostIndex } from './host-index.ts';
import type { HostIndex } from './host-index.ts';
import { tenantOfHost } from './host-pattern.ts';
import type { HostPattern } from './host-pattern.ts';
import type { Literal, Predicate } from './predicate.ts';
import { printLiteral } from './predicate.ts';
import { createPathTrie, growPathTrie } from './path-trie.ts';
import type { PathTrie } from './path-trie.ts';

/** A zone whose rule was read and checked. */
export interface CompiledZone {
  name: string;
  /** `file:line:column` of the rule. */
  at: string;
  /** Alternatives of the rule, each a list of literals that must all hold. */
  terms: readonly (readonly Literal[])[];
}

/** One alternative of one zone, hung into the index under its host and path. */
export interface Candidate {
  zone: number;
  /** What the index did not check. */
  residual: readonly Literal[];
  /** The tenant where the rule names both a capture and the host; else the capture of the index counts. */
  tenant: string | undefined;
  /** What matches, for the trace. */
  note: string;
  /** All of the alternative. */
  literals: readonly Literal[];
}

/** Immutable; made by `compileZoneTable`, asked by `matchZone`. */
export interface ZoneTable {
  zones: readonly CompiledZone[];
  hosts: HostIndex<PathTrie<Candidate>>;
  /** By zone: all zones that it overrides, directly or through others. */
  overridden: readonly ReadonlySet<number>[];
}

/** A group of alternatives under one host pattern; undefined stands for every host. */
export interface HostGroup {
  pattern: HostPattern | undefined;
  trie: PathTrie<Candidate>;
  candidates: { candidate: Candidate; path: string }[];
}

/** Hangs every alternative of every zone under its narrowest host and path. */
export function buildTable(
  zones: readonly CompiledZone[],
  overridden: readonly ReadonlySet<number>[],
): { table: ZoneTable; groups: readonly HostGroup[] } {
  const hosts = createHostIndex<PathTrie<Candidate>>();
  const groups = new Map<PathTrie<Candidate>, HostGroup>();
  for (const [zone, { terms }] of zones.entries()) {
    for (const literals of terms) {
      const host = findHost(literals);
      const path = findPath(literals);
      const pattern = host?.kind === 'host' ? host.pattern : undefined;
      const trie = growHostIndex(hosts, pattern, createPathTrie<Candidate>);
      const candidate: Candidate = {
        zone,
        literals,
        residual: literals
          .filter((literal) => literal.predicate !== host && literal.predicate !== path)
          .toSorted((a, b) => costOf(a.predicate) - costOf(b.predicate)),
        tenant: pattern?.kind === 'exact' ? findNamedTenant(literals, pattern.host) : undefined,
        note: noteOf(literals),
      };
      const text = path?.kind === 'path' ? path.path : path?.kind === 'pathPrefix' ? path.prefix : '';
      const node = growPathTrie(trie, text);
      (path?.kind === 'path' ? node.exact : node.prefixes).push(candidate);
      const group = groups.get(trie) ?? { pattern, trie, candidates: [] };
      groups.set(trie, group);
      group.candidates.push({ candidate, path: text });
    }
  }
  return { table: { zones, hosts, overridden }, groups: [...groups.values()] };
}

/** What matched or failed, as the trace says it: `Host and PathPrefix(`/json/2`)`. */
export function describeLiterals(literals: readonly Literal[]): string {
  const words = literals.map((literal) =>
    literal.predicate.kind === 'host' && !literal.negated ? 'Host' : printLiteral(literal),
  );
  const last = words.pop() ?? 'everything';
  return words.length === 0 ? last : `${words.join(', ')} and ${last}`;
}

export function noteOf(literals: readonly Literal[]): string {
  return `${describeLiterals(literals)} ${literals.length > 1 ? 'match' : 'matches'}`;
}

/** Two captures in one alternative could name two tenants. */
export function findSecondCapture(literals: readonly Literal[]): Issue | undefined {
  const captures = literals.filter(
    ({ predicate, negated }) => !negated && predicate.kind === 'host' && predicate.pattern.kind === 'capture',
  );
  const [first, second] = captures;
  if (first === undefined || second === undefined) return undefined;
  return {
    path: ['match'],
    offset: 0,
    what: `${first.predicate.text} and ${second.predicate.text} both name the tenant of one request.`,
    consequence: 'The two could name different tenants, and the gateway would not know whose budget to use.',
    fix: 'Keep the capture in one of the two, and write HostRegexp for the other.',
  };
}

/** The narrowest positive host: an exact one before a capture. */
function findHost(literals: readonly Literal[]): Predicate | undefined {
  let found: Predicate | undefined;
  for (const { predicate, negated } of literals) {
    if (negated || predicate.kind !== 'host') continue;
    if (predicate.pattern.kind === 'exact') return predicate;
    found = predicate;
  }
  return found;
}

/** The narrowest positive path: an exact one before the longest prefix. */
function findPath(literals: readonly Literal[]): Predicate | undefined {
  let found: Predicate | undefined;
  let length = -1;
  for (const { predicate, negated } of literals) {
    if (negated) continue;
    if (predicate.kind === 'path') return predicate;
    if (predicate.kind === 'pathPrefix' && predicate.prefix.length > length) {
      found = predicate;
      length = predicate.prefix.length;
    }
  }
  return found;
}

function findNamedTenant(literals: readonly Literal[], host: string): string | undefined {
  for (const { predicate, negated } of literals) {
    if (negated || predicate.kind !== 'host' || predicate.pattern.kind !== 'capture') continue;
    return tenantOfHost(predicate.pattern.before, predicate.pattern.after, host);
  }
  return undefined;
}

/** Cheap conditions first: most candidates fail at the first. */
function costOf(predicate: Predicate): number {
  switch (predicate.kind) {
    case 'method':
    case 'listener':
    case 'clientCert':
      return 0;
    case 'host':
    case 'path':
    case 'pathPrefix':
    case 'odooModel':
    case 'odooMethod':
      return 1;
    case 'header':
    case 'clientIp':
      return 2;
    case 'query':
      return 3;
    case 'hostRegexp':
    case 'pathRegexp':
      return 4;
    case 'headerRegexp':
    case 'queryRegexp':
      return 5;
  }
}
