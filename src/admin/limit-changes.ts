import { forgetDenialsMs } from '../limits/inspect.ts';
import type { BudgetState } from '../limits/inspect.ts';
import type { BudgetName, LimitProcesses } from './limit-questions.ts';
import { failureOf, noAnswer, of, type Shown } from './limit-views.ts';

export type Change = { action: 'reset' } | { action: 'grant'; tokens: number };

/** What became of a change, for the caller and for the audit trail. */
export interface Changed {
  outcome: 'done' | 'refused' | 'unknown';
  shown: Shown;
  about: Record<string, unknown>;
}

/**
 * Carries a change out: every process of this gateway first gives back what it holds of the budget, then one of them credits
 * the store, and all forget what they were told of a refusal. Other instances forget by themselves, in `forgetDenialsMs` at the
 * latest.
 */
export async function changeBudget(
  processes: LimitProcesses,
  budget: BudgetName,
  change: Change,
): Promise<Changed> {
  const granted = change.action === 'grant' ? { tokens: change.tokens } : {};
  await processes.askAll({ about: 'settle', ...budget });
  const answer = await processes.askOne({ about: 'credit', ...budget, ...granted });
  const [credited] = of('credit', [answer]);
  if (credited === undefined) {
    const failed = answer === undefined ? noAnswer : failureOf([answer], budget);
    const uncertain = answer === undefined || (answer.about === 'failure' && answer.uncertain);
    const shown = uncertain ? withWarning(failed) : failed;
    const outcome = uncertain ? 'unknown' : 'refused';
    return { outcome, shown, about: { ...granted, cause: failed.body['detail'] } };
  }
  // Between the two calls a process may have been refused once more.
  await processes.askAll({ about: 'settle', ...budget });
  const { before, after } = credited;
  const states = { before: summarise(before), after: summarise(after) };
  const shared = after.keptBy === 'redis';
  return {
    outcome: 'done',
    shown: {
      status: 200,
      body: {
        ...budget,
        ...change,
        ...states,
        otherInstancesWithinMs: shared ? forgetDenialsMs : 0,
      },
    },
    about: { ...granted, ...states },
  };
}

function summarise(state: BudgetState): Record<string, unknown> {
  const { figures, burst, free } = state;
  if (state.kind === 'rate') return { figures, burst, free, leased: state.leased };
  return state.kind === 'quota' ? { figures, burst, free, used: state.used } : { figures, burst, free };
}

function withWarning(shown: Shown): Shown {
  const detail = `${String(shown.body['detail'])} The change may have been made or not: look at the budget before you try again.`;
  return { ...shown, body: { ...shown.body, detail } };
}
