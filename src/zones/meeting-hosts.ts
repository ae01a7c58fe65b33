import { visitHost } from './host-index.ts';
import { intersectHosts, printHostPattern } from './host-pattern.ts';
import type { HostPattern } from './host-pattern.ts';
import type { HostGroup, ZoneTable } from './table.ts';

type Capture = Extract<HostPattern, { kind: 'capture' }>;

/**
 * Pairs of groups that some host belongs to both, each group with itself included. Captures are compared only with those
 * whose other labels agree: among thousands of hosts nearly all pairs differ there.
 */
export function* meetingGroups(
  table: ZoneTable,
  groups: readonly HostGroup[],
): Generator<[HostGroup, HostGroup]> {
  const byTrie = new Map(groups.map((group) => [group.trie, group]));
  const everyHost = groups.find((group) => group.pattern === undefined);
  const capturesByLabels = new Map<string, HostGroup[]>();
  for (const group of groups) {
    yield [group, group];
    if (everyHost !== undefined && group !== everyHost) yield [group, everyHost];
    const { pattern } = group;
    if (pattern?.kind === 'exact') {
      const captures: HostGroup[] = [];
      visitHost(table.hosts, pattern.host, {
        visit(trie) {
          const other = byTrie.get(trie);
          if (other?.pattern?.kind === 'capture') captures.push(other);
        },
      });
      for (const other of captures) yield [group, other];
    } else if (pattern?.kind === 'capture') {
      for (const other of meetingCaptures(capturesByLabels, group, pattern)) yield [group, other];
    }
  }
}

/** Captures seen before that meet this one, which is then added to them. */
function* meetingCaptures(
  capturesByLabels: Map<string, HostGroup[]>,
  group: HostGroup,
  pattern: Capture,
): Generator<HostGroup> {
  const labels = printHostPattern(pattern).split('.');
  const own = pattern.before.split('.').length - 1;
  for (let other = 0; other < labels.length; other++) {
    // Captures in one label meet only if all other labels are equal; in two labels, if all but these two are.
    const rest = labels.map((label, i) => (i === own || i === other ? '' : label)).join('.');
    for (const seen of capturesByLabels.get(`${other} ${own} ${rest}`) ?? []) {
      if (seen.pattern?.kind !== 'capture') continue;
      const meets =
        other === own
          ? affixesFit(pattern, seen.pattern)
          : intersectHosts(pattern, seen.pattern, ['x']).length > 0;
      if (meets) yield seen;
    }
    const key = `${own} ${other} ${rest}`;
    const bucket = capturesByLabels.get(key);
    if (bucket === undefined) capturesByLabels.set(key, [group]);
    else bucket.push(group);
  }
}

function affixesFit(a: Capture, b: Capture): boolean {
  return (
    (a.before.startsWith(b.before) || b.before.startsWith(a.before)) &&
    (a.after.endsWith(b.after) || b.after.endsWith(a.after))
  );
}
