import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openScene } from '../../test/support/decision-scene.ts';
import { manualClock } from '../core/clock.ts';
import type { Decided } from '../decide/decide.ts';
import { createAccessLog } from './access-log.ts';
import { createObserver } from './create-observer.ts';
import { createMetrics } from './metrics.ts';
import { createTenantLabels } from './tenant-label.ts';

const scene = openScene({
  partner: `zone: partner
match: Host(\`{tenant}.partner.example\`)
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead, scopes: [edi] }] }
tenant: { from: [host, principal] }
limits: [{ name: by-caller, key: principal, rate: 1/h }]
pools: { interactive: people }
`,
  staff: `zone: staff
match: Host(\`{tenant}.staff.example\`)
identify: none
tenant: { from: [host, odoo.db] }
pools: { interactive: people, websocket: tunnels }
`,
});

const metrics = createMetrics({ pools: () => [], bounded: () => [], limitDeciders: () => ({}) });
const tenantLabels = createTenantLabels(9);
const lines: string[] = [];
const observer = createObserver({
  metrics,
  log: createAccessLog({ write: (text) => lines.push(text) }, manualClock()),
  accessLog: true,
  tenantLabel: (tenant) => tenantLabels.of(tenant),
  onFault: () => {},
});

/** The log line of a request, and all metrics after it. */
async function writtenAbout(request: string, { decision, inquiry }: Decided): Promise<string> {
  observer.finished({
    surface: 'proxy',
    decision,
    failure: decision.decision === 'refuse' ? decision.refusal.reason : undefined,
    requestId: 'r-1',
    method: request.slice(0, request.indexOf(' ')),
    host: inquiry.facts?.host ?? '',
    path: inquiry.facts?.path ?? '',
    clientAddress: inquiry.facts?.clientAddress ?? '',
    status: 200,
    durationMs: 1,
    queueMs: 1,
    upstream: 'http://127.0.0.1:8069',
  });
  const written = lines.splice(0);
  expect(written).toHaveLength(1);
  return written.join('') + (await metrics.registry.metrics());
}

const secret = fc.stringMatching(/^[A-Za-z0-9]{12}$/).map((text) => `S3CRET${text}`);
const target = fc.constantFrom(
  '/odoo',
  '/json/2/res.partner/read',
  '/web/hook/',
  '/de/survey/',
  '/websocket',
  '/a/../b',
  '/jsonrpc',
);
const host = fc.constantFrom('acme.partner.example', 'acme.staff.example', 'acme.example');

describe('what a client keeps secret', () => {
  it('reaches neither the log nor a metric, wherever it stands in a request', async () => {
    const request = fc.record({
      host,
      target,
      secret,
      database: fc.boolean(),
      signed: fc.boolean(),
      scoped: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ secret: value, signed, scoped, database, ...where }) => {
        const inPath = where.target.endsWith('/') ? value : '';
        const text = `POST https://${where.host}${where.target}${inPath}?access_token=${value}&db=${value}`;
        const headers = {
          Authorization: `Bearer ${value}`,
          Cookie: `session_id=${value}; tz=${value}`,
          Referer: `https://x.example/?token=${value}`,
          Origin: `https://${value}.example`,
          'User-Agent': value,
          'X-Api-Key': value,
          [`X-${value}`]: value,
          'X-Forwarded-For': value,
          'X-Forwarded-Tls-Client-Cert': value,
          Traceparent: value,
          ...(database && { 'X-Odoo-Database': value }),
        };
        const as = {
          jwt: {
            sub: 'edi',
            tenant: 'acme',
            scope: `${scoped ? 'edi ' : ''}${value}`,
            jti: value,
            email: value,
          },
        };
        const decided = await scene.live(text, { headers, from: '10.0.0.1', ...(signed && { as }) });
        const written = await writtenAbout(text, decided);
        expect(written.toUpperCase()).not.toContain(value.toUpperCase());
      }),
      { numRuns: 300 },
    );
  });

  it('is found by this test where it may be written', async () => {
    const text = 'POST https://acme.staff.example/S3CRETpath';
    expect(await writtenAbout(text, await scene.live(text))).toContain('S3CRETpath');
  });

  it('is joined by the key of Odoo, which the tenant brings into the decision', async () => {
    const decided = await scene.live('POST https://acme.staff.example/json/2/res.partner/read');
    expect(decided.inquiry.tenant?.odooApiKey).toBe('key-of-acme');
    expect(await writtenAbout('POST', decided)).not.toContain('key-of-acme');
  });
});
