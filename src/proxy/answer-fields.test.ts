import { describe, expect, test } from 'vitest';
import type { LimitOutcome } from '../core/limit.ts';
import { answerFields } from './answer-fields.ts';

const plain = { limits: [], requestId: 'r1', scheme: 'https', policy: undefined } as const;
const passed = (...fields: string[]): string[] => answerFields(fields, plain);
const requestId = ['x-request-id', 'r1'];

describe('the fields of an answer', () => {
  test('pass as they are, repeated ones included', () => {
    const fields = [
      'content-type',
      'text/html',
      'set-cookie',
      'a=1',
      'content-length',
      '5',
      'set-cookie',
      'b=2',
    ];
    expect(passed(...fields)).toEqual([...fields, ...requestId]);
  });

  test.each([
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'x-request-id',
  ])('do not hold the %s of the upstream', (name) => {
    expect(passed(name, 'close', name, 'x', 'etag', '1')).toEqual(['etag', '1', ...requestId]);
  });

  test.each([
    [['connection', 'X-A']],
    [['connection', 'close, x-a']],
    [['connection', 'close', 'connection', 'X-A']],
    [['connection', 'X-B', 'connection', 'X-A']],
    [['connection', ' ,X-a\t, ']],
  ])('do not hold what %j names', (connection) => {
    expect(passed(...connection, 'x-a', '1', 'x-a', '2', 'x-c', '3')).toEqual(['x-c', '3', ...requestId]);
  });

  test('tell the budgets that the request was charged to', () => {
    const limit: LimitOutcome = {
      kind: 'rate',
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
    expect(answerFields([], { ...plain, limits: [limit] })).toEqual([
      ...requestId,
      'ratelimit-policy',
      '"partner-rate";q=10;w=10',
      'ratelimit',
      '"partner-rate";r=9;t=1',
    ]);
  });

  test.each([
    ['http', 'session_id=a; Path=/', 'session_id=a; Path=/; SameSite=Lax'],
    ['https', 'session_id=a; Path=/; HttpOnly', 'session_id=a; Path=/; HttpOnly; Secure; SameSite=Lax'],
    ['https', 'session_id=a; SECURE; samesite=Strict', 'session_id=a; SECURE; samesite=Strict'],
    ['https', 'session_id=a;Secure', 'session_id=a;Secure; SameSite=Lax'],
    ['https', 'session_id=secure; Path=/secure', 'session_id=secure; Path=/secure; Secure; SameSite=Lax'],
    ['https', 'frontend_lang=de', 'frontend_lang=de'],
    ['https', 'my_session_id=a', 'my_session_id=a'],
  ] as const)('by %s guard the cookie %j as %j', (scheme, cookie, guarded) => {
    expect(answerFields(['set-cookie', cookie], { ...plain, scheme })).toEqual([
      'set-cookie',
      guarded,
      ...requestId,
    ]);
  });

  test('are set and removed as the zone says', () => {
    const policy = {
      set: ['strict-transport-security', 'max-age=31536000'],
      replaced: new Set(['strict-transport-security', 'server']),
      hideTracebacks: false,
    };
    const fields = [
      'server',
      'Werkzeug',
      'strict-transport-security',
      'max-age=0',
      'etag',
      '1',
      'server',
      'x',
    ];
    expect(answerFields(fields, { ...plain, policy })).toEqual([
      'etag',
      '1',
      ...requestId,
      'strict-transport-security',
      'max-age=31536000',
    ]);
  });
});
