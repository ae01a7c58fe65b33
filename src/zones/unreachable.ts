import type { Issue } from '../core/issue.ts';
import { contradict, impliesAll } from './implication.ts';
import type { Condition } from './normal-form.ts';
import { printLiteral } from './predicate.ts';
import type { Literal } from './predicate.ts';
import { ruleIssue } from './rule-issue.ts';
import type { CompiledZone } from './table.ts';

interface Leaf {
  literal: Literal;
  offset: number;
}

/**
 * Matchers that no request can reach because the rest of the rule excludes them. Only what is certain is reported; a part
 * under `!` is left alone, since excluding what is excluded already does no harm.
 */
export function findDeadParts(condition: Condition, terms: readonly (readonly Literal[])[]): Issue[] {
  const leaves = collectLeaves(condition);
  const alive = new Set(terms.flat().map(printLiteral));
  const dead = leaves.filter(({ literal }) => !literal.negated && !alive.has(printLiteral(literal)));
  const issues: Issue[] = [];
  const reported = new Set<Leaf>();
  for (const leaf of dead) {
    const rival = leaves.find((other) => other !== leaf && contradict(other.literal, leaf.literal));
    // Of two that exclude each other the later one is reported.
    if (rival !== undefined && (reported.has(rival) || (rival.offset > leaf.offset && dead.includes(rival))))
      continue;
    reported.add(leaf);
    issues.push(deadPart(leaf, rival));
  }
  if (terms.length === 0 && issues.length === 0) issues.push(deadPart(leaves[0], undefined));
  return issues;
}

function deadPart(leaf: Leaf | undefined, rival: Leaf | undefined): Issue {
  const text = leaf === undefined ? 'The rule' : printLiteral(leaf.literal);
  return ruleIssue(
    leaf?.offset ?? 0,
    rival === undefined
      ? `${text} can never match here.`
      : `${text} can never match together with ${printLiteral(rival.literal)}.`,
    rival === undefined
      ? 'Remove it, or change what stands beside it.'
      : 'Remove one of the two, or join them with || when one of them is enough.',
    'No request could reach this part of the rule, so the zone would cover less than it says.',
  );
}

function collectLeaves(condition: Condition): Leaf[] {
  if (condition.kind === 'literal') return [{ literal: condition.literal, offset: condition.offset }];
  return condition.conditions.flatMap(collectLeaves);
}

/** Zones whose every alternative lies within zones that override them: no request is left for them. */
export function findCoveredZones(
  zones: readonly CompiledZone[],
  overridden: readonly ReadonlySet<number>[],
): { zone: string; issue: Issue }[] {
  const overriders = zones.map((): CompiledZone[] => []);
  for (const [index, lower] of overridden.entries()) {
    const overrider = zones[index];
    if (overrider === undefined) continue;
    for (const zone of lower) overriders[zone]?.push(overrider);
  }
  const found: { zone: string; issue: Issue }[] = [];
  for (const [index, zone] of zones.entries()) {
    const above = overriders[index] ?? [];
    if (above.length === 0 || zone.terms.length === 0) continue;
    const covering = new Set<CompiledZone>();
    const covered = zone.terms.every((term) => {
      const by = above.find((other) => other.terms.some((wide) => impliesAll(term, wide)));
      if (by !== undefined) covering.add(by);
      return by !== undefined;
    });
    if (!covered) continue;
    const names = [...covering].map((other) => `"${other.name}" (${other.at})`).join(' and ');
    found.push({
      zone: zone.name,
      issue: ruleIssue(
        0,
        `Every request that zone "${zone.name}" matches is taken by ${names}, which overrides it.`,
        'Narrow the overriding rule, turn the overrides around, or remove this zone.',
        'No request could reach this zone, so its policy would never apply.',
      ),
    });
  }
  return found;
}
