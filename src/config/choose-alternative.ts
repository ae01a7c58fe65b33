import { nearestName } from '../core/nearest-name.ts';
import { fitness, kindOf, kindsOf, literalsOf } from './schema-walk.ts';
import { runSchema } from './zod-core.ts';
import type { Schema } from './zod-core.ts';

/**
 * The alternative of a union that the author most likely meant: one that takes this kind of value at all; among mappings the
 * one whose keys are there. Undefined when none takes this kind, or when words are offered and the value is none of them.
 */
export function chooseAlternative(options: readonly Schema[], value: unknown): Schema | undefined {
  const kind = kindOf(value);
  const fitting = options.filter((option) => kindsOf(option)?.includes(kind) ?? true);
  const patterns = fitting.filter((option) => literalsOf(option).length === 0);
  if (typeof value === 'string' && patterns.length < fitting.length) {
    // `none` or a rate: "nome" is a misspelt word, "50" an incomplete rate.
    const words = fitting.flatMap((option) => literalsOf(option).map(String));
    if (patterns.length === 0 || nearestName(value, words) !== undefined) return undefined;
  }
  const ranked = patterns
    .map((option) => ({
      option,
      score: fitness(option, value),
      issues: runSchema(option, value).issues.length,
    }))
    .toSorted((a, b) => b.score - a.score || a.issues - b.issues);
  return ranked[0]?.option;
}
