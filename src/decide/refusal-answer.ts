import { reasons } from '../core/reason.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { Refusal } from '../core/decision.ts';
import { rateLimitFields, retryAfterSeconds } from '../limits/rate-limit-fields.ts';
import type { AnswerStyle } from '../odoo/protocol.ts';

export interface RefusalContext {
  requestId: string;
  style: AnswerStyle;
  /** `id` of a JSON-RPC call; null when it is not known. */
  rpcId: string | number | null;
  zone: string | undefined;
  limits: readonly LimitOutcome[];
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
  fields.push(...rateLimitFields(context.limits));
  const retryAfterS = retryAfterOf(refusal, context, random);
  if (retryAfterS !== undefined) fields.push('retry-after', String(retryAfterS));
  const detail = refusal.detail ?? `${title}.`;
  if (context.style === 'json-rpc') {
    fields.push('content-type', 'application/json');
    return { status, fields, body: jsonRpcError({ status, title, detail }, refusal, context) };
  }
  fields.push('content-type', 'application/problem+json');
  return { status, fields, body: problemJson({ status, title, detail }, refusal, context) };
}

interface Told {
  status: number;
  title: string;
  detail: string;
}

/** RFC 9457. The types of the RateLimit draft where it has one, our own elsewhere. */
function problemJson(told: Told, refusal: Refusal, context: RefusalContext): string {
  return JSON.stringify({
    type: problemTypeOf(refusal),
    title: told.title,
    status: told.status,
    detail: told.detail,
    instance: `urn:bulkhead:request:${context.requestId}`,
    reason: refusal.reason,
    requestId: context.requestId,
    ...violatedPolicies(refusal, context),
  });
}

/**
 * A name that Odoo's client shows as a plain dialog: session and access errors would log the user out or offer a reload
 * (addons/web/static/src/core/errors/error_dialogs.js).
 */
function jsonRpcError(told: Told, refusal: Refusal, context: RefusalContext): string {
  const message = `${told.detail} (${refusal.reason}, request ${context.requestId})`;
  return JSON.stringify({
    jsonrpc: '2.0',
    id: context.rpcId,
    error: {
      code: told.status,
      message: told.title,
      data: {
        name: 'odoo.exceptions.UserError',
        message,
        arguments: [message],
        context: {},
        debug: '',
        reason: refusal.reason,
        requestId: context.requestId,
        ...violatedPolicies(refusal, context),
      },
    },
  });
}

const ianaProblem = 'https://iana.org/assignments/http-problem-types#';

/** The draft has a type for each way in which a service says "later": what else is refused has a name of our own. */
function problemTypeOf({ reason }: Refusal): string {
  if (reason === 'too_many_failed_attempts') return `${ianaProblem}abnormal-usage-detected`;
  const { status } = reasons[reason];
  if (status === 429) return `${ianaProblem}quota-exceeded`;
  if (status === 503) return `${ianaProblem}temporary-reduced-capacity`;
  return `urn:bulkhead:reason:${reason}`;
}

/** Every policy that the request broke, by name; the draft demands the member where there is one. */
function violatedPolicies(
  { policies = [] }: Refusal,
  { limits }: RefusalContext,
): { 'violated-policies'?: string[] } {
  const exceeded = limits.filter((limit) => !limit.admitted && !limit.shadow).map((limit) => limit.name);
  const names = [...policies, ...exceeded];
  return names.length === 0 ? {} : { 'violated-policies': names };
}

/** RFC 9110 §11.6.1 and RFC 6750 §3: what to present, and what was wrong with the token that was presented, if one was. */
function pushChallenge(fields: string[], refusal: Refusal, zone: string | undefined): void {
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
  for (const limit of context.limits) longestMs = Math.max(longestMs, waitOf(limit));
  return retryAfterSeconds(longestMs, random);
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
