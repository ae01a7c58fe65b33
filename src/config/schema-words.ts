import { allowedKeys, authoredDefinition, kindsOf, literalsOf } from './schema-walk.ts';
import type { Kind } from './schema-walk.ts';
import { schemaOf } from './zod-core.ts';
import type { RawIssue, Schema } from './zod-core.ts';

/** The consequence when a schema does not give its own. */
export const notApplied = 'The gateway would not know what to apply.';

const nouns: Record<Kind, string> = {
  list: 'a list',
  mapping: 'a mapping',
  text: 'a text',
  number: 'a number',
  boolean: 'true or false',
  nothing: 'empty',
};

export function nounOf(kind: Kind): string {
  return nouns[kind];
}

/** What a schema wants. */
export interface Expectation {
  /** Completes "must be". */
  noun: string;
  /** Completes "is". */
  not: string;
  /** An order. */
  fix: string;
  /** The single words among what it wants. */
  words: string[];
}

/** What the schema that raised this issue wants. */
export function describeExpectation(issue: RawIssue): Expectation {
  if (issue.code === 'invalid_type' && issue.expected === 'int') return expectOne('a whole number');
  const schema = schemaOf(issue);
  const unknown = { ...expectOne('what is needed here'), fix: 'Correct the value.' };
  if (schema === undefined) return unknown;
  const def = authoredDefinition(schema);
  if (def.type === 'union') return expectOneOf(def.options);
  const [kind, ...others] = kindsOf(schema) ?? [];
  if (kind === undefined || others.length > 0) return unknown;
  const expectation = expectOne(nouns[kind]);
  if (kind === 'list') expectation.fix = 'Write a list: one entry per line, each starting with "- ".';
  if (kind === 'mapping') {
    const keys = allowedKeys(schema) ?? [];
    const known = keys.length === 0 ? 'one "name: value" per line' : `its keys are ${sayList(keys)}`;
    expectation.fix = `Write a mapping: ${known}.`;
  }
  return expectation;
}

function expectOne(noun: string): Expectation {
  return { noun, not: `not ${noun}`, fix: `Write ${noun}.`, words: [] };
}

/** `"none" or a mapping with "any"`. */
function expectOneOf(options: readonly Schema[]): Expectation {
  const words = options.flatMap((option) => literalsOf(option).map(String));
  const alternatives = options.flatMap((option) => {
    const literals = literalsOf(option);
    if (literals.length > 0) return literals.map((word) => `"${String(word)}"`);
    const keys = allowedKeys(option) ?? [];
    const withKeys = keys.length === 0 ? '' : ` with ${keys.map((key) => `"${key}"`).join(', ')}`;
    return [...(kindsOf(option) ?? [])].map((kind) => `${nouns[kind]}${withKeys}`);
  });
  const choices = [...new Set(alternatives)];
  const choice = sayChoice(choices);
  const [first, second, ...more] = choices;
  const not =
    second === undefined || more.length > 0
      ? `none of ${sayList(choices)}`
      : `neither ${first} nor ${second}`;
  return { noun: choice, not, fix: `Write ${choice}.`, words };
}

export function sayList(words: readonly unknown[]): string {
  return words.map(String).join(', ');
}

/** `a`, `a or b`, `a, b or c`. */
export function sayChoice(words: readonly unknown[]): string {
  const texts = words.map(String);
  const last = texts.pop() ?? '';
  return texts.length === 0 ? last : `${texts.join(', ')} or ${last}`;
}
