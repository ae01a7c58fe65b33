import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LimitOutcome } from '../core/limit.ts';
import { rateLimitFields, rateLimitFieldsDraft, retryAfterSeconds } from './rate-limit-fields.ts';

const admitted: LimitOutcome = {
  kind: 'rate',
  name: 'partner-rate',
  key: 'acme',
  cost: 1,
  remaining: 99,
  shadow: false,
  admitted: true,
  burst: 100,
  windowMs: 2000,
  retryAfterMs: 0,
  moreAfterMs: 20,
  at: 'zones/partner.yaml:14:5',
};

describe('rateLimitFields', () => {
  it('follows one pinned revision of the draft', () => {
    expect(rateLimitFieldsDraft).toBe('draft-ietf-httpapi-ratelimit-headers-11');
  });

  it.each<[string, Partial<LimitOutcome>[], string[]]>([
    [
      'tells policy, rest and time to the next token',
      [{}],
      ['ratelimit-policy', '"partner-rate";q=100;w=2', 'ratelimit', '"partner-rate";r=99;t=1'],
    ],
    [
      'lists every limit in order',
      [{}, { name: 'client-rate', burst: 20, windowMs: 60_000, remaining: 3, moreAfterMs: 3000 }],
      [
        'ratelimit-policy',
        '"partner-rate";q=100;w=2, "client-rate";q=20;w=60',
        'ratelimit',
        '"partner-rate";r=99;t=1, "client-rate";r=3;t=3',
      ],
    ],
    [
      'tells a refused caller when this request would pass, not when the next token comes',
      [{ admitted: false, remaining: 2, retryAfterMs: 4001, moreAfterMs: 10 }],
      ['ratelimit-policy', '"partner-rate";q=100;w=2', 'ratelimit', '"partner-rate";r=2;t=5'],
    ],
    [
      'leaves the time out of a full budget',
      [{ remaining: 100, moreAfterMs: 0 }],
      ['ratelimit-policy', '"partner-rate";q=100;w=2', 'ratelimit', '"partner-rate";r=100'],
    ],
    [
      'rounds a window below a second up, as the draft knows whole seconds only',
      [{ burst: 5, windowMs: 100, remaining: 4 }],
      ['ratelimit-policy', '"partner-rate";q=5;w=1', 'ratelimit', '"partner-rate";r=4;t=1'],
    ],
    ['hides a shadow limit', [{ shadow: true, admitted: false }], []],
    [
      'shows only the policy of a limit that nobody counts at the moment, and says so',
      [{ mode: 'open' }],
      ['ratelimit-policy', '"partner-rate";q=100;w=2;bulkhead-mode=open'],
    ],
    [
      'shows the share of this instance while the store fails, and says so',
      [{ mode: 'share', remaining: 0, moreAfterMs: 1500 }],
      [
        'ratelimit-policy',
        '"partner-rate";q=100;w=2;bulkhead-mode=share',
        'ratelimit',
        '"partner-rate";r=0;t=2',
      ],
    ],
    [
      'escapes a name as RFC 9651 asks for',
      [{ name: 'a"b\\c', moreAfterMs: 0 }],
      ['ratelimit-policy', '"a\\"b\\\\c";q=100;w=2', 'ratelimit', '"a\\"b\\\\c";r=99'],
    ],
    [
      'replaces what a String cannot hold',
      [{ name: 'a\r\në', moreAfterMs: 0 }],
      ['ratelimit-policy', '"a???";q=100;w=2', 'ratelimit', '"a???";r=99'],
    ],
    [
      'never writes a number that RFC 9651 does not allow',
      [{ windowMs: 1e30, remaining: -1, moreAfterMs: 0 }],
      ['ratelimit-policy', '"partner-rate";q=100;w=999999999999999', 'ratelimit', '"partner-rate";r=0'],
    ],
    [
      'tells of a quota how long its window is and when it ends',
      [
        { kind: 'quota', burst: 200_000, windowMs: 86_400_000, remaining: 42, moreAfterMs: 3_600_001 },
        {
          kind: 'quota',
          name: 'spent',
          burst: 9,
          windowMs: 86_400_000,
          admitted: false,
          remaining: 0,
          retryAfterMs: 1,
        },
      ],
      [
        'ratelimit-policy',
        '"partner-rate";q=200000;w=86400, "spent";q=9;w=86400',
        'ratelimit',
        '"partner-rate";r=42;t=3601, "spent";r=0;t=1',
      ],
    ],
    [
      'tells of slots their unit and no time, which nobody knows',
      [
        { kind: 'inFlight', name: 'parallel', burst: 8, windowMs: 0, remaining: 3, moreAfterMs: 0 },
        {
          kind: 'inFlight',
          name: 'narrow',
          burst: 1,
          windowMs: 0,
          admitted: false,
          remaining: 0,
          retryAfterMs: 1000,
        },
      ],
      [
        'ratelimit-policy',
        '"parallel";q=8;qu="concurrent-requests", "narrow";q=1;qu="concurrent-requests"',
        'ratelimit',
        '"parallel";r=3, "narrow";r=0',
      ],
    ],
    [
      'sends nobody away for longer than a day',
      [
        {
          kind: 'quota',
          windowMs: 30 * 86_400_000,
          admitted: false,
          remaining: 0,
          retryAfterMs: 20 * 86_400_000,
        },
      ],
      ['ratelimit-policy', '"partner-rate";q=100;w=2592000', 'ratelimit', '"partner-rate";r=0;t=86400'],
    ],
    [
      'nor for ever, where a request costs more than there will ever be',
      [{ admitted: false, remaining: 5, retryAfterMs: Infinity }],
      ['ratelimit-policy', '"partner-rate";q=100;w=2', 'ratelimit', '"partner-rate";r=5;t=86400'],
    ],
    ['says nothing about no limits', [], []],
  ])('%s', (_title, outcomes, fields) => {
    expect(rateLimitFields(outcomes.map((outcome) => ({ ...admitted, ...outcome })))).toEqual(fields);
  });
});

