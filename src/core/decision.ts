import type { OdooCall } from './facts.ts';
import type { LimitOutcome } from './limit.ts';
import type { Principal } from './principal.ts';
import type { Reason } from './reason.ts';
import type { Tenant } from './tenant.ts';
import type { WorkClass } from './work-class.ts';
import type { Workload } from './workload.ts';

/** Why a stage refuses. `at` is the line that refuses; empty when the rule is the gateway's own. */
export interface Refusal {
  reason: Reason;
  /** What the caller may know beyond the reason's title; never holds a secret or internal text. */
  detail?: string;
  at: string;
  /** Least wait before a retry can succeed, where the refusing part knows it. */
  retryAfterMs?: number;
  /** Names of the policies that the request broke, where they are no limits of the zone. */
  policies?: readonly string[];
}

/** One line of the trace: what a stage concluded and where that is written. */
export interface TraceStep {
  stage: string;
  outcome: string;
  at: string;
  note: string;
}

/** What was established before the decision fell; a refusal knows as much as the stages before it found out. */
export interface Findings {
  zone: string | undefined;
  principal: Principal | undefined;
  tenant: Tenant | undefined;
  workload: Workload | undefined;
  /** How urgent it is among those who wait for the pool. */
  workClass: WorkClass | undefined;
  pool: string | undefined;
  odoo: OdooCall | undefined;
  limits: readonly LimitOutcome[];
  trace: readonly TraceStep[];
}

export interface Allow extends Findings {
  decision: 'allow';
  zone: string;
  workload: Workload;
  workClass: WorkClass;
  pool: string;
  at: string;
}

export interface Refuse extends Findings {
  decision: 'refuse';
  refusal: Refusal;
}

export type Decision = Allow | Refuse;
