import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Explainer, openExplainer } from '../../src/cli/explainer.ts';
import { type Question, readQuestion } from '../../src/cli/question.ts';
import { type Configuration, loadConfiguration } from '../../src/config/load.ts';
import { type Reason, reasons } from '../../src/core/reason.ts';
import type { DecisionJson } from '../../src/decide/decision-json.ts';
import { parseDescription } from '../../src/decide/described-request.ts';
import { runPolicyTest } from '../../src/decide/policy-test.ts';
import { startOdooGevent, type OdooGevent } from '../../src/demo/odoo-gevent.ts';
import { startOdooPrefork, type OdooPrefork } from '../../src/demo/odoo-prefork.ts';
import {
  authorityExtensions,
  headerOf,
  type IssuedCertificate,
  mintCertificate,
  pemOf,
} from '../servers/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { exampleFiles } from '../support/example-files.ts';
import { exchangeBytes, parseAnswer, type RawAnswer } from '../support/raw-http.ts';
import { runGateway, type RunningGateway, verdictOf } from '../support/running-gateway.ts';
import { portOf } from '../support/test-gateway.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';
import { type Case, cases, type Decided } from './decision-cases.ts';

/**
 * One table of requests, asked on every surface: the inline proxy and ForwardAuth over the wire, `explain`, and a policy
 * test. All four must say the same, down to the line of the configuration that says so.
 */

/** All that a surface tells about a decision; `at` only where it refuses. */
interface Verdict extends Decided {
  decision: 'allow' | 'refuse';
  status: number | undefined;
  at: string;
  principal: string | undefined;
  odoo: string | undefined;
}

let issuer: TokenIssuer;
let authority: IssuedCertificate;
let stranger: IssuedCertificate;
let odoo: OdooPrefork;
let gevent: OdooGevent;
let inline: RunningGateway;
let asked: RunningGateway;
let configuration: Configuration;
let explainer: Explainer;

beforeAll(async () => {
  issuer = await startTokenIssuer();
  const subject = 'CN=Partner CA,O=Example';
  [authority, stranger] = await Promise.all([
    mintCertificate({ ...validity(), subject, extensions: authorityExtensions() }),
    mintCertificate({ ...validity(), subject, extensions: authorityExtensions() }),
  ]);
  odoo = await startOdooPrefork({ port: 0, workers: 4, name: 'odoo', delaysMs: {} });
  gevent = await startOdooGevent({ port: 0 });
  const env = {
    BULKHEAD_PROXY: '127.0.0.1:0',
    BULKHEAD_FORWARD_AUTH: '127.0.0.1:0',
    BULKHEAD_ADMIN: '127.0.0.1:0',
    BULKHEAD_ISSUER: issuer.url,
    ODOO_INTERACTIVE: odoo.url,
    ODOO_BATCH: odoo.url,
    ODOO_DEDICATED: odoo.url,
    ODOO_WEBSOCKET: gevent.url,
    PARTNER_CA: pemOf(authority),
  };
  // Two gateways, so that neither live surface spends what the other one counts.
  inline = await runGateway(filesOfTheTable(), env);
  asked = await runGateway(filesOfTheTable(), env);
  const loaded = loadConfiguration(inline.directory, { env, nowMs: Date.now() });
  if (loaded.configuration === undefined) throw new Error('the configuration does not load');
  configuration = loaded.configuration;
  explainer = openExplainer(configuration);
});
afterAll(async () => {
  explainer.close();
  await Promise.all([inline.stop(), asked.stop()]);
  await Promise.all([odoo.close(), gevent.close(), issuer.server.stop()]);
});

