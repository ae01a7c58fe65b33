import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FieldDefect, fieldLines, readFieldLines } from './field-lines.ts';

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

  test.each<[string, FieldDefect, string]>([
    ['a bad value before one field too many', 'header_invalid', 'A: \0\r\nB: 2\r\nC: 3'],
    ['a bad value in the field that is too many', 'header_too_large', 'A: 1\r\nB: 2\r\nC: \0'],
    ['a bare LF in the field that is too many', 'header_too_large', 'A: 1\r\nB: 2\r\nC:\nD'],
    ['a bare CR behind the field that is too many', 'header_too_large', 'A: 1\r\nB: 2\r\nC: 3\r\nD: \r'],
    ['a bad name of the field that is too many', 'header_invalid', 'A: 1\r\nB: 2\r\nC : 3'],
  ])('tells what comes first: %s is %s', (_name, defect, text) => {
    expect(read(text, { maxFields: 2 })).toBe(defect);
  });

  test.each(['C: \x1f', 'C: \0', 'C: a\rb', 'C: a\nb', 'C: \r', 'C\x7f: d', 'C'])(
    'gives the fields before %j, and nothing behind them',
    (line) => {
      const fields: string[] = [];
      expect(readFieldLines(`A: 1\r\nB: 2\r\n${line}\r\nD: 4`, 0, fields, 9)).toBe('header_invalid');
      expect(fields).toEqual(['a', '1', 'b', '2']);
    },
  );

  test('drops names with an underscore where it is told to, but counts and judges them', () => {
    const drop = (text: string): string[] | FieldDefect => {
      const fields: string[] = [];
      return readFieldLines(text, 0, fields, 3, false) ?? fields;
    };
    const long = 'X_'.repeat(30);
    for (let round = 0; round < 2; round++) {
      expect(drop(`X_A: 1\r\nb: 2_\r\n${long}: 3`)).toEqual(['b', '2_']);
      expect(read(`X_A: 1\r\n${long}: 3`)).toEqual(['x_a', '1', long.toLowerCase(), '3']);
      expect(drop('X_A: 1\r\nb: 2\r\nX_A: 1\r\nX_B: 2')).toBe('header_too_large');
      expect(drop('X_A: \0')).toBe('header_invalid');
    }
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

describe('fieldLines', () => {
  test('writes each field behind a line end, and nothing for none', () => {
    expect(fieldLines([])).toBe('');
    expect(fieldLines(['a', '1', 'x-b', '', 'a', '\xe9\t2'])).toBe('\r\na: 1\r\nx-b: \r\na: \xe9\t2');
  });

  test('writes no field with any character that must not stand in a value, wherever it is', () => {
    const forbidden = [...Array(0x20).keys(), 0x7f, 0x100, 0x10a, 0xffff].filter((code) => code !== 0x09);
    for (const code of forbidden) {
      const character = String.fromCharCode(code);
      for (const value of [character, `${'v'.repeat(40)}${character}`, `${character}${'v'.repeat(40)}`]) {
        for (const at of [1, 3, 5])
          expect(fieldLines(['a', '1', 'b', '2', 'c', '3'].with(at, value))).toBeUndefined();
      }
    }
  });

  test('writes no name that is no token, seen before or not', () => {
    for (let round = 0; round < 2; round++) {
      for (const name of ['', 'a b', 'a:', 'a\r\nb', '\xe9', ' a', 'n'.repeat(50) + ':'])
        expect(fieldLines(['a', '1', name, '2'])).toBeUndefined();
    }
  });

  test('gives what readFieldLines reads as the same fields', () => {
    const name = fc.string({
      unit: fc.constantFrom(...Array.from('abxy09-_!~')),
      minLength: 1,
      maxLength: 50,
    });
    const value = fc
      .string({ unit: fc.constantFrom(...Array.from('ab:;, \t"\xe9')), maxLength: 20 })
      .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (lines) => {
        expect(read((fieldLines(lines.flat()) ?? 'refused').slice(2))).toEqual(lines.flat());
      }),
    );
  });
});
