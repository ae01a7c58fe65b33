import { describe, expect, test } from 'vitest';
import { fieldStart, readFieldName } from './field-names.ts';

describe('readFieldName', () => {
  test('reads what is between two places, and the same when it has seen it before', () => {
    for (let round = 0; round < 2; round++) {
      expect(readFieldName('A: b\r\nX-Some_Name: c', 6, 17)).toEqual({
        spelling: 'X-Some_Name',
        lower: 'x-some_name',
        underscored: true,
      });
      expect(readFieldName('x-some-name: c', 0, 11)).toEqual({
        spelling: 'x-some-name',
        lower: 'x-some-name',
        underscored: false,
      });
    }
  });

  test('tells apart names that share a place, more of them than it keeps', () => {
    const alike = Array.from({ length: 50 }, (_, i) => `Q${String(i).padStart(3, '0')}z`);
    for (let round = 0; round < 2; round++)
      expect(alike.map((name) => readFieldName(name, 0, name.length)?.lower)).toEqual(
        alike.map((name) => name.toLowerCase()),
      );
  });

  test.each(['42', '042', '__proto__', 'Constructor', 'N'.repeat(40), 'N'.repeat(41)])('reads %s', (name) => {
    for (let round = 0; round < 2; round++)
      expect(readFieldName(name, 0, name.length)).toEqual({
        spelling: name,
        lower: name.toLowerCase(),
        underscored: name.includes('_'),
      });
  });

  test.each(['', 'a b', 'a ', ' a', 'a\n', '\xe9', 'a\u212a', 'a(b)'])('refuses %j', (name) => {
    for (let round = 0; round < 2; round++)
      expect(readFieldName(`${name}: b`, 0, name.length)).toBeUndefined();
  });
});

describe('fieldStart', () => {
  test('is the end of the line before, the name and a colon, for many names', () => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 1_500; i++) expect(fieldStart(`x-start-${i}`)).toBe(`\r\nx-start-${i}: `);
      for (const name of ['42', '__proto__', 'n'.repeat(41)]) expect(fieldStart(name)).toBe(`\r\n${name}: `);
    }
  });

  test.each(['', 'a b', 'a:', 'a\r\nb', '\xe9'])('is not there for %j', (name) => {
    expect(fieldStart(name)).toBeUndefined();
  });
});
