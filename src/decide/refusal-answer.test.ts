import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LimitOutcome } from '../core/limit.ts';
import { type Reason, reasons } from '../core/reason.ts';
import { type RefusalContext, renderRefusal } from './refusal-answer.ts';

const requestId = '9d96c7e9-f3c3-4bc6-9334-e79fe28c18b2';
const context: RefusalContext = { requestId, style: 'problem', rpcId: null, zone: 'partner', limits: [] };
const every = Object.keys(reasons) as Reason[];

/** The fields of an answer by name. */
function fieldsOf(reason: Reason, changes: Partial<RefusalContext> & { retryAfterMs?: number } = {}) {
  const { retryAfterMs, ...rest } = changes;
  const refusal = {
    reason,
    at: 'zones/partner.yaml:6:5',
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
  const { fields } = renderRefusal(refusal, { ...context, ...rest });
  return Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]]] : [])));
}

const base: LimitOutcome = {
  name: 'partner-rate',
  key: 'acme',
  cost: 1,
  remaining: 0,
  shadow: false,
  admitted: false,
  burst: 100,
  windowMs: 2000,
  retryAfterMs: 1500,
  moreAfterMs: 20,
  at: 'zones/partner.yaml:16:5',
};
const wide: LimitOutcome = {
  ...base,
  name: 'wide',
  remaining: 7,
  admitted: true,
  retryAfterMs: 0,
  moreAfterMs: 100,
};
const shadow: LimitOutcome = { ...base, name: 'soon', shadow: true, retryAfterMs: 90_000 };

// Retry-After adds up to a fifth by chance.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0));
afterEach(() => void vi.restoreAllMocks());

