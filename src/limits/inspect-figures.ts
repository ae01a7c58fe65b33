import type { Tier } from '../core/tenant.ts';
import type { CompiledLimit } from './compile.ts';
import { allFiguresOf, type Exceptions, type Figures, type ZoneLimit } from './governing-limit.ts';
import { encodeKeyPart } from './key.ts';

/** Whose figures are asked for. */
export interface BudgetOwner {
  /** Of the budget: that of the limit, or of an override that has a budget of its own. */
  id: string;
  key: string;
  tierOf(tenant: string): Tier | undefined;
  /** Milliseconds since 1970, for schedules. */
  nowMs: number;
}

/** The ids of all budgets of a limit: its own, and those of overrides that do not spend from it. */
export function budgetIdsOf(limit: ZoneLimit): string[] {
  return [...new Set([limit, ...allFiguresOf(limit)].map(({ id }) => id))];
}

/** The limit with the figures that govern one key of one of its budgets now; undefined when it has no such budget. */
export function figuresOfBudget(limit: ZoneLimit, owner: BudgetOwner): CompiledLimit | undefined {
  const { exceptions } = limit;
  if (exceptions === undefined) return limit.id === owner.id ? limit : undefined;
  const figures = candidatesFor(limit, exceptions, owner).find(
    (candidate) => candidate.limit.id === owner.id,
  );
  if (figures === undefined) return undefined;
  return figures.schedule === undefined ? figures.limit : figures.schedule.at(owner.nowMs);
}

/** Figures that may govern a key, in the order in which they count; a budget of an override has no others. */
function candidatesFor({ key: kind, id }: ZoneLimit, exceptions: Exceptions, owner: BudgetOwner): Figures[] {
  const { everybody, byTier, byTenant, byPrincipal } = exceptions;
  if (owner.id !== id) {
    return [
      ...byTier.values(),
      ...byTenant.values(),
      ...[...byPrincipal.values()].flatMap((bySubject) => [...bySubject.values()]),
    ];
  }
  const candidates: Figures[] = [];
  const slash = owner.key.lastIndexOf('/');
  if (kind === 'principal') {
    const holder = owner.key.slice(0, slash);
    for (const [issuer, bySubject] of byPrincipal) {
      // Without a tenant the key names the issuer; within one it cannot.
      if (holder.startsWith('/') && holder !== `/${encodeKeyPart(issuer)}`) continue;
      for (const [subject, figures] of bySubject) {
        if (encodeKeyPart(subject) === owner.key.slice(slash + 1)) candidates.push(figures);
      }
    }
  }
  const tenant = kind === 'tenant' ? owner.key : kind === 'principal' ? owner.key.slice(0, slash) : '';
  const ofTenant = byTenant.get(tenant);
  const tier = owner.tierOf(tenant);
  const ofTier = tier === undefined ? undefined : byTier.get(tier);
  for (const figures of [ofTenant, ofTier, everybody]) if (figures !== undefined) candidates.push(figures);
  return candidates;
}
