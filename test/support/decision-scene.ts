import { assumedVerifiers } from '../../src/auth/assumed.ts';
import type { Verifiers } from '../../src/auth/identify.ts';
import type { AssumedCredential } from '../../src/auth/options.ts';
import { manualClock } from '../../src/core/clock.ts';
import type { RequestHead } from '../../src/core/request-head.ts';
import { type Decided, decide } from '../../src/decide/decide.ts';
import { type DecisionJson, decisionJson } from '../../src/decide/decision-json.ts';
import { headOfDescription } from '../../src/decide/described-request.ts';
import { dryEffects, type Effects, liveEffects } from '../../src/decide/effects.ts';
import { MemoryStore } from '../../src/limits/memory-store.ts';
import { compileFiles } from './compile-files.ts';

const surroundings = {
  'gateway.yaml': `listeners: { admin: 127.0.0.1:0 }
trustedProxies: [10.0.0.1]
`,
  'identities.yaml': `issuers:
  - { name: keycloak, issuer: "https://id.example", tenantClaim: tenant }
`,
  'pools.yaml': `pools:
  - { name: people, endpoints: [{ url: "http://127.0.0.1:8069", seats: 4 }] }
  - { name: machines, endpoints: [{ url: "http://127.0.0.1:8070", seats: 2 }] }
  - { name: people-of-globex, endpoints: [{ url: "http://127.0.0.1:8071", seats: 2 }] }
  - { name: machines-of-globex, endpoints: [{ url: "http://127.0.0.1:8073", seats: 2 }] }
  - { name: tunnels, kind: websocket, endpoints: [{ url: "http://127.0.0.1:8072", seats: 9 }] }
`,
  'tenants.yaml': `tenants:
  - { id: acme, tier: shared, database: acme_db, odooApiKey: key-of-acme }
  - { id: globex, tier: dedicated, database: globex_db }
  - { id: initech, tier: semi-isolated, database: initech_db }
`,
};

export interface Asked {
  headers?: Record<string, string>;
  from?: string;
  /** A text as it stands, anything else as JSON. */
  body?: unknown;
  as?: AssumedCredential;
  /** Replaces parts of the live effects. */
  effects?: Partial<Effects>;
  /** What a description cannot say, such as a listener. */
  head?: Partial<RequestHead>;
}

export const requestId = '00000000000040008000000000000000';

/** Zones beside four pools and three tenants (one of each tier), with budgets and a clock of their own. */
export function openScene(zones: Record<string, string>) {
  const files = Object.fromEntries(Object.entries(zones).map(([name, text]) => [`zones/${name}.yaml`, text]));
  const { snapshot, identities } = compileFiles({ ...surroundings, ...files });
  const clock = manualClock();
  const limits = new MemoryStore({ clock });
  const guard = new MemoryStore({ clock });

  function headOf(request: string, { headers = {}, from = '192.0.2.1', body, head }: Asked): RequestHead {
    const described = headOfDescription({ request, headers, from, body }, { listener: 'proxy', requestId });
    if (described === undefined) throw new TypeError(`"request" is not METHOD URL: ${request}`);
    return { ...described, ...head };
  }

  function verifiersFor({ as }: Asked): Verifiers {
    return assumedVerifiers(as ?? {}, identities, clock.wallMs());
  }

  function run(request: string, asked: Asked, effects: Effects): Decided | Promise<Decided> {
    return decide(headOf(request, asked), snapshot, { ...effects, ...asked.effects });
  }

  const parts = (asked: Asked) => ({ clock, verifiers: verifiersFor(asked), limits, guard });
  return {
    snapshot,
    clock,
    limits,
    guard,
    verifiersFor,
    /** The decision that live traffic gets, as it comes: a value, or a promise of one. */
    live: (request: string, asked: Asked = {}) => run(request, asked, liveEffects(parts(asked))),
    /** The live decision as users see it, with its trace; the decision must not have to wait. */
    ask(request: string, asked: Asked = {}): DecisionJson {
      return settle(run(request, asked, { ...liveEffects(parts(asked)), tracing: true }));
    },
    /** What `explain` would answer. */
    explain(request: string, asked: Asked = {}): DecisionJson {
      return settle(run(request, asked, dryEffects(parts(asked))));
    },
  };
}

export type Scene = ReturnType<typeof openScene>;

function settle(decided: Decided | Promise<Decided>): DecisionJson {
  if (decided instanceof Promise) throw new TypeError('"decide" had to wait');
  return decisionJson(decided.decision);
}
