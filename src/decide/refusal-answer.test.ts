import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LimitOutcome } from '../core/limit.ts';
import { type Reason, reasons } from '../core/reason.ts';
import type { Refusal } from '../core/decision.ts';
import { type RefusalAnswer, type RefusalContext, renderRefusal } from './refusal-answer.ts';

const requestId = '9d96c7e9-f3c3-4bc6-9334-e79fe28c18b2';
const context: RefusalContext = { requestId, style: 'problem', rpcId: null, zone: 'partner', limits: [] };
const every = Object.keys(reasons) as Reason[];

/** An answer whose Retry-After adds this part of the fifth that it may add. */
function render(refusal: Refusal, answered: RefusalContext, random = 0): RefusalAnswer {
  return renderRefusal(refusal, answered, () => random);
}

/** The fields of an answer by name. */
function fieldsOf(
  reason: Reason,
  changes: Partial<RefusalContext> & { retryAfterMs?: number; random?: number } = {},
) {
  const { retryAfterMs, random, ...rest } = changes;
  const refusal = {
    reason,
    at: 'zones/partner.yaml:6:5',
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
  const { fields } = render(refusal, { ...context, ...rest }, random);
  return Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]]] : [])));
}

const base: LimitOutcome = {
  kind: 'rate',
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
const spent: LimitOutcome = { ...wide, remaining: 0, moreAfterMs: 40_000 };
const shadow: LimitOutcome = { ...base, name: 'soon', shadow: true, retryAfterMs: 90_000 };

describe('a refusal as problem+json', () => {
  it('tells status, title, detail, reason and request id, and nothing else', () => {
    const refusal = { reason: 'odoo_method_not_allowed', at: 'zones/partner.yaml:6:5' } as const;
    expect(render(refusal, context)).toEqual({
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
    const { body } = render(
      { reason: 'scope_missing', at: '', detail: 'The scope edi is required.' },
      context,
    );
    expect(JSON.parse(body)).toMatchObject({ detail: 'The scope edi is required.' });
  });

  it('names the budgets that are exceeded, shadow ones left out', () => {
    const limits = [wide, base, shadow, { ...base, name: 'client-rate' }];
    const { body } = render({ reason: 'limit_exceeded', at: '' }, { ...context, limits });
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

  it('names a policy that is no limit of the zone as well', () => {
    const refusal = { reason: 'too_many_failed_attempts', at: '', policies: ['failed-attempts'] } as const;
    const { body } = render(refusal, { ...context, limits: [wide, shadow] });
    expect(JSON.parse(body)).toMatchObject({ 'violated-policies': ['failed-attempts'] });
  });

  it.each<[Reason, string]>([
    ['limit_exceeded', 'https://iana.org/assignments/http-problem-types#quota-exceeded'],
    ['address_rate_exceeded', 'https://iana.org/assignments/http-problem-types#quota-exceeded'],
    ['pool_down', 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'],
    ['pool_queue_full', 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'],
    ['pool_queue_timeout', 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'],
    ['limit_store_unavailable', 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'],
    [
      'identity_provider_unavailable',
      'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
    ],
    ['spool_full', 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity'],
    ['too_many_failed_attempts', 'https://iana.org/assignments/http-problem-types#abnormal-usage-detected'],
    ['credentials_missing', 'urn:bulkhead:reason:credentials_missing'],
    ['no_zone', 'urn:bulkhead:reason:no_zone'],
  ])('has for %s the type %s', (reason, type) => {
    const { body } = render({ reason, at: '' }, context);
    expect(JSON.parse(body)).toMatchObject({ type });
  });
});

describe('the text of a problem', () => {
  const member = (policies: string[]) => (policies.length === 0 ? {} : { 'violated-policies': policies });

  it.each(every)('is what JSON.stringify makes of it for %s', (reason) => {
    const { title, status } = reasons[reason];
    const { type } = JSON.parse(render({ reason, at: '' }, context).body) as { type: string };
    fc.assert(
      fc.property(
        fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
        fc.array(fc.string({ unit: 'binary' }), { maxLength: 2 }),
        fc.array(fc.string({ unit: 'binary' }), { maxLength: 2 }),
        (detail, policies, names) => {
          const limits = names.map((name) => ({ ...base, name }));
          const refusal = { reason, at: '', policies, ...(detail !== undefined && { detail }) };
          expect(render(refusal, { ...context, limits }).body).toBe(
            JSON.stringify({
              type,
              title,
              status,
              detail: detail ?? `${title}.`,
              instance: `urn:bulkhead:request:${requestId}`,
              reason,
              requestId,
              ...member([...policies, ...names]),
            }),
          );
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('a refusal as JSON-RPC error', () => {
  it('repeats the id of the call and is shown by the client of Odoo as a plain dialog', () => {
    const refusal = { reason: 'pool_queue_full', at: 'zones/partner.yaml:6:5', retryAfterMs: 2000 } as const;
    const message = `The workers are busy and the queue is full. (pool_queue_full, request ${requestId})`;
    expect(render(refusal, { ...context, style: 'json-rpc', rpcId: 'r7' })).toEqual({
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

  it('names the budgets that are exceeded beside the reason', () => {
    const { body } = render(
      { reason: 'limit_exceeded', at: '' },
      { ...context, style: 'json-rpc', limits: [base] },
    );
    const { error } = JSON.parse(body) as { error: { data: object } };
    expect(error.data).toMatchObject({ reason: 'limit_exceeded', 'violated-policies': ['partner-rate'] });
  });

  it.each([7, 'seven', 0, '', null])('answers the id %j', (rpcId) => {
    const { body } = render({ reason: 'no_zone', at: '' }, { ...context, style: 'json-rpc', rpcId });
    expect((JSON.parse(body) as { id: unknown }).id).toBe(rpcId);
  });
});

describe('a refusal as XML-RPC fault', () => {
  it('has the code that Odoo has for such an error, and keeps its status', () => {
    const refusal = { reason: 'limit_exceeded', at: '', detail: 'Exceeded: <a> & "b".' } as const;
    expect(render(refusal, { ...context, style: 'xml-rpc' })).toEqual({
      status: 429,
      fields: [
        ['cache-control', 'no-store'],
        ['x-request-id', requestId],
        ['retry-after', '1'],
        ['content-type', 'text/xml; charset=utf-8'],
      ].flat(),
      body:
        "<?xml version='1.0'?>\n<methodResponse><fault><value><struct>" +
        '<member><name>faultCode</name><value><int>2</int></value></member>' +
        '<member><name>faultString</name><value><string>Exceeded: &lt;a&gt; &amp; &quot;b&quot;. ' +
        `(limit_exceeded, request ${requestId})</string></value></member>` +
        '</struct></value></fault></methodResponse>\n',
    });
  });

  it.each<[Reason, number]>([
    ['credentials_missing', 3],
    ['odoo_method_not_allowed', 4],
    ['pool_queue_full', 2],
    ['body_too_large', 2],
  ])('tells %s with code %i', (reason, code) => {
    const { body } = render({ reason, at: '' }, { ...context, style: 'xml-rpc' });
    expect(body).toContain(`<name>faultCode</name><value><int>${code}</int></value>`);
  });
});

describe('a refusal as a page', () => {
  it('says what happened, when to come back and what to tell the help desk, and can run nothing', () => {
    const refusal = { reason: 'pool_queue_full', at: '', retryAfterMs: 5000 } as const;
    const { status, fields, body } = render(refusal, { ...context, style: 'page' });
    expect(status).toBe(503);
    expect(fields).toEqual(
      [
        ['cache-control', 'no-store'],
        ['x-request-id', requestId],
        ['retry-after', '5'],
        ['content-type', 'text/html; charset=utf-8'],
        ['content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"],
        ['x-content-type-options', 'nosniff'],
      ].flat(),
    );
    const shown = body.replace(/<style>.*<\/style>/, '').replace(/<[^>]*>/g, ' ');
    expect(shown.replace(/\s+/g, ' ').trim()).toBe(
      'The workers are busy and the queue is full The workers are busy and the queue is full ' +
        `Please try again in 5 seconds. Status 503, reason pool_queue_full , request ${requestId}`,
    );
  });

  it('shows the detail that the stage knows, and no markup of it', () => {
    const refusal = { reason: 'scope_missing', at: '', detail: 'The scope <b>edi</b> is required.' } as const;
    const { body } = render(refusal, { ...context, style: 'page' });
    expect(body).toContain('<p>The scope &lt;b&gt;edi&lt;/b&gt; is required.</p>');
    expect(body).not.toContain('try again');
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
    ['when a budget refills whose last token this request has spent', [spent], 700, '40'],
    ['no wait for a budget that has room for another such request', [{ ...spent, remaining: 1 }], 700, '1'],
    ['no wait for a budget that nobody counts at the moment', [{ ...spent, mode: 'open' }], 700, '1'],
  ])('tells %s', (_title, limits, retryAfterMs, seconds) => {
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    expect(fieldsOf('limit_exceeded', { limits, ...wait })['retry-after']).toBe(seconds);
  });

  it('spreads callers over a fifth of the wait', () => {
    const waits = [0, 0.25, 0.5, 1].map(
      (random) => fieldsOf('pool_down', { retryAfterMs: 10_000, random })['retry-after'],
    );
    expect(waits).toEqual(['10', '11', '11', '12']);
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
  it.each(['problem', 'json-rpc', 'xml-rpc', 'page'] as const)(
    'as %s tells where the rule stands or whose budget it is',
    (style) => {
      for (const reason of every) {
        const refusal = { reason, at: 'zones/inside.yaml:6:5' };
        const limits = [{ ...base, key: 'inside/caller', at: 'zones/inside.yaml:7:7' }];
        expect(JSON.stringify(render(refusal, { ...context, style, limits }))).not.toContain('inside');
      }
    },
  );
});
