import { z } from 'zod';
import type { ConfigPath } from '../core/issue.ts';
import { definitionOf } from './zod-core.ts';
import type { Schema } from './zod-core.ts';

/** What a value is, in the words of the messages. */
export type Kind = 'list' | 'mapping' | 'text' | 'number' | 'boolean' | 'nothing';

export function kindOf(value: unknown): Kind {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'object') return 'mapping';
  if (typeof value === 'number') return 'number';
  return typeof value === 'boolean' ? 'boolean' : 'text';
}

/** The definition behind optional, default, pipe and the like: what the authored value has to fit. */
export function authoredDefinition(schema: Schema): ReturnType<typeof definitionOf> {
  const def = definitionOf(schema);
  const inner = wrappedSchema(def);
  return inner === undefined ? def : authoredDefinition(inner);
}

function wrappedSchema(def: ReturnType<typeof definitionOf>): Schema | undefined {
  if ('innerType' in def) return def.innerType;
  if (def.type === 'pipe') return def.in;
  return def.type === 'lazy' ? def.getter() : undefined;
}

const kindsByType: Readonly<Record<string, readonly Kind[]>> = {
  object: ['mapping'],
  record: ['mapping'],
  array: ['list'],
  tuple: ['list'],
  string: ['text'],
  template_literal: ['text'],
  number: ['number'],
  boolean: ['boolean'],
  null: ['nothing'],
};

/** Kinds of values that a schema can accept at all; undefined when that cannot be told. */
export function kindsOf(schema: Schema): readonly Kind[] | undefined {
  const def = authoredDefinition(schema);
  if (def.type === 'literal' || def.type === 'enum') return [...new Set(literalsOf(schema).map(kindOf))];
  if (def.type !== 'union') return kindsByType[def.type];
  const kinds = new Set<Kind>();
  for (const option of def.options) {
    const optionKinds = kindsOf(option);
    if (optionKinds === undefined) return undefined;
    for (const kind of optionKinds) kinds.add(kind);
  }
  return [...kinds];
}

/** The words of a literal or an enum; empty for any other schema. */
export function literalsOf(schema: Schema): unknown[] {
  const def = authoredDefinition(schema);
  if (def.type === 'literal') return [...def.values];
  return def.type === 'enum' ? Object.values(def.entries) : [];
}

/** Keys that a mapping may have; undefined when any name will do. */
export function allowedKeys(schema: Schema): string[] | undefined {
  const def = authoredDefinition(schema);
  if (def.type === 'object') return Object.keys(def.shape);
  if (def.type === 'record') {
    const words = literalsOf(def.keyType);
    return words.length === 0 ? undefined : words.map(String);
  }
  if (def.type !== 'intersection') return undefined;
  const left = allowedKeys(def.left);
  const right = allowedKeys(def.right);
  return left === undefined || right === undefined ? undefined : [...left, ...right];
}

/** The description of the key at `path`, from `.describe()` of its schema or of what that schema wraps. */
export function describeAt(schema: Schema, path: ConfigPath, value: unknown): string | undefined {
  let at: Schema | undefined = schema;
  let inner = value;
  for (const segment of path) {
    at = at === undefined ? undefined : childSchema(at, segment, inner);
    inner = typeof inner === 'object' && inner !== null ? Reflect.get(inner, segment) : undefined;
  }
  return at === undefined ? undefined : descriptionOf(at);
}

function descriptionOf(schema: Schema): string | undefined {
  const own = z.globalRegistry.get(schema)?.description;
  if (own !== undefined) return own;
  const inner = wrappedSchema(definitionOf(schema));
  return inner === undefined ? undefined : descriptionOf(inner);
}

function childSchema(schema: Schema, segment: string | number, value: unknown): Schema | undefined {
  const def = authoredDefinition(schema);
  if (def.type === 'object') return def.shape[String(segment)] ?? def.catchall;
  if (def.type === 'record') return def.valueType;
  if (def.type === 'array') return def.element;
  if (def.type === 'tuple')
    return (typeof segment === 'number' ? def.items[segment] : undefined) ?? def.rest ?? undefined;
  if (def.type === 'intersection')
    return childSchema(def.left, segment, value) ?? childSchema(def.right, segment, value);
  if (def.type !== 'union') return undefined;
  const fitting = def.options.toSorted((a, b) => fitness(b, value) - fitness(a, value));
  for (const option of fitting) {
    const child = childSchema(option, segment, value);
    if (child !== undefined) return child;
  }
  return undefined;
}

/**
 * How well a mapping fits one alternative of a union, higher is better: a key that is fixed to one word decides (`kind: jwt`),
 * then the keys that the alternative knows.
 */
export function fitness(option: Schema, value: unknown): number {
  const def = authoredDefinition(option);
  if (def.type !== 'object' || typeof value !== 'object' || value === null) return 0;
  let score = 0;
  for (const key of Object.keys(value)) {
    const property = def.shape[key];
    const words = property === undefined ? [] : literalsOf(property);
    score += property === undefined ? -1 : 1;
    if (words.length > 0) score += words.includes(Reflect.get(value, key)) ? 100 : -100;
  }
  return score;
}
