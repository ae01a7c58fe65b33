import type { Issue } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';

export interface ZoneOverrides {
  name: string;
  overrides: readonly string[];
}

/** Longer chains are nearly always a mistake, and every zone of a chain holds all that follow. */
const maxChain = 32;

const undecided = 'The gateway could not tell which of the zones wins.';

/** By zone all zones that it overrides, directly or through others. */
export function resolveOverrides(zones: readonly ZoneOverrides[]): {
  overridden: ReadonlySet<number>[];
  issues: { zone: string; issue: Issue }[];
} {
  const issues: { zone: string; issue: Issue }[] = [];
  const indexes = new Map(zones.map((zone, index) => [zone.name, index]));
  const resolved: (ReadonlySet<number> | undefined)[] = zones.map(() => undefined);
  const chain: number[] = [];

  function report(zone: ZoneOverrides, index: number, what: string, consequence: string, fix: string): void {
    issues.push({ zone: zone.name, issue: { path: ['overrides', index], what, consequence, fix } });
  }

  function resolve(index: number): ReadonlySet<number> {
    const known = resolved[index];
    if (known !== undefined) return known;
    const zone = zones[index];
    const lower = new Set<number>();
    chain.push(index);
    for (const [i, name] of zone?.overrides.entries() ?? []) {
      if (zone === undefined) break;
      const target = indexes.get(name);
      if (target === undefined) {
        const nearest = nearestName(name, indexes.keys());
        report(
          zone,
          i,
          `Zone "${zone.name}" overrides "${name}", but there is no such zone.`,
          'Requests that it should take from that zone would be refused as ambiguous.',
          nearest === undefined ? 'Write the name of a zone.' : `Did you mean ${nearest}?`,
        );
      } else if (chain.includes(target)) {
        const circle = [...chain.slice(chain.indexOf(target)), target].map((at) => zones[at]?.name ?? '');
        report(
          zone,
          i,
          circle.length === 2
            ? `Zone "${zone.name}" overrides itself.`
            : `The overrides form a circle: ${circle.join(' overrides ')}.`,
          undecided,
          `Remove "${name}" here, or another link of the circle.`,
        );
      } else if (chain.length >= maxChain) {
        report(
          zone,
          i,
          `The overrides form a chain of more than ${maxChain} zones.`,
          'Nobody could tell by reading which zone wins.',
          'Write narrower rules, so that fewer zones overlap.',
        );
      } else {
        lower.add(target);
        for (const further of resolve(target)) lower.add(further);
      }
    }
    chain.pop();
    resolved[index] = lower;
    return lower;
  }

  return { overridden: zones.map((_, index) => resolve(index)), issues };
}