describe('retryAfterSeconds', () => {
  it.each([
    [0, 0, 1],
    [1, 0, 1],
    [999, 0, 1],
    [1000, 0, 1],
    [1001, 0, 2],
    [10_000, 0, 10],
    [10_000, 1, 12],
    [900, 1, 2],
  ])('turns %i ms with jitter %f into %i s', (waitMs, random, seconds) => {
    expect(retryAfterSeconds(waitMs, () => random)).toBe(seconds);
  });

  it.each([
    [3_600_000, 1, 3660],
    [20 * 86_400_000, 0, 86_400],
    [20 * 86_400_000, 1, 86_460],
    [Infinity, 1, 86_460],
  ])('spreads a wait of %i ms with jitter %f over a minute at most: %i s', (waitMs, random, seconds) => {
    expect(retryAfterSeconds(waitMs, () => random)).toBe(seconds);
  });

  it.each([
    [1, 0, 1],
    [1, 1, 6],
    [1000, 0.5, 4],
    [100_000, 1, 120],
    [3_600_000, 1, 3900],
    [20 * 86_400_000, 1, 86_700],
  ])(
    'keeps those apart who all wait for the end of a window: %i ms with jitter %f is %i s',
    (waitMs, random, seconds) => {
      expect(retryAfterSeconds(waitMs, () => random, true)).toBe(seconds);
    },
  );

  it('never ends before the time in the RateLimit field, nor more than a fifth and a second later', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e9 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (waitMs, random) => {
          const refused = { ...admitted, admitted: false, retryAfterMs: waitMs };
          const t = Number(/t=(\d+)/.exec(rateLimitFields([refused])[3] ?? '')?.[1]);
          const seconds = retryAfterSeconds(waitMs, () => random);
          expect(seconds).toBeGreaterThanOrEqual(t);
          expect(seconds).toBeLessThanOrEqual(Math.ceil((waitMs * 1.2) / 1000));
        },
      ),
    );
  });
});
