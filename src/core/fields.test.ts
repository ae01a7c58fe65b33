import { describe, expect, it } from 'vitest';
import { combinedFieldValue, fieldCount, fieldValue } from './fields.ts';

// A value that is the name of a field must never be taken for one.
const fields = [
  'host',
  'a.example',
  'x-two',
  'host',
  'x-two',
  '',
  'cookie',
  'x-two',
  'x-empty',
  '',
  'x-two',
  'c',
];

describe.each([
  { name: 'host', first: 'a.example', count: 1, combined: 'a.example' },
  { name: 'x-two', first: 'host', count: 3, combined: 'host, , c' },
  { name: 'cookie', first: 'x-two', count: 1, combined: 'x-two' },
  { name: 'x-empty', first: '', count: 1, combined: '' },
  { name: 'a.example', first: undefined, count: 0, combined: undefined },
  { name: 'Host', first: undefined, count: 0, combined: undefined },
  { name: '', first: undefined, count: 0, combined: undefined },
])('of the field $name', ({ name, first, count, combined }) => {
  it(`the first value is ${first}`, () => expect(fieldValue(fields, name)).toBe(first));
  it(`there are ${count}`, () => expect(fieldCount(fields, name)).toBe(count));
  it(`all values together are ${combined}`, () => expect(combinedFieldValue(fields, name)).toBe(combined));
});

describe('no fields', () => {
  it('hold nothing', () => {
    expect([fieldValue([], 'host'), fieldCount([], 'host'), combinedFieldValue([], 'host')]).toEqual([
      undefined,
      0,
      undefined,
    ]);
  });
});
