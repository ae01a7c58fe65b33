import { expect, test } from 'vitest';
import { newRequestId } from './request-id.ts';

test('a request id is a trace id, and never given twice', () => {
  const ids = Array.from({ length: 10_000 }, newRequestId);
  expect(new Set(ids).size).toBe(10_000);
  expect(ids.filter((id) => !/^[0-9a-f]{32}$/.test(id))).toEqual([]);
});

test('every digit of a request id takes every value', () => {
  const seen = Array.from({ length: 32 }, () => new Set<string>());
  for (let i = 0; i < 2_000; i++) {
    const id = newRequestId();
    for (let at = 0; at < id.length; at++) seen[at]?.add(id.charAt(at));
  }
  expect(seen.map((digits) => digits.size)).toEqual(Array.from({ length: 32 }, () => 16));
});
