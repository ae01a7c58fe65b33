import { z } from 'zod';
import type { Issue } from '../core/issue.ts';
import { unreadable } from '../core/schema.ts';
import type { AnswerPolicy } from '../decide/snapshot.ts';

/** The `answers:` section of a zone. */

const nameError = unreadable(
  'a header name',
  'It would match no header field.',
  'Write a lower-case name such as strict-transport-security.',
);

const valueError = unreadable(
  'a header value',
  'It could not be written into an answer.',
  'Write printable ASCII text without line breaks, and no empty one.',
);

const fieldName = z.string({ error: nameError }).regex(/^[a-z][a-z0-9-]*$/, { error: nameError });
const fieldValue = z.string({ error: valueError }).regex(/^[!-~]([ -~]*[!-~])?$/, { error: valueError });

export const answersSchema = z.strictObject({
  set: z
    .record(fieldName, fieldValue)
    .default({})
    .describe(
      'Header fields that every answer of Odoo gets here, in place of its own, such as strict-transport-security.',
    ),
  remove: z
    .array(fieldName)
    .default([])
    .describe('Header fields of Odoo that no client is to see, such as server.'),
  hideTracebacks: z
    .boolean({
      error: unreadable(
        'true or false',
        'It would be unknown whether callers see where in Odoo an error arose.',
        'Write true or false.',
      ),
    })
    .default(false)
    .describe(
      'Whether the traceback is taken off the errors of Odoo: file paths, SQL and addresses that help an attacker.',
    ),
});

export type AnswerOptions = z.output<typeof answersSchema>;

/** Undefined when nothing is said of answers. */
export function compileAnswers(options: AnswerOptions): AnswerPolicy | undefined {
  const set = Object.entries(options.set).flat();
  if (set.length === 0 && options.remove.length === 0 && !options.hideTracebacks) return undefined;
  return {
    set,
    replaced: new Set([...Object.keys(options.set), ...options.remove]),
    hideTracebacks: options.hideTracebacks,
  };
}

/** Paths start at the zone file. */
export function checkAnswers(options: AnswerOptions): Issue[] {
  const set = Object.keys(options.set).map((name) => ({ name, path: ['answers', 'set', name] }));
  const removed = options.remove.map((name, index) => ({ name, path: ['answers', 'remove', index] }));
  const issues: Issue[] = [];
  for (const { name, path } of [...set, ...removed]) {
    if (!unchangeable.has(name)) continue;
    issues.push({
      path,
      what: `"${name}" is no field that a zone may change.`,
      consequence: 'The answer could not be read, or a session would be lost.',
      fix: 'Remove the line.',
    });
  }
  for (const { name, path } of removed) {
    if (options.set[name] === undefined) continue;
    issues.push({
      path,
      what: `"${name}" is set and removed.`,
      consequence: 'One of the two would mean nothing.',
      fix: 'Write it under set alone: what Odoo says there is replaced anyway.',
    });
  }
  return issues;
}

/** What frames an answer, belongs to its connection, carries a session, or is the gateway's own to say. */
const unchangeable: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'location',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
  'x-request-id',
]);
