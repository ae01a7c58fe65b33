import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import type { Allow, Refuse } from '../core/decision.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { AccessLog } from './access-log.ts';
import { createObserver } from './create-observer.ts';
import { createMetrics } from './metrics.ts';
import type { Finished } from './observer.ts';
import { RecentRefusals } from './recent-refusals.ts';
import { createTenantLabels } from './tenant-label.ts';

const allow: Allow = {
  decision: 'allow',
  zone: 'partner',
  workload: 'batch',
  workClass: 'batch',
  pool: 'machines',
  at: 'zones/partner.yaml:2:8',
  principal: undefined,
  tenant: { id: 'acme', tier: 'shared', database: 'acme_db' },
  odoo: undefined,
  limits: [],
  trace: [],
};
const refuse: Refuse = {
  ...allow,
  decision: 'refuse',
  zone: undefined,
  tenant: undefined,
  workload: undefined,
  pool: undefined,
  refusal: { reason: 'no_zone', at: '' },
};
const finished: Finished = {
  surface: 'proxy',
  decision: allow,
  failure: undefined,
  requestId: 'r-1',
  method: 'POST',
  host: 'acme.example',
  path: '/',
  clientAddress: '192.0.2.1',
  status: 200,
  durationMs: 30,
  queueMs: 0,
  upstream: 'http://127.0.0.1:8070',
};
const limit = (name: string, changes: Partial<LimitOutcome> = {}): LimitOutcome => ({
  kind: 'rate',
  name,
  key: 'acme',
  cost: 1,
  remaining: 1,
  shadow: false,
  admitted: true,
  burst: 2,
  windowMs: 1000,
  retryAfterMs: 0,
  moreAfterMs: 0,
  at: '',
  ...changes,
});
const of = (tenant: string): Allow => ({
  ...allow,
  tenant: { id: tenant, tier: 'shared', database: tenant },
});

const startMs = Date.UTC(2026, 0, 1);

function open({ tenantLabels = 10, accessLog = true } = {}) {
  const metrics = createMetrics({ pools: () => [], bounded: () => [], limitDeciders: () => ({}) });
  const labels = createTenantLabels(tenantLabels);
  const refusals = new RecentRefusals(manualClock(startMs));
  const logged: string[] = [];
  const log: AccessLog = {
    finished: ({ requestId }) => void logged.push(requestId),
    tunnelEnded: ({ requestId }) => void logged.push(requestId),
    malformed: ({ requestId }) => void logged.push(requestId),
  };
  const observer = createObserver({
    metrics,
    log,
    accessLog,
    tenantLabel: (tenant) => labels.of(tenant),
    refusals,
    onFault: () => {},
  });
  return {
    observer,
    logged,
    refusals,
    /** The lines of one metric, as they are scraped. */
    async lines(name: string): Promise<string[]> {
      const text = await metrics.registry.getSingleMetricAsString(`bulkhead_${name}`);
      return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    },
  };
}

describe('bulkhead_requests_total', () => {
  it('counts each request with surface, zone, tenant, workload and status', async () => {
    const { observer, lines } = open();
    observer.finished(finished);
    observer.finished(finished);
    observer.finished({ ...finished, status: 502, failure: 'upstream_unreachable' });
    observer.finished({
      ...finished,
      surface: 'forward-auth',
      decision: refuse,
      failure: 'no_zone',
      status: 404,
    });
    observer.finished({
      ...finished,
      surface: 'websocket',
      decision: { ...allow, workload: 'websocket' },
      status: 101,
    });
    observer.finished({ ...finished, decision: undefined, failure: 'header_invalid', status: 400 });
    expect((await lines('requests_total')).toSorted()).toEqual([
      'bulkhead_requests_total{surface="forward-auth",zone="none",tenant="none",workload="none",status="404"} 1',
      'bulkhead_requests_total{surface="proxy",zone="none",tenant="none",workload="none",status="400"} 1',
      'bulkhead_requests_total{surface="proxy",zone="partner",tenant="acme",workload="batch",status="200"} 2',
      'bulkhead_requests_total{surface="proxy",zone="partner",tenant="acme",workload="batch",status="502"} 1',
      'bulkhead_requests_total{surface="websocket",zone="partner",tenant="acme",workload="websocket",status="101"} 1',
    ]);
  });

  it('tells only the first tenants apart, and counts every request all the same', async () => {
    const { observer, lines } = open({ tenantLabels: 2 });
    for (const tenant of ['acme', 'globex', 'initech', 'acme', 'umbrella', 'initech']) {
      observer.finished({ ...finished, decision: of(tenant) });
    }
    const labelled = (await lines('requests_total')).map((line) =>
      line.replace(/.*tenant="(\w+)".* (\d+)$/, '$1 $2'),
    );
    expect(labelled).toEqual(['acme 2', 'globex 1', 'other 3']);
  });
});

describe('bulkhead_refusals_total', () => {
  it('counts refusals by zone and reason, whether the decision or what came after refused', async () => {
    const { observer, lines } = open();
    observer.finished(finished);
    observer.finished({ ...finished, decision: refuse, failure: 'no_zone' });
    observer.finished({ ...finished, failure: 'pool_queue_full' });
    observer.finished({ ...finished, failure: 'pool_queue_full' });
    observer.finished({ ...finished, failure: 'client_gone' });
    observer.malformed({ reason: 'framing_invalid', peerAddress: '192.0.2.1', requestId: 'r-2' });
    expect(await lines('refusals_total')).toEqual([
      'bulkhead_refusals_total{zone="none",reason="no_zone"} 1',
      'bulkhead_refusals_total{zone="none",reason="framing_invalid"} 1',
      'bulkhead_refusals_total{zone="partner",reason="pool_queue_full"} 2',
      'bulkhead_refusals_total{zone="partner",reason="client_gone"} 1',
    ]);
  });
});

