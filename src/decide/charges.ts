// hot path: what a request owes to which budget, and what the answer of the store means.
import type { Reason } from '../core/reason.ts';
import { clientKeyOf, limitKeyOf, type LimitSubject } from '../limits/key.ts';
import { type Charge, isAdmitted, isUnavailable, type LimitReply } from '../limits/store.ts';
import type { Inquiry } from './inquiry.ts';
import type { StageResult } from './stages.ts';
import { note } from './trace.ts';

/**
 * One charge for each limit of the zone, shadow limits included. A limit whose key nothing in the request tells is not
 * charged: configuration refuses those that could never be (a tenant limit in a zone without tenants).
 */
export function chargesOf(inquiry: Inquiry): Charge[] {
  const subject: LimitSubject = {
    zone: inquiry.governing.name,
    tenant: inquiry.tenant?.id,
    issuer: inquiry.principal?.issuer,
    principal: inquiry.principal?.subject,
    clientAddress: inquiry.known.clientAddress,
  };
  const charges: Charge[] = [];
  for (const limit of inquiry.governing.limits) {
    const key = limitKeyOf(limit.key, subject);
    if (key === undefined) continue;
    charges.push({ limit, key, cost: limit.cost[inquiry.workload ?? 'interactive'] });
  }
  return charges;
}

/** The charge for the guard of the zone; undefined when it has none. */
export function guardChargeOf(inquiry: Inquiry): Charge | undefined {
  const { guard } = inquiry.governing.address;
  if (guard === undefined) return undefined;
  return { limit: guard, key: clientKeyOf(inquiry.known.clientAddress), cost: 1 };
}

/** Turns the store's answer into a refusal or none, and keeps what it says for the answer's RateLimit fields. */
export function judgeCharges(
  inquiry: Inquiry,
  result: LimitReply,
  reason: Extract<Reason, 'limit_exceeded' | 'address_rate_exceeded'>,
): StageResult {
  const stage = reason === 'limit_exceeded' ? 'limit' : 'address';
  if (isUnavailable(result)) {
    return {
      reason: 'limit_store_unavailable',
      at: result.unavailable.at,
      retryAfterMs: result.retryAfterMs,
    };
  }
  const outcomes = result;
  if (stage === 'limit' || !isAdmitted(outcomes)) inquiry.limits = outcomes;
  if (isAdmitted(outcomes)) {
    for (const { name, key, cost, remaining, admitted, at } of inquiry.effects.tracing ? outcomes : []) {
      note(inquiry, stage, {
        outcome: admitted ? 'admits' : 'would refuse',
        at,
        note: `${name} of ${key}: costs ${cost}, ${remaining} left`,
      });
    }
    return undefined;
  }
  const violated = outcomes.filter((outcome) => !outcome.admitted && !outcome.shadow);
  return {
    reason,
    at: violated[0]?.at ?? '',
    detail: `Exceeded: ${violated.map((outcome) => outcome.name).join(', ')}.`,
  };
}
