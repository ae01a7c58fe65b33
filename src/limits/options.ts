import { z } from 'zod';
import { choiceSchema, countSchema, nameSchema, unreadable } from '../core/schema.ts';
import { isTimeZone } from './calendar.ts';
import { costSchema } from './cost-options.ts';
import { redisSchema } from './redis-options.ts';

/** Sections of the configuration that this folder reads: one entry of a zone's `limits:`, the address guard, `store:`. */

const rateError = unreadable(
  'a rate',
  'The gateway would not know how many requests to admit.',
  'Write whole tokens for each s, m, h or d: 50/s, 600/m or 2000/h.',
);

const periodsUs: Record<string, number> = { s: 1e6, m: 60e6, h: 3600e6, d: 86_400e6 };

/** A rate such as `50/s`; yields tokens for each period in microseconds. */
export const rateSchema = z
  .string({ error: rateError })
  .regex(/^[1-9]\d{0,8}\/[smhd]$/, { error: rateError })
  .transform((text) => ({
    text,
    tokens: Number.parseInt(text, 10),
    periodUs: periodsUs[text.slice(-1)] ?? 0,
  }));

const burstSchema = countSchema(1, 1_000_000_000)
  .optional()
  .describe('Whole tokens that a full budget holds; by default the number in the rate.');

const quotaError = unreadable(
  'a quota',
  'The gateway would not know how many requests to admit in which time.',
  'Write whole tokens for each day, week or month: 200000/day.',
);

/** A quota such as `200000/day`. */
export const quotaSchema = z
  .string({ error: quotaError })
  .regex(/^[1-9]\d{0,11}\/(day|week|month)$/, { error: quotaError })
  .transform((text) => ({
    text,
    tokens: Number.parseInt(text, 10),
    unit: text.slice(text.indexOf('/') + 1) as 'day' | 'week' | 'month',
  }));

const timeZoneError = unreadable(
  'a time zone',
  'It would be unknown when a day begins.',
  'Write a name of the IANA time zone database, such as Europe/Berlin or UTC.',
);

/** A time zone that this runtime knows. An offset is none: it would be wrong for half of the year. */
export const timeZoneSchema = z
  .string({ error: timeZoneError })
  .regex(/^[A-Za-z][\w+/-]*$/, { error: timeZoneError })
  .refine(isTimeZone, { error: timeZoneError });

const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

const anchorDayError = unreadable(
  'a day',
  'It would be unknown when the budget begins anew.',
  'Write a weekday such as monday for a quota per week, or a day from 1 to 31 for one per month.',
);

/** A weekday or a day of the month; yields 1 to 7 or 1 to 31, and what was written. */
export const anchorDaySchema = z
  .union(
    [
      z.enum(weekdays, { error: anchorDayError }),
      z.int({ error: anchorDayError }).min(1, { error: anchorDayError }).max(31, { error: anchorDayError }),
    ],
    { error: anchorDayError },
  )
  .transform((authored) =>
    typeof authored === 'number'
      ? { text: String(authored), unit: 'month' as const, day: authored }
      : { text: authored, unit: 'week' as const, day: weekdays.indexOf(authored) + 1 },
  );

/** One entry of a zone's `limits:` list. It has one of `rate`, `quota` and `inFlight`, which `compileLimits` checks. */
export const limitSchema = z.strictObject({
  name: nameSchema.describe('Name of the limit, as headers, logs and metrics show it.'),
  key: choiceSchema(
    ['tenant', 'principal', 'session', 'client', 'zone'],
    'It would be unknown who shares one budget.',
  ).describe(
    'Who has a budget of its own: each tenant, each caller, each Odoo session (without one: each client address), each client address, or the whole zone.',
  ),
  rate: rateSchema
    .optional()
    .describe('Tokens that a budget regains, such as 50/s, 600/m, 2000/h or 10000/d.'),
  burst: burstSchema,
  quota: quotaSchema
    .optional()
    .describe(
      'Tokens for one calendar day, week or month, such as 200000/day; they do not come back before the next.',
    ),
  timezone: timeZoneSchema.optional().describe('Time zone in which a quota counts its days; by default UTC.'),
  anchorDay: anchorDaySchema
    .optional()
    .describe(
      'Where a quota begins: a weekday for a week (by default monday), a day from 1 to 31 for a month (by default 1; in a shorter month its last day).',
    ),
  inFlight: countSchema(1, 100_000)
    .optional()
    .describe('Requests that may be in progress at one time, over all instances.'),
  cost: costSchema
    .default({})
    .describe('Whole tokens that a request costs; 1 where nothing is written for its workload.'),
  shadow: z
    .boolean({
      error: unreadable(
        'true or false',
        'It would be unknown whether the limit refuses.',
        'Write true or false.',
      ),
    })
    .default(false)
    .describe('Whether the limit is counted and reported but never refuses.'),
  onStoreFailure: choiceSchema(
    ['share', 'open', 'closed'],
    'It would be unknown what holds while the store cannot be reached.',
  )
    .default('share')
    .describe(
      'While the store fails: share = each instance enforces its part of the limit, open = requests pass uncounted, closed = requests are refused with 503.',
    ),
});

/** The budget of each client address that is charged before anybody is identified. */
export const guardSchema = z.strictObject({
  rate: rateSchema.describe(
    'Requests that one client address (IPv6: one /64 network) regains, such as 100/s.',
  ),
  burst: burstSchema,
});

/** The `store:` section; without it limits are counted in memory, by each instance for itself. */
export const storeSchema = z.strictObject({
  redis: redisSchema.describe(
    'Redis 5.0 or newer, or Valkey: one server, a primary behind Sentinels, or a Cluster.',
  ),
  instances: countSchema(1, 1000)
    .default(1)
    .describe(
      'How many gateway instances share the store at least; more are counted by themselves. Each enforces its part of a limit while the store fails.',
    ),
});

export type LimitOptions = z.output<typeof limitSchema>;
export type GuardOptions = z.output<typeof guardSchema>;
export type StoreOptions = z.output<typeof storeSchema>;