describe('one decision on four surfaces', () => {
  it.each(cases.map((one) => [titleOf(one), one] as const))('%s', async (_title, one) => {
    const live = await askInline(one);
    const forwarded = await askForwardAuth(one);
    // Traefik may send the body along; then ForwardAuth has nothing to say of its own.
    if (one.body !== undefined) expect(await askForwardAuth(one, bodyOf(one))).toEqual(live);
    const explained = verdictOfJson(await explainer.ask(questionOf(one)));
    const { decision } = await runPolicyTest(
      { ...questionOf(one), name: one.name, repeat: one.repeat ?? 1, expect: {} },
      configuration,
    );
    const tested = verdictOfJson(decision);

    expect(partsOf(live)).toEqual(complete(one.expect));
    const differing = { forwarded: one.forwardAuth, explained: one.explain, tested: one.policyTest };
    for (const [surface, verdict] of Object.entries({ forwarded, explained, tested })) {
      const expected = differing[surface as keyof typeof differing];
      if (expected === undefined) expect([surface, verdict]).toEqual([surface, live]);
      else expect([surface, partsOf(verdict)]).toEqual([surface, complete(expected)]);
    }
  });

  it('has no two cases of one name, and a case for every reason that a decision can have', () => {
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const told = new Set<string | undefined>(
      cases.flatMap((one) => [one.expect.reason, one.forwardAuth?.reason, one.explain?.reason]),
    );
    expect((Object.keys(reasons) as Reason[]).filter((reason) => !told.has(reason))).toEqual(notDecided);
  });
});

/** What is no decision about a described request: bytes, stores, providers, workers and tokens that nobody can describe. */
const notDecided: readonly Reason[] = [
  'framing_invalid',
  'head_timeout',
  'header_too_large',
  'target_too_long',
  'version_not_supported',
  'expectation_failed',
  'zone_ambiguous',
  'too_many_failed_attempts',
  'token_algorithm_not_allowed',
  'token_key_unknown',
  'token_signature_invalid',
  'certificate_expired',
  'certificate_not_for_clients',
  'identity_provider_unavailable',
  'limit_store_unavailable',
  'pool_down',
  'pool_queue_full',
  'pool_queue_timeout',
  'tenant_share_exceeded',
  'spool_full',
  'body_timeout',
  'upstream_unreachable',
  'upstream_invalid',
  'upstream_timeout',
  'client_gone',
  'client_stalled',
  'upstream_stalled',
  'internal_error',
];

function titleOf({ name, expect: { reason, pool }, forwardAuth, explain, policyTest }: Case): string {
  const differs = [
    forwardAuth === undefined ? '' : `ForwardAuth: ${forwardAuth.reason ?? forwardAuth.pool}`,
    explain === undefined ? '' : `explain: ${explain.reason ?? explain.pool}`,
    policyTest === undefined ? '' : `policy test: ${policyTest.reason ?? policyTest.pool}`,
  ].filter((text) => text !== '');
  return `${name}: ${reason ?? pool}${differs.length === 0 ? '' : ` (${differs.join(', ')})`}`;
}

