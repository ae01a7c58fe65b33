import { describe, expect, it } from 'vitest';
import { RecentNames } from './recent-names.ts';

describe('RecentNames', () => {
  it('forget those first that were not seen again', () => {
    const names = new RecentNames(3);
    for (const name of ['a', 'b', 'c', 'd']) names.add(name);
    expect([names.see('a'), names.see('a'), names.see('x')]).toEqual([true, true, false]);
    for (const name of ['e', 'f']) names.add(name);
    expect(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => names.see(name))).toEqual([
      true,
      false,
      false,
      true,
      true,
      true,
    ]);
  });

  it('are never more than twice as many as they keep at least', () => {
    const names = new RecentNames(3);
    for (let i = 0; i < 100; i++) {
      names.add(String(i));
      expect(names.size).toBeLessThanOrEqual(names.max);
      expect([i, i - 1, i - 2].filter((n) => n >= 0).every((n) => names.see(String(n)))).toBe(true);
    }
    expect(names.max).toBe(6);
  });
});
