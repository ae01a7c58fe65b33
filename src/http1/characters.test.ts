import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countLineCharacters, isFieldValue, isTargetText, isToken, parseLength } from './characters.ts';

/** The latin-1 characters that a predicate takes on their own, as ranges of their codes. */
function takenBy(predicate: (text: string) => boolean): string {
  const ranges: [number, number][] = [];
  for (let code = 0; code < 256; code++) {
    if (!predicate(String.fromCharCode(code))) continue;
    const last = ranges.at(-1);
    if (last?.[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  const hex = (code: number): string => code.toString(16).padStart(2, '0');
  return ranges.map(([from, to]) => (from === to ? hex(from) : `${hex(from)}-${hex(to)}`)).join(' ');
}

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });

describe('characters', () => {
  test('of tokens are those of RFC 9110 §5.6.2', () => {
    const delimiters = '"(),/:;<=>?@[\\]{}';
    const taken = takenBy(isToken);
    expect(taken).toBe('21 23-27 2a-2b 2d-2e 30-39 41-5a 5e-7a 7c 7e');
    for (const delimiter of delimiters) expect(isToken(`a${delimiter}b`)).toBe(false);
  });

  test('of field values are HTAB, SP, VCHAR and obs-text', () => {
    expect(takenBy(isFieldValue)).toBe('09 20-7e 80-ff');
  });

  test('of targets are VCHAR and obs-text', () => {
    expect(takenBy(isTargetText)).toBe('21-7e 80-ff');
  });

  test.each([
    ['isToken', isToken, false],
    ['isTargetText', isTargetText, false],
    ['isFieldValue', isFieldValue, true],
  ])('of no text are all right for %s: %s', (_name, predicate, taken) => {
    expect(predicate('')).toBe(taken);
  });

  test.each([
    ['isToken', isToken],
    ['isTargetText', isTargetText],
    ['isFieldValue', isFieldValue],
  ])('are looked at one by one, wherever they stand (%s)', (_name, predicate) => {
    fc.assert(
      fc.property(latin1, (text) => {
        fc.pre(text !== '');
        expect(predicate(text)).toBe(Array.from(text).every((character) => predicate(character)));
      }),
    );
  });

  test('beyond latin-1 are in none of them', () => {
    // U+212A is lower-cased to "k", U+010A has the low byte of LF.
    for (const text of ['\u212a', '\u010a', '\ud83d\ude00'])
      expect([isToken(text), isFieldValue(text), isTargetText(text)]).toEqual([false, false, false]);
  });

  test('of many different tokens are judged alike, known or not', () => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 1_500; i++) expect([isToken(`x-${i}`), isToken(`x ${i}`)]).toEqual([true, false]);
    }
  });
});

describe('countLineCharacters', () => {
  test('goes up to the first character that field lines may not have', () => {
    // LF alone is for whoever cuts the lines.
    expect(takenBy((text) => countLineCharacters(text) === 1)).toBe('09-0a 20-7e 80-ff');
    for (const forbidden of [
      '\0',
      '\x08',
      '\v',
      '\f',
      '\x0e',
      '\x10',
      '\x11',
      '\x1f',
      '\x7f',
      '\r',
      '\r\r\n',
      '\u010a',
    ]) {
      expect(countLineCharacters(`a: b\r\nc: d${forbidden}e`)).toBe(10);
      expect(countLineCharacters(`${forbidden}\x7f\0`)).toBe(0);
    }
  });

  test.each([
    ['', 0],
    ['\r\n', 2],
    ['a: b\r\nc: d\te\xff', 13],
    ['a\nb', 3],
    ['a\r', 1],
    ['a\x7f\x1f\0', 1],
    ['ab\0\x1f', 2],
    ['ab\x1f\0', 2],
  ])('is of %j %d', (text, count) => {
    expect(countLineCharacters(text)).toBe(count);
  });
});

describe('parseLength', () => {
  test.each([
    ['0', 0],
    ['5', 5],
    ['007', 7],
    ['999999999999999', 999_999_999_999_999],
    ['1000000000000000', undefined],
    ['', undefined],
    ['+5', undefined],
    ['-5', undefined],
    [' 5', undefined],
    ['5 ', undefined],
    ['5\n', undefined],
    ['5,5', undefined],
    ['5.0', undefined],
    ['5e0', undefined],
    ['0x5', undefined],
    ['0b1', undefined],
    ['1_0', undefined],
    ['\u0665', undefined],
    ['\xa05', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
  ])('reads %j as %s', (text, length) => {
    expect(parseLength(text)).toBe(length);
  });

  test('takes nothing but digits, and what it takes is exact', () => {
    const texts = fc.oneof(
      latin1,
      fc.string({ unit: fc.constantFrom(...Array.from('0123456789 +-.,eExX\t\r\n')) }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const length = parseLength(text);
        if (length === undefined) expect(/^[0-9]+$/.test(text) && text.length <= 15).toBe(false);
        else expect(String(length)).toBe(text.replace(/^0+(?=[0-9])/, ''));
      }),
    );
  });
});
