import { canonicalPath } from '../core/path.ts';
import { parseCidr } from '../core/ip.ts';
import type { Issue } from '../core/issue.ts';
import { parseHostPattern } from './host-pattern.ts';
import { nearestName } from '../core/nearest-name.ts';
import type { OdooPattern, Predicate } from './predicate.ts';
import { compileRegexp, type LinearRegexp } from './regexp.ts';
import { ruleIssue } from './rule-issue.ts';
import { printCall } from './rule.ts';
import type { MatcherCall, RuleText } from './rule.ts';

/** What the values of matchers are checked against, and where problems go. */
export interface MatcherContext {
  issues: Issue[];
  /** Names of the configured listeners; undefined when they are not known. */
  listeners: readonly string[] | undefined;
}

const noRequest = 'No request could match it, so the zone would not cover what it is meant to cover.';

/** Checks the values of a matcher; undefined when an issue was reported. */
export function compileMatcher(call: MatcherCall, context: MatcherContext): Predicate | undefined {
  const first = call.values[0] ?? { text: '', offset: call.offset };
  const second = call.values[1];
  const text = printCall(
    call.name,
    call.values.map((value) => value.text),
  );
  switch (call.name) {
    case 'Host': {
      const result = parseHostPattern(first.text);
      if ('pattern' in result) return { kind: 'host', pattern: result.pattern, text };
      return refuse(context, first, result.problem, result.fix);
    }
    case 'HostRegexp': {
      const regexp = readRegexp(context, first);
      return regexp && { kind: 'hostRegexp', regexp, text };
    }
    case 'Path':
      return isCanonical(context, first) ? { kind: 'path', path: first.text, text } : undefined;
    case 'PathPrefix':
      return isCanonical(context, first) ? { kind: 'pathPrefix', prefix: first.text, text } : undefined;
    case 'PathRegexp': {
      const regexp = readRegexp(context, first);
      return regexp && { kind: 'pathRegexp', regexp, text };
    }
    case 'Method':
      if (/^[A-Z0-9!#$%&'*+.^_|~-]+$/.test(first.text)) return { kind: 'method', method: first.text, text };
      return refuse(
        context,
        first,
        `"${first.text}" is not a method in upper case.`,
        `Write a method such as ${/^[a-z]+$/i.test(first.text) ? first.text.toUpperCase() : 'POST'}.`,
      );
    case 'Header':
    case 'HeaderRegexp': {
      const name = readFieldName(context, first);
      if (name === undefined || second === undefined) return undefined;
      const spelled = printCall(call.name, [name, second.text]);
      if (call.name === 'HeaderRegexp') {
        const regexp = readRegexp(context, second);
        return regexp && { kind: 'headerRegexp', name, regexp, text: spelled };
      }
      if (/^[!-~](?:[ -~]*[!-~])?$/.test(second.text))
        return { kind: 'header', name, value: second.text, text: spelled };
      return refuse(
        context,
        second,
        `"${second.text}" is not a value that a header field can have.`,
        'Write printable ASCII characters without blanks at the ends, or use HeaderRegexp.',
      );
    }
    case 'Query':
    case 'QueryRegexp': {
      const key = first.text;
      if (key === '')
        return refuse(context, first, 'The key of the query is empty.', 'Write the name of a key.');
      if (call.name === 'Query' || second === undefined)
        return {
          kind: 'query',
          key,
          value: second?.text ?? '',
          text: printCall('Query', second === undefined ? [key] : [key, second.text]),
        };
      const regexp = readRegexp(context, second);
      return regexp && { kind: 'queryRegexp', key, regexp, text };
    }
    case 'ClientIP': {
      const result = parseCidr(first.text);
      if ('cidr' in result)
        return { kind: 'clientIp', cidrs: [result.cidr], text: printCall('ClientIP', [result.cidr.text]) };
      return refuse(context, first, result.problem, result.fix);
    }
    case 'ClientCert':
      return { kind: 'clientCert', text };
    case 'Listener':
      return readListener(context, first, text);
    case 'OdooModel': {
      const pattern = readOdooName(context, first, 'model', /^(?:[a-z0-9_]+(?:\.[a-z0-9_]+)*)?(?:\.?\*)?$/);
      return pattern && { kind: 'odooModel', pattern, text };
    }
    case 'OdooMethod': {
      const pattern = readOdooName(context, first, 'method', /^(?:[A-Za-z_][A-Za-z0-9_]*)?\*?$/);
      return pattern && { kind: 'odooMethod', pattern, text };
    }
  }
}

function isCanonical(context: MatcherContext, value: RuleText): boolean {
  const path = canonicalPath(value.text);
  if (path === value.text) return true;
  if (path !== undefined)
    refuse(
      context,
      value,
      `"${value.text}" is not the spelling that requests are brought to.`,
      `Write ${path}.`,
    );
  else if (value.text.includes('?'))
    refuse(context, value, `"${value.text}" has a query.`, 'Write the path alone and join it with Query.');
  else if (value.text.startsWith('/'))
    refuse(
      context,
      value,
      `"${value.text}" is a path that the gateway refuses as ambiguous.`,
      'Write it without //, dot segments, blanks, semicolons, backslashes and escaped delimiters.',
    );
  else refuse(context, value, `"${value.text}" does not start with a slash.`, `Write /${value.text}.`);
  return false;
}

function readRegexp(context: MatcherContext, value: RuleText): LinearRegexp | undefined {
  const regexp = compileRegexp(value.text);
  if (!('problem' in regexp)) return regexp;
  const what = `The regular expression "${value.text}" does not read: ${regexp.problem}.`;
  context.issues.push(
    ruleIssue(
      value.offset,
      what,
      'Write it in RE2 syntax: no lookaround, no backreferences, no names in braces.',
    ),
  );
  return undefined;
}

function readFieldName(context: MatcherContext, value: RuleText): string | undefined {
  const name = value.text.toLowerCase();
  if (!/^[a-z0-9!#$%&'*+.^_|~-]+$/.test(name) || /[^ -~]/.test(value.text))
    return refuse(
      context,
      value,
      `"${value.text}" is not the name of a header field.`,
      'Write a name such as X-Channel.',
    );
  if (name === 'host')
    return refuse(context, value, 'The Host field is not matched as a header.', 'Use Host or HostRegexp.');
  return name;
}

function readListener(context: MatcherContext, value: RuleText, text: string): Predicate | undefined {
  if (context.listeners === undefined || context.listeners.includes(value.text))
    return { kind: 'listener', name: value.text, text };
  const nearest = nearestName(value.text, context.listeners);
  return refuse(
    context,
    value,
    `There is no listener "${value.text}".`,
    nearest === undefined ? `Use one of ${context.listeners.join(', ')}.` : `Did you mean ${nearest}?`,
  );
}

function readOdooName(
  context: MatcherContext,
  value: RuleText,
  noun: 'model' | 'method',
  form: RegExp,
): OdooPattern | undefined {
  if (value.text !== '' && form.test(value.text)) {
    const open = value.text.endsWith('*');
    return { start: open ? value.text.slice(0, -1) : value.text, open };
  }
  return refuse(
    context,
    value,
    `"${value.text}" is not the name of an Odoo ${noun}.`,
    noun === 'model'
      ? 'Write a model such as stock.picking, a family such as stock.*, or * for every call.'
      : 'Write a method such as search_read, a family such as search*, or * for every call.',
  );
}

function refuse(context: MatcherContext, value: RuleText, what: string, fix: string): undefined {
  context.issues.push(ruleIssue(value.offset, what, fix, noRequest));
  return undefined;
}
