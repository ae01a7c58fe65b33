import type { ConfigPath } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';
import { chooseAlternative } from './choose-alternative.ts';
import { descriptionFor, explainValue, notOneOf, relativePath } from './explain-value.ts';
import type { ExplainedIssue, Scope } from './explain-value.ts';
import { allowedKeys, authoredDefinition } from './schema-walk.ts';
import { notApplied, sayChoice, sayList } from './schema-words.ts';
import type { ResolvedDocument } from './secrets.ts';
import { valueAt } from './value-at.ts';
import { runSchema, schemaOf } from './zod-core.ts';
import type { RawIssue, Schema } from './zod-core.ts';

/** The raw issues of a schema as sentences. `input` is the value that was refused, `document` knows what was authored. */
export function explainIssues(
  schema: Schema,
  input: unknown,
  issues: readonly RawIssue[],
  document: ResolvedDocument,
): ExplainedIssue[] {
  return explainAll({ document, schema, input, base: [] }, issues);
}

function explainAll(scope: Scope, issues: readonly RawIssue[]): ExplainedIssue[] {
  const explained: ExplainedIssue[] = [];
  /** Keys that a misspelt key stands for: that they are missing goes without saying. */
  const meant = new Set<string>();
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') explained.push(...explainUnknownKeys(scope, issue, meant));
  }
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') continue;
    const path = [...scope.base, ...relativePath(issue)];
    if (isMissing(scope, issue)) {
      if (!meant.has(JSON.stringify(path))) explained.push(explainMissing(scope, issue, path));
    } else if (issue.code === 'invalid_union') explained.push(...explainUnion(scope, issue, path));
    else explained.push(explainValue(scope, issue, path));
  }
  return explained;
}

function explainUnknownKeys(
  scope: Scope,
  issue: RawIssue & { code: 'unrecognized_keys' },
  meant: Set<string>,
): ExplainedIssue[] {
  const parent = [...scope.base, ...relativePath(issue)];
  const present = Object.keys(issue.input ?? {});
  const schema = schemaOf(issue);
  const allowed = schema === undefined ? undefined : allowedKeys(schema);
  return issue.keys.map((key) => {
    const absent = allowed?.filter((name) => !present.includes(name)) ?? [];
    const nearest = nearestName(key, absent);
    if (nearest !== undefined) meant.add(JSON.stringify([...parent, nearest]));
    const known = allowed === undefined || allowed.length === 0 ? '' : `; known here: ${sayList(allowed)}`;
    return {
      path: [...parent, key],
      at: 'key',
      complaint: {
        what: `"${key}" is not a known key.`,
        consequence: 'It would be ignored, so what it is meant to set would not apply.',
        fix: nearest === undefined ? `Remove it${known}.` : `Write "${nearest}".`,
      },
    };
  });
}

function isMissing(scope: Scope, issue: RawIssue): boolean {
  const path = relativePath(issue);
  // A discriminator that is absent is raised at its own path, with the whole mapping as input.
  const input = issue.code === 'invalid_union' && 'discriminator' in issue ? undefined : issue.input;
  return input === undefined && path.length > 0 && valueAt(scope.input, path) === undefined;
}

function explainMissing(scope: Scope, issue: RawIssue, path: ConfigPath): ExplainedIssue {
  const key = path.at(-1);
  const options = issue.code === 'invalid_union' && Array.isArray(issue['options']) ? issue['options'] : [];
  const choice = options.length === 0 ? '' : ` It is ${sayChoice(options)}.`;
  const missing = typeof key === 'number' ? `Entry ${key + 1}` : `"${key}"`;
  return {
    path,
    at: 'value',
    complaint: {
      what: `${missing} is missing.`,
      consequence: notApplied,
      fix: `Add ${typeof key === 'number' ? 'the entry' : `"${key}:"`} here.${choice}${descriptionFor(scope, issue)}`,
    },
  };
}

function explainUnion(scope: Scope, issue: RawIssue, path: ConfigPath): ExplainedIssue[] {
  const { document } = scope;
  if (issue.code === 'invalid_union' && Array.isArray(issue['options'])) {
    const authored = valueAt(document.value, path);
    return [{ path, at: 'value', complaint: notOneOf(scope, issue, authored, issue['options']) }];
  }
  const schema = schemaOf(issue);
  const union = schema === undefined ? undefined : authoredDefinition(schema);
  if (union?.type === 'union') {
    const alternative = chooseAlternative(union.options, issue.input);
    if (alternative !== undefined) {
      const { issues } = runSchema(alternative, issue.input);
      const explained = explainAll({ document, schema: alternative, input: issue.input, base: path }, issues);
      if (explained.length > 0) return explained;
    }
  }
  return [explainValue(scope, issue, path)];
}
