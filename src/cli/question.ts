import { z } from 'zod';
import { assumedCredentialSchema } from '../auth/options.ts';
import { canonicalIp } from '../core/ip.ts';
import { parseDescription } from '../decide/described-request.ts';

const questionSchema = z.strictObject({
  request: z
    .string({ error: () => '"request" must be METHOD URL.' })
    .refine((text) => parseDescription(text) !== undefined, {
      error: () =>
        '"request" must be METHOD URL with an absolute URL, such as GET https://acme.erp.example/odoo.',
    }),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: () => 'A header must be Name: value.' }),
      z.string({ error: () => 'The value of a header must be a text.' }),
    )
    .default({}),
  from: z
    .string()
    .refine((text) => canonicalIp(text) !== undefined, { error: () => '"from" must be an IP address.' })
    .default('192.0.2.1'),
  as: assumedCredentialSchema.optional(),
});

/** A request that somebody asks about. */
export type Question = z.output<typeof questionSchema>;

/** Reads a question from the command line or from a line of a batch; the complaint names everything that is wrong. */
export function readQuestion(input: unknown): Question | { complaint: string } {
  const parsed = questionSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map(({ path, message }) => {
    const place = path.join('.');
    return place === '' || message.startsWith('"') ? message : `${place}: ${message}`;
  });
  return { complaint: complaints.join(' ').replaceAll('\n', ' ') };
}
