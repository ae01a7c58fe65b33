import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { BearerGate, type BearerVerdict } from './bearer.ts';

const token = 'a-token-of-thirty-two-characters';

describe('the bearer of a token', () => {
  it.each<[string | undefined, BearerVerdict]>([
    [`Bearer ${token}`, 'right'],
    [`bearer ${token}`, 'right'],
    [`BEARER   ${token}`, 'right'],
    [undefined, 'missing'],
    ['', 'missing'],
    ['Bearer', 'missing'],
    ['Bearer ', 'missing'],
    [`Basic ${token}`, 'missing'],
    [token, 'missing'],
    // Two fields are read as one.
    [`Bearer ${token}, Bearer x`, 'missing'],
    [`Bearer ${token.slice(1)}`, 'wrong'],
    [`Bearer ${token.slice(0, 4)}`, 'wrong'],
    [`Bearer ${token}x`, 'wrong'],
    [`Bearer ${token.toUpperCase()}`, 'wrong'],
  ])('%j is %s', (authorization, verdict) => {
    expect(new BearerGate(manualClock()).judge(authorization, token)).toBe(verdict);
  });

  it('is told apart ten times, then once in six seconds, and the right one always', () => {
    const clock = manualClock();
    const gate = new BearerGate(clock);
    const verdicts = (count: number) => Array.from({ length: count }, () => gate.judge('Bearer x', token));
    expect(verdicts(12)).toEqual([...Array.from({ length: 10 }, () => 'wrong'), 'too_many', 'too_many']);
    expect(gate.judge(`Bearer ${token}`, token)).toBe('right');
    clock.advance(5_999);
    expect(verdicts(1)).toEqual(['too_many']);
    clock.advance(1);
    expect(verdicts(2)).toEqual(['wrong', 'too_many']);
    clock.advance(3_600_000);
    expect(verdicts(11).filter((verdict) => verdict === 'wrong')).toHaveLength(10);
  });
});
