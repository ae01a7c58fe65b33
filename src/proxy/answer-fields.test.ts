import { describe, expect, test } from 'vitest';
import type { LimitOutcome } from '../core/limit.ts';
import { answerFields } from './answer-fields.ts';

const passed = (...fields: string[]): string[] => answerFields(fields, { limits: [], requestId: 'r1' });
const requestId = ['x-request-id', 'r1'];

describe('the fields of an answer', () => {
  test('pass as they are, repeated ones and their case included', () => {
    const fields = [
      'Content-Type',
      'text/html',
      'Set-Cookie',
      'a=1',
      'Content-Length',
      '5',
      'Set-Cookie',
      'b=2',
    ];
    expect(passed(...fields)).toEqual([...fields, ...requestId]);
  });

  test.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Authenticate',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'X-Request-Id',
  ])('do not hold the %s of the upstream', (name) => {
    expect(passed(name, 'close', name.toUpperCase(), 'x', 'ETag', '1')).toEqual(['ETag', '1', ...requestId]);
  });

  test.each([
    [['Connection', 'X-A']],
    [['Connection', 'close, x-a']],
    [['connection', 'close', 'Connection', 'X-A']],
    [['Connection', 'X-B', 'Connection', 'X-A']],
    [['CONNECTION', ' ,X-a\t, ']],
  ])('do not hold what %j names', (connection) => {
    expect(passed(...connection, 'X-A', '1', 'x-a', '2', 'X-C', '3')).toEqual(['X-C', '3', ...requestId]);
  });

  test('tell the budgets that the request was charged to', () => {
    const limit: LimitOutcome = {
      name: 'partner-rate',
      key: 'acme',
      cost: 1,
      remaining: 9,
      shadow: false,
      admitted: true,
      burst: 10,
      windowMs: 10_000,
      retryAfterMs: 0,
      moreAfterMs: 1_000,
      at: '',
    };
    expect(answerFields([], { limits: [limit], requestId: 'r1' })).toEqual([
      ...requestId,
      'ratelimit-policy',
      '"partner-rate";q=10;w=10',
      'ratelimit',
      '"partner-rate";r=9;t=1',
    ]);
  });
});
