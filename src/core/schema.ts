import { z } from 'zod';
import { type Cidr, parseCidr } from './ip.ts';

/**
 * Scalars that configuration sections are made of. A value that does not read is reported in three parts, one per line of
 * the message: what is wrong, what would happen, what to write instead. `config/` adds file, line and column.
 */

/** Builds the message of a value that does not read; `expected` follows "is not", `fix` is an order. */
export function unreadable(expected: string, consequence: string, fix: string) {
  return (issue: { input?: unknown }): string =>
    `${quoted(issue.input)} is not ${expected}.\n${consequence}\n${fix}`;
}

/** The authored value as a message shows it. */
export function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text === undefined) return 'Nothing';
  return `"${text.length > 80 ? `${text.slice(0, 77)}...` : text}"`;
}

const notApplied = 'The gateway would not know what to apply.';

/** A name that other sections, log lines and metrics refer to. */
export const nameSchema = z
  .string({ error: unreadable('a name', notApplied, 'Write a word such as partner-rate.') })
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, {
    error: unreadable(
      'a name',
      'It could not be used as a metric label or a store key.',
      'Use up to 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first.',
    ),
  });

const durationUnitsMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const durationError = unreadable(
  'a duration',
  'Without a unit it could be read as milliseconds or as seconds.',
  'Write a number with a unit: 250ms, 5s, 10m, 1h or 1d.',
);

/** Node's timers take longer times for 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/** A duration such as `5s`, at most 24 days; yields milliseconds. */
export const durationSchema = z
  .string({ error: durationError })
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, { error: durationError })
  // A text that is no duration is too long for nothing: one complaint is enough.
  .refine((text) => !(readDurationMs(text) > longestTimerMs), {
    error: unreadable('a duration of at most 24d', 'A longer timer would end at once.', 'Write at most 24d.'),
  })
  .transform(readDurationMs);

/** A duration between two others, both included, which are written as users do. */
export function durationBetween([least, most]: readonly [string, string], consequence: string) {
  const error = unreadable(
    `a duration from ${least} to ${most}`,
    consequence,
    `Write a duration from ${least} to ${most}.`,
  );
  return z
    .string({ error: durationError })
    .regex(/^\d{1,9}(ms|s|m|h|d)$/, { error: durationError })
    .refine(
      (text) =>
        !(readDurationMs(text) < readDurationMs(least) || readDurationMs(text) > readDurationMs(most)),
      { error },
    )
    .transform(readDurationMs);
}

function readDurationMs(text: string): number {
  const unit = /[a-z]+$/.exec(text)?.[0] ?? '';
  return Number.parseInt(text, 10) * (durationUnitsMs[unit] ?? 0);
}

const sizeUnits: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const sizeError = unreadable(
  'a size',
  'Without a unit it could be read as bytes or as kilobytes.',
  'Write a number with a unit: 512B, 64KiB, 10MiB or 1GiB.',
);

/** A size such as `64KiB`; yields bytes. */
export const sizeSchema = z
  .string({ error: sizeError })
  .regex(/^\d{1,9}(B|KiB|MiB|GiB)$/, { error: sizeError })
  .transform(readSizeBytes);

/** A size between two others, both included, which are written as users do. */
export function sizeBetween([least, most]: readonly [string, string], consequence: string) {
  const error = unreadable(
    `a size from ${least} to ${most}`,
    consequence,
    `Write a size from ${least} to ${most}.`,
  );
  return z
    .string({ error: sizeError })
    .regex(/^\d{1,9}(B|KiB|MiB|GiB)$/, { error: sizeError })
    .refine(
      (text) => !(readSizeBytes(text) < readSizeBytes(least) || readSizeBytes(text) > readSizeBytes(most)),
      {
        error,
      },
    )
    .transform(readSizeBytes);
}

function readSizeBytes(text: string): number {
  const unit = /[A-Za-z]+$/.exec(text)?.[0] ?? '';
  return Number.parseInt(text, 10) * (sizeUnits[unit] ?? NaN);
}

/** A whole number between two bounds, both included. */
export function countSchema(min: number, max: number) {
  const error = unreadable(
    `a whole number from ${min} to ${max}`,
    notApplied,
    `Write a whole number from ${min} to ${max}.`,
  );
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** One word of a closed list. */
export function choiceSchema<const Words extends readonly [string, ...string[]]>(
  words: Words,
  consequence: string,
) {
  return z.enum(words, {
    error: unreadable(`one of ${words.join(', ')}`, consequence, `Write one of ${words.join(', ')}.`),
  });
}

/** Free text that must not be empty; `noun` says what it is, `fix` gives an order with an example. */
export function textSchema(noun: string, fix: string) {
  const error = unreadable(noun, notApplied, fix);
  return z.string({ error }).min(1, { error });
}

/** An address or a range of addresses; yields what it stands for. */
export const addressRangeSchema = textSchema(
  'an address range',
  'Write an address or a range, such as 10.0.0.0/8 or 2001:db8::/32.',
).transform((text, context): Cidr => {
  const result = parseCidr(text);
  if ('cidr' in result) return result.cidr;
  const message = `${result.problem}\nIt would be unclear which addresses are meant.\n${result.fix}`;
  context.addIssue({ code: 'custom', message, input: text });
  return z.NEVER;
});
