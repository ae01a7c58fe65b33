// hot path: one hash for each request of a zone with a canary.
import type { Workload } from '../core/workload.ts';
import { hashText } from '../core/hash-text.ts';
import { type CallerKey, callerKeyOf } from './caller-key.ts';
import type { Inquiry } from './inquiry.ts';
import type { PoolChoice } from './snapshot.ts';

/** Those who try a new version of Odoo: a share of each tenant. */
export interface CanaryRule {
  pools: Readonly<Partial<Record<Workload, PoolChoice>>>;
  /** Hundredths of a percent. */
  share: number;
  /** Undefined: all that have no pools of their own. */
  tenants: ReadonlySet<string> | undefined;
}

const hundredths = 10_000;

/** The pool of the new version when the request is one of those that go there, and by what it was recognised. */
export function chooseCanary(
  inquiry: Inquiry,
  workload: Workload,
): { choice: PoolChoice; key: CallerKey } | undefined {
  const { canary, poolsByTier } = inquiry.governing;
  const choice = canary?.pools[workload];
  if (canary === undefined || choice === undefined) return undefined;
  const { tenant } = inquiry;
  if (canary.tenants === undefined) {
    if (tenant !== undefined && poolsByTier[tenant.tier] !== undefined) return undefined;
  } else if (tenant === undefined || !canary.tenants.has(tenant.id)) return undefined;
  const key = callerKeyOf(inquiry);
  return hashText(`${tenant?.id ?? ''}\0${key.value}`) % hundredths < canary.share
    ? { choice, key }
    : undefined;
}
