/* oxlint-disable eslint/no-underscore-dangle -- `_zod` is the door that zod keeps for code that works on schemas */
import type { z } from 'zod';

export type Schema = z.core.$ZodType;
/** An issue before its message is made: it still knows which schema raised it, and the value. */
export type RawIssue = z.core.$ZodRawIssue;

/** What a schema was built from. */
export function definitionOf(schema: Schema): z.core.$ZodTypes['_zod']['def'] {
  // Every schema that zod builds is one of these; the base type merely does not say so.
  return (schema as z.core.$ZodTypes)._zod.def;
}

/** The output of a schema and the issues that it raises; no issues when the value is right. */
export function runSchema(schema: Schema, value: unknown): { value: unknown; issues: RawIssue[] } {
  const result = schema._zod.run({ value, issues: [] }, { async: false });
  if (result instanceof Promise) throw new TypeError('"schema" must not be asynchronous');
  return { value: result.value, issues: result.issues };
}

/** The schema that raised an issue; undefined when it was raised by hand. */
export function schemaOf(issue: RawIssue): Schema | undefined {
  const { inst } = issue;
  if (inst !== undefined && '~standard' in inst) return inst;
  return issue.schema;
}

/** The message that a schema or check gives of its own; `issue.input` is the value that it may quote. */
export function messageOf(issue: RawIssue): string | undefined {
  return callErrorMap(issue.inst, issue) ?? callErrorMap(issue.schema, issue);
}

/** The type of a message function names only the issues that its schema can raise, which is what it gets here. */
function callErrorMap(raiser: RawIssue['inst'], issue: RawIssue): string | undefined {
  const map = raiser?._zod.def.error as z.core.$ZodErrorMap | undefined;
  const made = map?.(issue);
  return typeof made === 'string' ? made : made?.message;
}
