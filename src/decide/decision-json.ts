import { reasons } from '../core/reason.ts';
import type { Decision } from '../core/decision.ts';
import type { LimitOutcome } from '../core/limit.ts';

/** The object that `explain --json` prints and policy tests compare with; its form is a promise to users. */
export interface DecisionJson {
  decision: 'allow' | 'refuse';
  reason: string | null;
  status: number | null;
  at: string;
  zone: string | null;
  principal: { kind: string; subject: string; issuer: string } | null;
  tenant: string | null;
  workload: string | null;
  class: string | null;
  pool: string | null;
  odoo: {
    protocol: string;
    /** `object` calls a model, `common` logs in, `db` manages databases. */
    service: string;
    model: string;
    method: string;
    database: string | null;
    login: string | null;
    /** How many records it is about, where it tells. */
    records: number | null;
    /** Most records that it asks for; null without a limit, or when only the path of the call was read. */
    limit: number | null;
  } | null;
  limits: {
    kind: 'rate' | 'quota' | 'inFlight';
    name: string;
    key: string;
    cost: number;
    remaining: number;
    shadow: boolean;
    admitted: boolean;
    at: string;
    /** Of a quota: when its window ends, in UTC. */
    windowEnds: string | null;
    /** Whose figures governed: `default`, `tier dedicated`, `tenant acme`, `default, cut-off` and the like. */
    figures: string;
  }[];
  trace: { stage: string; outcome: string; at: string; note: string }[];
}

export function decisionJson(decision: Decision): DecisionJson {
  const { principal, tenant, odoo } = decision;
  const refusal = decision.decision === 'refuse' ? decision.refusal : undefined;
  return {
    decision: decision.decision,
    reason: refusal?.reason ?? null,
    status: refusal === undefined ? null : reasons[refusal.reason].status,
    at: decision.decision === 'allow' ? decision.at : decision.refusal.at,
    zone: decision.zone ?? null,
    principal:
      principal === undefined
        ? null
        : { kind: principal.kind, subject: principal.subject, issuer: principal.issuer },
    tenant: tenant?.id ?? null,
    workload: decision.workload ?? null,
    class: decision.workClass ?? null,
    pool: decision.pool ?? null,
    odoo:
      odoo === undefined
        ? null
        : {
            protocol: odoo.protocol,
            service: odoo.service,
            model: odoo.model,
            method: odoo.method,
            database: odoo.database ?? tenant?.database ?? null,
            login: odoo.login ?? null,
            records: odoo.records ?? null,
            limit: odoo.limit ?? null,
          },
    limits: decision.limits.map(limitJson),
    trace: decision.trace.map((step) => ({ ...step })),
  };
}

function limitJson(outcome: LimitOutcome): DecisionJson['limits'][number] {
  const { kind, name, key, cost, remaining, shadow, admitted, at, windowEndsAtMs, figures } = outcome;
  return {
    kind,
    name,
    key,
    cost,
    remaining,
    shadow,
    admitted,
    at,
    windowEnds: windowEndsAtMs === undefined ? null : new Date(windowEndsAtMs).toISOString(),
    figures: figures ?? 'default',
  };
}
