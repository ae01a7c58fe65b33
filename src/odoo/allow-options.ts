import { z } from 'zod';
import { methodPatternSchema, modelPatternSchema } from '../core/method-pattern.ts';
import { choiceSchema, nameSchema, textSchema, unreadable } from '../core/schema.ts';

const emptyError = unreadable(
  'a list with at least one entry',
  'No call could ever match it.',
  'Write at least one, or leave the key out.',
);

/** One entry of `allow.odoo`: which calls, and whose. */
const entrySchema = z
  .strictObject({
    model: z
      .union([modelPatternSchema, z.array(modelPatternSchema).min(1, { error: emptyError })], {
        error: unreadable(
          'an Odoo model or a list of them',
          'It would match no call, or more than meant.',
          'Write a model such as stock.picking, a family such as stock.*, * for all, or a list of these.',
        ),
      })
      .describe('Odoo model, a family such as stock.*, or a list of these.'),
    methods: z
      .array(methodPatternSchema)
      .min(1, { error: emptyError })
      .optional()
      .describe('Methods of the models that may be called.'),
    profile: choiceSchema(['read-only'], 'It would be unknown which methods are meant.')
      .optional()
      .describe(
        'A list of methods that is shipped: read-only has those that change nothing in any model of Odoo.',
      ),
    scopes: z
      .array(textSchema('a scope', 'Write the name of a scope, such as edi.write.'))
      .min(1, { error: emptyError })
      .optional()
      .describe('Only for callers whose token has all of these scopes.'),
    tenants: z.array(nameSchema).min(1, { error: emptyError }).optional().describe('Only for these tenants.'),
    tiers: z
      .array(choiceSchema(['shared', 'semi-isolated', 'dedicated'], 'No tenant could match it.'))
      .min(1, { error: emptyError })
      .optional()
      .describe('Only for tenants of these tiers.'),
  })
  .refine(({ methods, profile }) => methods !== undefined || profile !== undefined, {
    error:
      'The entry names neither methods nor a profile.\nIt would allow no call at all.\nWrite methods: [read, search_read], or profile: read-only.',
  });

/** `allow.odoo` of a zone: the only Odoo calls that pass. */
export const odooAllowSchema = z.array(entrySchema).min(1, { error: emptyError });

export type OdooAllowOptions = z.output<typeof odooAllowSchema>;
