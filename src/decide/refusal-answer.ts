import { reasons } from '../core/reason.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { Refusal } from '../core/decision.ts';
import { rateLimitFields, retryAfterSeconds } from '../limits/rate-limit-fields.ts';
import { refusalForms, type RefusalSubject } from './refusal-forms.ts';
import type { AnswerStyle } from '../odoo/protocol.ts';

export interface RefusalContext extends RefusalSubject {
  style: AnswerStyle;
  zone: string | undefined;
}

export interface RefusalAnswer {
  status: number;
  /** Flat list of names and values. */
  fields: string[];
  body: string;
}

/**
 * The one place where a refusal becomes HTTP. Tells status, reason code and request id, and nothing of the inside. `random`
 * gives 0 to 1 and spreads `Retry-After`.
 */
export function renderRefusal(
  refusal: Refusal,
  context: RefusalContext,
  random: () => number = Math.random,
): RefusalAnswer {
  const { status, title } = reasons[refusal.reason];
  const fields = ['cache-control', 'no-store', 'x-request-id', context.requestId];
  pushChallenge(fields, refusal, context.zone);
  rateLimitFields(context.limits, fields);
  const retryAfterS = retryAfterOf(refusal, context, random);
  if (retryAfterS !== undefined) fields.push('retry-after', String(retryAfterS));
  const told = { status, title, detail: refusal.detail ?? `${title}.`, retryAfterS };
  const form = refusalForms[context.style];
  fields.push(...form.contentFields);
  return { status, fields, body: form.render(told, refusal, context) };
}

/** RFC 9110 §11.6.1 and RFC 6750 §3: what to present, and what was wrong with the token that was presented, if one was. */
function pushChallenge(fields: string[], refusal: Refusal, zone: string | undefined): void {
  if (reasons[refusal.reason].status !== 401 && refusal.reason !== 'scope_missing') return;
  const realm = `Bearer realm="${zone ?? 'bulkhead'}"`;
  if (refusal.reason === 'scope_missing') {
    fields.push('www-authenticate', `${realm}, error="insufficient_scope"`);
  } else if (refusal.reason.startsWith('token_')) {
    fields.push('www-authenticate', `${realm}, error="invalid_token"`);
  } else if (reasons[refusal.reason].status === 401) {
    fields.push('www-authenticate', realm);
  }
}

/** Every 429 and 503 says when to come back: a client that is not told polls. */
function retryAfterOf(refusal: Refusal, context: RefusalContext, random: () => number): number | undefined {
  const { status } = reasons[refusal.reason];
  if (status !== 429 && status !== 503) return undefined;
  let longestMs = refusal.retryAfterMs ?? 0;
  let atReset = false;
  for (const limit of context.limits) {
    const waitMs = waitOf(limit);
    if (waitMs <= longestMs) continue;
    longestMs = waitMs;
    atReset = limit.kind === 'quota';
  }
  return retryAfterSeconds(longestMs, random, atReset);
}

/**
 * How long this budget alone would refuse the request when it comes again. A request that is refused after the limits were
 * charged (no seat, a full pool) may have spent the last token: `t` then tells when the next one is there.
 */
function waitOf(limit: LimitOutcome): number {
  if (limit.shadow || limit.mode === 'open') return 0;
  if (!limit.admitted) return limit.retryAfterMs;
  return limit.remaining < limit.cost ? limit.moreAfterMs : 0;
}
