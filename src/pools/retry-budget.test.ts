import { expect, test } from 'vitest';
import { RetryBudget } from './retry-budget.ts';

function spendAll(budget: RetryBudget): number {
  let count = 0;
  while (budget.spend()) count++;
  return count;
}

test('a pool without traffic may retry ten requests', () => {
  expect(spendAll(new RetryBudget())).toBe(10);
});

test('a budget that is spent grows by one retry for ten requests', () => {
  const budget = new RetryBudget();
  spendAll(budget);
  for (let i = 0; i < 9; i++) budget.earn();
  expect(spendAll(budget)).toBe(0);
  for (let i = 0; i < 22; i++) budget.earn();
  expect(spendAll(budget)).toBe(3);
});

test('traffic never saves up more than ten retries', () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 1_000; i++) budget.earn();
  expect(spendAll(budget)).toBe(10);
});

test('a pool with large endpoints may retry all requests of one of them at once', () => {
  const budget = new RetryBudget();
  budget.hold(24);
  expect(spendAll(budget)).toBe(24);
  budget.hold(24);
  expect(spendAll(budget)).toBe(0);
  budget.hold(4);
  for (let i = 0; i < 1_000; i++) budget.earn();
  expect(spendAll(budget)).toBe(10);
});
