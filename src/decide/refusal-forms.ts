import { type Reason, reasons } from '../core/reason.ts';
import type { LimitOutcome } from '../core/limit.ts';
import type { Refusal } from '../core/decision.ts';
import type { AnswerStyle } from '../odoo/protocol.ts';

/** What a body tells of the refused request. */
export interface RefusalSubject {
  requestId: string;
  /** `id` of a JSON-RPC call; null when it is not known. */
  rpcId: string | number | null;
  limits: readonly LimitOutcome[];
}

/** What is said of the refusal, in every form the same. */
export interface Told {
  status: number;
  title: string;
  detail: string;
  /** Seconds of `Retry-After`. */
  retryAfterS: number | undefined;
}

export interface RefusalForm {
  /** Flat list of names and values. */
  contentFields: readonly string[];
  render(told: Told, refusal: Refusal, subject: RefusalSubject): string;
}

/** One body for each kind of caller: the form in which it understands an error. */
export const refusalForms: Readonly<Record<AnswerStyle, RefusalForm>> = {
  problem: { contentFields: ['content-type', 'application/problem+json'], render: problemJson },
  'json-rpc': { contentFields: ['content-type', 'application/json'], render: jsonRpcError },
  'xml-rpc': { contentFields: ['content-type', 'text/xml; charset=utf-8'], render: xmlRpcFault },
  page: {
    contentFields: [
      'content-type',
      'text/html; charset=utf-8',
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'x-content-type-options',
      'nosniff',
    ],
    render: page,
  },
};

/**
 * RFC 9457. Joined from text, because a flood is answered with it: what a reason always says is made once, which takes a quarter
 * of the time (measured). A request id is digits, all else that is not ours is quoted here.
 */
function problemJson(_: Told, refusal: Refusal, subject: RefusalSubject): string {
  const { reason, detail } = refusal;
  const { requestId } = subject;
  const { start, usualDetail } = problemTexts[reason];
  const policies = violatedPolicies(refusal, subject);
  const violated = policies.length === 0 ? '' : `,"violated-policies":${JSON.stringify(policies)}`;
  return (
    `${start}${detail === undefined ? usualDetail : JSON.stringify(detail)},` +
    `"instance":"urn:bulkhead:request:${requestId}","reason":"${reason}","requestId":"${requestId}"${violated}}`
  );
}

/**
 * A name that Odoo's client shows as a plain dialog: session and access errors would log the user out or offer a reload
 * (addons/web/static/src/core/errors/error_dialogs.js).
 */
function jsonRpcError(told: Told, refusal: Refusal, subject: RefusalSubject): string {
  const message = `${told.detail} (${refusal.reason}, request ${subject.requestId})`;
  const policies = violatedPolicies(refusal, subject);
  return JSON.stringify({
    jsonrpc: '2.0',
    id: subject.rpcId,
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
        requestId: subject.requestId,
        'violated-policies': policies.length === 0 ? undefined : policies,
      },
    },
  });
}

const ianaProblem = 'https://iana.org/assignments/http-problem-types#';

/** The draft has a type for each way in which a service says "later": what else is refused has a name of our own. */
function problemTypeOf(reason: Reason): string {
  if (reason === 'too_many_failed_attempts') return `${ianaProblem}abnormal-usage-detected`;
  const { status } = reasons[reason];
  if (status === 429) return `${ianaProblem}quota-exceeded`;
  if (status === 503) return `${ianaProblem}temporary-reduced-capacity`;
  return `urn:bulkhead:reason:${reason}`;
}

/** The beginning of a problem by its reason, up to the detail, and the detail where a refusal has none of its own. */
const problemTexts = Object.fromEntries(
  (Object.keys(reasons) as Reason[]).map((reason) => {
    const { title, status } = reasons[reason];
    const start = JSON.stringify({ type: problemTypeOf(reason), title, status });
    return [reason, { start: `${start.slice(0, -1)},"detail":`, usualDetail: JSON.stringify(`${title}.`) }];
  }),
) as Record<Reason, { start: string; usualDetail: string }>;

/** Every policy that the request broke, by name; the draft demands the member where there is one. */
function violatedPolicies({ policies }: Refusal, { limits }: RefusalSubject): readonly string[] {
  const names = policies === undefined ? [] : [...policies];
  for (const { admitted, shadow, name } of limits) if (!admitted && !shadow) names.push(name);
  return names;
}

/**
 * Odoo's own codes, so that a client that knows Odoo knows what kind of error it is (addons/rpc/controllers/xmlrpc.py): 3 for
 * who is not known, 4 for what is not allowed, 2 for a message to the user.
 */
function faultCodeOf(status: number): number {
  if (status === 401) return 3;
  return status === 403 ? 4 : 2;
}

/** The status stays what it is: `xmlrpc.client` of Python tells it with its fields, and other clients read the fault. */
function xmlRpcFault({ status, detail }: Told, { reason }: Refusal, { requestId }: RefusalSubject): string {
  const text = escapeMarkup(`${detail} (${reason}, request ${requestId})`);
  return (
    "<?xml version='1.0'?>\n<methodResponse><fault><value><struct>" +
    `<member><name>faultCode</name><value><int>${faultCodeOf(status)}</int></value></member>` +
    `<member><name>faultString</name><value><string>${text}</string></value></member>` +
    '</struct></value></fault></methodResponse>\n'
  );
}

/** For a person: what happened, when to try again, and what to tell whoever helps. Loads nothing and runs nothing. */
function page(
  { status, title, detail, retryAfterS }: Told,
  refusal: Refusal,
  subject: RefusalSubject,
): string {
  const retry =
    retryAfterS === undefined
      ? ''
      : `<p>Please try again in ${retryAfterS === 1 ? 'a second' : `${retryAfterS} seconds`}.</p>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeMarkup(title)}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:12vh auto;padding:0 1rem;color:#222;background:#fff}small{color:#595959}@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}small{color:#a6a6a6}}</style>
</head><body><main><h1>${escapeMarkup(title)}</h1>${detail === `${title}.` ? '' : `<p>${escapeMarkup(detail)}</p>`}${retry}
<p><small>Status ${status}, reason <code>${refusal.reason}</code>, request <code>${escapeMarkup(subject.requestId)}</code></small></p>
</main></body></html>
`;
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeMarkup(text: string): string {
  return text.replace(/[&<>"]/g, (character) => escapes[character] ?? '');
}
