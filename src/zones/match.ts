// hot path: runs for every request. No closure, no copy; one small result object.

import { visitHost } from './host-index.ts';
import type { HostVisitor } from './host-index.ts';
import { followPath } from './path-trie.ts';
import type { PathTrie } from './path-trie.ts';
import { holdAll } from './predicate.ts';
import type { ZoneFacts } from './predicate.ts';
import type { Candidate, ZoneTable } from './table.ts';

export type ZoneMatch =
  | {
      kind: 'zone';
      /** Place of the zone in the list that the table was compiled from. */
      index: number;
      zone: string;
      /** `file:line:column` of the rule. */
      at: string;
      /** What the `{tenant}` capture of the rule stands for in this host. */
      tenant: string | undefined;
      /** Which matchers hold, for the trace. */
      note: string;
    }
  /** Zones of equal rank, or one zone that reads two tenants from one host: the request must be refused. */
  | { kind: 'ambiguous'; zones: readonly string[] }
  | { kind: 'none' };

const none: ZoneMatch = { kind: 'none' };

/** What one walk through the index found; reused, since matching is synchronous. */
class Walk implements HostVisitor<PathTrie<Candidate>> {
  facts: ZoneFacts | undefined;
  count = 0;
  readonly found: Candidate[] = [];
  readonly tenants: (string | undefined)[] = [];
  /** Zones that two alternatives give different tenants. */
  readonly torn: number[] = [];

  visit(trie: PathTrie<Candidate>, tenant: string | undefined): void {
    const { facts } = this;
    if (facts === undefined) return;
    const { path } = facts;
    let node: PathTrie<Candidate> | undefined = trie;
    let at = 0;
    while (node !== undefined) {
      this.take(node.prefixes, tenant, facts);
      if (at === path.length) {
        this.take(node.exact, tenant, facts);
        return;
      }
      node = followPath(node, path, at);
      if (node !== undefined) at += node.label.length;
    }
  }

  take(candidates: readonly Candidate[], captured: string | undefined, facts: ZoneFacts): void {
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i];
      if (candidate === undefined || !holdAll(candidate.residual, facts)) continue;
      const tenant = candidate.tenant ?? captured;
      const known = this.indexOfZone(candidate.zone);
      if (known === -1) {
        this.found[this.count] = candidate;
        this.tenants[this.count] = tenant;
        this.count++;
      } else if (this.tenants[known] === undefined) {
        this.tenants[known] = tenant;
      } else if (tenant !== undefined && tenant !== this.tenants[known]) {
        this.torn.push(candidate.zone);
      }
    }
  }

  indexOfZone(zone: number): number {
    for (let i = 0; i < this.count; i++) if (this.found[i]?.zone === zone) return i;
    return -1;
  }
}

const walk = new Walk();

/**
 * The zone that governs a request, if there is one. A zone wins over those that it overrides; nothing else ranks
 * zones. The answer does not depend on the order of zones.
 */
export function matchZone(table: ZoneTable, facts: ZoneFacts): ZoneMatch {
  walk.facts = facts;
  walk.count = 0;
  // V8 leaves compiled code to set the length of an array, also where that changes nothing.
  if (walk.torn.length > 0) walk.torn.length = 0;
  visitHost(table.hosts, facts.host, walk);
  walk.facts = undefined;
  if (walk.count === 0) return none;
  const winner = walk.count === 1 ? 0 : findWinner(table);
  const candidate = winner === -1 ? undefined : walk.found[winner];
  if (candidate === undefined) return { kind: 'ambiguous', zones: unbeatenZones(table) };
  const zone = table.zones[candidate.zone];
  if (zone === undefined) return none;
  if (walk.torn.includes(candidate.zone)) return { kind: 'ambiguous', zones: [zone.name] };
  return {
    kind: 'zone',
    index: candidate.zone,
    zone: zone.name,
    at: zone.at,
    tenant: walk.tenants[winner],
    note: candidate.note,
  };
}

/** The only zone that no other one overrides; -1 when there are several. */
function findWinner(table: ZoneTable): number {
  let winner = -1;
  for (let i = 0; i < walk.count; i++) {
    if (isBeaten(table, i)) continue;
    if (winner !== -1) return -1;
    winner = i;
  }
  return winner;
}

function isBeaten(table: ZoneTable, position: number): boolean {
  const zone = walk.found[position]?.zone ?? -1;
  for (let i = 0; i < walk.count; i++) {
    if (table.overridden[walk.found[i]?.zone ?? -1]?.has(zone) === true) return true;
  }
  return false;
}

function unbeatenZones(table: ZoneTable): string[] {
  const names: string[] = [];
  for (let i = 0; i < walk.count; i++) {
    if (!isBeaten(table, i)) names.push(table.zones[walk.found[i]?.zone ?? -1]?.name ?? '');
  }
  return names.toSorted();
}
