import { describe, expect, it } from 'vitest';
import { Tally } from './tally.ts';

describe('a tally', () => {
  it('has no entries before anything is counted', () => {
    expect(new Tally<[string]>().entries()).toEqual([]);
  });

  it('counts every combination of values by itself', () => {
    const tally = new Tally<readonly [zone: string, status: number]>();
    tally.add(['partner', 200]);
    tally.add(['partner', 429]);
    tally.add(['public', 200]);
    tally.add(['partner', 200]);
    expect(tally.entries()).toEqual([
      { values: ['partner', 200], count: 2 },
      { values: ['partner', 429], count: 1 },
      { values: ['public', 200], count: 1 },
    ]);
  });

  it('does not mix up values that would read the same when joined', () => {
    const tally = new Tally<readonly [string, string]>();
    tally.add(['a,b', 'c']);
    tally.add(['a', 'b,c']);
    expect(tally.entries()).toEqual([
      { values: ['a,b', 'c'], count: 1 },
      { values: ['a', 'b,c'], count: 1 },
    ]);
  });
});
