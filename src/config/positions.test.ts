import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Document } from 'yaml';
import type { Scalar } from 'yaml';
import { readYaml } from './read-yaml.ts';

const text = `# zones
zone: partner
limits:
  - name: partner-rate
    rate: 50
  - { name: other, rate: "5\\t0/s" }
empty:
hosts:
  "a.b": 'it''s *'
`;

describe('locating a value', () => {
  const { document } = readYaml('zones/partner.yaml', text);
  const cases: [path: (string | number)[], line: number, column: number][] = [
    [[], 2, 1],
    [['zone'], 2, 7],
    [['limits'], 4, 3],
    [['limits', 0], 4, 5],
    [['limits', 0, 'rate'], 5, 11],
    [['limits', 1, 'rate'], 6, 26],
    [['hosts', 'a.b'], 9, 10],
    // An empty value has no place of its own.
    [['empty'], 7, 1],
    // The nearest parent stands in for what is missing.
    [['limits', 0, 'burst'], 4, 5],
    [['limits', 7, 'rate'], 4, 3],
    [['nothing', 'at', 'all'], 2, 1],
    [['zone', 'x'], 2, 7],
  ];
  it.each(cases)('gives the place of %j', (path, line, column) => {
    expect(document.locate(path)).toEqual({ line, column });
  });

  it('gives the place of a key', () => {
    expect(document.locateKey(['limits', 0, 'rate'])).toEqual({ line: 5, column: 5 });
    expect(document.locateKey(['hosts', 'a.b'])).toEqual({ line: 9, column: 3 });
    expect(document.locateKey(['limits', 0, 'none'])).toEqual({ line: 4, column: 5 });
  });

  it('gives a scalar as the file spells it', () => {
    const numbers = readYaml('a.yaml', 'a: 007\nb: 1e3\n').document;
    expect([numbers.scalarText(['a']), numbers.scalarText(['b']), numbers.scalarText(['c'])]).toEqual([
      '007',
      '1e3',
      undefined,
    ]);
  });

  it('takes the same time for the last key of a large mapping as for the first', () => {
    const count = 20_000;
    const large = Array.from({ length: count }, (_, i) => `k${i}: ${i}`).join('\n');
    const many = readYaml('a.yaml', large).document;
    const startMs = performance.now();
    const lines = Array.from({ length: count }, (_, i) => many.locate([`k${i}`]).line);
    // A search from the first key would take 200 million steps: many seconds instead of some 30 ms.
    expect(performance.now() - startMs).toBeLessThan(1500);
    expect(lines).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  });
});

/** The place of `mark`, found once by the document and once by eye. */
function placesOf(yaml: string, mark: string): unknown[] {
  const { document } = readYaml('a.yaml', yaml);
  const value = String((document.value as { a: unknown }).a);
  const offset = yaml.indexOf(mark);
  const before = yaml.slice(0, offset).split('\n');
  return [
    document.locate(['a'], value.indexOf(mark)),
    { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 },
  ];
}

describe('locating a character of a text', () => {
  const cases: [title: string, yaml: string][] = [
    ['plain', 'a: one § two\n'],
    ['plain over several lines', 'a: one\n  two\n\n  three § four\n'],
    ['single-quoted with quotes in it', "a: 'it''s § here'\n"],
    ['double-quoted with escapes', 'a: "\\t\\x41\\u00e9\\U0001F600\\" § x"\n'],
    ['double-quoted over several lines', 'a: "one \\\n  two\n  three § x"\n'],
    ['literal block', 'a: |\n  one\n\n    two\n  three § four\n'],
    ['literal block with an indentation indicator', 'a: |2-\n    one\n  three § four\n'],
    ['literal block with CRLF', 'a: |\r\n  one\r\n  two § three\r\n'],
    ['folded block', 'a: >-\n  one\n  two\n\n  three\n    four\n  five § six\n'],
    ['block with a comment behind its header', 'a: | # note\n\n  one §\n'],
  ];
  it.each(cases)('is exact in a text that is %s', (_title, yaml) => {
    const [found, seen] = placesOf(yaml, '§');
    expect(found).toEqual(seen);
  });

  it('gives the start of the text for an offset outside of it', () => {
    const { document } = readYaml('a.yaml', 'a: xyz\n');
    expect([document.locate(['a'], 99), document.locate(['a'], -1)]).toEqual([
      { line: 1, column: 4 },
      { line: 1, column: 4 },
    ]);
  });

  it('is exact however the text is written', () => {
    const types: Scalar.Type[] = ['PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE', 'BLOCK_LITERAL', 'BLOCK_FOLDED'];
    const piece = fc.constantFrom(
      'a',
      'b c',
      ' ',
      '\n',
      "'",
      '"',
      '\\',
      'é',
      '😀',
      '\t',
      ': ',
      '# ',
      'word '.repeat(12),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.array(piece, { maxLength: 12 }),
        fc.constantFrom(...types),
        (before, after, type) => {
          const value = `${before.join('')}§${after.join('')}`;
          const yaml = new Document({ key: { a: value } });
          (yaml.getIn(['key', 'a'], true) as Scalar).type = type;
          const written = yaml.toString({ lineWidth: 40 });
          const { document } = readYaml('a.yaml', written);
          const read = (document.value as { key: { a: string } }).key.a;
          const { line, column } = document.locate(['key', 'a'], read.indexOf('§'));
          expect([written, written.split('\n')[line - 1]?.[column - 1]]).toEqual([written, '§']);
        },
      ),
      { numRuns: 500 },
    );
  });
});
