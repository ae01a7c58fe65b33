/** How many values each matcher of the match language takes, and how it is written. */
export const matchers = {
  Host: { min: 1, max: 1, usage: 'Host(`shop.example`)' },
  HostRegexp: { min: 1, max: 1, usage: 'HostRegexp(`^[a-z]+\\.shop\\.example$`)' },
  Path: { min: 1, max: 1, usage: 'Path(`/jsonrpc`)' },
  PathPrefix: { min: 1, max: 1, usage: 'PathPrefix(`/json/2`)' },
  PathRegexp: { min: 1, max: 1, usage: 'PathRegexp(`^/my/orders/[0-9]+$`)' },
  Method: { min: 1, max: 1, usage: 'Method(`POST`)' },
  Header: { min: 2, max: 2, usage: 'Header(`X-Channel`, `edi`)' },
  HeaderRegexp: { min: 2, max: 2, usage: 'HeaderRegexp(`X-Channel`, `^edi-`)' },
  Query: { min: 1, max: 2, usage: 'Query(`debug`, `assets`)' },
  QueryRegexp: { min: 1, max: 2, usage: 'QueryRegexp(`debug`, `.+`)' },
  ClientIP: { min: 1, max: 1, usage: 'ClientIP(`192.0.2.0/24`)' },
  ClientCert: { min: 0, max: 0, usage: 'ClientCert()' },
  Listener: { min: 1, max: 1, usage: 'Listener(`public`)' },
  OdooModel: { min: 1, max: 1, usage: 'OdooModel(`stock.*`)' },
  OdooMethod: { min: 1, max: 1, usage: 'OdooMethod(`search_read`)' },
} as const satisfies Record<string, { min: number; max: number; usage: string }>;

export type MatcherName = keyof typeof matchers;

/** A value between quotes; `offset` is that of its first character in the rule. */
export interface RuleText {
  text: string;
  offset: number;
}

export interface MatcherCall {
  kind: 'match';
  name: MatcherName;
  values: readonly RuleText[];
  offset: number;
}

/** A match rule as authored; `and` and `or` have at least two rules. Offsets count characters into the rule. */
export type Rule =
  | MatcherCall
  | { kind: 'not'; rule: Rule; offset: number }
  | { kind: 'and'; rules: readonly Rule[]; offset: number }
  | { kind: 'or'; rules: readonly Rule[]; offset: number };

export function isMatcherName(name: string): name is MatcherName {
  return Object.hasOwn(matchers, name);
}

/** The rule as text; parsing it gives the same rule again. */
export function printRule(rule: Rule): string {
  switch (rule.kind) {
    case 'match':
      return printCall(
        rule.name,
        rule.values.map((value) => value.text),
      );
    case 'not':
      return `!${printOperand(rule.rule, rule.rule.kind === 'and' || rule.rule.kind === 'or')}`;
    case 'and':
      return rule.rules
        .map((term) => printOperand(term, term.kind === 'or' || term.kind === 'and'))
        .join(' && ');
    case 'or':
      return rule.rules.map((term) => printOperand(term, term.kind === 'or')).join(' || ');
  }
}

export function printCall(name: MatcherName, values: readonly string[]): string {
  return `${name}(${values.map(printText).join(', ')})`;
}

function printOperand(rule: Rule, parenthesised: boolean): string {
  return parenthesised ? `(${printRule(rule)})` : printRule(rule);
}

function printText(text: string): string {
  if (!text.includes('`')) return `\`${text}\``;
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
