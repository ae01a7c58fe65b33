import { reasons } from '../core/reason.ts';
import type { Decision } from '../core/decision.ts';

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
  pool: string | null;
  odoo: { protocol: string; model: string; method: string; database: string | null } | null;
  limits: {
    name: string;
    key: string;
    cost: number;
    remaining: number;
    shadow: boolean;
    admitted: boolean;
    at: string;
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
    pool: decision.pool ?? null,
    odoo: odoo === undefined ? null : { ...odoo, database: tenant?.database ?? null },
    limits: decision.limits.map(({ name, key, cost, remaining, shadow, admitted, at }) => ({
      name,
      key,
      cost,
      remaining,
      shadow,
      admitted,
      at,
    })),
    trace: decision.trace.map((step) => ({ ...step })),
  };
}
