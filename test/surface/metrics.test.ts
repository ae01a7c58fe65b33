import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { ReceivedRequest } from '../../src/demo/odoo-log.ts';
import { exampleFiles } from '../support/example-files.ts';
import { eventually } from '../support/eventually.ts';
import { type HeldTime, holdTime } from '../support/gateway-time.ts';
import { pickSeries, readMetrics } from '../support/metrics-text.ts';
import { exchangeBytes, parseAnswer, type RawAnswer, sendRequest } from '../support/raw-http.ts';
import { ask, verdictOf } from '../support/running-gateway.ts';
import { startTestGateway, type TestGateway, writeFiles } from '../support/test-gateway.ts';

/** The example configuration with this text of `gateway.yaml` replaced. */
function changedExample(from: string, to: string): { directory: string; remove(): void } {
  const files = exampleFiles();
  const gatewayFile = files['gateway.yaml'] ?? '';
  if (!gatewayFile.includes(from)) throw new Error(`config/gateway.yaml no longer holds ${from}`);
  return writeFiles({ ...files, 'gateway.yaml': gatewayFile.replace(from, to) });
}

/** Nothing of these may ever be written down. */
const secrets = {
  odooKey: 'secret-odoo-key',
  cookie: 'secret-session',
  query: 'secret-query',
  hook: 'secret-hook',
  basic: 'secret-password',
  body: 'secret-body',
  field: 'secret-signature',
};

