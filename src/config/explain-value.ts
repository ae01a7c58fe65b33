import type { ConfigPath } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';
import { quoted } from '../core/schema.ts';
import type { Complaint } from './problems.ts';
import { authoredDefinition, describeAt, kindOf } from './schema-walk.ts';
import { describeExpectation, notApplied, nounOf, sayChoice, sayList } from './schema-words.ts';
import type { ResolvedDocument } from './secrets.ts';
import { valueAt } from './value-at.ts';
import { messageOf, runSchema, schemaOf } from './zod-core.ts';
import type { RawIssue, Schema } from './zod-core.ts';

/** What is wrong, and whether the reader should look at the value or at its key. */
export interface ExplainedIssue {
  path: ConfigPath;
  at: 'value' | 'key';
  complaint: Complaint;
}

/** Where in the file and in which schema the issues at hand arose; unions are explained from inside the alternative that was meant. */
export interface Scope {
  document: ResolvedDocument;
  schema: Schema;
  /** The value that `schema` refused. */
  input: unknown;
  base: ConfigPath;
}

/** What is wrong with a value that is there, in the schema's own words where it has some. */
export function explainValue(scope: Scope, issue: RawIssue, path: ConfigPath): ExplainedIssue {
  const { document } = scope;
  const at = issue.code === 'invalid_key' ? 'key' : 'value';
  const authored = authoredValue(document, path, issue);
  const explain = (complaint: Complaint): ExplainedIssue => {
    const place = document.secrets.at(document.file, path);
    const { what, consequence, fix } = complaint;
    if (place === undefined || !what.startsWith(`${quoted(place.authored)} is `))
      return { path, at, complaint };
    return { path, at, complaint: { what: `The value behind ${what}`, consequence, fix } };
  };

  if (kindOf(authored) === 'nothing' && at === 'value' && path.length > 0 && issue.code !== 'custom') {
    const own = ownMessage(scope, issue, path, '');
    return explain({
      what: `${subjectOf(path)} has no value.`,
      consequence: own?.consequence ?? notApplied,
      fix: own?.fix ?? `Write a value behind the colon, or remove the key.${descriptionFor(scope, issue)}`,
    });
  }
  const unquoted = explainUnquotedText(issue, authored);
  if (unquoted !== undefined) return explain(unquoted);
  const own = ownMessage(scope, issue, path, authored);
  if (own !== undefined)
    return explain(issue.code === 'invalid_value' ? hintNearest(own, issue, authored) : own);
  return explain(explainByCode(scope, issue, authored, path));
}

/**
 * What the schema itself says, in one to three lines. The message function sees the authored value, so it cannot quote what a
 * placeholder stands for; a message that was made while the value was checked is searched for secrets.
 */
function ownMessage(
  scope: Scope,
  issue: RawIssue,
  path: ConfigPath,
  authored: unknown,
): Complaint | undefined {
  const { file, secrets } = scope.document;
  const raised = issue.code === 'invalid_key' ? keyIssue(issue) : issue;
  let text = raised.message;
  if (text === undefined) {
    // Spreading loses which issue it is, so the compiler has to be told that it is one.
    text = messageOf({ ...raised, input: authored } as RawIssue);
  } else text = secrets.redact(file, path, text);
  if (text === undefined || text === '') return undefined;
  const lines = text.split('\n');
  // The quoted value may hold line breaks; the other two lines are the schema's own.
  if (lines.length >= 3)
    return { what: lines.slice(0, -2).join('\n'), consequence: lines.at(-2) ?? '', fix: lines.at(-1) ?? '' };
  const what = text.endsWith('.') ? text : `${text}.`;
  const description = descriptionFor(scope, issue).trim();
  return { what, consequence: notApplied, fix: description === '' ? 'Correct the value.' : description };
}

/** The issue that the key schema of a record raised for a key, with its message function still in place. */
function keyIssue(issue: RawIssue & { code: 'invalid_key' }): RawIssue {
  const schema = schemaOf(issue);
  const record = schema === undefined ? undefined : authoredDefinition(schema);
  if (record?.type !== 'record') return issue;
  return runSchema(record.keyType, issue.input).issues[0] ?? issue;
}

