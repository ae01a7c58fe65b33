import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRule } from './parse-rule.ts';
import { type MatcherName, type Rule, matchers, printRule } from './rule.ts';

const unread =
  'The rule could not be read as meant, so requests could fall into the wrong zone or into none.';

/** The rule without offsets. */
function shape(rule: Rule | undefined): unknown {
  if (rule === undefined) return undefined;
  if (rule.kind === 'match') return [rule.name, ...rule.values.map((value) => value.text)];
  if (rule.kind === 'not') return { not: shape(rule.rule) };
  return { [rule.kind]: rule.rules.map(shape) };
}

function problems(text: string): [number | undefined, string, string][] {
  return parseRule(text).issues.map((issue) => {
    expect([issue.path, issue.consequence]).toEqual([['match'], unread]);
    return [issue.offset, issue.what, issue.fix];
  });
}

describe('parseRule', () => {
  it.each([
    ['a matcher', 'Host(`a.example`)', ['Host', 'a.example']],
    ['a value in double quotes', 'Host("a.example")', ['Host', 'a.example']],
    ['escapes in double quotes', 'Header("X-Q", "say \\"a\\\\b\\"")', ['Header', 'X-Q', 'say "a\\b"']],
    ['a backslash in backticks', 'PathRegexp(`^/\\d+$`)', ['PathRegexp', '^/\\d+$']],
    ['a matcher without values', 'ClientCert()', ['ClientCert']],
    [
      '&& before ||',
      'ClientCert() || Method(`A`) && Method(`B`)',
      {
        or: [
          ['ClientCert'],
          {
            and: [
              ['Method', 'A'],
              ['Method', 'B'],
            ],
          },
        ],
      },
    ],
    ['! before &&', '!ClientCert() && Method(`A`)', { and: [{ not: ['ClientCert'] }, ['Method', 'A']] }],
    [
      'parentheses first',
      '(ClientCert() || Method(`A`)) && Method(`B`)',
      { and: [{ or: [['ClientCert'], ['Method', 'A']] }, ['Method', 'B']] },
    ],
    [
      'a negated group',
      '!(Method(`A`) || Method(`B`))',
      {
        not: {
          or: [
            ['Method', 'A'],
            ['Method', 'B'],
          ],
        },
      },
    ],
    ['a double negation', '!!ClientCert()', { not: { not: ['ClientCert'] } }],
    [
      'blanks and line ends anywhere',
      ' Query( `a` ,\n`b` )\t&&\r\nClientCert( ) ',
      { and: [['Query', 'a', 'b'], ['ClientCert']] },
    ],
    ['operators within values', 'Query(`a`, `b && !(c)`)', ['Query', 'a', 'b && !(c)']],
  ])('%s is read', (_, text, expected) => {
    const { rule, issues } = parseRule(text);
    expect(issues).toEqual([]);
    expect(shape(rule)).toEqual(expected);
  });

  it('tells where matchers, operators and values stand', () => {
    expect(parseRule('Host(`a`) && !Path("/x")').rule).toEqual({
      kind: 'and',
      offset: 0,
      rules: [
        { kind: 'match', name: 'Host', offset: 0, values: [{ text: 'a', offset: 6 }] },
        {
          kind: 'not',
          offset: 13,
          rule: { kind: 'match', name: 'Path', offset: 14, values: [{ text: '/x', offset: 20 }] },
        },
      ],
    });
  });

  const oneHost = 'Write a matcher such as Host(`shop.example`).';
  it.each<[string, string, [number, string, string][]]>([
    ['an empty rule', ' ', [[0, 'The rule is empty.', oneHost]]],
    ['an unknown matcher', 'Hots(`a`)', [[0, 'There is no matcher Hots.', 'Did you mean Host?']]],
    [
      'a matcher in another case',
      'pathprefix(`/a`)',
      [[0, 'There is no matcher pathprefix.', 'Did you mean PathPrefix?']],
    ],
    [
      'a matcher of Traefik v1',
      'Headers(`a`, `b`)',
      [[0, 'There is no matcher Headers.', 'Did you mean Header?']],
    ],
    [
      'a matcher that is like no other',
      'Frobnicate(`a`)',
      [[0, 'There is no matcher Frobnicate.', `Use one of ${Object.keys(matchers).join(', ')}.`]],
    ],
    [
      'a matcher named like a property of objects',
      'constructor(`a`)',
      [[0, 'There is no matcher constructor.', `Use one of ${Object.keys(matchers).join(', ')}.`]],
    ],
    [
      'a word as operator',
      'ClientCert() and ClientCert() OR not ClientCert()',
      [
        [13, '"and" is not an operator.', 'Write && instead.'],
        [30, '"OR" is not an operator.', 'Write || instead.'],
        [33, '"not" is not an operator.', 'Write ! instead.'],
      ],
    ],
    ['a single ampersand', 'ClientCert() & ClientCert()', [[13, '"&" is not an operator.', 'Write &&.']]],
    ['a single bar', 'ClientCert() | ClientCert()', [[13, '"|" is not an operator.', 'Write ||.']]],
    [
      'single quotes',
      "Host('a')",
      [[5, 'Single quotes do not mark a value.', 'Write `a` between backticks.']],
    ],
    [
      'a value without a closing backtick',
      'Host(`a.example)',
      [
        [
          5,
          'The value that starts with `a.example) has no closing quote.',
          'Write a backtick where the value ends.',
        ],
      ],
    ],
    [
      'a value without a closing double quote',
      'Host("a\\")',
      [
        [
          5,
          'The value that starts with "a\\") has no closing quote.',
          'Write a double quote where the value ends.',
        ],
      ],
    ],
    [
      'an unknown escape',
      'PathRegexp("^/\\d")',
      [
        [
          14,
          '"\\d" is not an escape that double quotes know.',
          'Write the value between backticks, where a backslash stands for itself.',
        ],
      ],
    ],
    [
      'a stray character',
      'Host(`a`) == 1',
      [
        [
          10,
          'The character "=" has no meaning outside of quotes.',
          'Remove it, or put the value that it belongs to between backticks.',
        ],
      ],
    ],
    [
      'a missing operator',
      'Host(`a`) Path(`/b`)',
      [
        [
          10,
          'An operator is missing before "Path".',
          'Write && between the two when both must match, or || when one is enough.',
        ],
      ],
    ],
    [
      'a missing operand',
      'Host(`a`) &&',
      [[12, 'A matcher is missing before the end of the rule.', oneHost]],
    ],
    ['an operator at the start', '|| Host(`a`)', [[0, 'A matcher is missing before "||".', oneHost]]],
    [
      'an open parenthesis',
      '(Host(`a`)',
      [
        [
          10,
          'The parenthesis at character 1 is not closed before the end of the rule.',
          'Write ) where the group ends.',
        ],
      ],
    ],
    [
      'a parenthesis too many',
      'Host(`a`))',
      [[9, 'This parenthesis closes nothing.', 'Remove it, or open a parenthesis before it.']],
    ],
    ['an empty group', '()', [[1, 'A matcher is missing before ")".', oneHost]]],
    [
      'a matcher without parentheses',
      'Host && Path(`/a`)',
      [[5, 'Host is not followed by its values in parentheses.', 'Write it as in Host(`shop.example`).']],
    ],
    [
      'values that are not closed',
      'Host(`a` && Path(`/b`)',
      [
        [
          9,
          'The values of Host are not closed before "&&".',
          'Write ) after the last value, or a comma between two values.',
        ],
      ],
    ],
    [
      'a value without quotes',
      'Host(a.example)',
      [
        [
          6,
          'The character "." has no meaning outside of quotes.',
          'Remove it, or put the value that it belongs to between backticks.',
        ],
      ],
    ],
    [
      'a word without quotes',
      'Host(localhost)',
      [[5, 'A value of Host is missing before "localhost".', 'Write the value between backticks.']],
    ],
    [
      'a comma at the end',
      'Host(`a`,)',
      [[9, 'A value of Host is missing before ")".', 'Write the value between backticks.']],
    ],
    [
      'a comma between matchers',
      'Host(`a`), Host(`b`)',
      [
        [
          9,
          'A comma stands outside of a matcher.',
          'Join matchers with && when both must match, or with || when one is enough.',
        ],
      ],
    ],
    [
      'a value outside of a matcher',
      'Host(`a`) `b`',
      [
        [
          10,
          'A value stands outside of a matcher.',
          'Join matchers with && when both must match, or with || when one is enough.',
        ],
      ],
    ],
    [
      'a list of Traefik v2',
      'Host(`a`, `b`)',
      [[0, 'Host takes one value, but 2 are given.', 'Write (Host(`a`) || Host(`b`)).']],
    ],
    [
      'a header without a value',
      'Header(`X-A`)',
      [[0, 'Header takes 2 values, but one is given.', 'Write it as in Header(`X-Channel`, `edi`).']],
    ],
    [
      'a matcher that takes no value',
      'ClientCert(`x`)',
      [[0, 'ClientCert takes no value, but one is given.', 'Write it as in ClientCert().']],
    ],
    [
      'a matcher without its value',
      'Host()',
      [[0, 'Host takes one value, but none is given.', 'Write it as in Host(`shop.example`).']],
    ],
    [
      'too many values of a query',
      'Query(`a`, `b`, `c`)',
      [[0, 'Query takes 1 or 2 values, but 3 are given.', 'Write it as in Query(`debug`, `assets`).']],
    ],
    [
      'several slips at once',
      'Hots(`a`) and (Pat(`/x`) || Method())',
      [
        [10, '"and" is not an operator.', 'Write && instead.'],
        [0, 'There is no matcher Hots.', 'Did you mean Host?'],
        [15, 'There is no matcher Pat.', 'Did you mean Path?'],
        [28, 'Method takes one value, but none is given.', 'Write it as in Method(`POST`).'],
      ],
    ],
    [
      'parentheses without measure',
      '('.repeat(100),
      [[64, 'The rule is nested more than 64 deep.', 'Write it with fewer parentheses.']],
    ],
    [
      'negations without measure',
      `${'!'.repeat(100)}ClientCert()`,
      [[64, 'The rule is nested more than 64 deep.', 'Write it with fewer parentheses.']],
    ],
    [
      'a rule without measure',
      'x'.repeat(20_000),
      [
        [
          16_384,
          'The rule has 20000 characters, more than 16384.',
          'Split the zone, or cover several values with one prefix.',
        ],
      ],
    ],
  ])('%s is an issue with its place', (_, text, expected) => {
    expect(problems(text)).toEqual(expected);
    expect(parseRule(text).rule).toBeUndefined();
  });

  it('never throws, and points into the rule', () => {
    const piece = fc.constantFrom(
      ...Object.keys(matchers),
      '(',
      ')',
      '`',
      '"',
      "'",
      ',',
      '&&',
      '||',
      '!',
      '&',
      'and',
      '`a`',
      '"\\"',
      ' ',
      'x',
      '/',
      '{tenant}',
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 15 }).map((pieces) => pieces.join('')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(text, (source) => {
        const { rule, issues } = parseRule(source);
        expect(rule === undefined).toBe(issues.length > 0);
        for (const { offset } of issues) expect(offset).toBeLessThanOrEqual(source.length);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('printRule', () => {
  it('prints what parses to the same rule', () => {
    const value = fc
      .string({ unit: fc.constantFrom(...Array.from('ab/`"\\ {}$\'é&(')) })
      .map((text) => ({ text, offset: 0 }));
    const call = fc
      .constantFrom(...(Object.keys(matchers) as MatcherName[]))
      .chain((name) =>
        fc
          .array(value, { minLength: matchers[name].min, maxLength: matchers[name].max })
          .map((values): Rule => ({ kind: 'match', name, values, offset: 0 })),
      );
    const { rule } = fc.letrec<{ rule: Rule }>((tie) => ({
      rule: fc.oneof(
        { maxDepth: 4 },
        call,
        tie('rule').map((inner): Rule => ({ kind: 'not', rule: inner, offset: 0 })),
        fc
          .tuple(
            fc.constantFrom('and' as const, 'or' as const),
            fc.array(tie('rule'), { minLength: 2, maxLength: 3 }),
          )
          .map(([kind, rules]): Rule => ({ kind, rules, offset: 0 })),
      ),
    }));
    fc.assert(
      fc.property(rule, (original) => {
        const { rule: parsed, issues } = parseRule(printRule(original));
        expect(issues).toEqual([]);
        expect(shape(parsed)).toEqual(shape(original));
      }),
      { numRuns: 1000 },
    );
  });
});