describe('a session of every kind of request', () => {
  let gateway: TestGateway;
  let removeFiles: () => void;
  let token: string;
  /** No budget refills while the session goes on, however slow the machine is. */
  let time: HeldTime;
  const answers: Record<string, RawAnswer> = {};

  beforeAll(async () => {
    time = holdTime();
    const { directory, remove } = changedExample('tenantLabels: 100', 'tenantLabels: 1');
    removeFiles = remove;
    gateway = await startTestGateway({ directory, env: { ODOO_KEY_ACME: secrets.odooKey } });
    token = await gateway.identity.tokenFor('edi-acme');
    const { proxyPort, forwardAuthPort } = gateway;
    const bearer = { Authorization: `Bearer ${token}` };
    const body = JSON.stringify({ domain: [['name', '=', secrets.body]] });
    const partner = 'POST http://acme.partner.erp.example/json/2';

    answers['staff'] = await ask(
      proxyPort,
      `GET http://acme.erp.example/odoo?access_token=${secrets.query}`,
      {
        headers: {
          Cookie: `session_id=${secrets.cookie}`,
          Authorization: `Basic ${Buffer.from(`user:${secrets.basic}`).toString('base64')}`,
          'X-Request-Id': 'chosen-by-the-client',
        },
      },
    );
    answers['static file'] = await ask(proxyPort, 'GET http://acme.erp.example/web/static/a.css');
    answers['portal'] = await ask(proxyPort, 'GET http://nordfracht.api.erp.example/my/orders/17');
    answers['hook'] = await ask(proxyPort, `POST http://acme.api.erp.example/web/hook/${secrets.hook}`, {
      headers: { 'Stripe-Signature': secrets.field },
      body,
    });
    answers['call'] = await ask(proxyPort, `${partner}/stock.picking/read`, { headers: bearer, body });
    answers['batch call'] = await ask(proxyPort, `${partner}/sale.order/search_read`, {
      headers: bearer,
      body,
    });
    answers['no token'] = await ask(proxyPort, `${partner}/stock.picking/read`, { body });
    answers['broken token'] = await ask(proxyPort, `${partner}/stock.picking/read`, {
      headers: { Authorization: `Bearer ${token}x` },
      body,
    });
    answers['forbidden method'] = await ask(proxyPort, `${partner}/res.users/read`, {
      headers: bearer,
      body,
    });
    answers['other tenant'] = await ask(
      proxyPort,
      'POST http://nordfracht.partner.erp.example/json/2/stock.picking/read',
      { headers: bearer, body },
    );
    answers['no zone'] = await ask(proxyPort, 'GET http://acme.erp.example/web/database/manager');
    answers['ambiguous path'] = await ask(proxyPort, 'GET http://acme.erp.example/odoo/..%2fweb');
    answers['no request'] = parseAnswer(await exchangeBytes(proxyPort, 'NONSENSE\r\n\r\n'));
    const calls = await Promise.all(
      Array.from({ length: 10 }, () =>
        ask(proxyPort, `${partner}/stock.picking/read`, { headers: bearer, body }),
      ),
    );
    answers['call too many'] = calls.find(({ status }) => status === 429) ?? calls[0]!;
    answers['question'] = await sendRequest(forwardAuthPort, {
      target: '/',
      headers: {
        Host: 'bulkhead',
        'X-Forwarded-Method': 'GET',
        'X-Forwarded-Proto': 'https',
        'X-Forwarded-Host': 'acme.erp.example',
        'X-Forwarded-Uri': `/odoo?access_token=${secrets.query}`,
        'X-Forwarded-For': '10.20.0.7',
        Cookie: `session_id=${secrets.cookie}`,
      },
    });
    const socket = new WebSocket(`ws://127.0.0.1:${proxyPort}/websocket`, {
      headers: { Host: 'acme.erp.example', Cookie: `session_id=${secrets.cookie}` },
      origin: 'http://acme.erp.example',
    });
    await once(socket, 'open');
    const closed = once(socket, 'close');
    socket.close();
    await closed;
    await eventually(async () =>
      expect(
        (await readMetrics(gateway.adminPort))[
          'bulkhead_pool_seats_busy{pool="odoo-websocket",zone="employee"}'
        ],
      ).toBe(0),
    );
  });
  afterAll(async () => {
    time.release();
    await gateway.stop();
    removeFiles();
  });

  it('went as it is meant to go', () => {
    const verdicts = Object.entries(answers).map(([name, answer]) => [name, ...verdictOf(answer)]);
    expect(verdicts).toEqual([
      ['staff', 200, undefined],
      ['static file', 200, undefined],
      ['portal', 200, undefined],
      ['hook', 404, undefined],
      ['call', 200, undefined],
      ['batch call', 200, undefined],
      ['no token', 401, 'credentials_missing'],
      ['broken token', 401, 'token_malformed'],
      ['forbidden method', 403, 'odoo_method_not_allowed'],
      ['other tenant', 403, 'tenant_mismatch'],
      ['no zone', 404, 'no_zone'],
      ['ambiguous path', 400, 'path_ambiguous'],
      ['no request', 400, 'framing_invalid'],
      ['call too many', 429, 'limit_exceeded'],
      ['question', 200, undefined],
    ]);
  });

  it('is counted request by request, each in its series, with tenants over the bound as other', async () => {
    const series = await readMetrics(gateway.adminPort);
    const requests = pickSeries(series, ['bulkhead_requests_total']);
    const durations = pickSeries(series, ['bulkhead_request_duration_seconds_count']);
    const of = (surface: string, zone: string, tenant: string, workload: string, status: number): string =>
      `bulkhead_requests_total{surface="${surface}",zone="${zone}",tenant="${tenant}",workload="${workload}",status="${status}"}`;
    expect(requests).toEqual({
      [of('proxy', 'employee', 'acme', 'interactive', 200)]: 1,
      [of('proxy', 'employee', 'acme', 'static', 200)]: 1,
      [of('proxy', 'public', 'other', 'interactive', 200)]: 1,
      [of('proxy', 'public', 'acme', 'interactive', 404)]: 1,
      // Of the ten tokens of a caller one call took one and the search two: seven of the next ten calls pass.
      [of('proxy', 'partner', 'acme', 'interactive', 200)]: 8,
      [of('proxy', 'partner', 'acme', 'batch', 200)]: 1,
      [of('proxy', 'partner', 'acme', 'interactive', 429)]: 3,
      [of('proxy', 'partner', 'none', 'none', 401)]: 2,
      [of('proxy', 'partner', 'acme', 'none', 403)]: 1,
      [of('proxy', 'partner', 'none', 'none', 403)]: 1,
      [of('proxy', 'none', 'none', 'none', 404)]: 1,
      [of('proxy', 'none', 'none', 'none', 400)]: 1,
      [of('forward-auth', 'employee', 'acme', 'interactive', 200)]: 1,
      [of('websocket', 'employee', 'acme', 'websocket', 101)]: 1,
    });
    const total = (counts: Record<string, number>): number =>
      Object.values(counts).reduce((sum, count) => sum + count, 0);
    expect(total(durations)).toBe(total(requests));
  });

  it('is counted refusal by refusal', async () => {
    const refusals = pickSeries(await readMetrics(gateway.adminPort), ['bulkhead_refusals_total']);
    const of = (zone: string, reason: string): string =>
      `bulkhead_refusals_total{zone="${zone}",reason="${reason}"}`;
    expect(refusals).toEqual({
      [of('partner', 'credentials_missing')]: 1,
      [of('partner', 'token_malformed')]: 1,
      [of('partner', 'odoo_method_not_allowed')]: 1,
      [of('partner', 'tenant_mismatch')]: 1,
      [of('partner', 'limit_exceeded')]: 3,
      [of('none', 'no_zone')]: 1,
      [of('none', 'path_ambiguous')]: 1,
      [of('none', 'framing_invalid')]: 1,
    });
  });

  it('is counted limit by limit', async () => {
    const decisions = pickSeries(await readMetrics(gateway.adminPort), ['bulkhead_limit_decisions_total']);
    const of = (zone: string, limit: string, outcome: string): string =>
      `bulkhead_limit_decisions_total{zone="${zone}",limit="${limit}",outcome="${outcome}"}`;
    expect(decisions).toEqual({
      [of('employee', 'employee-client', 'admitted')]: 4,
      [of('employee', 'employee-tenant', 'admitted')]: 4,
      [of('public', 'public-client', 'admitted')]: 2,
      [of('public', 'public-tenant', 'admitted')]: 2,
      [of('partner', 'partner-rate', 'admitted')]: 12,
      [of('partner', 'partner-daily', 'admitted')]: 12,
      [of('partner', 'parallel', 'admitted')]: 12,
      [of('partner', 'client-rate', 'admitted')]: 9,
      [of('partner', 'client-rate', 'refused')]: 3,
      [of('partner', 'tighter-soon', 'admitted')]: 5,
      [of('partner', 'tighter-soon', 'shadow_refused')]: 7,
    });
  });

  it('is seen in the pools of each zone', async () => {
    const series = await readMetrics(gateway.adminPort);
    expect(
      pickSeries(series, ['bulkhead_pool_seats*', 'bulkhead_pool_queue_l*', 'bulkhead_pool_endpoint_*']),
    ).toEqual({
      'bulkhead_pool_seats{pool="odoo-interactive"}': 4,
      'bulkhead_pool_seats{pool="odoo-batch"}': 2,
      'bulkhead_pool_seats{pool="odoo-websocket"}': 1000,
      'bulkhead_pool_seats_recommended{pool="odoo-interactive"}': 4,
      'bulkhead_pool_seats_recommended{pool="odoo-batch"}': 2,
      'bulkhead_pool_seats_recommended{pool="odoo-websocket"}': 1000,
      'bulkhead_pool_seats_busy{pool="odoo-interactive",zone="employee"}': 0,
      'bulkhead_pool_seats_busy{pool="odoo-interactive",zone="public"}': 0,
      'bulkhead_pool_seats_busy{pool="odoo-interactive",zone="partner"}': 0,
      'bulkhead_pool_seats_busy{pool="odoo-batch",zone="partner"}': 0,
      'bulkhead_pool_seats_busy{pool="odoo-websocket",zone="employee"}': 0,
      'bulkhead_pool_queue_length{pool="odoo-interactive",zone="employee"}': 0,
      'bulkhead_pool_queue_length{pool="odoo-interactive",zone="public"}': 0,
      'bulkhead_pool_queue_length{pool="odoo-interactive",zone="partner"}': 0,
      'bulkhead_pool_queue_length{pool="odoo-batch",zone="partner"}': 0,
      'bulkhead_pool_queue_length{pool="odoo-websocket",zone="employee"}': 0,
      'bulkhead_pool_queue_limit{pool="odoo-interactive"}': 64,
      'bulkhead_pool_queue_limit{pool="odoo-batch"}': 32,
      'bulkhead_pool_queue_limit{pool="odoo-websocket"}': 0,
      [`bulkhead_pool_endpoint_up{pool="odoo-interactive",endpoint="${gateway.interactive.url}"}`]: 1,
      [`bulkhead_pool_endpoint_up{pool="odoo-batch",endpoint="${gateway.batch.url}"}`]: 1,
      [`bulkhead_pool_endpoint_up{pool="odoo-websocket",endpoint="${gateway.websocket.url}"}`]: 1,
      [`bulkhead_pool_endpoint_saturated{pool="odoo-interactive",endpoint="${gateway.interactive.url}"}`]: 0,
      [`bulkhead_pool_endpoint_saturated{pool="odoo-batch",endpoint="${gateway.batch.url}"}`]: 0,
      [`bulkhead_pool_endpoint_saturated{pool="odoo-websocket",endpoint="${gateway.websocket.url}"}`]: 0,
    });
  });

  it('shows how full each bounded collection is', async () => {
    const series = pickSeries(await readMetrics(gateway.adminPort), [
      'bulkhead_entries',
      'bulkhead_entries_limit',
    ]);
    const names = Object.keys(series)
      .filter((key) => key.startsWith('bulkhead_entries{'))
      .map((key) => key.slice('bulkhead_entries{collection="'.length, -2));
    for (const name of names) {
      const size = series[`bulkhead_entries{collection="${name}"}`] ?? -1;
      const limit = series[`bulkhead_entries_limit{collection="${name}"}`] ?? -1;
      expect([name, size >= 0, size <= limit]).toEqual([name, true, true]);
    }
    expect(series).toMatchObject({
      'bulkhead_entries{collection="tenant_labels"}': 1,
      'bulkhead_entries_limit{collection="tenant_labels"}': 1,
      'bulkhead_entries{collection="tokens"}': 1,
    });
  });

  it('leaves one access log line for each request, under the id that client and Odoo were told', () => {
    const lines = gateway.logLines.filter(({ msg }) => msg === 'request' || msg === 'malformed request');
    expect(lines).toHaveLength(25);
    expect(new Set(lines.map(({ requestId }) => requestId)).size).toBe(25);
    const stands: readonly ReceivedRequest[] = [
      ...gateway.interactive.requests,
      ...gateway.batch.requests,
      ...gateway.websocket.requests,
    ];
    const received = new Set(stands.map(({ request }) => request.headers.get('x-request-id')));
    for (const [name, answer] of Object.entries(answers)) {
      const requestId = answer.fields['x-request-id'];
      const line = lines.find((candidate) => candidate['requestId'] === requestId);
      expect([name, line?.['reason']]).toEqual([name, verdictOf(answer)[1]]);
      if (line?.['upstream'] !== undefined) expect([name, received.has(requestId)]).toEqual([name, true]);
      else expect([name, received.has(requestId)]).toEqual([name, false]);
    }
    expect(answers['staff']?.fields['x-request-id']).not.toBe('chosen-by-the-client');
  });

  it('is logged with the decision, the line that refused, and the worker that answered', () => {
    const lineOf = (name: string): Record<string, unknown> | undefined => {
      const requestId = answers[name]?.fields['x-request-id'];
      const found = gateway.logLines.find((line) => line['requestId'] === requestId);
      if (found === undefined) return undefined;
      const { time: _time, requestId: _id, durationMs: _ms, ...rest } = found;
      return rest;
    };
    expect(lineOf('batch call')).toEqual({
      level: 'info',
      surface: 'proxy',
      zone: 'partner',
      tenant: 'acme',
      principal: 'edi-acme',
      issuer: 'keycloak',
      client: '127.0.0.1',
      method: 'POST',
      host: 'acme.partner.erp.example',
      path: '/json/2/sale.order/search_read',
      odoo: 'sale.order/search_read',
      workload: 'batch',
      pool: 'odoo-batch',
      upstream: gateway.batch.url,
      status: 200,
      msg: 'request',
    });
    expect(lineOf('forbidden method')).toEqual({
      level: 'info',
      surface: 'proxy',
      zone: 'partner',
      tenant: 'acme',
      principal: 'edi-acme',
      issuer: 'keycloak',
      client: '127.0.0.1',
      method: 'POST',
      host: 'acme.partner.erp.example',
      path: '/json/2/res.users/read',
      odoo: 'res.users/read',
      status: 403,
      reason: 'odoo_method_not_allowed',
      at: expect.stringMatching(/^zones\/partner\.yaml:\d+:\d+$/) as string,
      msg: 'request',
    });
    expect(lineOf('hook')).toMatchObject({ path: '/web/hook/[redacted]', status: 404 });
    expect(lineOf('no request')).toEqual({
      level: 'info',
      client: '127.0.0.1',
      reason: 'framing_invalid',
      msg: 'malformed request',
    });
  });

  it('leaves no secret in the log, the metrics or a refusal', async () => {
    const metrics = await sendRequest(gateway.adminPort, { target: '/metrics', headers: { Host: 'admin' } });
    const refusals = Object.values(answers).filter((answer) => verdictOf(answer)[1] !== undefined);
    const written = [
      JSON.stringify(gateway.logLines),
      metrics.body,
      ...refusals.map(({ text }) => text),
      (await sendRequest(gateway.adminPort, { target: '/readyz', headers: { Host: 'admin' } })).body,
    ].join('\n');
    const forbidden = [
      ...Object.values(secrets),
      ...token.split('.'),
      Buffer.from(`user:${secrets.basic}`).toString('base64'),
    ];
    // The proof needs that the session did carry them.
    const heads = [...gateway.interactive.requests, ...gateway.batch.requests, ...gateway.websocket.requests]
      .map(({ head, request }) => head + request.body.toString())
      .join('\n');
    for (const secret of Object.values(secrets).filter((one) => one !== secrets.basic))
      expect(heads).toContain(secret);
    for (const secret of forbidden) expect(written).not.toContain(secret);
  });
});

