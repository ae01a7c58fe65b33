import type { z } from 'zod';
import type { ConfigPath } from '../core/issue.ts';
import { explainIssues } from './explain-issue.ts';
import { createProblem, formatPath, sortProblems } from './problems.ts';
import type { Problem } from './problems.ts';
import type { ResolvedDocument } from './secrets.ts';
import { valueAt } from './value-at.ts';
import { runSchema } from './zod-core.ts';
import type { RawIssue } from './zod-core.ts';

export type Validated<T> = { value: T; problems?: undefined } | { value?: undefined; problems: Problem[] };

/**
 * Checks a document against the schema of its file and gives the schema's output, or everything that is wrong at once,
 * sorted. Messages show what the file says, never what a placeholder stands for. A placeholder that stands for a number, `true` or
 * `false` becomes one where the schema asks for it.
 */
export function validate<T>(schema: z.ZodType<T>, document: ResolvedDocument): Validated<T> {
  let input = document.resolved;
  let result = runSchema(schema, input);
  if (result.issues.length > 0) {
    const typed = typePlaceholders(schema, document, input, result.issues);
    if (typed !== input) {
      input = typed;
      result = runSchema(schema, input);
    }
  }
  // The schema vouches for its output type once it raises no issue.
  if (result.issues.length === 0) return { value: result.value as T };

  const problems: Problem[] = [];
  for (const { path, at, complaint } of explainIssues(schema, input, result.issues, document)) {
    if (document.secrets.isUnresolved(document.file, path)) continue;
    const position = at === 'key' ? document.locateKey(path) : document.locate(path);
    problems.push(createProblem(document.file, position, path, complaint));
  }
  return { problems: sortProblems(problems) };
}

/**
 * Every resolved placeholder is a text. Where the schema refuses the text and takes the number or the boolean that it spells,
 * that is what was meant: `port: ${env:PORT}`.
 */
function typePlaceholders(
  schema: z.core.$ZodType,
  document: ResolvedDocument,
  input: unknown,
  issues: readonly RawIssue[],
): unknown {
  const refusedPaths = new Set(issues.map((issue) => formatPath(pathOf(issue))));
  const candidates = document.secrets
    .placesOf(document.file)
    .filter((place) => /^(?:true|false|-?\d{1,15}(?:\.\d{1,15})?)$/.test(place.resolved))
    // The issue of a union stands above the place.
    .filter(({ path }) => path.some((_, i) => refusedPaths.has(formatPath(path.slice(0, path.length - i)))));
  if (candidates.length === 0) return input;
  const attempt = runSchema(schema, replaceAt(input, candidates));
  const stillRefused = new Set(attempt.issues.map((issue) => formatPath(pathOf(issue))));
  return replaceAt(
    input,
    candidates.filter(({ path }) => !stillRefused.has(formatPath(path))),
  );
}

/** A copy of `value` in which the texts at some paths became the values that they spell. */
function replaceAt(value: unknown, places: readonly { path: ConfigPath; resolved: string }[]): unknown {
  if (places.length === 0) return value;
  const copy = structuredClone(value);
  for (const { path, resolved } of places) {
    const parent = valueAt(copy, path.slice(0, -1));
    const key = path.at(-1);
    if (typeof parent === 'object' && parent !== null && key !== undefined)
      Reflect.set(parent, key, JSON.parse(resolved));
  }
  return copy;
}

function pathOf(issue: RawIssue): ConfigPath {
  return (issue.path ?? []).map((segment) => (typeof segment === 'symbol' ? String(segment) : segment));
}
