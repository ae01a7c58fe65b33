/**
 * Time to match one request against zone tables of growing size, and to compile and check a table of 1,000 zones.
 *
 *     node bench/zones.ts
 *
 * Every table is proved right on all of its requests before it is timed. The requests are spread over all zones, so that
 * no branch or cache line is favoured. Each figure is the median of 25 rounds, with the fastest and slowest round beside it:
 * enough rounds that one pause of the collector does not move the median.
 */
import { strict as assert } from 'node:assert';
import { cpus } from 'node:os';
import { readJson2 } from '../src/odoo/read-json2.ts';
import { compileZoneTable } from '../src/zones/compile.ts';
import type { ZoneSource } from '../src/zones/compile.ts';
import { matchZone } from '../src/zones/match.ts';
import type { ZoneFacts } from '../src/zones/predicate.ts';

const rounds = 25;
const matchesPerRound = 200_000;

interface Scenario {
  zones: ZoneSource[];
  requests: { facts: ZoneFacts; zone: string | undefined; tenant: string | undefined }[];
}

function source(name: string, match: string): ZoneSource {
  return { name, match, overrides: [], at: `zones/${name}.yaml:2:8` };
}

function facts(host: string, path: string, method = 'POST'): ZoneFacts {
  return {
    host,
    path,
    method,
    query: undefined,
    fields: ['host', host, 'accept', '*/*', 'authorization', 'Bearer x', 'x-channel', 'edi'],
    clientAddress: '203.0.113.9',
    clientCertificate: undefined,
    listener: 'public',
    odoo: readJson2(path),
  };
}

/** Groups of four zones as in the example configuration: captures, exact hosts, prefixes, one residual condition. */
function buildScenario(size: number): Scenario {
  const zones: ZoneSource[] = [];
  const requests: Scenario['requests'] = [];
  for (let i = 0; zones.length < size; i++) {
    const site = `site${i}.erp.example`;
    zones.push(
      source(
        `partner${i}`,
        `Host(\`{tenant}.partner.${site}\`) && (PathPrefix(\`/json/2\`) || Path(\`/jsonrpc\`) || PathPrefix(\`/xmlrpc/2\`))`,
      ),
      source(`employee${i}`, `Host(\`{tenant}.${site}\`) && !PathPrefix(\`/web/database\`)`),
      source(
        `admin${i}`,
        `Host(\`{tenant}.${site}\`) && PathPrefix(\`/web/database\`) && ClientIP(\`203.0.113.0/24\`)`,
      ),
      source(
        `hooks${i}`,
        `Host(\`hooks.example\`) && PathPrefix(\`/payment/provider${i}/\`) && Method(\`POST\`)`,
      ),
    );
    requests.push(
      {
        facts: facts(`acme.partner.${site}`, '/json/2/stock.picking/search_read'),
        zone: `partner${i}`,
        tenant: 'acme',
      },
      { facts: facts(`acme.partner.${site}`, '/web/login'), zone: undefined, tenant: undefined },
      {
        facts: facts(`beta.${site}`, '/web/dataset/call_kw/sale.order/read'),
        zone: `employee${i}`,
        tenant: 'beta',
      },
      { facts: facts(`beta.${site}`, '/web/database/manager'), zone: `admin${i}`, tenant: 'beta' },
      {
        facts: facts('hooks.example', `/payment/provider${i}/webhook`),
        zone: `hooks${i}`,
        tenant: undefined,
      },
      {
        facts: facts('hooks.example', `/payment/provider${i}/webhook`, 'GET'),
        zone: undefined,
        tenant: undefined,
      },
    );
  }
  return { zones, requests };
}

/** Zones on one host that only their paths tell apart: the deepest trie. */
function buildPathScenario(size: number): Scenario {
  const scenario: Scenario = { zones: [], requests: [] };
  for (let i = 0; i < size; i++) {
    scenario.zones.push(
      source(`zone${i}`, `Host(\`api.example\`) && PathPrefix(\`/api/v${i % 7}/service-${i}/\`)`),
    );
    scenario.requests.push({
      facts: facts('api.example', `/api/v${i % 7}/service-${i}/orders/4711`),
      zone: `zone${i}`,
      tenant: undefined,
    });
  }
  return scenario;
}

function measure(name: string, { zones, requests }: Scenario): void {
  const { table, issues } = compileZoneTable(zones);
  assert.deepEqual(issues, []);
  for (const request of requests) {
    const match = matchZone(table, request.facts);
    assert.equal(match.kind === 'zone' ? match.zone : undefined, request.zone);
    assert.equal(match.kind === 'zone' ? match.tenant : undefined, request.tenant);
  }
  const nanoseconds: number[] = [];
  let found = 0;
  for (let round = -3; round < rounds; round++) {
    const startMs = performance.now();
    for (let i = 0; i < matchesPerRound; i++) {
      const request = requests[(i * 7919) % requests.length];
      if (request !== undefined && matchZone(table, request.facts).kind === 'zone') found++;
    }
    // The first rounds warm up and do not count.
    if (round >= 0) nanoseconds.push(((performance.now() - startMs) * 1e6) / matchesPerRound);
  }
  assert.ok(found > 0);
  report(`match, ${name}`, nanoseconds, 'ns');
}

function measureCompile(name: string, zones: ZoneSource[], issueCount: number): void {
  const milliseconds: number[] = [];
  for (let round = 0; round < 7; round++) {
    const startMs = performance.now();
    const { issues } = compileZoneTable(zones);
    milliseconds.push(performance.now() - startMs);
    assert.equal(issues.length, issueCount);
  }
  // The first one, cold, is what a starting process pays.
  console.log(`${'first'.padStart(12)} ${(milliseconds[0] ?? 0).toFixed(0)} ms`);
  report(`compile and check, ${name}`, milliseconds, 'ms');
}

function report(name: string, samples: number[], unit: string): void {
  const sorted = samples.toSorted((a, b) => a - b);
  const [min, median, max] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)].map((value) =>
    (value ?? 0).toFixed(0),
  );
  console.log(`${name.padEnd(48)} ${`${median}`.padStart(6)} ${unit}   ${min} to ${max} ${unit}`);
}

console.log(`${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`);
for (const size of [4, 100, 1000, 10_000]) measure(`${size} zones of many hosts`, buildScenario(size));
for (const size of [4, 100, 1000, 10_000]) measure(`${size} zones of one host`, buildPathScenario(size));
measureCompile('1000 zones of many hosts', buildScenario(1000).zones, 0);
measureCompile('1000 zones of one host', buildPathScenario(1000).zones, 0);
measureCompile(
  '1000 zones that only a header tells apart',
  Array.from({ length: 1000 }, (_, i) =>
    source(`zone${i}`, `Host(\`a.example\`) && Header(\`X-Channel\`, \`${i}\`)`),
  ),
  50,
);
measureCompile(
  '1000 captures in one label',
  Array.from({ length: 1000 }, (_, i) => source(`zone${i}`, `Host(\`site${i}-{tenant}.example\`)`)),
  0,
);
measureCompile('10000 zones of many hosts', buildScenario(10_000).zones, 0);
