import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegexp, type LinearRegexp, sampleOfRegexp, testRegexp } from './regexp.ts';

function compile(pattern: string): LinearRegexp {
  const regexp = compileRegexp(pattern);
  if ('problem' in regexp) throw new Error(`${pattern}: ${regexp.problem}`);
  return regexp;
}

function matches(pattern: string, text: string): boolean {
  return testRegexp(compile(pattern), text);
}

describe('testRegexp', () => {
  it.each([
    ['an unanchored expression matches anywhere', 'erp', 'www.erp.example', true],
    ['an anchored expression matches the whole text only', '^erp$', 'www.erp', false],
    ['the dot matches no line feed', 'a.b', 'a\nb', false],
    ['the flag s lets the dot match a line feed', '(?s)a.b', 'a\nb', true],
    ['the flag i ignores case', '(?i)^bearer x', 'BEARER X', true],
    ['the flag i inside of a group ends with it', '^(?i:a)b$', 'AB', false],
    ['a flag holds to the end of its group', '^(?:(?i)a)b$', 'AB', false],
    ['a cleared flag is cleared', '(?i)a(?-i:b)', 'AB', false],
    ['a named group is a group', '^(?P<year>[0-9]{4})$', '2026', true],
    ['\\A and \\z anchor as in Go', '\\Aab\\z', 'ab', true],
    ['a bracket first in a class stands for itself', '^[]a]+$', ']a', true],
    ['a dash last in a class stands for itself', '^[a-z-]+$', 'a-b', true],
    ['a class of escapes is read', '^[\\d\\-]+$', '12-3', true],
    ['a negated class matches what is not listed', '^[^/]+$', 'a/b', false],
    ['a counted repetition has a lower bound', '^a{2,3}$', 'a', false],
    ['a counted repetition has an upper bound', '^a{2,3}$', 'aaaa', false],
    ['a counted repetition without upper bound goes on', '^a{2,}$', 'aaaaaaa', true],
    ['a brace that is no repetition stands for itself', '^a{x$', 'a{x', true],
    ['a hexadecimal escape is one character', '^\\x2F\\x{2f}$', '//', true],
    ['an empty expression matches everything', '', 'x', true],
    ['an empty text starts and ends at once', '$^', '', true],
    ['a text that is not empty does not start at its end', '$^', 'a', false],
    ['a choice may be empty', '^(?:a|)$', '', true],
    ['characters above 255 are told apart', '^[^ä€]$', '€', false],
  ])('%s', (_, pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  it('agrees with RegExp on random expressions and texts', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '.',
      '[ab]',
      '[^a]',
      '[b-d]',
      '\\d',
      'x?',
      'a*',
      '(?:a|b)+',
      '(a*b)*',
      'b{1,3}',
      '(?:|a)',
      '^',
      '$',
      '|',
      '(?:ab|a)(?:c|bcd)',
    );
    const pattern = fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join(''));
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', 'd', '1', 'x'), { maxLength: 10 })
      .map((units) => units.join(''));
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 5 }), (source, texts) => {
        const regexp = compileRegexp(source);
        fc.pre(!('problem' in regexp));
        if ('problem' in regexp) return;
        for (const one of texts) expect(testRegexp(regexp, one)).toBe(new RegExp(source, 'v').test(one));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([['^(a+)+$'], ['(a|a)*b'], ['.*a.*a.*a.*b'], ['^(?:a?){30}a{30}$']])(
    '%s reads every character of a hostile text once',
    (pattern) => {
      // A backtracking matcher would not finish these within the life of the test.
      expect(matches(pattern, `${'a'.repeat(20_000)}!`)).toBe(false);
    },
  );
});

describe('sampleOfRegexp', () => {
  it.each([
    ['^[a-z]+\\.shop\\.example$', 'a.shop.example'],
    ['^/my/orders/[0-9]{3,}$', '/my/orders/000'],
    ['(?:x|y)z?', 'xz'],
    ['^(?i)/(web|(odoo|app))/\\d+', '/web/0'],
    ['^[^a]$', 'x'],
    ['', ''],
  ])('guesses a text that %s matches', (pattern, sample) => {
    expect(sampleOfRegexp(compile(pattern))).toBe(sample);
  });

  it('gives none rather than one that does not match', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ab()|*+?.^$[\]{}\\d0-3]{0,12}$/), (source) => {
        const regexp = compileRegexp(source);
        if ('problem' in regexp) return;
        const sample = sampleOfRegexp(regexp);
        expect(sample === undefined || testRegexp(regexp, sample)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('compileRegexp', () => {
  it.each([
    ['lookahead', 'a(?=b)'],
    ['lookbehind', '(?<!a)b'],
    ['a backreference', '(a)\\1'],
    ['a capture of Traefik v2', '{tenant:[a-z]+}.example'],
    ['a capture of the Host matcher', '^{tenant}\\.x'],
    ['a group that is not closed', 'x(a'],
    ['a parenthesis too many', 'a)b'],
    ['a class that is not closed', 'x[a-'],
    ['a repetition of nothing', '*a'],
    ['a count without measure', 'a{1001}'],
    ['a backslash at the end', 'a\\'],
  ])('refuses %s', (_, pattern) => {
    expect(compileRegexp(pattern)).toEqual({ problem: expect.stringMatching(/^[a-z]/) as unknown });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => {
        const regexp = compileRegexp(text);
        if (!('problem' in regexp)) testRegexp(regexp, text);
      }),
      { numRuns: 1000 },
    );
  });
});
