import { holdAll, holds, printLiteral } from './predicate.ts';
import type { Literal, ZoneFacts } from './predicate.ts';
import { noteOf } from './table.ts';
import type { CompiledZone, ZoneTable } from './table.ts';

/** Among zones that do not match, those of the same host come first. */
const otherHostCost = 100;

interface Explanation {
  text: string;
  cost: number;
}

/**
 * Says for the zones nearest to a request which matchers hold or fail, one text per zone: matching zones first, then by how
 * few conditions fail. Reads every zone, so it is for `explain` and not for live requests.
 */
export function explainZones(table: ZoneTable, facts: ZoneFacts, maxZones = 10): string[] {
  return table.zones
    .map((zone) => explainZone(zone, facts))
    .filter((explanation) => explanation !== undefined)
    .toSorted((a, b) => a.cost - b.cost)
    .slice(0, maxZones)
    .map((explanation) => explanation.text);
}

/** By the alternative that fails in the fewest conditions; undefined for a zone without alternatives. */
function explainZone(zone: CompiledZone, facts: ZoneFacts): Explanation | undefined {
  let nearest: Explanation | undefined;
  for (const term of zone.terms) {
    if (holdAll(term, facts)) return { text: `${zone.name}: ${noteOf(term)}`, cost: 0 };
    const failed = term.filter((literal) => holds(literal.predicate, facts) === literal.negated);
    const cost = failed.length + (failed.some(isHost) ? otherHostCost : 0);
    if (nearest === undefined || cost < nearest.cost)
      nearest = { text: `${zone.name}: ${describeFailure(failed)}`, cost };
  }
  return nearest;
}

function isHost({ predicate }: Literal): boolean {
  return predicate.kind === 'host' || predicate.kind === 'hostRegexp';
}

function describeFailure(failed: readonly Literal[]): string {
  const texts = failed.map(printLiteral);
  const last = texts.pop() ?? '';
  return texts.length === 0 ? `${last} does not match` : `${texts.join(', ')} and ${last} do not match`;
}
