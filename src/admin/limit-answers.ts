import type { Clock } from '../core/clock.ts';
import type { CompiledLimit } from '../limits/compile.ts';
import { allFiguresOf, type ZoneLimit } from '../limits/governing-limit.ts';
import { type BudgetDesk, renderFigures } from '../limits/inspect.ts';
import { figuresOfBudget } from '../limits/inspect-figures.ts';
import type { RecentRefusals } from '../telemetry/recent-refusals.ts';
import type {
  LimitAnswer,
  LimitQuestion,
  ListedLimit,
  RefusedBudget,
  StoreStatus,
} from './limit-questions.ts';
import { findBudget, type LimitScope, nameBudget, nameBudgetAt } from './limit-scope.ts';

/** What one process knows of its limits. */
export interface LimitFacts {
  /** Of the configuration in force. */
  scope: LimitScope;
  desk: BudgetDesk;
  store: StoreStatus;
  /** Keys that the guard of a zone holds. */
  guardKeysOf: (guard: CompiledLimit) => number;
  refusals: RecentRefusals;
  clock: Clock;
}

/** Answers for one process. Never rejects. */
export async function answerAboutLimits(facts: LimitFacts, question: LimitQuestion): Promise<LimitAnswer> {
  const { scope, desk } = facts;
  if (question.about === 'list') return { about: 'list', store: facts.store, limits: listLimits(facts) };
  if (question.about === 'refused') return { about: 'refused', keys: listRefused(facts) };
  const { key } = question;
  const limit = findFigures(facts, question);
  if (limit === undefined) return { about: 'unknown' };
  let changing = false;
  try {
    if (question.about === 'settle') {
      await desk.settle(limit, key);
      return { about: 'settle' };
    }
    const state = await desk.look(limit, key);
    if (question.about === 'key') {
      const refused = listRefused(facts).find((entry) => entry.limit === question.limit && entry.key === key);
      const { at, variant = '' } = limit;
      return { about: 'key', at, variant, state, ...(refused === undefined ? {} : { refused }) };
    }
    // From a primary of another release.
    if (question.about !== 'credit') return { about: 'unknown' };
    // A share is made anew whenever the store fails: there is nothing to credit.
    if (state.keptBy === 'share')
      return { about: 'failure', cause: 'Redis does not answer', uncertain: false };
    changing = true;
    const after = await desk.credit(limit, key, question.tokens ?? Infinity);
    return { about: 'credit', before: state, after };
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return { about: 'failure', cause, uncertain: changing };
  }

  function findFigures({ clock }: LimitFacts, asked: { limit: string }): CompiledLimit | undefined {
    const found = findBudget(scope, asked.limit);
    if (found === undefined) return undefined;
    const tierOf = (tenant: string) => scope.tenants.byId.get(tenant)?.tier;
    return figuresOfBudget(found.limit, { id: found.id, key, tierOf, nowMs: clock.wallMs() });
  }
}

/** A refusal from before a reload keeps the name of its limit, whatever stands at its line now. */
function listRefused({ refusals, scope }: LimitFacts): RefusedBudget[] {
  return refusals.list().map((refused) => ({
    limit: nameBudgetAt(scope, refused.zone, refused.at) ?? `${refused.zone}/${refused.name}`,
    ...refused,
  }));
}

function listLimits({ scope, desk, guardKeysOf }: LimitFacts): ListedLimit[] {
  return [...scope.zonesByName.values()].flatMap(({ limits, address: { guard } }) => [
    ...(guard === undefined
      ? []
      : [{ ...describe(guard), limit: guard.id, kind: 'guard' as const, keysHeld: guardKeysOf(guard) }]),
    ...limits.map((limit) => ({ ...describe(limit), keysHeld: countKeys(limit, desk) })),
  ]);
}

/** Keys of all budgets of a limit. */
function countKeys(limit: ZoneLimit, desk: BudgetDesk): number {
  const byId = new Map([limit, ...allFiguresOf(limit)].map((figures) => [figures.id, figures]));
  return [...byId.values()].reduce((sum, figures) => sum + desk.keysOf(figures), 0);
}

function describe(limit: ZoneLimit): Omit<ListedLimit, 'keysHeld'> {
  const { id, key, burst, cost, shadow, onStoreFailure, at } = limit;
  const others = allFiguresOf(limit).filter((figures) => figures.id !== id || figures.at !== at);
  return {
    limit: nameBudget(limit, id),
    kind: limit.kind,
    key,
    figures: renderFigures(limit),
    burst,
    ...(limit.kind === 'quota' ? { timezone: limit.period.timeZone } : {}),
    cost: { ...cost },
    shadow,
    onStoreFailure,
    at,
    others: others.map((figures) => ({
      for: figures.variant ?? '',
      limit: nameBudget(limit, figures.id),
      figures: renderFigures(figures),
      burst: figures.burst,
      at: figures.at,
    })),
  };
}
