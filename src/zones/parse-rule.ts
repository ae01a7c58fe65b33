import type { Issue } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';
import { ruleIssue } from './rule-issue.ts';
import { isMatcherName, matchers, printCall } from './rule.ts';
import type { Rule, RuleText } from './rule.ts';
import { tokenize } from './tokenize.ts';
import type { Token } from './tokenize.ts';

const maxRuleLength = 16_384;
const maxDepth = 64;

/** `rule` is undefined when there are issues; every issue has its offset into the text. */
export interface ParsedRule {
  rule: Rule | undefined;
  issues: Issue[];
}

/** Undefined for a part that was reported already; the rest of the rule is still read, to report that too. */
type Parsed = Rule | undefined;

/** What the parser moves through; `stopped` is set by the first slip after which reading on would only guess. */
interface Cursor {
  tokens: readonly Token[];
  at: number;
  depth: number;
  issues: Issue[];
  stopped: boolean;
}

/**
 * Reads a rule in Traefik v3 syntax: matchers, `!`, `&&`, `||` (in this order of strength) and parentheses. Never throws;
 * values are not checked here.
 */
export function parseRule(text: string): ParsedRule {
  if (text.length > maxRuleLength)
    return {
      rule: undefined,
      issues: [
        ruleIssue(
          maxRuleLength,
          `The rule has ${text.length} characters, more than ${maxRuleLength}.`,
          'Split the zone, or cover several values with one prefix.',
        ),
      ],
    };
  const { tokens, issues, broken } = tokenize(text);
  if (broken) return { rule: undefined, issues };
  if (tokens.length === 1)
    return {
      rule: undefined,
      issues: [ruleIssue(0, 'The rule is empty.', `Write a matcher such as ${matchers.Host.usage}.`)],
    };
  const cursor: Cursor = { tokens, at: 0, depth: 0, issues, stopped: false };
  const rule = parseOr(cursor);
  const rest = peek(cursor);
  if (rest.kind === ')')
    stop(cursor, 'This parenthesis closes nothing.', 'Remove it, or open a parenthesis before it.');
  else if (rest.kind !== 'end')
    stop(
      cursor,
      `${rest.kind === ',' ? 'A comma' : 'A value'} stands outside of a matcher.`,
      'Join matchers with && when both must match, or with || when one is enough.',
    );
  return { rule: issues.length > 0 ? undefined : rule, issues };
}

function parseOr(cursor: Cursor): Parsed {
  return parseChain(cursor, 'or', parseAnd);
}

function parseAnd(cursor: Cursor): Parsed {
  return parseChain(cursor, 'and', parseOperand);
}

function parseChain(cursor: Cursor, kind: 'and' | 'or', parseTerm: (cursor: Cursor) => Parsed): Parsed {
  const { offset } = peek(cursor);
  const terms: Parsed[] = [parseTerm(cursor)];
  while (!cursor.stopped) {
    const token = peek(cursor);
    if (token.kind === (kind === 'and' ? '&&' : '||')) {
      cursor.at++;
    } else if (kind === 'and' && startsOperand(token)) {
      report(
        cursor,
        `An operator is missing before ${describe(token)}.`,
        'Write && between the two when both must match, or || when one is enough.',
      );
    } else {
      break;
    }
    terms.push(parseTerm(cursor));
  }
  const rules: Rule[] = [];
  for (const term of terms) {
    if (term === undefined) return undefined;
    rules.push(term);
  }
  const [first] = rules;
  return rules.length === 1 && first !== undefined ? first : { kind, rules, offset };
}

