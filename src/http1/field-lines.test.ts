import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FieldDefect, readFieldLines } from './field-lines.ts';

function read(text: string, { from = 0, maxFields = 100 } = {}): string[] | FieldDefect {
  const fields: string[] = [];
  return readFieldLines(text, from, fields, maxFields) ?? fields;
}

describe('readFieldLines', () => {
  test.each<[string, string, string[]]>([
    ['nothing', '', []],
    ['one field', 'Host: a', ['host', 'a']],
    ['two, the last one without its line end', 'A: 1\r\nB: 2', ['a', '1', 'b', '2']],
    ['a line end behind the last one', 'A: 1\r\n', ['a', '1']],
    ['repeated names, in their order', 'A: 1\r\na: 2\r\nA: 3', ['a', '1', 'a', '2', 'a', '3']],
    ['no blank, and many', 'A:1\r\nB: \t 2 \t ', ['a', '1', 'b', '2']],
    ['an empty value', 'A:\r\nB: ', ['a', '', 'b', '']],
    ['blanks and colons within a value', 'A: b: c\td', ['a', 'b: c\td']],
    ['obs-text', 'A: \xe9\xff', ['a', '\xe9\xff']],
    ['every character of a name', "!#$%&'*+-.^_`|~09AZaz: 1", ["!#$%&'*+-.^_`|~09azaz", '1']],
    ['a name of a prototype', '__proto__: 1\r\nConstructor: 2', ['__proto__', '1', 'constructor', '2']],
    ['a very long name', `${'N'.repeat(500)}: 1`, ['n'.repeat(500), '1']],
  ])('reads %s', (_name, text, fields) => {
    expect(read(text)).toEqual(fields);
  });

  test.each([
    ['a blank before the colon', 'A : 1'],
    ['a tab before the colon', 'A\t: 1'],
    ['a blank within a name', 'A b: 1'],
    ['a line without a colon', 'A: 1\r\nB\r\nC: 2'],
    ['a folded line', 'A: 1\r\n 2'],
    ['a folded line with a colon', 'A: 1\r\n b: 2'],
    ['a blank before the first name', ' A: 1'],
    ['an empty name', ': 1'],
    ['an empty line', 'A: 1\r\n\r\nB: 2'],
    ['a bare LF', 'A: 1\nB: 2'],
    ['a bare LF in a name', 'A\nB: 2'],
    ['a bare CR', 'A: 1\rB: 2'],
    ['a CR before the line end', 'A: 1\r\r\nB: 2'],
    ['a NUL', 'A: 1\0'],
    ['DEL', 'A: 1\x7f'],
    ['a vertical tab, which no blank is', 'A: \x0bchunked'],
    ['obs-text in a name', 'A\xe9: 1'],
    ['a delimiter in a name', 'A(b): 1'],
  ])('refuses %s', (_name, text) => {
    expect(read(text)).toBe('header_invalid');
  });

  test('begins where it is told to', () => {
    expect(read('GET / HTTP/1.1\r\nA: 1', { from: 16 })).toEqual(['a', '1']);
  });

  test('takes so many fields and not one more', () => {
    const lines = Array.from({ length: 6 }, (_, i) => `A: ${i}`);
    expect(read(lines.slice(0, 5).join('\r\n'), { maxFields: 5 })).toHaveLength(10);
    expect(read(lines.join('\r\n'), { maxFields: 5 })).toBe('header_too_large');
  });

  test('counts many names that it has not seen before', () => {
    for (let i = 0; i < 1_500; i++) expect(read(`X-Name-${i}: ${i}`)).toEqual([`x-name-${i}`, String(i)]);
  });

  const name = fc.string({ unit: fc.constantFrom(...Array.from('abXY09-_!~')), minLength: 1, maxLength: 50 });
  const value = fc
    .string({ unit: fc.constantFrom(...Array.from('ab:;, \t"\xe9')), maxLength: 20 })
    .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
  const blanks = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 });

  test('gives back the fields that were written', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, blanks, value, blanks), { maxLength: 20 }), (lines) => {
        const text = lines.map(([n, before, v, after]) => `${n}:${before}${v}${after}`).join('\r\n');
        expect(read(text)).toEqual(lines.flatMap(([n, , v]) => [n.toLowerCase(), v]));
      }),
    );
  });

  test('never gives a name or value that could become something else when it is written again', () => {
    const soup = fc.string({
      unit: fc.constantFrom('a', 'B', ':', ' ', '\t', '\r\n', '\r', '\n', '\0', '\x7f'),
    });
    fc.assert(
      fc.property(soup, (text) => {
        const fields = read(text);
        if (typeof fields === 'string') return;
        const again = fields.map((part, i) => (i % 2 === 0 ? `${part}: ` : `${part}\r\n`)).join('');
        expect(read(again)).toEqual(fields);
        expect(again.split('\r\n')).toHaveLength(fields.length / 2 + 1);
      }),
    );
  });
});