describe('a tunnel that was ended', () => {
  it('is counted by its reason and logged, and is no further request', async () => {
    const { observer, lines, logged } = open();
    observer.tunnelEnded({
      decision: allow,
      reason: 'upstream_stalled',
      requestId: 'r-3',
      clientAddress: '192.0.2.1',
      durationMs: 61_000,
      upstream: 'http://127.0.0.1:8072',
    });
    expect([await lines('refusals_total'), await lines('requests_total'), logged]).toEqual([
      ['bulkhead_refusals_total{zone="partner",reason="upstream_stalled"} 1'],
      [],
      ['r-3'],
    ]);
  });
});

describe('bulkhead_limit_decisions_total', () => {
  it('counts what each limit said', async () => {
    const { observer, lines } = open();
    const admitted = [limit('rate'), limit('soon', { shadow: true })];
    const over = [limit('rate', { admitted: false }), limit('soon', { shadow: true, admitted: false })];
    observer.finished({ ...finished, decision: { ...allow, limits: admitted } });
    observer.finished({ ...finished, decision: { ...allow, limits: over }, failure: 'limit_exceeded' });
    observer.finished({ ...finished, decision: { ...allow, limits: over }, failure: 'limit_exceeded' });
    expect((await lines('limit_decisions_total')).toSorted()).toEqual([
      'bulkhead_limit_decisions_total{zone="partner",limit="rate",outcome="admitted"} 1',
      'bulkhead_limit_decisions_total{zone="partner",limit="rate",outcome="refused"} 2',
      'bulkhead_limit_decisions_total{zone="partner",limit="soon",outcome="admitted"} 1',
      'bulkhead_limit_decisions_total{zone="partner",limit="soon",outcome="shadow_refused"} 2',
    ]);
  });
});

describe('the keys that were refused last', () => {
  it('are noted for each limit that refused or would have, with the request', () => {
    const { observer, refusals } = open();
    const outcomes = [
      limit('rate', { at: 'a:1:1' }),
      limit('slow', { at: 'a:2:1', admitted: false, cost: 3, retryAfterMs: 70 }),
      limit('soon', { at: 'a:3:1', admitted: false, shadow: true }),
    ];
    observer.finished({ ...finished, decision: { ...allow, limits: outcomes }, failure: 'limit_exceeded' });
    const common = { zone: 'partner', key: 'acme', times: 1, lastMs: startMs, requestId: 'r-1' };
    expect(refusals.list()).toEqual([
      { ...common, name: 'slow', at: 'a:2:1', shadow: false, cost: 3, retryAfterMs: 70 },
      { ...common, name: 'soon', at: 'a:3:1', shadow: true, cost: 1, retryAfterMs: 0 },
    ]);
  });
});

describe('the times', () => {
  const sums = (lines: string[]) => lines.filter((line) => !line.includes('_bucket'));

  it('of requests are in seconds, by zone and workload', async () => {
    const { observer, lines } = open();
    observer.finished({ ...finished, durationMs: 30 });
    observer.finished({ ...finished, durationMs: 1500 });
    observer.finished({ ...finished, decision: undefined, durationMs: 2 });
    const found = await lines('request_duration_seconds');
    expect(sums(found)).toEqual([
      'bulkhead_request_duration_seconds_sum{zone="partner",workload="batch"} 1.53',
      'bulkhead_request_duration_seconds_count{zone="partner",workload="batch"} 2',
      'bulkhead_request_duration_seconds_sum{zone="none",workload="none"} 0.002',
      'bulkhead_request_duration_seconds_count{zone="none",workload="none"} 1',
    ]);
    expect(found).toContain(
      'bulkhead_request_duration_seconds_bucket{le="0.05",zone="partner",workload="batch"} 1',
    );
    expect(found).toContain(
      'bulkhead_request_duration_seconds_bucket{le="2.5",zone="partner",workload="batch"} 2',
    );
  });

  it('of waiting count only those who waited, at a pool that was chosen', async () => {
    const { observer, lines } = open();
    observer.finished({ ...finished, queueMs: 0 });
    observer.finished({ ...finished, queueMs: 250 });
    observer.finished({ ...finished, queueMs: 250, failure: 'pool_queue_timeout' });
    observer.finished({ ...finished, queueMs: 250, decision: refuse });
    observer.finished({ ...finished, queueMs: 250, decision: undefined });
    expect(sums(await lines('pool_queue_wait_seconds'))).toEqual([
      'bulkhead_pool_queue_wait_seconds_sum{zone="partner",pool="machines"} 0.5',
      'bulkhead_pool_queue_wait_seconds_count{zone="partner",pool="machines"} 2',
    ]);
  });
});

describe('the access log', () => {
  it.each([
    [true, ['r-1', 'r-2']],
    [false, []],
  ])('is written where accessLog is %s: %j', async (accessLog, expected) => {
    const { observer, logged, lines } = open({ accessLog });
    observer.finished(finished);
    observer.malformed({ reason: 'framing_invalid', peerAddress: '192.0.2.1', requestId: 'r-2' });
    expect(logged).toEqual(expected);
    expect(await lines('requests_total')).toHaveLength(1);
    expect(await lines('refusals_total')).toHaveLength(1);
  });
});
