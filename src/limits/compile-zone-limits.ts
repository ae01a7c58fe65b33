import type { ConfigPath, Issue } from '../core/issue.ts';
import { compileLimits } from './compile.ts';
import { compileExceptions, type OwnFigures, type ZoneCallers } from './compile-overrides.ts';
import type { ZoneLimit } from './governing-limit.ts';
import type { ZoneLimitOptions } from './override-options.ts';

/**
 * Compiles the `limits:` list of one zone with all overrides and schedules. `ownFiguresOf` gives what tenants have of their
 * own for a limit, by its id. Paths of issues start at the zone file, or at the file that `OwnFigures` are from.
 */
export function compileZoneLimits(
  authored: readonly ZoneLimitOptions[],
  callers: Omit<ZoneCallers, 'report'>,
  ownFiguresOf: (limitId: string) => readonly OwnFigures[],
): { limits: ZoneLimit[]; issues: Issue[] } {
  const compiled = compileLimits(callers.zone, authored, callers.locate);
  const { issues } = compiled;
  const report = (issue: Issue): void => {
    issues.push(issue);
  };
  const limits: ZoneLimit[] = [];
  // An entry of no kind gives no limit.
  const bases = compiled.limits.values();
  for (const [index, entry] of authored.entries()) {
    const path: ConfigPath = ['limits', index];
    const own = ownFiguresOf(`${callers.zone}/${entry.name}`);
    const { rate, quota, inFlight } = entry;
    if (rate === undefined && quota === undefined && inFlight === undefined) continue;
    const base = bases.next();
    if (base.done === true) continue;
    limits.push(compileExceptions(base.value, { entry, path, own }, { ...callers, report }));
  }
  return { limits, issues };
}
