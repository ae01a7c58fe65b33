import { describe, expect, it } from 'vitest';
import { resolveOverrides } from './overrides.ts';

function zones(overrides: Record<string, string[]>) {
  return Object.entries(overrides).map(([name, list]) => ({ name, overrides: list }));
}

describe('resolveOverrides', () => {
  it('follows overrides through other zones', () => {
    const { overridden, issues } = resolveOverrides(zones({ c: [], a: ['b'], b: ['c'], d: ['a', 'c'] }));
    expect(issues).toEqual([]);
    expect(overridden.map((set) => [...set].toSorted((a, b) => a - b))).toEqual([[], [0, 2], [0], [0, 1, 2]]);
  });

  it.each<[string, Record<string, string[]>, string, number, string, string]>([
    [
      'an unknown zone',
      { partner: [], x: ['partner', 'partnr'] },
      'x',
      1,
      'Zone "x" overrides "partnr", but there is no such zone.',
      'Did you mean partner?',
    ],
    [
      'a zone like no other',
      { partner: ['public'] },
      'partner',
      0,
      'Zone "partner" overrides "public", but there is no such zone.',
      'Write the name of a zone.',
    ],
    [
      'a zone itself',
      { a: ['a'] },
      'a',
      0,
      'Zone "a" overrides itself.',
      'Remove "a" here, or another link of the circle.',
    ],
    [
      'a circle',
      { a: ['b'], b: ['c'], c: ['a'] },
      'c',
      0,
      'The overrides form a circle: a overrides b overrides c overrides a.',
      'Remove "a" here, or another link of the circle.',
    ],
    [
      'a circle behind another zone',
      { x: ['a'], a: ['b'], b: ['a'] },
      'b',
      0,
      'The overrides form a circle: a overrides b overrides a.',
      'Remove "a" here, or another link of the circle.',
    ],
  ])('%s is an issue at its place', (_, overrides, zone, index, what, fix) => {
    expect(resolveOverrides(zones(overrides)).issues).toEqual([
      {
        zone,
        issue: { path: ['overrides', index], what, fix, consequence: expect.stringMatching(/^[A-Z].*\.$/) },
      },
    ]);
  });

  it('refuses a chain that nobody could follow, however long', () => {
    const chain = Object.fromEntries(
      Array.from({ length: 5000 }, (_, i) => [`z${i}`, i < 4999 ? [`z${i + 1}`] : []]),
    );
    const [first] = resolveOverrides(zones(chain)).issues;
    expect(first?.issue.what).toBe('The overrides form a chain of more than 32 zones.');
  });
});
