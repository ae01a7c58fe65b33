import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonReader } from './json-reader.ts';

const readerOf = (text: string | Buffer): JsonReader =>
  new JsonReader(typeof text === 'string' ? Buffer.from(text) : text);

function isWhole(text: string | Buffer): boolean {
  const reader = readerOf(text);
  reader.skip();
  return reader.end();
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Builds the value again with the walk of the reader. */
function rebuild(reader: JsonReader): unknown {
  switch (reader.kind()) {
    case 'mapping': {
      const mapping: [string, unknown][] = [];
      reader.openMapping();
      for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey())
        mapping.push([key, rebuild(reader)]);
      return Object.fromEntries(mapping);
    }
    case 'list': {
      const list: unknown[] = [];
      reader.openList();
      while (reader.nextItem()) list.push(rebuild(reader));
      return list;
    }
    case 'text':
      return reader.text();
    default:
      return reader.scalar() ?? null;
  }
}

describe('a JSON text is whole', () => {
  it.each([
    '{}',
    '[]',
    ' [ 1 , -0.5e+3 , "a" , true , false , null ] ',
    '"\\u0041\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\\\\""',
    '{"a":{"b":[{}]}}',
    '[NaN, Infinity, -Infinity]',
    `"${'x'.repeat(10_000)}"`,
    `${'['.repeat(200)}${']'.repeat(200)}`,
    `1${'0'.repeat(900)}`,
    '"\u007f\u2028zürich 日本"',
  ])('as %s', (text) => {
    expect(isWhole(text)).toBe(true);
  });

  it('as bytes in a text that are no UTF-8, which Python replaces', () => {
    const reader = readerOf(Buffer.from([0x22, 0x61, 0xff, 0xe2, 0x22]));
    expect(reader.text()).toBe('a\ufffd\ufffd');
    expect(reader.end()).toBe(true);
  });
});

describe('a JSON text is not whole', () => {
  it.each([
    '',
    ' ',
    '{',
    '[1',
    '[1,]',
    '[,1]',
    '{"a":1,}',
    '{"a"}',
    '{a:1}',
    "{'a':1}",
    '{"a":1 "b":2}',
    '[1 2]',
    '[1]]',
    '{}{}',
    '01',
    '+1',
    '1.',
    '.5',
    '1e',
    '-',
    '-NaN',
    'nan',
    'tru',
    'True',
    'None',
    '"',
    '"a',
    '"\\x41"',
    '"\\u12"',
    '"\n"',
    '"\u0000"',
    `"${'x'.repeat(100)}\n"`,
    '\ufeff{}',
    '/* a */ 1',
    `${'['.repeat(201)}${']'.repeat(201)}`,
    `1${'0'.repeat(1000)}`,
    '[}',
    '{"a":1]',
  ])('as %j', (text) => {
    expect(isWhole(text)).toBe(false);
  });
});

describe('the keys of a mapping', () => {
  it.each([
    ['twice', '{"a":1,"a":2}'],
    ['twice, once escaped', '{"model":1,"mod\\u0065l":2}'],
    ['twice around others', '{"a":1,"b":2,"a":1}'],
    ['too many', `{${Array.from({ length: 101 }, (_, i) => `"k${i}":1`).join(',')}}`],
  ])('are refused when they stand there %s', (_title, text) => {
    const reader = readerOf(text);
    rebuild(reader);
    expect(reader.end()).toBe(false);
  });

  it('may be equal in mappings beside and within each other', () => {
    expect(rebuild(readerOf('[{"a":{"a":1}},{"a":2}]'))).toEqual([{ a: { a: 1 } }, { a: 2 }]);
  });

  it('are not looked at where the mapping is passed over', () => {
    expect(isWhole('{"a":1,"a":2}')).toBe(true);
  });
});

describe('a JSON reader', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const reader = readerOf(text);
        expect(rebuild(reader)).toEqual(JSON.parse(text));
        expect(reader.end()).toBe(true);
      }),
    );
  });

  it('finds whole what JSON.parse takes, and nothing else but the words of Python', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '\\',
      '1',
      '-',
      '0',
      '.5',
      'e1',
      'true',
      'null',
      ' ',
      '\n',
      '\u0001',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const text = tokens.join('');
        expect(isWhole(text), text).toBe(parses(text));
      }),
      { numRuns: 5000 },
    );
  });

  it('never throws and always ends, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const reader = readerOf(Buffer.from(bytes));
        rebuild(reader);
        reader.end();
      }),
      { numRuns: 3000 },
    );
  });

  it('goes back to a value that it has passed over', () => {
    const reader = readerOf('{"a":[1,2],"b":"x"}');
    reader.openMapping();
    reader.nextKey();
    const mark = reader.mark();
    reader.skip();
    expect(reader.nextKey()).toBe('b');
    expect(reader.text()).toBe('x');
    const behind = reader.mark();
    reader.rewind(mark);
    expect(rebuild(reader)).toEqual([1, 2]);
    reader.rewind(behind);
    expect([reader.nextKey(), reader.end()]).toEqual([undefined, true]);
  });

  it('takes time that grows with the length alone', () => {
    const started = performance.now();
    for (const piece of ['[', '{"a":', '"', '\\', '"\\u0041', '0', '-', ' ', 'x'])
      for (const text of [piece.repeat(200_000 / piece.length), `[${`${piece},`.repeat(20_000)}`])
        isWhole(text);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
