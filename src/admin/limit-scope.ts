import type { Tier } from '../core/tenant.ts';
import type { CompiledLimit } from '../limits/compile.ts';
import { allFiguresOf, type ZoneLimit } from '../limits/governing-limit.ts';
import { budgetIdsOf } from '../limits/inspect-figures.ts';

/** The part of a zone that holds limits. */
export interface ZoneLimits {
  readonly name: string;
  readonly limits: readonly ZoneLimit[];
  readonly address: { readonly guard: CompiledLimit | undefined };
}

/** The part of a configuration that says what limits there are, and whose budgets. */
export interface LimitScope {
  readonly zonesByName: ReadonlyMap<string, ZoneLimits>;
  readonly tenants: { readonly byId: ReadonlyMap<string, { readonly tier: Tier }> };
}

/** A limit, and the id of one of its budgets. */
export interface FoundBudget {
  limit: ZoneLimit;
  id: string;
}

/**
 * What operators call a budget: `zone/name`, and more where an override has a budget of its own. The id has also what keeps the
 * budgets of different kinds apart, which is nobody's to know.
 */
export function nameBudget({ id, name }: ZoneLimit, budgetId: string): string {
  return `${id.slice(0, id.indexOf('/'))}/${name}${budgetId.slice(id.length)}`;
}

export function findBudget({ zonesByName }: LimitScope, name: string): FoundBudget | undefined {
  const zone = zonesByName.get(name.slice(0, name.indexOf('/')));
  for (const limit of zone?.limits ?? []) {
    const id = budgetIdsOf(limit).find((budgetId) => nameBudget(limit, budgetId) === name);
    if (id !== undefined) return { limit, id };
  }
  return undefined;
}

/** The names of all budgets, for hints. */
export function nameAllBudgets({ zonesByName }: LimitScope): string[] {
  return [...zonesByName.values()].flatMap(({ limits }) =>
    limits.flatMap((limit) => budgetIdsOf(limit).map((id) => nameBudget(limit, id))),
  );
}

/** The name of the budget whose figures stand at a place of a file; undefined when a reload has moved them. */
export function nameBudgetAt({ zonesByName }: LimitScope, zone: string, at: string): string | undefined {
  const found = zonesByName.get(zone);
  if (found?.address.guard?.at === at) return found.address.guard.id;
  for (const limit of found?.limits ?? []) {
    const figures = [limit, ...allFiguresOf(limit)].find((candidate) => candidate.at === at);
    if (figures !== undefined) return nameBudget(limit, figures.id);
  }
  return undefined;
}
