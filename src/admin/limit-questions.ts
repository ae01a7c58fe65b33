import type { BudgetState } from '../limits/inspect.ts';
import type { RefusedKey } from '../telemetry/recent-refusals.ts';

/**
 * What the admin surface asks the processes that decide requests, as plain data: between a primary and its workers it goes
 * through a pipe as JSON.
 */

/** One key's budget. */
export interface BudgetName {
  /** Name of the budget: `zone/name`, or more where an override has a budget of its own. */
  limit: string;
  key: string;
}

export type LimitQuestion =
  | { about: 'list' }
  | { about: 'refused' }
  | ({ about: 'key' } & BudgetName)
  /** Give back what is held, and forget what was told of a refusal. */
  | ({ about: 'settle' } & BudgetName)
  /** Without `tokens`: everything that is owed. */
  | ({ about: 'credit'; tokens?: number } & BudgetName);

/** One limit of the configuration in force, and how many keys of it one process holds. */
export interface ListedLimit {
  limit: string;
  kind: 'rate' | 'quota' | 'inFlight' | 'guard';
  /** Who has a budget of its own: `tenant`, `principal`, `zone` or `client`. */
  key: string;
  /** As configured: `50/s`, `200000/day`, `8`. */
  figures: string;
  burst: number;
  /** Of a quota. */
  timezone?: string;
  cost: Record<string, unknown>;
  shadow: boolean;
  onStoreFailure: string;
  /** `file:line:column`. */
  at: string;
  keysHeld: number;
  /** Other figures that somebody, or some time, has; those with a budget of their own have another `limit`. */
  others: { for: string; limit: string; figures: string; burst: number; at: string }[];
}

export interface StoreStatus {
  kind: 'memory' | 'redis';
  /** Whether it answers. */
  up: boolean;
}

/** Who was refused, with the name of the budget. */
export type RefusedBudget = RefusedKey & { limit: string };

export type LimitAnswer =
  | { about: 'list'; store: StoreStatus; limits: ListedLimit[] }
  | { about: 'refused'; keys: RefusedBudget[] }
  /** With the place of the figures that govern, and whose they are. */
  | { about: 'key'; at: string; variant: string; state: BudgetState; refused?: RefusedBudget }
  | { about: 'settle' }
  | { about: 'credit'; before: BudgetState; after: BudgetState }
  /** The store gave no answer; `uncertain` says that it may have done what it was asked for. */
  | { about: 'failure'; cause: string; uncertain: boolean }
  /** Its configuration, which may be another one for a moment, has no such limit. */
  | { about: 'unknown' };

/** The processes that decide requests. Whoever does not answer in time is left out. */
export interface LimitProcesses {
  /** Asks everyone; answers in the order of their places. */
  askAll(question: LimitQuestion): Promise<LimitAnswer[]>;
  /** Asks one that takes requests. */
  askOne(question: LimitQuestion): Promise<LimitAnswer | undefined>;
}
