import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePlaceholders } from './placeholders.ts';

describe('placeholders in a text', () => {
  const cases: [text: string, parts: unknown[]][] = [
    [
      'plain $5 text',
      [
        ['text', 'plain $'],
        ['text', '5 text'],
      ],
    ],
    ['${file:/run/secrets/x}', [['file', '/run/secrets/x']]],
    [
      'a ${env:HOST_1} b',
      [
        ['text', 'a '],
        ['env', 'HOST_1', undefined],
        ['text', ' b'],
      ],
    ],
    ['${env:X:-http://h:1/}', [['env', 'X', 'http://h:1/']]],
    ['${env:X:-}', [['env', 'X', '']]],
    [
      '$${env:X}',
      [
        ['text', '${'],
        ['text', 'env:X}'],
      ],
    ],
    [
      '$$${env:X}',
      [
        ['text', '$'],
        ['text', '${'],
        ['text', 'env:X}'],
      ],
    ],
    [
      '${env:A}${env:B}',
      [
        ['env', 'A', undefined],
        ['env', 'B', undefined],
      ],
    ],
    ['${X}', [['malformed', '${X}']]],
    ['${env:1X}', [['malformed', '${env:1X}']]],
    ['${env:X-y}', [['malformed', '${env:X-y}']]],
    ['${file:}', [['malformed', '${file:}']]],
    [
      '${env:X:-${env:Y}}',
      [
        ['malformed', '${env:X:-${env:Y}'],
        ['text', '}'],
      ],
    ],
    [
      'x ${env:X',
      [
        ['text', 'x '],
        ['malformed', '${env:X'],
      ],
    ],
    ['', []],
  ];
  it.each(cases)('are found in %j', (text, parts) => {
    const shown = parsePlaceholders(text).map((part) => {
      if (part.kind === 'file') return [part.kind, part.path];
      if (part.kind === 'env') return [part.kind, part.name, part.fallback];
      return [part.kind, part.text];
    });
    expect(shown).toEqual(parts);
  });

  it('leave no character of the text out', () => {
    const piece = fc.constantFrom('$', '{', '}', ':', '-', 'env', 'file', 'X', '/p', ' ');
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('');
        expect(
          parsePlaceholders(text)
            .map((part) => text.slice(part.start, part.end))
            .join(''),
        ).toBe(text);
      }),
    );
  });
});
