import { assumedVerifiers } from '../auth/assumed.ts';
import type { Identities } from '../auth/compile.ts';
import type { AssumedCredential } from '../auth/options.ts';
import { manualClock } from '../core/clock.ts';
import { MemoryStore } from '../limits/memory-store.ts';
import { decide } from './decide.ts';
import { type DecisionJson, decisionJson } from './decision-json.ts';
import { type DescribedRequest, headOfDescription } from './described-request.ts';
import { type Effects, liveEffects } from './effects.ts';
import type { Snapshot } from './snapshot.ts';

/** What a zone file expects of one request; only what is written is compared. */
export interface Expectation {
  allow?: true | undefined;
  refuse?: string | undefined;
  zone?: string | undefined;
  tenant?: string | undefined;
  workload?: string | undefined;
  class?: string | undefined;
  pool?: string | undefined;
  limits?: readonly string[] | undefined;
  /** Whose figures govern a limit, by its name. */
  figures?: Readonly<Record<string, string>> | undefined;
}

export interface PolicyTestCase extends DescribedRequest {
  name: string;
  as?: AssumedCredential | undefined;
  /** How many times the request is sent at one instant; the last decision counts. */
  repeat: number;
  expect: Expectation;
}

export interface PolicyTestResult {
  /** What differs, each as `what: expected …, got …`; empty when the test passes. */
  differences: string[];
  decision: DecisionJson;
}

/**
 * Runs one policy test on the decision that live traffic gets, with full budgets of its own and a clock that stands still:
 * it neither depends on other tests nor spends from anybody.
 */
export async function runPolicyTest(
  test: PolicyTestCase,
  { snapshot, identities }: { snapshot: Snapshot; identities: Identities },
): Promise<PolicyTestResult> {
  const head = headOfDescription(test, {
    listener: 'proxy',
    requestId: '00000000000040008000000000000000',
  });
  if (head === undefined) throw new TypeError(`"request" is not METHOD URL: ${test.request}`);
  const effects = privateEffects(test, identities);
  let decided = await decide(head, snapshot, effects);
  for (let i = 1; i < test.repeat; i++) decided = await decide(head, snapshot, effects);
  const decision = decisionJson(decided.decision);
  return { differences: compare(test.expect, decision), decision };
}

function privateEffects({ as, at }: PolicyTestCase, identities: Identities): Effects {
  const clock = manualClock(at);
  const effects = liveEffects({
    clock,
    verifiers: assumedVerifiers(as ?? {}, identities, clock.wallMs()),
    limits: new MemoryStore({ clock }),
    guard: new MemoryStore({ clock }),
  });
  return { ...effects, tracing: true };
}

function compare(expect: Expectation, decision: DecisionJson): string[] {
  const differences: string[] = [];
  const check = (what: string, expected: string | undefined, got: string | null): void => {
    if (expected !== undefined && expected !== (got ?? ''))
      differences.push(`${what}: expected ${expected || 'none'}, got ${got || 'none'}`);
  };
  if (expect.allow === true && decision.decision !== 'allow') {
    differences.push(
      `decision: expected allow, got refuse ${decision.reason} at ${decision.at === '' ? 'the gateway itself' : decision.at}`,
    );
  }
  if (expect.refuse !== undefined && decision.decision === 'allow') {
    differences.push(`decision: expected refuse ${expect.refuse}, got allow at ${decision.at}`);
  } else check('reason', expect.refuse, decision.reason);
  check('zone', expect.zone, decision.zone);
  check('tenant', expect.tenant, decision.tenant);
  check('workload', expect.workload, decision.workload);
  check('class', expect.class, decision.class);
  check('pool', expect.pool, decision.pool);
  check('limits', expect.limits?.join(', '), decision.limits.map((limit) => limit.name).join(', '));
  for (const [name, expected] of Object.entries(expect.figures ?? {})) {
    const limit = decision.limits.find((candidate) => candidate.name === name);
    check(`figures of ${name}`, expected, limit?.figures ?? null);
  }
  return differences;
}
