import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createKeySources, createVerifiers } from '../src/auth/verifiers.ts';
import { loadConfiguration } from '../src/config/load.ts';
import { renderProblems } from '../src/config/problems.ts';
import { systemClock } from '../src/core/clock.ts';
import type { RequestHead } from '../src/core/request-head.ts';
import { decide, type Decided } from '../src/decide/decide.ts';
import { systemScheduler } from '../src/core/scheduler.ts';
import { type Effects, liveEffects } from '../src/decide/effects.ts';
import { Inquiry } from '../src/decide/inquiry.ts';
import type { Snapshot } from '../src/decide/snapshot.ts';
import { stages } from '../src/decide/stages.ts';
import { MemoryStore } from '../src/limits/memory-store.ts';
import { writeGatewayConfiguration } from './gateway-config.ts';
import { describeBed, renderBed, renderTable, writeResult } from './report.ts';
import { spreadOf } from './statistics.ts';
import { refusedRequests, type BenchRequest, scenarioRequest, startIdentityProvider } from './traffic.ts';

// What one decision costs, without any socket: `node bench/decide.ts`. Live effects, a token that was verified before, three
// limits in memory, the zones of the example.

const batch = 2_000;
const rounds = 60;
const warmUpRounds = 20;

const identity = await startIdentityProvider();
const written = writeGatewayConfiguration({ accessLog: false });
const keySources = createKeySources({
  clock: systemClock,
  scheduler: systemScheduler,
  fetch: globalThis.fetch,
});
try {
  const { configuration, problems } = loadConfiguration(written.directory, {
    env: {
      BULKHEAD_ISSUER: identity.issuer,
      BENCH_UPSTREAM: 'http://127.0.0.1:8069',
      BENCH_ONE_SHOT_UPSTREAM: 'http://127.0.0.1:8070',
    },
    nowMs: systemClock.wallMs(),
  });
  if (configuration === undefined) throw new Error(renderProblems(problems));
  const { snapshot } = configuration;
  const effects = liveEffects({
    clock: systemClock,
    verifiers: createVerifiers(configuration.identities, keySources, systemClock),
    limits: new MemoryStore({ clock: systemClock }),
    guard: new MemoryStore({ clock: systemClock }),
  });

  const refused = refusedRequests(identity.token);
  const cases = {
    allowed: { request: scenarioRequest('get', identity.token), expected: 'allow' },
    'no token': { request: refused['401'], expected: 'credentials_missing' },
    'call not allowed': { request: refused['403'], expected: 'odoo_method_not_allowed' },
    'over the limit': { request: refused['429'], expected: 'limit_exceeded' },
  };
  await assertDecisions(snapshot, effects, cases);

  const wholes = Object.entries(cases).map(([name, { request }]) => ({
    name,
    ns: timeDecisions(request, snapshot, effects),
  }));
  const perStage = timeStages(cases.allowed.request, snapshot, effects);
  const bed = describeBed({ contender: undefined, peers: undefined });
  const rows = [...wholes, ...perStage].map(({ name, ns }) => [
    name,
    ns.median.toFixed(0),
    ns.min.toFixed(0),
    ns.max.toFixed(0),
  ]);
  console.log(renderBed(bed).split('\n')[0]);
  console.log(`${rounds} rounds of ${batch} decisions; a head is made anew for each, as from a socket\n`);
  console.log(renderTable(['ns for one decision', 'median', 'min', 'max'], rows));
  console.log(`\nwritten to ${writeResult('decide', { ...bed, wholes, perStage })}`);
} finally {
  keySources.close();
  written.remove();
  await identity.close();
}

async function assertDecisions(
  snapshot: Snapshot,
  effects: Effects,
  cases: Record<string, { request: BenchRequest; expected: string }>,
): Promise<void> {
  // The first token waits for the key of its issuer; from then on every decision is synchronous.
  for (const { request } of Object.values(cases)) await decide(headOf(request), snapshot, effects);
  for (const [name, { request, expected }] of Object.entries(cases)) {
    const { decision } = settled(decide(headOf(request), snapshot, effects));
    if (decision.decision === 'refuse') {
      assert.equal(decision.refusal.reason, expected, name);
      continue;
    }
    assert.equal(decision.decision, expected, name);
    assert.deepEqual(
      {
        zone: decision.zone,
        principal: decision.principal?.subject,
        tenant: decision.tenant?.id,
        workload: decision.workload,
        pool: decision.pool,
        odoo: [decision.odoo?.protocol, decision.odoo?.model, decision.odoo?.method],
        limits: decision.limits.map((limit) => `${limit.name} of ${limit.key}`),
      },
      {
        zone: 'partner',
        principal: 'edi-acme',
        tenant: 'acme',
        workload: 'interactive',
        pool: 'odoo-interactive',
        odoo: ['json-2', 'stock.picking', 'search_read'],
        limits: ['partner-rate of acme', 'client-rate of acme/edi-acme', 'zone-rate of partner'],
      },
    );
  }
}

function timeDecisions(request: BenchRequest, snapshot: Snapshot, effects: Effects) {
  const samples: number[] = [];
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const heads = Array.from({ length: batch }, () => headOf(request));
    const start = process.hrtime.bigint();
    for (const head of heads) settled(decide(head, snapshot, effects));
    const ns = Number(process.hrtime.bigint() - start) / batch;
    if (round >= warmUpRounds) samples.push(ns);
  }
  return spreadOf(samples);
}

/** The stages one by one. Each runs for a whole batch before the next, so the sum is a little less than the whole. */
function timeStages(request: BenchRequest, snapshot: Snapshot, effects: Effects) {
  const samples = stages.map((): number[] => []);
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const inquiries = Array.from({ length: batch }, () => new Inquiry(headOf(request), snapshot, effects));
    stages.forEach((stage, i) => {
      const start = process.hrtime.bigint();
      for (const inquiry of inquiries) {
        if (stage.run(inquiry) !== undefined) throw new Error(`${stage.name} refuses or waits`);
      }
      const ns = Number(process.hrtime.bigint() - start) / batch;
      if (round >= warmUpRounds) samples[i]?.push(ns);
    });
  }
  return stages.map(({ name }, i) => ({ name: `  ${name}`, ns: spreadOf(samples[i] ?? []) }));
}

function settled(decided: Decided | Promise<Decided>): Decided {
  if (decided instanceof Promise) throw new Error('a decision waits, so it cannot be timed');
  return decided;
}

/** Strings as a socket gives them: not known to V8 yet, so that comparing and hashing them costs what it costs. */
function headOf({ method, target, headers }: BenchRequest): RequestHead {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(headers)) fields.push(name.toLowerCase(), fresh(value));
  return {
    method,
    target: fresh(target),
    fields,
    peerAddress: '127.0.0.1',
    scheme: 'http',
    listener: 'proxy',
    requestId: randomUUID(),
    forwardedByPeer: false,
  };
}

function fresh(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
