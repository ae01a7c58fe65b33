import assert from 'node:assert/strict';
import { sendRequest } from '../test/support/raw-http.ts';
import type { Contender } from './contenders.ts';
import { type BenchRequest, refusedRequests, type ScenarioName, scenarioRequest } from './traffic.ts';
import { odooApiKey } from './gateway-config.ts';
import type { Seen } from './upstream.ts';

/**
 * Shows that a contender does what it is about to be timed for: the right answer, and the right request upstream. Throws
 * at the first difference.
 */
export async function assertCorrect(
  contender: Contender,
  {
    scenario,
    token,
    upstreamPort,
    oneShotPort,
  }: { scenario: ScenarioName; token: string; upstreamPort: number; oneShotPort: number },
): Promise<void> {
  const request = scenarioRequest(scenario, token);
  const direct = await sendRequest(scenario === 'one-shot' ? oneShotPort : upstreamPort, request);
  assert.equal(direct.status, 200);
  // Twice: the second answer comes over a connection, and for the gateway with a token, that is known.
  for (const _ of [1, 2]) {
    const answer = await sendRequest(contender.port, request);
    assert.equal(answer.status, 200, `${contender.name}: ${answer.text}`);
    assert.equal(answer.body, direct.body, `${contender.name}: another body`);
    assert.equal(answer.fields['content-type'], direct.fields['content-type']);
    if (contender.adminPort !== undefined) assertLimitFields(answer.fields);
  }
  if (scenario !== 'one-shot') await assertForwarded(contender, request, upstreamPort);
  if (contender.guards) await assertRefusals(contender, token);
  if (contender.adminPort !== undefined) await assertObserved(contender, contender.adminPort);
}

function assertLimitFields(fields: Record<string, string>): void {
  assert.match(
    fields['ratelimit-policy'] ?? '',
    /^"partner-rate";q=2000000;w=2, "client-rate";q=2000000;w=2, "zone-rate";q=2000000;w=2$/,
  );
  assert.match(fields['ratelimit'] ?? '', /^"partner-rate";r=\d+/);
}

async function assertForwarded(
  contender: Contender,
  request: BenchRequest,
  upstreamPort: number,
): Promise<void> {
  const told = await sendRequest(upstreamPort, { target: '/_seen', headers: { Host: 'localhost' } });
  const seen = JSON.parse(told.body) as Seen;
  assert.equal(seen.method, request.method);
  assert.equal(seen.target, request.target);
  assert.equal(seen.body, request.body ?? '');
  const fields: Record<string, string> = {};
  for (let i = 0; i < seen.fields.length; i += 2)
    fields[seen.fields[i]?.toLowerCase() ?? ''] = seen.fields[i + 1] ?? '';
  assert.equal(fields['user-agent'], request.headers['User-Agent']);
  if (!contender.guards) {
    assert.equal(fields['authorization'], request.headers['Authorization']);
    return;
  }
  // The token is for the gateway and ends there; Odoo gets its own key of this tenant.
  assert.equal(fields['authorization'], `Bearer ${odooApiKey}`);
  assert.equal(fields['host'], 'acme.partner.erp.example');
  assert.equal(fields['x-bulkhead-zone'], 'partner');
  assert.equal(fields['x-bulkhead-tenant'], 'acme');
  assert.equal(fields['x-bulkhead-principal'], 'edi-acme');
  assert.equal(fields['x-odoo-database'], 'acme');
  assert.equal(fields['x-forwarded-for'], '127.0.0.1');
  if (contender.adminPort === undefined) return;
  assert.match(fields['traceparent'] ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
}

const refusalReasons = {
  '401': 'credentials_missing',
  '403': 'odoo_method_not_allowed',
  '429': 'limit_exceeded',
} as const;

async function assertRefusals(contender: Contender, token: string): Promise<void> {
  const refused = refusedRequests(token);
  // Spends the only token of the narrow zone; on a gateway that is checked again it is gone already.
  await sendRequest(contender.port, refused['429']);
  for (const status of ['401', '403', '429'] as const) {
    const answer = await sendRequest(contender.port, refused[status]);
    assert.equal(answer.status, Number(status), answer.text);
    assert.equal(answer.fields['retry-after'] !== undefined, status === '429');
    if (contender.adminPort === undefined) continue;
    assert.equal((JSON.parse(answer.body) as { reason: string }).reason, refusalReasons[status]);
  }
  // A token whose signature is not what was signed.
  const forged = scenarioRequest('get', `${token.slice(0, -8)}AAAAAAAA`);
  assert.equal((await sendRequest(contender.port, forged)).status, 401, `${contender.name}: forged token`);
}

async function assertObserved(contender: Contender, adminPort: number): Promise<void> {
  const metrics = await sendRequest(adminPort, { target: '/metrics', headers: { Host: 'localhost' } });
  for (const expected of [
    /^bulkhead_requests_total\{surface="proxy",zone="partner",tenant="acme",workload="(interactive|batch)",status="200"\} [1-9]/m,
    /^bulkhead_refusals_total\{zone="partner",reason="credentials_missing"\} [1-9]/m,
    /^bulkhead_limit_decisions_total\{zone="partner",limit="zone-rate",outcome="admitted"\} [1-9]/m,
    /^bulkhead_limit_decisions_total\{zone="narrow",limit="partner-rate",outcome="refused"\} [1-9]/m,
  ])
    assert.match(metrics.body, expected);
  const logged = contender.part.output().includes('"msg":"request"');
  // The log is written in batches, so only its absence can be told at once.
  if (contender.name === 'gateway-quiet') assert.equal(logged, false, 'the access log is on');
}
