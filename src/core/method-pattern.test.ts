import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { matchesPattern, methodPatternSchema, modelPatternSchema } from './method-pattern.ts';

describe('matchesPattern', () => {
  it.each([
    ['stock.picking', 'stock.picking', true],
    ['stock.picking', 'stock.picking.type', false],
    ['stock.picking', 'xstock.picking', false],
    ['stock.picking', 'Stock.picking', false],
    ['stock.*', 'stock.picking', true],
    ['stock.*', 'stock.picking.type', true],
    ['stock.*', 'stock', false],
    ['stock.*', 'stock_x', false],
    ['action_*', 'action_assign', true],
    ['action_*', 'action_', true],
    ['action_*', 'action', false],
    ['*', 'anything', true],
  ])('%s covers %s: %s', (pattern, name, covered) => {
    expect(matchesPattern(pattern, name)).toBe(covered);
  });
});

const consequence = 'It would match no call, or more than meant.';

/** The message of what does not read; undefined when it does. */
function complaintOf(schema: z.ZodType, text: unknown): string | undefined {
  return schema.safeParse(text).error?.issues[0]?.message;
}

describe('modelPatternSchema', () => {
  it.each(['*', 'stock.picking', 'stock.*', 'x_2', 'a.b.c.*'])('takes %s', (text) => {
    expect(modelPatternSchema.parse(text)).toBe(text);
  });

  it.each(['', 'stock.', '.stock', 'stock*', '*.picking', 'stock.*.x', 'Stock', 'stock picking', '**', 7])(
    'refuses %j',
    (text) => {
      const fix = 'Write a model such as stock.picking, a family such as stock.*, or * for all.';
      expect(complaintOf(modelPatternSchema, text)).toBe(
        `"${text}" is not an Odoo model.\n${consequence}\n${fix}`,
      );
    },
  );
});

describe('methodPatternSchema', () => {
  it.each(['*', 'search_read', 'action_*', 'X2'])('takes %s', (text) => {
    expect(methodPatternSchema.parse(text)).toBe(text);
  });

  it.each(['', '*_read', 'a*b', 'a.b', 'a b', '**'])('refuses %j', (text) => {
    const fix = 'Write a method such as search_read, a family such as action_*, or * for all.';
    expect(complaintOf(methodPatternSchema, text)).toBe(
      `"${text}" is not an Odoo method.\n${consequence}\n${fix}`,
    );
  });
});
