import { describe, expect, it } from 'vitest';
import type { Exchange } from '../http1/exchange.ts';
import { manualClock } from '../core/clock.ts';
import { type AdminContext, createAdmin, type Readiness } from './admin.ts';
import type { LimitAdmin } from './limit-routes.ts';

interface Answer {
  status: number;
  fields: Record<string, string>;
  body: string | undefined;
}

/** Sends one request to an admin surface; settles once it is answered. */
function ask(
  request: { method?: string; target?: string; defect?: 'host_invalid' },
  context: Partial<AdminContext> = {},
): Promise<Answer> {
  const admin = createAdmin({
    readiness: () => ({ ready: true, details: {} }),
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
    limits: limitsOfNobody,
    onFailure: (_what, error) => {
      throw error;
    },
    ...context,
  });
  return new Promise((resolve) => {
    const answer = (status: number, fields: string[], body: string | undefined): void =>
      resolve({
        status,
        fields: Object.fromEntries(
          fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? '']] : [])),
        ),
        body,
      });
    admin.onExchange({
      method: 'GET',
      target: '/',
      defect: undefined,
      ...request,
      answer,
    } as unknown as Exchange);
  });
}

/** A gateway none of whose processes answers: what `/limits` does is told in limit-routes.test.ts. */
const limitsOfNobody: LimitAdmin = {
  scope: () => ({ zonesByName: new Map(), tenants: { byId: new Map() } }),
  token: () => undefined,
  processes: { askAll: () => Promise.resolve([]), askOne: () => Promise.resolve(undefined) },
  audit: { record: () => undefined },
  clock: manualClock(),
  onChange: () => undefined,
};

const text = { 'content-type': 'text/plain; charset=utf-8' };

describe('the admin surface', () => {
  it.each(['GET', 'HEAD'])('says to %s /healthz that the process lives', async (method) => {
    expect(await ask({ method, target: '/healthz' })).toEqual({ status: 200, fields: text, body: 'ok\n' });
  });

  it.each<[Readiness, number, string]>([
    [{ ready: true, details: { state: 'serving' } }, 200, '{"ready":true,"state":"serving"}\n'],
    [{ ready: false, details: { state: 'draining' } }, 503, '{"ready":false,"state":"draining"}\n'],
  ])('says on /readyz what readiness rests on: %j', async (readiness, status, body) => {
    expect(await ask({ target: '/readyz' }, { readiness: () => readiness })).toEqual({
      status,
      fields: { 'content-type': 'application/json' },
      body,
    });
  });

  it('gives the metrics as they are', async () => {
    expect(await ask({ target: '/metrics' })).toEqual({
      status: 200,
      fields: { 'content-type': 'text/plain; version=0.0.4' },
      body: 'up 1\n',
    });
  });

  it.each(['/limits', '/limits?x=1', '/limits/refused', '/limits/a/b?key=c'])(
    'hands %s on',
    async (target) => {
      const { status, fields } = await ask({ target });
      expect([status >= 400, fields['content-type']]).toEqual([true, 'application/problem+json']);
    },
  );

  it.each<['metrics' | 'readiness' | 'limits', string, (failure: Error) => Partial<AdminContext>]>([
    ['metrics', '/metrics', (failure) => ({ metrics: () => Promise.reject(failure) })],
    ['readiness', '/readyz', (failure) => ({ readiness: () => Promise.reject(failure) })],
    [
      'limits',
      '/limits',
      (failure) => ({
        limits: {
          ...limitsOfNobody,
          processes: { ...limitsOfNobody.processes, askAll: () => Promise.reject(failure) },
        },
      }),
    ],
  ])('tells the log and not the caller why %s cannot be read', async (what, target, failing) => {
    const failures: unknown[] = [];
    const failure = new Error('pool "x" is gone');
    const answer = await ask(
      { target },
      { ...failing(failure), onFailure: (...told) => void failures.push(told) },
    );
    expect(answer).toEqual({ status: 500, fields: text, body: `${what} could not be read\n` });
    expect(failures).toEqual([[what, failure]]);
  });

  it.each([
    '/',
    '/limitsx',
    '/metrics/',
    '/metricsx',
    '/Healthz',
    '/healthz?x',
    '//healthz',
    'http://a/healthz',
    '*',
  ])('answers 404 to %s', async (target) => {
    expect(await ask({ target })).toEqual({
      status: 404,
      fields: text,
      body: 'try /healthz, /readyz, /metrics or /limits\n',
    });
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])(
    'answers 405 to %s, and names what is allowed',
    async (method) => {
      expect(await ask({ method, target: '/healthz' })).toEqual({
        status: 405,
        fields: { ...text, allow: 'GET, HEAD' },
        body: 'use GET\n',
      });
    },
  );

  it('answers 400 to a head with a defect, whatever it asks for', async () => {
    expect(await ask({ target: '/metrics', defect: 'host_invalid' })).toEqual({
      status: 400,
      fields: text,
      body: 'malformed request\n',
    });
  });
});
