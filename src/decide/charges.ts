// hot path: what a request owes to which budget, and what the answer of the store means.
import type { LimitOutcome } from '../core/limit.ts';
import type { Principal } from '../core/principal.ts';
import type { Reason } from '../core/reason.ts';
import { governingLimit } from '../limits/governing-limit.ts';
import { limitKeyOf, type LimitSubject } from '../limits/key.ts';
import type { CompiledLimit } from '../limits/compile.ts';
import { type Charge, isAdmitted, isUnavailable, type LimitReply } from '../limits/store.ts';
import { sessionIdOf } from '../odoo/session-id.ts';
import type { Inquiry } from './inquiry.ts';
import type { StageResult } from './stages.ts';
import { isEndNeeded, openSettlement, reservedCost } from './settlement.ts';

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
    } else if (limit.key === 'principal') key = principalKeyOf(inquiry.principal, subject);
    else key = limitKeyOf(limit.key, subject);
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

/** A principal lives as long as its credential is remembered, and calls more than once, mostly in one tenant. */
const principalKeys = new WeakMap<Principal, { tenant: string | undefined; key: string | undefined }>();

function principalKeyOf(principal: Principal | undefined, subject: LimitSubject): string | undefined {
  if (principal === undefined) return undefined;
  const known = principalKeys.get(principal);
  if (known !== undefined && known.tenant === subject.tenant) return known.key;
  const key = limitKeyOf('principal', subject);
  principalKeys.set(principal, { tenant: subject.tenant, key });
  return key;
}

/** Who comes without a session is counted as its address. */
function sessionKeyFor({ known, effects }: Inquiry, clientKey: string): string {
  const session = sessionIdOf(known.fields);
  return session === undefined ? clientKey : effects.sessionKey(session, clientKey);
}

/** ForwardAuth hears nothing of a request after its decision, so a slot that it took would never come back. */
function noteUncounted(inquiry: Inquiry, { kind, name, at }: CompiledLimit): void {
  const slots = kind === 'inFlight';
  inquiry.notes?.push({
    stage: 'limit',
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
  const admitted = isAdmitted(result);
  if (stage === 'limit' || !admitted) inquiry.limits = result;
  if (admitted) {
    if (inquiry.effects.tracing) noteOutcomes(inquiry, stage, result);
    return undefined;
  }
  let at: string | undefined;
  let names = '';
  for (const outcome of result) {
    if (outcome.admitted || outcome.shadow) continue;
    names += at === undefined ? outcome.name : `, ${outcome.name}`;
    at ??= outcome.at;
  }
  return { reason, at: at ?? '', detail: `Exceeded: ${names}.` };
}

function noteOutcomes(
  { trace }: Inquiry,
  stage: 'limit' | 'address',
  outcomes: readonly LimitOutcome[],
): void {
  for (const { name, key, cost, remaining, admitted, at, figures } of outcomes) {
    trace.push({
      stage,
      outcome: admitted ? 'admits' : 'would refuse',
      at,
      note: `${name} of ${key}: costs ${cost}, ${remaining} left${figures === undefined || figures === 'default' ? '' : `; figures: ${figures}`}`,
    });
  }
}