function explainByCode(scope: Scope, issue: RawIssue, authored: unknown, path: ConfigPath): Complaint {
  const description = descriptionFor(scope, issue);
  const shown = quoted(authored);
  switch (issue.code) {
    case 'invalid_type':
    case 'invalid_union': {
      const expected = describeExpectation(issue);
      const actual = kindOf(authored);
      const isScalar = actual !== 'list' && actual !== 'mapping';
      const complaint = complain(
        isScalar
          ? `${shown} is ${expected.not}.`
          : `${subjectOf(path)} is ${nounOf(actual)}, but must be ${expected.noun}.`,
        `${expected.fix}${description}`,
      );
      return hintNearest(complaint, { values: expected.words }, authored);
    }
    case 'invalid_value':
      return notOneOf(scope, issue, authored, issue.values);
    case 'too_small':
    case 'too_big': {
      const bound = issue.code === 'too_small' ? issue.minimum : issue.maximum;
      const limit = `at ${issue.code === 'too_small' ? 'least' : 'most'} ${bound}`;
      if (Array.isArray(authored))
        return complain(
          `${subjectOf(path)} has ${countOf(authored.length, 'entry', 'entries')}, but must have ${limit}.`,
          issue.code === 'too_small' ? 'Add an entry.' : 'Remove entries.',
        );
      if (issue.origin === 'string')
        return complain(`${shown} must have ${limit} characters.`, 'Write another text.');
      return complain(
        `${shown} must be ${limit}${issue.inclusive === false ? ', that bound excluded' : ''}.`,
        'Write another number.',
      );
    }
    case 'not_multiple_of':
      return complain(
        `${shown} is not a multiple of ${issue.divisor}.`,
        `Write a multiple of ${issue.divisor}.`,
      );
    case 'invalid_format':
      return complain(
        `${shown} does not have the form that is needed here (${issue.pattern ?? issue.format}).`,
        `Write a text of that form.${description}`,
      );
    case 'invalid_key':
      return complain(`${quoted(path.at(-1))} is not a name that can be used here.`, 'Choose another name.');
    case 'unrecognized_keys':
    case 'invalid_element':
    case 'custom':
      break;
  }
  return complain(`${shown} cannot be used here.`, 'Correct the value.');
}

function complain(what: string, fix: string): Complaint {
  return { what, consequence: notApplied, fix };
}

/** A text such as 007 or `true` that YAML reads as something else, where the text itself would be right. */
function explainUnquotedText(issue: RawIssue, authored: unknown): Complaint | undefined {
  if (issue.code !== 'invalid_type' || issue.expected !== 'string' || typeof authored !== 'string')
    return undefined;
  if (typeof issue.input !== 'number' && typeof issue.input !== 'boolean') return undefined;
  const schema = schemaOf(issue);
  if (schema === undefined || runSchema(schema, authored).issues.length > 0) return undefined;
  return {
    what: `${authored} without quotes is ${typeof issue.input === 'number' ? 'a number' : 'true or false'}, not a text.`,
    consequence: notApplied,
    fix: `Write "${authored}", quotes included.`,
  };
}

/** The complaint about a value that is none of a closed list of words. */
export function notOneOf(
  scope: Scope,
  issue: RawIssue,
  authored: unknown,
  words: readonly unknown[],
): Complaint {
  const complaint = {
    what: `${quoted(authored)} is not ${words.length > 1 ? 'one of ' : ''}${sayList(words)}.`,
    consequence: notApplied,
    fix: `Write ${sayChoice(words)}.${descriptionFor(scope, issue)}`,
  };
  return hintNearest(complaint, { ...issue, values: words }, authored);
}

function hintNearest(complaint: Complaint, issue: { values?: unknown }, authored: unknown): Complaint {
  if (typeof authored !== 'string' || !Array.isArray(issue.values) || issue.values.length === 0)
    return complaint;
  const nearest = nearestName(authored, issue.values.map(String));
  return nearest === undefined ? complaint : { ...complaint, fix: `Write "${nearest}".` };
}

/** The value as the file spells it, `1e3` rather than 1000; for what the file does not spell, the value that was checked. */
function authoredValue(document: ResolvedDocument, path: ConfigPath, issue: RawIssue): unknown {
  const value = valueAt(document.value, path);
  if (issue.code === 'invalid_key') return path.at(-1);
  if (typeof value === 'number' || typeof value === 'boolean') return document.scalarText(path) ?? value;
  return value;
}

/** What the key is for, as a further sentence behind a fix; empty when the schema does not say. */
export function descriptionFor(scope: Scope, issue: RawIssue): string {
  const description = describeAt(scope.schema, relativePath(issue), scope.input);
  if (description === undefined || description === '') return '';
  return ` ${description.endsWith('.') ? description : `${description}.`}`;
}

function subjectOf(path: ConfigPath): string {
  const last = path.at(-1);
  if (last === undefined) return 'The file';
  if (typeof last === 'string') return `"${last}"`;
  const list = path.at(-2);
  return typeof list === 'string' ? `Entry ${last + 1} of "${list}"` : `Entry ${last + 1}`;
}

function countOf(count: number, one: string, many: string): string {
  return `${count === 0 ? 'no' : count} ${count === 1 ? one : many}`;
}

/** The issue's path below the schema that raised it. */
export function relativePath(issue: RawIssue): (string | number)[] {
  return (issue.path ?? []).map((segment) => (typeof segment === 'symbol' ? String(segment) : segment));
}
