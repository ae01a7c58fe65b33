import type { Issue } from '../core/issue.ts';

const uncovered =
  'The rule could not be read as meant, so requests could fall into the wrong zone or into none.';

/** An issue at a place in the match rule; `consequence` has a default for a rule that does not read. */
export function ruleIssue(offset: number, what: string, fix: string, consequence = uncovered): Issue {
  return { path: ['match'], offset, what, consequence, fix };
}
