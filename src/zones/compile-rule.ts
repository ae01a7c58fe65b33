import type { Issue } from '../core/issue.ts';
import { compileMatcher } from './compile-matcher.ts';
import type { MatcherContext } from './compile-matcher.ts';
import { expandAlternatives } from './normal-form.ts';
import type { Condition } from './normal-form.ts';
import { parseRule } from './parse-rule.ts';
import type { Literal } from './predicate.ts';
import { ruleIssue } from './rule-issue.ts';
import type { Rule } from './rule.ts';
import { findSecondCapture } from './table.ts';
import { findDeadParts } from './unreachable.ts';

/** Reads and checks a rule: its alternatives, empty when there are issues. */
export function compileRule(
  text: string,
  listeners?: readonly string[],
): { terms: Literal[][]; issues: Issue[] } {
  const { rule, issues } = parseRule(text);
  if (rule === undefined) return { terms: [], issues };
  const condition = toCondition(rule, false, { issues, listeners });
  if (condition === undefined || issues.length > 0) return { terms: [], issues };
  const terms = expandAlternatives(condition);
  if (terms === undefined) {
    issues.push(
      ruleIssue(
        0,
        'The rule has more than 512 alternatives once its parentheses are multiplied out.',
        'Cover several paths with one prefix, use one regular expression for the hosts, or split the zone.',
        'Checking it for overlaps with other zones would take too long.',
      ),
    );
    return { terms: [], issues };
  }
  issues.push(...findDeadParts(condition, terms));
  for (const term of terms) {
    const issue = findSecondCapture(term);
    if (issue !== undefined) {
      issues.push(issue);
      break;
    }
  }
  return { terms: issues.length > 0 ? [] : terms, issues };
}

/** Checks the matchers and pushes negation down to them; undefined when a matcher has an issue. */
export function toCondition(rule: Rule, negated: boolean, context: MatcherContext): Condition | undefined {
  if (rule.kind === 'match') {
    const predicate = compileMatcher(rule, context);
    return predicate && { kind: 'literal', literal: { predicate, negated }, offset: rule.offset };
  }
  if (rule.kind === 'not') return toCondition(rule.rule, !negated, context);
  const conditions: Condition[] = [];
  let whole = true;
  for (const part of rule.rules) {
    const condition = toCondition(part, negated, context);
    if (condition === undefined) whole = false;
    else conditions.push(condition);
  }
  if (!whole) return undefined;
  // De Morgan: !(a && b) is !a || !b.
  return { kind: (rule.kind === 'and') === negated ? 'or' : 'and', conditions };
}
