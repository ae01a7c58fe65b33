import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerHeadText, dateField, isBodiless, UnwritableHeadError } from './answer-head.ts';

describe('answerHeadText', () => {
  test.each<[number, string[], string]>([
    [200, [], 'HTTP/1.1 200 OK\r\n'],
    [
      200,
      ['a', '1', 'set-cookie', 'x=1', 'set-cookie', 'y=2'],
      'HTTP/1.1 200 OK\r\na: 1\r\nset-cookie: x=1\r\nset-cookie: y=2\r\n',
    ],
    [404, ['x-empty', ''], 'HTTP/1.1 404 Not Found\r\nx-empty: \r\n'],
    [299, ['a', '\xe9\tb'], 'HTTP/1.1 299 \r\na: \xe9\tb\r\n'],
    [599, [], 'HTTP/1.1 599 \r\n'],
  ])('writes %i with %j', (status, fields, text) => {
    expect(answerHeadText(status, fields)).toBe(text);
  });

  test.each<[string, number, string[], string]>([
    ['a line end in a value', 200, ['a', 'b\r\nc: d'], 'the field "a"'],
    ['a bare LF in a value', 200, ['a', 'b\nc: d'], 'the field "a"'],
    ['a bare CR in a value', 200, ['a', 'b\rc'], 'the field "a"'],
    ['a NUL in a value', 200, ['a', '\0'], 'the field "a"'],
    ['a character beyond latin-1, whose low byte is LF', 200, ['a', 'b\u010ac: d'], 'the field "a"'],
    ['an empty name', 200, ['', 'a'], 'the field ""'],
    ['a colon in a name', 200, ['a:', 'b'], 'the field "a:"'],
    ['a line end in a name', 200, ['a\r\nb', 'c'], 'the field "a\\r\\nb"'],
    ['a bad field behind good ones', 200, ['a', 'b', 'c', '\x7f'], 'the field "c"'],
    ['a status of two digits', 99, [], 'the status 99'],
    ['a status of six hundred', 600, [], 'the status 600'],
    ['a status that is broken', 200.5, [], 'the status 200.5'],
    ['a status that is no number', NaN, [], 'the status NaN'],
  ])('refuses %s', (_name, status, fields, message) => {
    expect(() => answerHeadText(status, fields)).toThrow(new UnwritableHeadError(message));
  });

  test('writes one line for each field, whatever is in them', () => {
    const any = fc.string({
      unit: fc.constantFrom('a', 'b', ':', ' ', '\r', '\n', '\0', '\x7f', '\u010d', '\xff'),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(any, any), { maxLength: 5 }), (fields) => {
        let text;
        try {
          text = answerHeadText(200, fields.flat());
        } catch (error) {
          expect(error).toBeInstanceOf(UnwritableHeadError);
          return;
        }
        expect(text.split(/[\r\n]+/)).toHaveLength(fields.length + 2);
        expect(Buffer.from(text, 'latin1').toString('latin1')).toBe(text);
      }),
    );
  });
});

test.each([
  ['GET', 200, false],
  ['HEAD', 200, true],
  ['HEAD', 404, true],
  ['GET', 204, true],
  ['GET', 304, true],
  ['POST', 205, false],
  ['head', 200, false],
])('an answer to %s with %i has no content: %s', (method, status, bodiless) => {
  expect(isBodiless(method, status)).toBe(bodiless);
});

test('a date is that of its second, in the form of RFC 9110 §5.6.7', () => {
  const firstMs = Date.UTC(1994, 10, 6, 8, 49, 37);
  expect([firstMs, firstMs + 999, firstMs + 1000, firstMs].map(dateField)).toEqual([
    'date: Sun, 06 Nov 1994 08:49:37 GMT\r\n',
    'date: Sun, 06 Nov 1994 08:49:37 GMT\r\n',
    'date: Sun, 06 Nov 1994 08:49:38 GMT\r\n',
    'date: Sun, 06 Nov 1994 08:49:37 GMT\r\n',
  ]);
});
