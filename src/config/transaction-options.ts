import { z } from 'zod';
import type { Issue } from '../core/issue.ts';
import { methodPatternSchema, modelPatternSchema } from '../core/method-pattern.ts';
import { nameSchema, unreadable } from '../core/schema.ts';

/** One entry of `transactions:` in `gateway.yaml`. */
const transactionSchema = z.strictObject({
  name: nameSchema.describe('Name of the transaction, as metrics and logs show it.'),
  model: modelPatternSchema.describe('Odoo model, such as stock.picking.'),
  methods: z
    .array(methodPatternSchema, {
      error: unreadable('a list of methods', 'No call would be counted.', 'Write [button_validate].'),
    })
    .min(1)
    .describe('Odoo methods that make such a transaction, such as button_validate.'),
});

/** What every logistics company asks after first. */
const shipped: z.input<typeof transactionSchema>[] = [
  { name: 'order-confirmed', model: 'sale.order', methods: ['action_confirm'] },
  { name: 'picking-validated', model: 'stock.picking', methods: ['button_validate'] },
  { name: 'invoice-posted', model: 'account.move', methods: ['action_post'] },
];

export const transactionsSchema = z
  .array(transactionSchema)
  .default(shipped as z.output<typeof transactionSchema>[])
  .describe(
    'Calls that are counted as business transactions, with their outcome read from the answer; orders, pickings and invoices by default.',
  );

/** Paths start at `gateway.yaml`. */
export function checkTransactions(transactions: z.output<typeof transactionsSchema>): Issue[] {
  const issues: Issue[] = [];
  const names = new Set<string>();
  for (const [index, { name }] of transactions.entries()) {
    if (names.has(name)) {
      issues.push({
        path: ['transactions', index, 'name'],
        what: `Two transactions are named "${name}".`,
        consequence: 'No figure could tell them apart.',
        fix: 'Give each a name of its own, or write all methods of one model under one name.',
      });
    }
    names.add(name);
  }
  return issues;
}
