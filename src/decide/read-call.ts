// hot path: waits only for a body that the zone has to know and that has not come yet.
import type { BodyReading } from '../core/request-head.ts';
import { readCall, readJson2Path, type CallRoute } from '../odoo/read-call.ts';
import { findOdooRoute } from '../odoo/route.ts';
import { needsSize } from '../odoo/workload.ts';
import type { Inquiry } from './inquiry.ts';
import type { StageResult } from './stages.ts';

/**
 * Why the body of a request is read. A `call` must be known before it may pass: who else judges it does not look at the database
 * (/jsonrpc, /xmlrpc), or the zone has a list of what may be called. Of a `login` Odoo checks the database by the host name as
 * well. A `size` only tells interactive from batch.
 */
type Need = 'call' | 'login' | 'size';

/**
 * Refuses a body that the zone does not take, before any of it is read. Reads the call in it, where the zone's policy depends on
 * that; what it holds is what goes upstream.
 */
export function runRead(inquiry: Inquiry): StageResult | Promise<StageResult> {
  const { maxBody } = inquiry.governing;
  // One whose length is not announced is refused while it comes.
  if (maxBody !== undefined && (inquiry.head.body?.length ?? 0) > maxBody.bytes)
    return { reason: 'body_too_large', at: maxBody.at };
  const { method, path, odoo } = inquiry.known;
  // No call but that of JSON-2 is known before its body is.
  const route = odoo === undefined ? findOdooRoute(path) : 'json-2';
  let need: Need | undefined;
  switch (route) {
    case 'json-2':
      need = needOfJson2(inquiry);
      break;
    case 'call-kw':
      need = inquiry.governing.odoo === undefined ? 'size' : 'call';
      break;
    case 'json-rpc':
    case 'xml-rpc':
      need = needOfRpc(inquiry);
      break;
    case 'web-session':
      need = inquiry.governing.tenant === undefined ? undefined : 'login';
      break;
    case 'web-login':
      need = inquiry.governing.tenant === undefined || method !== 'POST' ? undefined : 'login';
      break;
    default:
      return needNone(inquiry);
  }
  return need === undefined ? needNone(inquiry) : readBody(inquiry, route, need);
}

function needNone(inquiry: Inquiry): undefined {
  inquiry.notes?.push({ stage: 'read', outcome: 'none', at: '', note: 'no body is needed' });
}

/** The path has the call; of its body only the size may be of interest. */
function needOfJson2(inquiry: Inquiry): Need | undefined {
  const facts = inquiry.known;
  facts.odoo ??= readJson2Path(facts.path);
  return facts.odoo !== undefined && needsSize(inquiry.governing.workload, facts.odoo) ? 'size' : undefined;
}

function needOfRpc({ governing }: Inquiry): Need {
  const free = governing.odoo === undefined && governing.tenant === undefined;
  return free && governing.calls.passesDatabases ? 'size' : 'call';
}

function readBody(inquiry: Inquiry, route: CallRoute, need: Need): StageResult | Promise<StageResult> {
  const { body } = inquiry.head;
  if (body === undefined) return leaveUnread(inquiry, need, 'unseen');
  const { maxBodyBytes, keepBytes } = inquiry.governing.calls;
  const reading = body.read({ maxBytes: maxBodyBytes, keepBytes });
  return reading instanceof Promise
    ? reading.then((late) => settleReading(inquiry, late, { route, need }))
    : settleReading(inquiry, reading, { route, need });
}

function settleReading(
  inquiry: Inquiry,
  reading: BodyReading,
  { route, need }: { route: CallRoute; need: Need },
): StageResult {
  if (reading === 'too_large') return leaveUnread(inquiry, need, reading);
  if (typeof reading === 'string') {
    const { maxBody } = inquiry.governing;
    return { reason: reading, at: (reading === 'body_too_large' ? maxBody?.at : undefined) ?? '' };
  }
  const facts = inquiry.known;
  if (reading.length === 0 && need === 'size' && route !== 'json-2') return undefined;
  const call = readCall(route, facts, reading);
  if (call === undefined) return leaveUnread(inquiry, need, 'ambiguous');
  facts.odoo = call;
  if (inquiry.effects.tracing) {
    const { service, model, method, database, records, limit } = call;
    const told = [
      database === undefined ? '' : `database ${database}`,
      records === undefined ? '' : `${records} ${records === 1 ? 'record' : 'records'}`,
      limit === undefined ? '' : `limit ${limit}`,
    ];
    inquiry.notes?.push({
      stage: 'read',
      outcome: `${service === 'object' ? model : service} ${method}`,
      at: '',
      note: [call.protocol, ...told].filter((text) => text !== '').join(', '),
    });
  }
  return undefined;
}

/** What the caller may know of the reason. */
const details = {
  unseen: 'What is called stands in the body, which is not seen on this way in.',
  too_large: 'What is called stands in the body, which is too large to be read.',
  ambiguous: 'The body holds no call, or can be read in more than one way.',
} as const;

function leaveUnread(inquiry: Inquiry, need: Need, why: keyof typeof details): StageResult {
  const { calls } = inquiry.governing;
  const mustKnow = need === 'call' || (need === 'login' && why !== 'unseen');
  if (mustKnow && !calls.passesUnread) {
    return {
      reason: 'odoo_call_unreadable',
      at: why === 'too_large' ? calls.at.maxBody : calls.at.unreadable,
      detail: details[why],
    };
  }
  inquiry.unreadCall = why !== 'unseen';
  inquiry.notes?.push({
    stage: 'read',
    outcome: 'unread',
    at: mustKnow ? calls.at.unreadable : '',
    note: details[why],
  });
  return undefined;
}
