import { exampleRequests, printExample } from './example.ts';
import { printHostPattern } from './host-pattern.ts';
import { contradict, impliesAll } from './implication.ts';
import type { Issue } from '../core/issue.ts';
import { matchZone } from './match.ts';
import { meetingGroups } from './meeting-hosts.ts';
import { followPath } from './path-trie.ts';
import { ruleIssue } from './rule-issue.ts';
import type { Literal } from './predicate.ts';
import type { Candidate, HostGroup, ZoneTable } from './table.ts';

/** Beyond this many the reader has to mend the first ones anyway. */
const maxReports = 50;
const maxReportsPerZone = 3;

interface Search {
  table: ZoneTable;
  found: { zone: string; issue: Issue }[];
  /** Pairs that are reported, as `smaller * zones + larger`. */
  pairs: Set<number>;
  reportsOf: Map<number, number>;
}

/**
 * Finds requests that two zones of equal rank both match. Only alternatives whose hosts and paths meet are compared, and
 * these are found through the index; every example is put to the table itself, so nothing is reported that would not happen.
 * Overlaps that only a regular expression or a negation could show may stay unfound: those requests are refused when they come.
 */
export function findOverlaps(
  table: ZoneTable,
  groups: readonly HostGroup[],
): { zone: string; issue: Issue }[] {
  const search: Search = { table, found: [], pairs: new Set(), reportsOf: new Map() };
  for (const [first, second] of meetingGroups(table, groups)) {
    for (const { candidate, path } of first.candidates) compareAlong(search, second, candidate, path);
    if (first === second) continue;
    for (const { candidate, path } of second.candidates) compareAlong(search, first, candidate, path);
  }
  return search.found;
}

/** Compares an alternative with all of a group whose path is its own path or a prefix of it. */
function compareAlong(search: Search, group: HostGroup, candidate: Candidate, path: string): void {
  let at = 0;
  let node: HostGroup['trie'] | undefined = group.trie;
  while (node !== undefined && search.found.length < maxReports) {
    for (const other of node.prefixes) compare(search, candidate, other);
    if (at === path.length) {
      for (const other of node.exact) compare(search, candidate, other);
      return;
    }
    node = followPath(node, path, at);
    if (node !== undefined) at += node.label.length;
  }
}

function compare(search: Search, a: Candidate, b: Candidate): void {
  const { table, found } = search;
  if (a === b || table.overridden[a.zone]?.has(b.zone) || table.overridden[b.zone]?.has(a.zone)) return;
  if (a.zone === b.zone && printCapture(a) === printCapture(b)) return;
  const [lower, upper] = a.zone < b.zone ? [a, b] : [b, a];
  const pair = lower.zone * table.zones.length + upper.zone;
  const reports = search.reportsOf.get(upper.zone) ?? 0;
  if (reports === maxReportsPerZone || found.length >= maxReports || search.pairs.has(pair)) return;
  for (const first of a.literals) {
    for (const second of b.literals) if (contradict(first, second)) return;
  }
  const literals = [...a.literals, ...b.literals];
  const names = [table.zones[lower.zone]?.name ?? '', table.zones[upper.zone]?.name ?? ''];
  for (const facts of exampleRequests(literals)) {
    const match = matchZone(table, facts);
    if (match.kind !== 'ambiguous' || !names.every((name) => match.zones.includes(name))) continue;
    search.pairs.add(pair);
    search.reportsOf.set(upper.zone, reports + 1);
    found.push(describeOverlap(table, lower, upper, printExample(facts, literals)));
    return;
  }
}

function describeOverlap(
  table: ZoneTable,
  lower: Candidate,
  upper: Candidate,
  example: string,
): { zone: string; issue: Issue } {
  const zone = table.zones[upper.zone]?.name ?? '';
  const other = table.zones[lower.zone];
  if (lower.zone === upper.zone)
    return {
      zone,
      issue: ruleIssue(
        0,
        `Zone "${zone}" reads two tenants from the host of ${example}.`,
        'Keep one of the two captures, or make their hosts differ beside the capture.',
        'Such a request would be refused with zone_ambiguous.',
      ),
    };
  const winner = suggestWinner(lower.literals, upper.literals);
  const here = `"overrides: [${other?.name ?? ''}]" here`;
  const there = `"overrides: [${zone}]" in zone "${other?.name ?? ''}"`;
  return {
    zone,
    issue: ruleIssue(
      0,
      `Zones "${zone}" and "${other?.name ?? ''}" (${other?.at ?? ''}) both match ${example}.`,
      `Narrow one of the two rules, or write ${winner === 'lower' ? there : winner === 'upper' ? here : `${here} or ${there}`}.`,
      'Order never decides, so such a request would be refused with zone_ambiguous.',
    ),
  };
}

/** The narrower alternative is the one that was meant as the exception. */
function suggestWinner(lower: readonly Literal[], upper: readonly Literal[]): 'lower' | 'upper' | undefined {
  const lowerIsNarrower = impliesAll(lower, upper);
  if (lowerIsNarrower === impliesAll(upper, lower)) return undefined;
  return lowerIsNarrower ? 'lower' : 'upper';
}

function printCapture(candidate: Candidate): string {
  for (const { predicate, negated } of candidate.literals) {
    if (!negated && predicate.kind === 'host' && predicate.pattern.kind === 'capture')
      return candidate.tenant ?? printHostPattern(predicate.pattern);
  }
  return '';
}
