import { contradict } from './implication.ts';
import type { Literal } from './predicate.ts';

/** A rule whose matchers are checked, with negation pushed down to them. */
export type Condition =
  | { kind: 'literal'; literal: Literal; offset: number }
  | { kind: 'and' | 'or'; conditions: readonly Condition[] };

const maxTerms = 512;

/**
 * The alternatives of a condition, each a list of literals that must all hold; alternatives that contradict themselves are
 * left out. Undefined when there are more than 512: ten hosts times twenty paths are 200.
 */
export function expandAlternatives(condition: Condition): Literal[][] | undefined {
  if (condition.kind === 'literal') return isImpossible(condition.literal) ? [] : [[condition.literal]];
  if (condition.kind === 'or') {
    const terms: Literal[][] = [];
    for (const part of condition.conditions) {
      const expanded = expandAlternatives(part);
      if (expanded === undefined || terms.length + expanded.length > maxTerms) return undefined;
      terms.push(...expanded);
    }
    return terms;
  }
  let terms: Literal[][] = [[]];
  for (const part of condition.conditions) {
    const expanded = expandAlternatives(part);
    if (expanded === undefined) return undefined;
    const products: Literal[][] = [];
    for (const left of terms) {
      for (const right of expanded) {
        const product = join(left, right);
        if (product === undefined) continue;
        if (products.length === maxTerms) return undefined;
        products.push(product);
      }
    }
    terms = products;
  }
  return terms;
}

/** Every path starts with a slash. */
function isImpossible({ predicate, negated }: Literal): boolean {
  return negated && predicate.kind === 'pathPrefix' && predicate.prefix === '/';
}

/** Both lists as one without repetitions; undefined when they contradict each other. */
function join(left: readonly Literal[], right: readonly Literal[]): Literal[] | undefined {
  const joined = [...left];
  for (const literal of right) {
    let known = false;
    for (const other of joined) {
      if (contradict(other, literal)) return undefined;
      known ||= other.negated === literal.negated && other.predicate.text === literal.predicate.text;
    }
    if (!known) joined.push(literal);
  }
  return joined;
}
