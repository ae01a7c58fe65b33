// hot path: what a request owes to which budget, and what the answer of the store means.
import type { Reason } from '../core/reason.ts';
import { governingLimit } from '../limits/governing-limit.ts';
import { limitKeyOf, type LimitSubject } from '../limits/key.ts';
import type { CompiledLimit } from '../limits/compile.ts';
import { type Charge, isAdmitted, isUnavailable, type LimitReply } from '../limits/store.ts';
import { sessionIdOf } from '../odoo/session-id.ts';
import type { Inquiry } from './inquiry.ts';
import type { StageResult } from './stages.ts';
import { isEndNeeded, openSettlement, reservedCost } from './settlement.ts';
import { note } from './trace.ts';

/**
 * One charge for each limit of the zone, with the figures that govern the caller now, shadow limits included. A limit whose
 * key nothing in the request tells is not charged: configuration refuses those that could never be (a tenant limit in a
 * zone without tenants).
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
  // One answer for all limits: the address may get a key of its own from one look to the next.
  let clientKey: string | undefined;
  let sessionKey: string | undefined;
  for (const zoneLimit of inquiry.governing.limits) {
    const limit = governingLimit(zoneLimit, inquiry, inquiry.effects.clock);
    let key: string | undefined;
    if (limit.key === 'client' || limit.key === 'session') {
      clientKey ??= inquiry.effects.clientKey(subject.clientAddress);
      key = limit.key === 'client' ? clientKey : (sessionKey ??= sessionKeyFor(inquiry, clientKey));
    } else key = limitKeyOf(limit.key, subject);
    if (key === undefined) continue;
    if (inquiry.head.forwardedByPeer && isEndNeeded(limit)) {
      noteUncounted(inquiry, limit);
      if (limit.kind === 'inFlight') continue;
    }
    const cost = limit.cost.varies
      ? reservedCost(limit, inquiry)
      : limit.cost[inquiry.workload ?? 'interactive'];
    charges.push({ limit, key, cost });
  }
  return charges;
}

/** Who comes without a session is counted as its address. */
function sessionKeyFor({ known, effects }: Inquiry, clientKey: string): string {
  const session = sessionIdOf(known.fields);
  return session === undefined ? clientKey : effects.sessionKey(session, clientKey);
}

/** ForwardAuth hears nothing of a request after its decision, so a slot that it took would never come back. */
function noteUncounted(inquiry: Inquiry, { kind, name, at }: CompiledLimit): void {
  const slots = kind === 'inFlight';
  note(inquiry, 'limit', {
    outcome: slots ? 'not counted' : 'counted in part',
    at,
    note: `${name} counts ${slots ? 'requests in progress' : 'time or bytes of the answer'}, and ForwardAuth does not see where a request ends`,
  });
}

/** The charge for the guard of the zone; undefined when it has none. */
export function guardChargeOf(inquiry: Inquiry): Charge | undefined {
  const { guard } = inquiry.governing.address;
  if (guard === undefined) return undefined;
  return { limit: guard, key: inquiry.effects.clientKey(inquiry.known.clientAddress), cost: 1 };
}

/** Judges the answer to the charges for the zone's limits; who wants to know is told whose figures governed. */
export function judgeLimits(inquiry: Inquiry, charges: readonly Charge[], result: LimitReply): StageResult {
  if (!isUnavailable(result) && isAdmitted(result) && !inquiry.head.forwardedByPeer)
    openSettlement(inquiry, charges, result);
  if (inquiry.effects.tracing && !isUnavailable(result)) {
    for (const [index, outcome] of result.entries()) outcome.figures = figuresOf(charges[index]);
  }
  return judgeCharges(inquiry, result, 'limit_exceeded');
}

function figuresOf(charge: Charge | undefined): string {
  return charge?.limit.variant ?? 'default';
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
    for (const { name, key, cost, remaining, admitted, at, figures } of inquiry.effects.tracing
      ? outcomes
      : []) {
      note(inquiry, stage, {
        outcome: admitted ? 'admits' : 'would refuse',
        at,
        note: `${name} of ${key}: costs ${cost}, ${remaining} left${figures === undefined || figures === 'default' ? '' : `; figures: ${figures}`}`,
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
