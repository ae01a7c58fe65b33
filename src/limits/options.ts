import { z } from 'zod';
import { choiceSchema, countSchema, durationSchema, nameSchema, unreadable } from '../core/schema.ts';

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

const costSchema = countSchema(0, 1_000_000).optional();

/** One entry of a zone's `limits:` list. */
export const limitSchema = z.strictObject({
  name: nameSchema.describe('Name of the limit, as headers, logs and metrics show it.'),
  key: choiceSchema(
    ['tenant', 'principal', 'zone', 'client'],
    'It would be unknown who shares one budget.',
  ).describe(
    'Who has a budget of its own: each tenant, each caller, the whole zone, or each client address.',
  ),
  rate: rateSchema.describe('Tokens that a budget regains, such as 50/s, 600/m, 2000/h or 10000/d.'),
  burst: burstSchema,
  cost: z
    .strictObject({
      interactive: costSchema.describe('Tokens that an interactive request costs.'),
      batch: costSchema.describe('Tokens that a batch request costs.'),
      websocket: costSchema.describe('Tokens that opening a WebSocket costs.'),
      static: costSchema.describe('Tokens that a request for a static file costs.'),
    })
    .default({})
    .describe('Whole tokens that a request costs, by workload; 1 where nothing is written.'),
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
      'While the store fails: share = each instance enforces its part of the rate, open = requests pass uncounted, closed = requests are refused with 503.',
    ),
});

/** The budget of each client address that is charged before anybody is identified. */
export const guardSchema = z.strictObject({
  rate: rateSchema.describe(
    'Requests that one client address (IPv6: one /64 network) regains, such as 100/s.',
  ),
  burst: burstSchema,
});

// The value is not quoted in the message: a Redis URL may hold a password.
const urlError = () =>
  'The Redis address is not a URL.\nThe gateway could not reach its store.\nWrite redis://host:6379, or rediss://host:6380 for TLS.';

/** The `store:` section; without it limits are counted in memory, by each instance for itself. */
export const storeSchema = z.strictObject({
  redis: z
    .strictObject({
      url: z
        .string({ error: urlError })
        .regex(/^rediss?:\/\/[^\s/?#]+(\/\d*)?$/, { error: urlError })
        .describe('Where Redis or Valkey listens: redis://user:password@host:6379/0, rediss:// for TLS.'),
      timeout: durationSchema
        .prefault('25ms')
        .describe('How long one decision waits for the store before the limit says itself what happens.'),
      connectTimeout: durationSchema.prefault('1s').describe('How long one attempt to connect may take.'),
    })
    .describe('One Redis or Valkey server, 5.0 or newer.'),
  instances: countSchema(1, 1000)
    .default(1)
    .describe(
      'How many gateway instances share the store; each enforces this part of a limit while the store fails.',
    ),
});

export type LimitOptions = z.output<typeof limitSchema>;
export type GuardOptions = z.output<typeof guardSchema>;
export type StoreOptions = z.output<typeof storeSchema>;
