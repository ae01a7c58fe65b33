import { z } from 'zod';
import type { Facts } from '../core/facts.ts';
import type { Locate } from '../core/issue.ts';
import { findRoute } from './find-route.ts';
import { findCallEntry, methodPatternSchema, modelPatternSchema } from './method-pattern.ts';

/** `allow.odoo` of a zone: the only Odoo calls that pass. */
export const odooAllowSchema = z
  .array(
    z.strictObject({
      model: modelPatternSchema.describe('Odoo model, or a family such as stock.*.'),
      methods: z.array(methodPatternSchema).min(1).describe('Methods of the model that may be called.'),
    }),
  )
  .min(1);

export type OdooAllowOptions = z.output<typeof odooAllowSchema>;

export interface OdooAllowList {
  entries: readonly { model: string; methods: readonly string[]; at: string }[];
  at: string;
}

export function compileOdooAllow(options: OdooAllowOptions, locate: Locate): OdooAllowList {
  return {
    entries: options.map((entry, index) => ({ ...entry, at: locate([index]) })),
    at: locate([]),
  };
}

export type OdooVerdict =
  | { allowed: true; at: string }
  | { allowed: false; reason: 'odoo_method_not_allowed' | 'odoo_call_unreadable'; at: string };

/** Routes whose body, not whose path, says what is called. */
const bodyRoutes = ['/jsonrpc', '/xmlrpc', '/json/', '/web/dataset/', '/web/action/run', '/web/export/'];

/**
 * Judges one request against the allow-list of its zone. What is no Odoo call is not concerned: the zone's rule decides
 * about pages. A call whose model and method cannot be read from the path is refused, never let through unread.
 */
export function judgeOdooCall(list: OdooAllowList, facts: Facts): OdooVerdict {
  const call = facts.odoo;
  if (call === undefined) {
    return findRoute(facts.path, bodyRoutes) !== undefined
      ? { allowed: false, reason: 'odoo_call_unreadable', at: list.at }
      : { allowed: true, at: list.at };
  }
  const entry = findCallEntry(list.entries, call);
  if (entry === undefined) return { allowed: false, reason: 'odoo_method_not_allowed', at: list.at };
  return { allowed: true, at: entry.at };
}