describe('a refusal as problem+json', () => {
  it('tells status, title, detail, reason and request id, and nothing else', () => {
    const refusal = { reason: 'odoo_method_not_allowed', at: 'zones/partner.yaml:6:5' } as const;
    expect(renderRefusal(refusal, context)).toEqual({
      status: 403,
      fields: [
        ['cache-control', 'no-store'],
        ['x-request-id', requestId],
        ['content-type', 'application/problem+json'],
      ].flat(),
      body:
        '{"type":"urn:bulkhead:reason:odoo_method_not_allowed",' +
        '"title":"This Odoo model and method are not allowed here","status":403,' +
        '"detail":"This Odoo model and method are not allowed here.",' +
        `"instance":"urn:bulkhead:request:${requestId}","reason":"odoo_method_not_allowed","requestId":"${requestId}"}`,
    });
  });

  it('gives the detail that the stage knows', () => {
    const { body } = renderRefusal(
      { reason: 'scope_missing', at: '', detail: 'The scope edi is required.' },
      context,
    );
    expect(JSON.parse(body)).toMatchObject({ detail: 'The scope edi is required.' });
  });

  it('names the budgets that are exceeded, shadow ones left out', () => {
    const limits = [wide, base, shadow, { ...base, name: 'client-rate' }];
    const { body } = renderRefusal({ reason: 'limit_exceeded', at: '' }, { ...context, limits });
    expect(JSON.parse(body)).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'A rate limit is exceeded',
      status: 429,
      detail: 'A rate limit is exceeded.',
      instance: `urn:bulkhead:request:${requestId}`,
      reason: 'limit_exceeded',
      requestId,
      'violated-policies': ['partner-rate', 'client-rate'],
    });
  });

  it.each<[Reason, string]>([
    ['limit_exceeded', 'https://iana.org/assignments/http-problem-types#quota-exceeded'],
    ['address_rate_exceeded', 'https://iana.org/assignments/http-problem-types#quota-exceeded'],
    ['pool_down', 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'],
    ['pool_queue_full', 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'],
    ['pool_queue_timeout', 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'],
    ['limit_store_unavailable', 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'],
    ['identity_provider_unavailable', 'urn:bulkhead:reason:identity_provider_unavailable'],
    ['no_zone', 'urn:bulkhead:reason:no_zone'],
  ])('has for %s the type %s', (reason, type) => {
    const { body } = renderRefusal({ reason, at: '' }, context);
    expect(JSON.parse(body)).toMatchObject({ type });
  });
});

describe('a refusal as JSON-RPC error', () => {
  it('repeats the id of the call and is shown by the client of Odoo as a plain dialog', () => {
    const refusal = { reason: 'pool_queue_full', at: 'zones/partner.yaml:6:5', retryAfterMs: 2000 } as const;
    const message = `The workers are busy and the queue is full. (pool_queue_full, request ${requestId})`;
    expect(renderRefusal(refusal, { ...context, style: 'json-rpc', rpcId: 'r7' })).toEqual({
      status: 503,
      fields: [
        ['cache-control', 'no-store'],
        ['x-request-id', requestId],
        ['retry-after', '2'],
        ['content-type', 'application/json'],
      ].flat(),
      body:
        '{"jsonrpc":"2.0","id":"r7","error":{"code":503,"message":"The workers are busy and the queue is full",' +
        `"data":{"name":"odoo.exceptions.UserError","message":"${message}","arguments":["${message}"],` +
        `"context":{},"debug":"","reason":"pool_queue_full","requestId":"${requestId}"}}}`,
    });
  });

  it.each([7, 'seven', 0, '', null])('answers the id %j', (rpcId) => {
    const { body } = renderRefusal({ reason: 'no_zone', at: '' }, { ...context, style: 'json-rpc', rpcId });
    expect((JSON.parse(body) as { id: unknown }).id).toBe(rpcId);
  });
});

describe('the challenge', () => {
  const challenges = Object.fromEntries(
    every.flatMap((reason) => {
      const challenge = fieldsOf(reason)['www-authenticate'];
      return challenge === undefined ? [] : [[reason, challenge]];
    }),
  );

  it('stands on every 401, and on a missing scope', () => {
    expect(Object.keys(challenges)).toEqual(
      every.filter((reason) => reasons[reason].status === 401 || reason === 'scope_missing'),
    );
  });

  it('says what was wrong with a token, and not that one was wrong where none was presented', () => {
    const errorOf = (reason: string) =>
      reason === 'scope_missing'
        ? ', error="insufficient_scope"'
        : reason.startsWith('token_')
          ? ', error="invalid_token"'
          : '';
    expect(challenges).toEqual(
      Object.fromEntries(
        Object.keys(challenges).map((reason) => [reason, `Bearer realm="partner"${errorOf(reason)}`]),
      ),
    );
  });

  it('has a realm also where no zone is known', () => {
    expect(fieldsOf('credentials_missing', { zone: undefined })['www-authenticate']).toBe(
      'Bearer realm="bulkhead"',
    );
  });
});

describe('Retry-After', () => {
  it('stands on every 429 and 503 and nowhere else, at least 1', () => {
    const told = every.filter((reason) => fieldsOf(reason)['retry-after'] !== undefined);
    expect(told).toEqual(every.filter((reason) => [429, 503].includes(reasons[reason].status)));
    expect(told.map((reason) => fieldsOf(reason)['retry-after'])).toEqual(told.map(() => '1'));
  });

  it.each<[string, LimitOutcome[], number | undefined, string]>([
    ['the longest wait of the budgets', [base, wide, { ...base, retryAfterMs: 4200 }], undefined, '5'],
    ['the wait that the refusing part knows', [], 30_000, '30'],
    ['the longer one of both', [base], 700, '2'],
    ['no wait of a shadow limit', [shadow, base], undefined, '2'],
  ])('tells %s', (_title, limits, retryAfterMs, seconds) => {
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    expect(fieldsOf('limit_exceeded', { limits, ...wait })['retry-after']).toBe(seconds);
  });

  it('spreads callers over a fifth of the wait', () => {
    vi.mocked(Math.random).mockReturnValue(1);
    expect(fieldsOf('pool_down', { retryAfterMs: 10_000 })['retry-after']).toBe('12');
  });
});

describe('the RateLimit fields', () => {
  it('tell each budget that was looked at, shadow ones left out', () => {
    expect(fieldsOf('limit_exceeded', { limits: [wide, base, shadow] })).toEqual({
      'cache-control': 'no-store',
      'x-request-id': requestId,
      'ratelimit-policy': '"wide";q=100;w=2, "partner-rate";q=100;w=2',
      ratelimit: '"wide";r=7;t=1, "partner-rate";r=0;t=2',
      'retry-after': '2',
      'content-type': 'application/problem+json',
    });
  });
});

describe('no answer', () => {
  it.each(['problem', 'json-rpc'] as const)(
    'as %s tells where the rule stands or whose budget it is',
    (style) => {
      for (const reason of every) {
        const refusal = { reason, at: 'zones/inside.yaml:6:5' };
        const limits = [{ ...base, key: 'inside/caller', at: 'zones/inside.yaml:7:7' }];
        expect(JSON.stringify(renderRefusal(refusal, { ...context, style, limits }))).not.toContain('inside');
      }
    },
  );
});