function parseOperand(cursor: Cursor): Parsed {
  const token = peek(cursor);
  if (cursor.depth >= maxDepth) {
    stop(cursor, `The rule is nested more than ${maxDepth} deep.`, 'Write it with fewer parentheses.');
    return undefined;
  }
  if (token.kind === 'name') return parseCall(cursor);
  if (token.kind !== '!' && token.kind !== '(') {
    stop(
      cursor,
      `A matcher is missing before ${describe(token)}.`,
      `Write a matcher such as ${matchers.Host.usage}.`,
    );
    return undefined;
  }
  cursor.at++;
  cursor.depth++;
  const inner = token.kind === '!' ? parseOperand(cursor) : parseOr(cursor);
  cursor.depth--;
  if (cursor.stopped) return undefined;
  if (token.kind === '!')
    return inner === undefined ? undefined : { kind: 'not', rule: inner, offset: token.offset };
  if (peek(cursor).kind !== ')') {
    stop(
      cursor,
      `The parenthesis at character ${token.offset + 1} is not closed before ${describe(peek(cursor))}.`,
      'Write ) where the group ends.',
    );
    return undefined;
  }
  cursor.at++;
  return inner;
}

function parseCall(cursor: Cursor): Parsed {
  const token = peek(cursor);
  cursor.at++;
  if (peek(cursor).kind !== '(') {
    stop(
      cursor,
      `${token.text} is not followed by its values in parentheses.`,
      `Write it as in ${isMatcherName(token.text) ? matchers[token.text].usage : matchers.Host.usage}.`,
    );
    return undefined;
  }
  cursor.at++;
  const values = parseValues(cursor, token.text);
  if (values === undefined) return undefined;
  const { text: name, offset } = token;
  if (!isMatcherName(name)) {
    const nearest = nearestName(name, Object.keys(matchers));
    cursor.issues.push(
      ruleIssue(
        offset,
        `There is no matcher ${name}.`,
        nearest === undefined
          ? `Use one of ${Object.keys(matchers).join(', ')}.`
          : `Did you mean ${nearest}?`,
      ),
    );
    return undefined;
  }
  const { min, max, usage } = matchers[name];
  if (values.length < min || values.length > max) {
    // Traefik v2 took lists; v3 and this language do not.
    const asList = max === 1 && values.length > 1;
    cursor.issues.push(
      ruleIssue(
        offset,
        `${name} takes ${countOf(min, max)}, but ${givenCount(values.length)} given.`,
        asList
          ? `Write (${values.map((value) => printCall(name, [value.text])).join(' || ')}).`
          : `Write it as in ${usage}.`,
      ),
    );
    return undefined;
  }
  return { kind: 'match', name, values, offset };
}

function parseValues(cursor: Cursor, name: string): RuleText[] | undefined {
  const values: RuleText[] = [];
  if (peek(cursor).kind === ')') {
    cursor.at++;
    return values;
  }
  for (;;) {
    const value = peek(cursor);
    if (value.kind !== 'text') {
      stop(
        cursor,
        `A value of ${name} is missing before ${describe(value)}.`,
        'Write the value between backticks.',
      );
      return undefined;
    }
    values.push({ text: value.text, offset: value.offset + 1 });
    cursor.at++;
    const next = peek(cursor);
    if (next.kind !== ')' && next.kind !== ',') {
      stop(
        cursor,
        `The values of ${name} are not closed before ${describe(next)}.`,
        'Write ) after the last value, or a comma between two values.',
      );
      return undefined;
    }
    cursor.at++;
    if (next.kind === ')') return values;
  }
}

function peek(cursor: Cursor): Token {
  return cursor.tokens[Math.min(cursor.at, cursor.tokens.length - 1)] ?? { kind: 'end', text: '', offset: 0 };
}

function startsOperand(token: Token): boolean {
  return token.kind === 'name' || token.kind === '(' || token.kind === '!';
}

function report(cursor: Cursor, what: string, fix: string): void {
  cursor.issues.push(ruleIssue(peek(cursor).offset, what, fix));
}

function stop(cursor: Cursor, what: string, fix: string): void {
  if (!cursor.stopped) report(cursor, what, fix);
  cursor.stopped = true;
}

function describe(token: Token): string {
  if (token.kind === 'end') return 'the end of the rule';
  return token.kind === 'text' ? `the value "${token.text}"` : `"${token.text}"`;
}

function countOf(min: number, max: number): string {
  if (max === 0) return 'no value';
  if (min !== max) return `${min} or ${max} values`;
  return max === 1 ? 'one value' : `${max} values`;
}

function givenCount(count: number): string {
  return count === 0 ? 'none is' : count === 1 ? 'one is' : `${count} are`;
}