describe('the admin listener', () => {
  let gateway: TestGateway;
  let removeFiles: () => void;
  afterEach(async () => {
    await gateway.stop();
    removeFiles();
  });

  const start = async (delay = 'delay: 0s'): Promise<void> => {
    const { directory, remove } = changedExample('delay: 0s', delay);
    removeFiles = remove;
    gateway = await startTestGateway({ directory });
  };
  const admin = (request: string): Promise<RawAnswer> => {
    const [method = '', target = ''] = request.split(' ');
    return sendRequest(gateway.adminPort, { method, target, headers: { Host: 'admin' } });
  };

  it('answers health, readiness and metrics and nothing else', async () => {
    await start();
    const plain = 'text/plain; charset=utf-8';
    const told = async (request: string): Promise<unknown[]> => {
      const { status, fields, body } = await admin(request);
      return [request, status, fields['content-type'], body, fields['allow']];
    };
    expect(await told('GET /healthz')).toEqual(['GET /healthz', 200, plain, 'ok\n', undefined]);
    expect(await told('HEAD /healthz')).toEqual(['HEAD /healthz', 200, plain, '', undefined]);
    expect((await told('GET /nothing')).slice(1, 3)).toEqual([404, plain]);
    expect((await told('GET /odoo')).slice(1, 2)).toEqual([404]);
    for (const target of ['/healthz', '/readyz', '/metrics', '/nothing']) {
      expect(await told(`POST ${target}`)).toEqual([`POST ${target}`, 405, plain, 'use GET\n', 'GET, HEAD']);
    }
    const metrics = await admin('GET /metrics');
    expect([metrics.status, metrics.fields['content-type']]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    const ready = await admin('GET /readyz');
    expect([ready.status, JSON.parse(ready.body)]).toEqual([
      200,
      {
        ready: true,
        state: 'serving',
        configuration: 'in force',
        version: gateway.gateway.version(),
        limitStore: 'in memory, not shared',
        pools: 'odoo-interactive 1/1 up, odoo-batch 1/1 up, odoo-websocket 1/1 up',
      },
    ]);
  });

  it('is not ready while the gateway drains, which still serves until its delay is over', async () => {
    await start('delay: 1s');
    expect((await admin('GET /readyz')).status).toBe(200);
    const stopping = gateway.gateway.stop();
    const ready = await admin('GET /readyz');
    expect([ready.status, JSON.parse(ready.body)]).toMatchObject([503, { ready: false, state: 'draining' }]);
    expect((await admin('GET /healthz')).status).toBe(200);
    expect((await ask(gateway.proxyPort, 'GET http://acme.erp.example/odoo')).status).toBe(200);
    await stopping;
    expect((await admin('GET /readyz')).text).toBe('');
    expect(gateway.logLines.slice(-1)).toMatchObject([{ msg: 'stopped' }]);
  });
});
