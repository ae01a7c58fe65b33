import { z } from 'zod';
import type { OdooCall } from './facts.ts';
import { unreadable } from './schema.ts';

const modelError = unreadable(
  'an Odoo model',
  'It would match no call, or more than meant.',
  'Write a model such as stock.picking, a family such as stock.*, or * for all.',
);
const methodError = unreadable(
  'an Odoo method',
  'It would match no call, or more than meant.',
  'Write a method such as search_read, a family such as action_*, or * for all.',
);

/** A model or a family of models: `stock.picking`, `stock.*`, `*`. */
export const modelPatternSchema = z
  .string({ error: modelError })
  .regex(/^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$/, { error: modelError });

/** A method or a family of methods: `search_read`, `action_*`, `*`. */
export const methodPatternSchema = z
  .string({ error: methodError })
  .regex(/^(\*|[A-Za-z0-9_]+\*?)$/, { error: methodError });

/** Whether a name is this pattern, or falls under it when it ends with `*`. */
export function matchesPattern(pattern: string, name: string): boolean {
  const length = pattern.length - 1;
  if (pattern.charCodeAt(length) !== 0x2a) return name === pattern;
  if (name.length < length) return false;
  for (let i = 0; i < length; i++) if (name.charCodeAt(i) !== pattern.charCodeAt(i)) return false;
  return true;
}

/** The first entry that names this call. */
export function findCallEntry<Entry extends { model: string; methods: readonly string[] }>(
  entries: readonly Entry[],
  call: OdooCall,
): Entry | undefined {
  // `*` means every model, not the services that have none.
  if (call.service !== 'object') return undefined;
  for (const entry of entries) {
    if (!matchesPattern(entry.model, call.model)) continue;
    for (const method of entry.methods) {
      if (matchesPattern(method, call.method)) return entry;
    }
  }
  return undefined;
}