/** The example configuration, and zones for what it does not use. */
function filesOfTheTable(): Record<string, string> {
  const files = exampleFiles();
  return {
    ...files,
    'identities.yaml': `${files['identities.yaml']}
clientAuthorities: [{ name: partners, certificates: "\${env:PARTNER_CA}", tenantFrom: subject.O }]
`,
    'pools.yaml': `${files['pools.yaml']}
  - { name: odoo-dedicated, endpoints: [{ url: "\${env:ODOO_DEDICATED}", seats: 4 }] }
`,
    'zones/carrier.yaml': `zone: carrier
match: Host(\`carrier.example\`) && PathPrefix(\`/json/2/\`)
identify:
  any:
    - clientCert: { ca: partners }
    - jwt: { issuer: keycloak, audience: [bulkhead, carriers], scopes: [carrier] }
tenant: { from: [principal, odoo.db] }
pools: { interactive: odoo-interactive }
`,
    'zones/branch.yaml': `zone: branch
match: Host(\`{tenant}.branch.example\`)
identify: none
tenant: { from: [host] }
address: { deny: [203.0.113.0/24] }
workload: { header: x-workload }
pools:
  interactive: odoo-interactive
  batch: odoo-batch
  tiers: { dedicated: { interactive: odoo-dedicated } }
`,
    'zones/scarce.yaml': `zone: scarce
match: Host(\`scarce.example\`)
identify: none
limits: [{ name: calls, key: client, rate: 1/h, burst: 2, cost: { batch: 2 } }]
pools: { interactive: odoo-interactive, batch: odoo-batch }
`,
    'tenants.yaml': (files['tenants.yaml'] ?? '').replace(
      '  - id: globex\n    tier: dedicated\n',
      '  - id: globex\n    tier: dedicated\n    limits: { contract/calls: { rate: 1/h, burst: 3 } }\n',
    ),
    'zones/contract.yaml': `zone: contract
match: Host(\`{tenant}.contract.example\`)
identify: { any: [{ jwt: { issuer: keycloak, audience: bulkhead } }] }
tenant: { from: [host] }
limits:
  - name: calls
    key: tenant
    rate: 1/h
    burst: 1
    overrides:
      - { principal: robot, issuer: keycloak, rate: 1/h, burst: 4 }
      - { tier: semi-isolated, rate: 1/h, burst: 2 }
      - { tier: dedicated, rate: 1/h, burst: 9 }
pools: { interactive: odoo-interactive }
`,
    'zones/timed.yaml': `zone: timed
match: Host(\`{tenant}.timed.example\`)
identify: { any: [{ jwt: { issuer: keycloak, audience: bulkhead } }] }
tenant: { from: [host] }
limits:
  - name: calls
    key: tenant
    rate: 1/h
    burst: 1
    schedule:
      - { name: this-age, from: 2000-01-01T00:00, to: 2999-01-01T00:00, timezone: Europe/Berlin, rate: 1/h, burst: 5 }
pools: { interactive: odoo-interactive }
`,
    'zones/narrow.yaml': `zone: narrow
match: Host(\`narrow.example\`)
identify: none
maxBody: 2KiB
pools: { interactive: odoo-interactive }
`,
    'zones/guarded.yaml': `zone: guarded
match: Host(\`guarded.example\`)
identify: { any: [{ jwt: { issuer: keycloak, audience: bulkhead } }] }
address: { guard: { rate: 1/h, burst: 1 } }
pools: { interactive: odoo-interactive }
`,
  };
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - 86_400_000), notAfter: new Date(Date.now() + 30 * 86_400_000) };
}

function questionOf({ request, from, headers, as, body }: Case): Question {
  const question = readQuestion({
    request,
    ...(from === undefined ? {} : { from }),
    ...(headers === undefined ? {} : { headers }),
    ...(as === undefined ? {} : { as }),
    body,
  });
  if ('complaint' in question) throw new Error(question.complaint);
  return question;
}

/** The credential that a policy test takes for granted, made real. */
async function credentialsOf({ as }: Case): Promise<[name: string, value: string][]> {
  if (as?.jwt !== undefined) return [['Authorization', `Bearer ${await issuer.sign({ claims: as.jwt })}`]];
  if (as?.clientCert === undefined) return [];
  const { subject, ca } = as.clientCert;
  const by = ca === undefined ? authority : stranger;
  return [['X-Forwarded-Tls-Client-Cert', headerOf(await mintCertificate({ ...validity(), subject, by }))]];
}

/** A proxy in front appends the address of its peer; the peer of a case may be that proxy itself. */
function forwardedFor({ from = '192.0.2.1', headers }: Case): string {
  const claimed = headers?.['X-Forwarded-For'];
  if (claimed === undefined) return from;
  return from === '127.0.0.1' ? claimed : `${claimed}, ${from}`;
}

async function askInline(one: Case): Promise<Verdict> {
  const { method, host, target, scheme } = partsOfRequest(one);
  const own = Object.entries(one.headers ?? {}).filter(([name]) => name !== 'X-Forwarded-For');
  const body = bodyOf(one);
  const fields = [
    ['Host', host],
    ...own,
    ...(await credentialsOf(one)),
    ['X-Forwarded-For', forwardedFor(one)],
    ['X-Forwarded-Proto', scheme],
    ['Connection', 'close'],
    ...(method === 'POST' ? [['Content-Length', String(Buffer.byteLength(body))]] : []),
  ];
  return send(inline, inline.proxyPort, one, `${method} ${target} HTTP/1.1\r\n${linesOf(fields)}\r\n${body}`);
}

