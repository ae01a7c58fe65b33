import { z } from 'zod';
import { methodPatternSchema, modelPatternSchema } from '../core/method-pattern.ts';
import { countSchema, sizeSchema, unreadable } from '../core/schema.ts';

/** `cost:` of a limit: what one request is worth. */

const tokensSchema = countSchema(0, 1_000_000);

const bytesSchema = sizeSchema.refine((bytes) => bytes > 0, {
  error: unreadable(
    'a size above 0B',
    'Every request would cost without end.',
    'Write a size such as 64KiB or 1MiB.',
  ),
});

export const costSchema = z.strictObject({
  interactive: tokensSchema.optional().describe('Tokens that an interactive request costs.'),
  batch: tokensSchema.optional().describe('Tokens that a batch request costs.'),
  websocket: tokensSchema.optional().describe('Tokens that opening a WebSocket costs.'),
  static: tokensSchema.optional().describe('Tokens that a request for a static file costs.'),
  odoo: z
    .array(
      z.strictObject({
        model: modelPatternSchema.describe('Odoo model, or a family such as stock.*.'),
        methods: z.array(methodPatternSchema).min(1).describe('Methods of the model.'),
        cost: tokensSchema.describe('Tokens that such a call costs, in place of what its workload costs.'),
      }),
    )
    .optional()
    .describe('Tokens that calls of certain Odoo methods cost; the first entry that names a call counts.'),
  perRequestBytes: bytesSchema
    .optional()
    .describe('One more token for each started so many bytes of the request body, such as 64KiB.'),
  perResponseBytes: bytesSchema
    .optional()
    .describe('One more token for each started so many bytes of the answer, paid when it is over.'),
  perSecond: countSchema(1, 1_000_000)
    .optional()
    .describe('Tokens for each second that the request takes, paid when it is over.'),
});

export type CostOptions = z.output<typeof costSchema>;
