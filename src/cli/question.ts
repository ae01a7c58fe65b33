import { z } from 'zod';
import { assumedCredentialSchema } from '../auth/options.ts';
import { canonicalIp } from '../core/ip.ts';
import { parseDescription, parseInstant } from '../decide/described-request.ts';

const notAnAddress = '"from" must be an IP address.';

const notAnInstant =
  '"at" must be a date and time with its distance from UTC, such as 2026-12-24T17:00+01:00.';

const questionFields = {
  request: z
    .string({ error: () => '"request" must be METHOD URL.' })
    .refine((text) => parseDescription(text) !== undefined, {
      error: () =>
        '"request" must be METHOD URL with an absolute URL, such as GET https://acme.erp.example/odoo.',
    }),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/),
      z.string({ error: () => 'The value of a header must be a text.' }),
      { error: ({ code }) => (code === 'invalid_key' ? 'A header must be Name: value.' : undefined) },
    )
    .default({}),
  from: z
    .string({ error: () => notAnAddress })
    .refine((text) => canonicalIp(text) !== undefined, { error: () => notAnAddress })
    .default('192.0.2.1'),
  as: assumedCredentialSchema.optional(),
  /** A text as it stands, anything else as JSON. */
  body: z.unknown().optional(),
  at: z
    .string({ error: () => notAnInstant })
    .refine((text) => parseInstant(text) !== undefined, { error: () => notAnInstant })
    .transform((text) => parseInstant(text))
    .optional(),
};

const questionSchema = z.strictObject(questionFields, {
  error: ({ code }) =>
    code === 'invalid_type' ? 'A question must be a JSON object with "request".' : undefined,
});

/** A request that somebody asks about. */
export type Question = z.output<typeof questionSchema>;

/** Reads a question from the command line or from a line of a batch; the complaint names everything that is wrong. */
export function readQuestion(input: unknown): Question | { complaint: string } {
  const parsed = questionSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map(({ path, message }) => {
    const place = path.filter((part) => part !== '').join('.');
    return place === '' || message.startsWith(`"${place}"`) ? message : `${place}: ${message}`;
  });
  return { complaint: complaints.join(' ').replaceAll('\n', ' ') };
}
