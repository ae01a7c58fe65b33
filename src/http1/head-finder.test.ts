import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeadFinder } from './head-finder.ts';
import { parseRequestHead } from './request-head.ts';

type Verdict = string | { head: string; next: number };

/** Gives the finder more and more of a text, the rest at last; tells what it said first that was final. */
function find(text: string, { sizes = [] as readonly number[], maxBytes = 100 } = {}): Verdict {
  const finder = new HeadFinder(maxBytes);
  const bytes = Buffer.from(text, 'latin1');
  let verdict: Verdict = 'nothing';
  /** What is there alone and is no beginning is forgotten. */
  let from = 0;
  let scanned = 0;
  for (const size of [...sizes, Infinity]) {
    const seen = Math.min(bytes.length, from + scanned + size);
    const found = finder.find(bytes.subarray(from, seen), scanned);
    if (found === 'found') {
      const head = bytes.toString('latin1', from + finder.start, from + finder.end);
      return { head, next: from + finder.next };
    }
    verdict = found;
    if (found !== 'nothing' && found !== 'incomplete') break;
    from = found === 'nothing' ? seen : from;
    scanned = seen - from;
    if (seen === bytes.length) break;
  }
  return verdict;
}

const byBytes = (text: string, maxBytes = 100): Verdict =>
  find(text, { sizes: Array.from(text, () => 1), maxBytes });

describe('HeadFinder', () => {
  test.each<[string, string, Verdict]>([
    ['no bytes', '', 'nothing'],
    ['an empty line', '\r\n', 'nothing'],
    ['two empty lines', '\r\n\r\n', 'nothing'],
    ['a beginning', 'GET / HT', 'incomplete'],
    ['a beginning behind an empty line', '\r\nGET /', 'incomplete'],
    ['a CR alone', '\r', 'incomplete'],
    ['a CR at the end', 'GET / HTTP/1.1\r', 'incomplete'],
    ['a line', 'GET / HTTP/1.1\r\n', 'incomplete'],
    ['half of an empty line', 'GET / HTTP/1.1\r\nA: 1\r\n\r', 'incomplete'],
    ['a head', 'GET / HTTP/1.1\r\nA: 1\r\n\r\n', { head: 'GET / HTTP/1.1\r\nA: 1', next: 24 }],
    ['a head with a body', 'POST / X\r\n\r\n\r\nbody', { head: 'POST / X', next: 12 }],
    ['a head behind an empty line', '\r\nGET / X\r\n\r\n', { head: 'GET / X', next: 13 }],
    ['a head behind two empty lines', '\r\n\r\nGET / X\r\n\r\n', { head: 'GET / X', next: 15 }],
    // No more than two are forgotten, whenever they come; a third one is the beginning of a head that is none.
    ['three empty lines', '\r\n\r\n\r\nGET / X\r\n\r\n', { head: '\r\nGET / X', next: 17 }],
    ['obs-text', 'GET /\xe9 X\r\n\r\n', { head: 'GET /\xe9 X', next: 12 }],
  ])('says what %s is, whole and byte by byte', (_name, text, verdict) => {
    expect([find(text), byBytes(text)]).toEqual([verdict, verdict]);
  });

  test('forgets two empty lines before each head', () => {
    const finder = new HeadFinder(100);
    const finds = [
      '\r\n',
      '\r\n',
      'GET / X\r\n\r\n',
      '\r\n',
      '\r\n',
      'GET / X\r\n\r\n',
      '\r\nGET / X\r\n\r\n',
    ];
    expect(finds.map((text) => [finder.find(Buffer.from(text), 0), finder.start])).toEqual([
      ['nothing', 2],
      ['nothing', 2],
      ['found', 0],
      ['nothing', 2],
      ['nothing', 2],
      ['found', 0],
      ['found', 2],
    ]);
  });

  test.each([
    ['TLS', '\x16\x03\x01\x02'],
    ['a bare LF', 'GET / HTTP/1.1\nHost: a'],
    ['a bare LF at the beginning', '\nGET /'],
    ['a bare CR', 'GET / HTTP/1.1\rHost: a'],
    ['two CR', 'GET / HTTP/1.1\r\r\n'],
    ['a NUL', 'GET /\0'],
    ['DEL', 'GET /\x7f'],
    ['the beginning of PROXY protocol 2', '\r\n\r\n\0\r\nQUIT\n'],
  ])('waits for no more of %s, whole and byte by byte', (_name, text) => {
    expect([find(text), byBytes(text)]).toEqual(['framing_invalid', 'framing_invalid']);
  });

  test.each([
    ['a head of the most bytes', `GET / X\r\nA: ${'a'.repeat(88)}\r\n\r\n`, 'found'],
    ['a head of one more', `GET / X\r\nA: ${'a'.repeat(89)}\r\n\r\n`, 'header_too_large'],
    ['a longer beginning', `GET / X\r\nA: ${'a'.repeat(200)}`, 'header_too_large'],
    ['a longer line', `GET /${'a'.repeat(200)}`, 'target_too_long'],
  ])('bounds %s', (_name, text, said) => {
    const verdict = find(text);
    expect(typeof verdict === 'string' ? verdict : 'found').toBe(said);
  });

  test('bounds what comes byte by byte a little later, and as well', () => {
    expect(byBytes(`GET /${'a'.repeat(500)}`)).toBe('target_too_long');
    expect(byBytes(`GET / X\r\nA: ${'a'.repeat(500)}`)).toBe('header_too_large');
  });

  const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 80 });

  test('finds the same head however it is cut', () => {
    const line = fc.string({
      unit: fc.constantFrom(...Array.from('aB:/ \t1\xe9')),
      minLength: 1,
      maxLength: 12,
    });
    const lines = fc.array(line, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 }), lines, fc.string(), sizes, (empty, parts, behind, cuts) => {
        const head = parts.join('\r\n');
        const before = '\r\n'.repeat(empty);
        const text = `${before}${head}\r\n\r\n${behind.replace(/[^ -~]/g, '?')}`;
        const verdict = { head, next: before.length + head.length + 4 };
        expect([find(text, { maxBytes: 1_000 }), find(text, { maxBytes: 1_000, sizes: cuts })]).toEqual([
          verdict,
          verdict,
        ]);
      }),
    );
  });

  test('lets the same requests pass however the bytes are cut', () => {
    const soup = fc.string({
      unit: fc.constantFrom(
        'GET / HTTP/1.1',
        'Host: a',
        'A: b',
        ':',
        ' ',
        '\r\n',
        '\r\n',
        '\r\n\r\n',
        '\r',
        '\n',
        '\0',
      ),
      maxLength: 12,
    });
    const passes = (verdict: Verdict): string | undefined => {
      if (typeof verdict === 'string') return undefined;
      const head = parseRequestHead(verdict.head, { maxFields: 10, maxTargetBytes: 100 });
      return typeof head === 'string' || head.defect !== undefined ? undefined : verdict.head;
    };
    const good = fc.constant('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    fc.assert(
      fc.property(fc.tuple(soup, fc.oneof(soup, good)), sizes, (parts, cuts) => {
        const text = parts.join('');
        expect(passes(find(text, { maxBytes: 1_000, sizes: cuts }))).toBe(
          passes(find(text, { maxBytes: 1_000 })),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});