/** As Traefik asks: its own GET, the request in X-Forwarded fields, its fields without the hop-by-hop ones. */
async function askForwardAuth(one: Case, body = ''): Promise<Verdict> {
  const { method, host, target, scheme } = partsOfRequest(one);
  const hopByHop = new Set(['Connection', 'Upgrade', 'X-Forwarded-For']);
  const own = Object.entries(one.headers ?? {}).filter(([name]) => !hopByHop.has(name));
  const fields = [
    ['Host', 'bulkhead'],
    ['X-Forwarded-Method', method],
    ['X-Forwarded-Proto', scheme],
    ['X-Forwarded-Host', host],
    ['X-Forwarded-Uri', target],
    ['X-Forwarded-For', forwardedFor(one)],
    ...own,
    ...(await credentialsOf(one)),
    ['Connection', 'close'],
    ...(body === '' ? [] : [['Content-Length', String(Buffer.byteLength(body))]]),
  ];
  const port = portOf(asked.gateway, 'forwardAuth');
  return send(asked, port, one, `GET / HTTP/1.1\r\n${linesOf(fields)}\r\n${body}`);
}

function bodyOf({ body }: Case): string {
  return body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
}

function partsOfRequest({ request }: Case): NonNullable<ReturnType<typeof parseDescription>> {
  const parts = parseDescription(request);
  if (parts === undefined) throw new TypeError(`"request" is not METHOD URL: ${request}`);
  return parts;
}

function linesOf(fields: readonly (readonly string[])[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

async function send(
  gateway: RunningGateway,
  port: number,
  { repeat = 1 }: Case,
  bytes: string,
): Promise<Verdict> {
  // A tunnel stays open: its answer ends with its head.
  const until = (received: string): boolean =>
    received.startsWith('HTTP/1.1 101') && received.includes('\r\n\r\n');
  for (let i = 1; i < repeat; i++) await exchangeBytes(port, bytes, { until });
  const before = gateway.logLines.length;
  const answer = parseAnswer(await exchangeBytes(port, bytes, { until }));
  const requestId = answer.fields['x-request-id'];
  // The answer that opens a tunnel is Odoo's own and has no id; nothing else is asked meanwhile.
  const line = await eventually(() => {
    const lines = gateway.logLines.slice(before).filter(({ msg }) => msg === 'request');
    const found = lines.find((logged) => requestId === undefined || logged['requestId'] === requestId);
    if (found === undefined) throw new Error(`no log line of request ${requestId}`);
    return found;
  });
  return verdictOfAnswer(answer, line);
}

/** What the answer and the access log line say; where both say it, it must be the same. */
function verdictOfAnswer(answer: RawAnswer, line: Record<string, unknown>): Verdict {
  const text = (name: string): string | undefined => line[name] as string | undefined;
  const [status, told] = verdictOf(answer);
  const reason = text('reason');
  expect([told, line['status']]).toEqual([reason, status]);
  return {
    decision: reason === undefined ? 'allow' : 'refuse',
    reason,
    status: reason === undefined ? undefined : status,
    at: reason === undefined ? '' : (text('at') ?? ''),
    zone: text('zone'),
    principal: text('principal') === undefined ? undefined : `${text('principal')} of ${text('issuer')}`,
    tenant: text('tenant'),
    workload: text('workload'),
    pool: text('pool'),
    odoo: text('odoo'),
  };
}

function verdictOfJson(json: DecisionJson): Verdict {
  const { principal, odoo: call } = json;
  return {
    decision: json.decision,
    reason: json.reason ?? undefined,
    status: json.status ?? undefined,
    at: json.decision === 'allow' ? '' : json.at,
    zone: json.zone ?? undefined,
    principal: principal === null ? undefined : `${principal.subject} of ${principal.issuer}`,
    tenant: json.tenant ?? undefined,
    workload: json.workload ?? undefined,
    pool: json.pool ?? undefined,
    odoo: call === null ? undefined : `${call.model || call.service}/${call.method}`,
  };
}

function partsOf({ reason, zone, tenant, workload, pool }: Decided): Decided {
  return { reason, zone, tenant, workload, pool };
}

/** What a case leaves out is not known to the decision. */
function complete(expected: Partial<Decided>): Decided {
  return {
    reason: undefined,
    zone: undefined,
    tenant: undefined,
    workload: undefined,
    pool: undefined,
    ...expected,
  };
}
