import { describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import type { Allow, Refuse } from '../core/decision.ts';
import type { LimitOutcome } from '../core/limit.ts';
import { createAccessLog } from './access-log.ts';
import type { Finished } from './observer.ts';

const allow: Allow = {
  decision: 'allow',
  zone: 'partner',
  workload: 'batch',
  workClass: 'batch',
  pool: 'odoo-batch',
  at: 'zones/partner.yaml:6:8',
  principal: { kind: 'jwt', subject: 'edi-"acme"', issuer: 'keycloak', scopes: [], tenant: 'acme' },
  tenant: { id: 'acme', tier: 'shared', database: 'acme' },
  odoo: {
    protocol: 'json-2',
    service: 'object',
    model: 'sale.order',
    method: 'read',
    database: undefined,
    login: undefined,
    sized: true,
    records: undefined,
    limit: undefined,
  },
  limits: [],
  trace: [],
};

const limit: LimitOutcome = {
  kind: 'rate',
  name: 'partner-rate',
  key: 'acme',
  cost: 1,
  remaining: 9,
  shadow: false,
  admitted: true,
  burst: 10,
  windowMs: 1000,
  retryAfterMs: 0,
  moreAfterMs: 100,
  at: 'zones/partner.yaml:19:5',
};

const refuse: Refuse = {
  ...allow,
  decision: 'refuse',
  pool: undefined,
  refusal: { reason: 'limit_exceeded', at: 'zones/partner.yaml:19:5' },
};

const finished: Finished = {
  surface: 'proxy',
  decision: allow,
  failure: undefined,
  requestId: 'r-1',
  method: 'POST',
  host: 'acme.partner.erp.example',
  path: '/json/2/sale.order/read',
  clientAddress: '198.51.100.9',
  status: 200,
  durationMs: 12.3456,
  queueMs: 0,
  upstream: 'http://127.0.0.1:8070',
};

function openLog(startWallMs?: number) {
  const lines: string[] = [];
  const clock = manualClock(startWallMs);
  return { log: createAccessLog({ write: (text) => lines.push(text) }, clock), clock, lines };
}

describe('the access log', () => {
  it('tells an allowed request with its decision in one line', () => {
    const { log, lines } = openLog();
    log.finished(finished);
    expect(lines).toEqual([
      '{"level":"info","time":"2026-01-01T00:00:00.000Z","requestId":"r-1","surface":"proxy","zone":"partner",' +
        '"tenant":"acme","principal":"edi-\\"acme\\"","issuer":"keycloak","client":"198.51.100.9","method":"POST",' +
        '"host":"acme.partner.erp.example","path":"/json/2/sale.order/read","odoo":"sale.order/read",' +
        '"workload":"batch","pool":"odoo-batch","upstream":"http://127.0.0.1:8070","status":200,' +
        '"durationMs":12.35,"msg":"request"}\n',
    ]);
  });

  it('tells the reason and the line of a refusal, and the wait for a seat', () => {
    const { log, lines } = openLog();
    log.finished({
      ...finished,
      decision: refuse,
      failure: 'limit_exceeded',
      status: 429,
      queueMs: 7.005,
      upstream: undefined,
    });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      status: 429,
      reason: 'limit_exceeded',
      at: 'zones/partner.yaml:19:5',
      queueMs: 7.01,
    });
    expect(lines[0]).not.toContain('"upstream"');
    expect(lines[0]).not.toContain('"pool"');
  });

  it.each([
    [[undefined, undefined], undefined],
    [[undefined, 'share'], 'share'],
    [['open', 'share'], 'open'],
    [['share', 'open', undefined], 'open'],
  ] as const)('tells what held in the place of the store: of %j it is %s', (modes, told) => {
    const { log, lines } = openLog();
    const limits = modes.map((mode): LimitOutcome => ({ ...limit, ...(mode !== undefined && { mode }) }));
    log.finished({ ...finished, decision: { ...allow, limits } });
    expect((JSON.parse(lines[0] ?? '') as { limitMode?: string }).limitMode).toBe(told);
  });

  it('leaves out what was not found out', () => {
    const { log, lines } = openLog();
    log.finished({ ...finished, decision: undefined, failure: 'header_invalid', status: 400 });
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: '2026-01-01T00:00:00.000Z',
      requestId: 'r-1',
      surface: 'proxy',
      client: '198.51.100.9',
      method: 'POST',
      host: 'acme.partner.erp.example',
      path: '/json/2/sale.order/read',
      upstream: 'http://127.0.0.1:8070',
      status: 400,
      reason: 'header_invalid',
      durationMs: 12.35,
      msg: 'request',
    });
  });

  it('cuts a path that is a secret itself', () => {
    const { log, lines } = openLog();
    log.finished({ ...finished, path: '/web/hook/5e3c-secret' });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ path: '/web/hook/[redacted]' });
  });

  it('tells a tunnel that was ended', () => {
    const { log, lines } = openLog();
    log.tunnelEnded({
      decision: { ...allow, workload: 'websocket', pool: 'tunnels' },
      reason: 'client_stalled',
      requestId: 'r-3',
      clientAddress: '198.51.100.9',
      durationMs: 61_234.567,
      upstream: 'http://127.0.0.1:8072',
    });
    expect(lines).toEqual([
      '{"level":"info","time":"2026-01-01T00:00:00.000Z","requestId":"r-3","surface":"websocket","zone":"partner",' +
        '"tenant":"acme","principal":"edi-\\"acme\\"","client":"198.51.100.9","pool":"tunnels",' +
        '"upstream":"http://127.0.0.1:8072","reason":"client_stalled","durationMs":61234.57,"msg":"tunnel ended"}\n',
    ]);
  });

  it('tells bytes that never became a request', () => {
    const { log, lines } = openLog();
    log.malformed({ reason: 'framing_invalid', peerAddress: '198.51.100.9', requestId: 'r-2' });
    expect(lines).toEqual([
      '{"level":"info","time":"2026-01-01T00:00:00.000Z","requestId":"r-2","client":"198.51.100.9",' +
        '"reason":"framing_invalid","msg":"malformed request"}\n',
    ]);
  });

  it('gives every line its own time, within a second, into the next one, and back', () => {
    const { log, clock, lines } = openLog(Date.UTC(2026, 11, 31, 23, 59, 59, 998));
    for (const ms of [0, 1, 1, 59_007, -60_000]) {
      clock.advance(ms);
      log.malformed({ reason: 'framing_invalid', peerAddress: '', requestId: '' });
    }
    expect(lines.map((line) => (JSON.parse(line) as { time: string }).time)).toEqual([
      '2026-12-31T23:59:59.998Z',
      '2026-12-31T23:59:59.999Z',
      '2027-01-01T00:00:00.000Z',
      '2027-01-01T00:00:59.007Z',
      '2026-12-31T23:59:59.007Z',
    ]);
  });
});
