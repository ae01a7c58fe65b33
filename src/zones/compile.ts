import type { Issue } from '../core/issue.ts';
import { compileRule } from './compile-rule.ts';
import { findOverlaps } from './overlap.ts';
import { resolveOverrides } from './overrides.ts';
import { buildTable } from './table.ts';
import type { CompiledZone, ZoneTable } from './table.ts';
import { findCoveredZones } from './unreachable.ts';

export interface ZoneSource {
  /** Unique among the zones. */
  name: string;
  match: string;
  overrides: readonly string[];
  /** `file:line:column` of the rule, for provenance and for messages that name another zone. */
  at: string;
}

export interface ZoneIssue {
  zone: string;
  /** `path` is `['match']`, with an offset into the rule, or `['overrides', index]`. */
  issue: Issue;
}

/**
 * Compiles all zones at once and reports all that is wrong with them: rules that do not read, values that no request can
 * have, parts and zones that no request can reach, overrides that lead nowhere, and requests that two zones both match. The
 * table leaves out the rules with issues; it must not be served when there are any.
 *
 * `listeners` are the configured names; without them `Listener` takes any name.
 */
export function compileZoneTable(
  sources: readonly ZoneSource[],
  listeners?: readonly string[],
): { table: ZoneTable; issues: ZoneIssue[] } {
  const issues: ZoneIssue[] = [];
  const zones: CompiledZone[] = [];
  for (const { name, match, at } of sources) {
    const rule = compileRule(match, listeners);
    zones.push({ name, at, terms: rule.terms });
    for (const issue of rule.issues) issues.push({ zone: name, issue });
  }
  const overrides = resolveOverrides(sources);
  issues.push(...overrides.issues);
  const { table, groups } = buildTable(zones, overrides.overridden);
  issues.push(...findCoveredZones(zones, overrides.overridden), ...findOverlaps(table, groups));
  return { table, issues };
}
