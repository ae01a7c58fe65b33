import type { Issue } from '../core/issue.ts';
import { ruleIssue } from './rule-issue.ts';

export interface Token {
  kind: 'name' | 'text' | '(' | ')' | ',' | '&&' | '||' | '!' | 'end';
  /** The name, or the text without its quotes. */
  text: string;
  /** Of the token; for a text, of its opening quote. */
  offset: number;
}

const blank = /[ \t\r\n]/;
const wordStart = /[A-Za-z_]/;
const word = /[A-Za-z0-9_]*/y;
const wordOperators = new Map<string, '&&' | '||' | '!'>([
  ['and', '&&'],
  ['or', '||'],
  ['not', '!'],
]);

/**
 * Cuts a rule into tokens. Slips whose meaning is plain (`and`, a single `&`, single quotes) become issues and the token
 * that was meant, so that the rest of the rule is checked too; `broken` says that reading on makes no sense.
 */
export function tokenize(rule: string): { tokens: Token[]; issues: Issue[]; broken: boolean } {
  const tokens: Token[] = [];
  const issues: Issue[] = [];
  let broken = false;
  let at = 0;
  while (at < rule.length && !broken) {
    const character = rule.charAt(at);
    const offset = at;
    if (blank.test(character)) {
      at++;
    } else if (character === '(' || character === ')' || character === ',' || character === '!') {
      tokens.push({ kind: character, text: character, offset });
      at++;
    } else if (character === '&' || character === '|') {
      const kind = character === '&' ? '&&' : '||';
      if (rule.startsWith(kind, at)) at += 2;
      else {
        issues.push(ruleIssue(offset, `"${character}" is not an operator.`, `Write ${kind}.`));
        at++;
      }
      tokens.push({ kind, text: kind, offset });
    } else if (character === '`' || character === '"' || character === "'") {
      const read = readText(rule, at);
      issues.push(...read.issues);
      broken = read.broken;
      tokens.push({ kind: 'text', text: read.text, offset });
      at = read.end;
    } else if (wordStart.test(character)) {
      word.lastIndex = at;
      const text = word.exec(rule)?.[0] ?? character;
      at += text.length;
      const operator = wordOperators.get(text.toLowerCase());
      if (operator !== undefined) {
        issues.push(ruleIssue(offset, `"${text}" is not an operator.`, `Write ${operator} instead.`));
        tokens.push({ kind: operator, text: operator, offset });
      } else {
        tokens.push({ kind: 'name', text, offset });
      }
    } else {
      issues.push(
        ruleIssue(
          offset,
          `The character "${character}" has no meaning outside of quotes.`,
          'Remove it, or put the value that it belongs to between backticks.',
        ),
      );
      broken = true;
    }
  }
  tokens.push({ kind: 'end', text: '', offset: rule.length });
  return { tokens, issues, broken };
}

function readText(
  rule: string,
  start: number,
): { text: string; end: number; issues: Issue[]; broken: boolean } {
  const quote = rule.charAt(start);
  const issues: Issue[] = [];
  if (quote !== '"') {
    const close = rule.indexOf(quote, start + 1);
    if (close === -1) return unclosed(rule, start);
    const text = rule.slice(start + 1, close);
    if (quote === "'")
      issues.push(
        ruleIssue(start, 'Single quotes do not mark a value.', `Write \`${text}\` between backticks.`),
      );
    return { text, end: close + 1, issues, broken: false };
  }
  let text = '';
  for (let at = start + 1; at < rule.length; at++) {
    const character = rule.charAt(at);
    if (character === '"') return { text, end: at + 1, issues, broken: false };
    if (character !== '\\') {
      text += character;
      continue;
    }
    const escaped = rule.charAt(++at);
    if (escaped !== '"' && escaped !== '\\')
      issues.push(
        ruleIssue(
          at - 1,
          `"\\${escaped}" is not an escape that double quotes know.`,
          'Write the value between backticks, where a backslash stands for itself.',
        ),
      );
    text += escaped;
  }
  return unclosed(rule, start);
}

function unclosed(
  rule: string,
  start: number,
): { text: string; end: number; issues: Issue[]; broken: boolean } {
  const issue = ruleIssue(
    start,
    `The value that starts with ${rule.slice(start, start + 20)} has no closing quote.`,
    `Write ${rule.charAt(start) === '"' ? 'a double quote' : 'a backtick'} where the value ends.`,
  );
  return { text: rule.slice(start + 1), end: rule.length, issues: [issue], broken: true };
}
