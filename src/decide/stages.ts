// hot path: the stages run for every request; each is one function and keeps synchronous unless it has to wait.
import type { Refusal } from '../core/decision.ts';
import { chargesOf, guardChargeOf, judgeCharges, judgeLimits } from './charges.ts';
import { identify, missingScope } from '../auth/identify.ts';
import { chooseCanary } from './canary.ts';
import { canonicalise } from './canonicalise.ts';
import { containsIp } from '../core/ip.ts';
import { countRefusedCredential, refuseHeldAddress } from './failed-attempts.ts';
import { fieldValue } from '../core/fields.ts';
import { followLearned } from './learned-workload.ts';
import type { Inquiry } from './inquiry.ts';
import { runRead } from './read-call.ts';
import type { PoolChoice } from './snapshot.ts';
import type { Workload } from '../core/workload.ts';
import { judgeOdooCall } from '../odoo/allow.ts';
import { namedDatabases } from '../odoo/named-databases.ts';
import { parameterValues, withoutParameter } from '../odoo/query-parameters.ts';
import { findOdooRoute } from '../odoo/route.ts';
import { workClassOf } from '../odoo/urgency.ts';
import { classifyWorkload } from '../odoo/workload.ts';
import { resolveTenant } from '../tenants/resolve.ts';
import { explainZones } from '../zones/explain.ts';
import { matchZone } from '../zones/match.ts';

export type StageResult = Refusal | undefined;

export interface Stage {
  name: StageName;
  run(inquiry: Inquiry): StageResult | Promise<StageResult>;
}

export type StageName =
  | 'canonicalise'
  | 'zone'
  | 'address'
  | 'identify'
  | 'read'
  | 'tenant'
  | 'authorise'
  | 'workload'
  | 'limit'
  | 'route';

/**
 * The life of a decision, in order. A refusal ends it.
 *
 * - `canonicalise` first: what can be read in two ways must not reach a rule.
 * - `zone` before anything costs: no zone, no entry.
 * - `address` before `identify`: it protects the expensive checks, so its guard spends even when they fail, and who has failed
 *   too often is not checked again.
 * - `read` after `identify`: nobody unknown makes the gateway read a body; before `tenant`: a call names its database.
 * - `tenant` after `identify`: the credential may name a tenant, and all that name one must agree.
 * - `authorise` before `limit`: what is not allowed spends nothing.
 * - `workload` before `limit`: a limit may cost more for batch work.
 * - `limit` before `route`: who is over the budget must not take a place in a queue.
 */
export const stages: readonly Stage[] = [
  { name: 'canonicalise', run: runCanonicalise },
  { name: 'zone', run: runZone },
  { name: 'address', run: runAddress },
  { name: 'identify', run: runIdentify },
  { name: 'read', run: runRead },
  { name: 'tenant', run: runTenant },
  { name: 'authorise', run: runAuthorise },
  { name: 'workload', run: runWorkload },
  { name: 'limit', run: runLimit },
  { name: 'route', run: runRoute },
];

function runCanonicalise(inquiry: Inquiry): StageResult {
  const facts = canonicalise(inquiry.head, inquiry.snapshot.trustedProxies);
  if (typeof facts === 'string') return { reason: facts, at: '' };
  inquiry.facts = facts;
  inquiry.notes?.push({
    stage: 'canonicalise',
    outcome: facts.path,
    at: '',
    note: `${facts.method} ${facts.host} from ${facts.clientAddress}`,
  });
  return undefined;
}

function runZone(inquiry: Inquiry): StageResult {
  const { zones, zonesByName } = inquiry.snapshot;
  const match = matchZone(zones, inquiry.known);
  if (match.kind !== 'zone') {
    const reason = match.kind === 'none' ? 'no_zone' : 'zone_ambiguous';
    inquiry.notes?.push({
      stage: 'zone',
      outcome: reason,
      at: '',
      note: explainZones(zones, inquiry.known).join('; '),
    });
    return { reason, at: '' };
  }
  const zone = zonesByName.get(match.zone);
  if (zone === undefined) throw new TypeError(`"${match.zone}" is in the zone table and not in the snapshot`);
  inquiry.zone = zone;
  inquiry.captured = match.tenant;
  inquiry.notes?.push({ stage: 'zone', outcome: zone.name, at: zone.at, note: match.note });
  return undefined;
}

function runAddress(inquiry: Inquiry): StageResult | Promise<StageResult> {
  const { address } = inquiry.governing;
  const client = inquiry.known.clientAddress;
  if (address.deny !== undefined && containsIp(address.deny, client)) {
    return { reason: 'address_not_allowed', at: address.at };
  }
  if (address.allow !== undefined && !containsIp(address.allow, client)) {
    return { reason: 'address_not_allowed', at: address.at };
  }
  const charge = guardChargeOf(inquiry);
  if (charge === undefined) return refuseHeldAddress(inquiry);
  const taken = inquiry.effects.chargeGuard([charge]);
  const judge = (result: Awaited<typeof taken>): StageResult | Promise<StageResult> =>
    judgeCharges(inquiry, result, 'address_rate_exceeded') ?? refuseHeldAddress(inquiry);
  return taken instanceof Promise ? taken.then(judge) : judge(taken);
}

function runIdentify(inquiry: Inquiry): StageResult | Promise<StageResult> {
  const rule = inquiry.governing.identify;
  if (rule.alternatives.length === 0) {
    inquiry.notes?.push({ stage: 'identify', outcome: 'none', at: rule.at, note: 'left to Odoo' });
    return undefined;
  }
  const { fields, clientCertificate } = inquiry.known;
  const identified = identify(
    rule,
    { authorization: fieldValue(fields, 'authorization'), clientCertificate },
    inquiry.effects.verifiers,
  );
  return identified instanceof Promise
    ? identified.then((late) => settleIdentity(inquiry, late))
    : settleIdentity(inquiry, identified);
}

function settleIdentity(inquiry: Inquiry, identified: Awaited<ReturnType<typeof identify>>): StageResult {
  if ('reason' in identified) {
    countRefusedCredential(inquiry, identified);
    return identified;
  }
  inquiry.principal = identified.principal;
  inquiry.credential = identified.credential;
  inquiry.notes?.push({
    stage: 'identify',
    outcome: identified.principal.subject,
    at: identified.credential.at,
    note: `${identified.principal.kind} of ${identified.principal.issuer}`,
  });
  return undefined;
}

function runTenant(inquiry: Inquiry): StageResult {
  const rule = inquiry.governing.tenant;
  if (rule === undefined) {
    inquiry.notes?.push({ stage: 'tenant', outcome: 'none', at: '', note: 'the zone has no tenant' });
    return undefined;
  }
  const { captured, principal } = inquiry;
  const verdict = resolveTenant(inquiry.snapshot.tenants, rule, {
    host: inquiry.known.host,
    captured,
    principal,
    databases: namedDatabases(inquiry.known),
  });
  if ('reason' in verdict) {
    if (verdict.reason === 'tenant_missing') return { reason: verdict.reason, at: rule.at };
    const which = verdict.reason === 'tenant_unknown' ? 'a tenant that does not exist' : 'another tenant';
    return {
      reason: verdict.reason,
      at: rule.at,
      detail: `${capitalise(sourceNames[verdict.source])} names ${which}.`,
    };
  }
  inquiry.tenant = verdict.tenant;
  inquiry.notes?.push({
    stage: 'tenant',
    outcome: verdict.tenant.id,
    at: rule.at,
    note: `named by ${sourceNames[verdict.source]}`,
  });
  return undefined;
}

const sourceNames = {
  host: 'the host name',
  principal: 'the credential',
  'odoo.db': 'the requested database',
} as const;

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function runAuthorise(inquiry: Inquiry): StageResult {
  const facts = inquiry.known;
  const zone = inquiry.governing;
  if (inquiry.credential !== undefined && inquiry.principal !== undefined) {
    const scope = missingScope(inquiry.credential, inquiry.principal);
    if (scope !== undefined) {
      return {
        reason: 'scope_missing',
        at: inquiry.credential.at,
        detail: `The scope ${scope} is required.`,
      };
    }
  }
  // Odoo does not check the origin of a WebSocket, so any web page could open one with the user's cookie.
  if (facts.webSocket && !isSameOrigin(fieldValue(facts.fields, 'origin'), facts.host)) {
    return { reason: 'origin_not_allowed', at: '' };
  }
  const closed = refuseDatabaseManager(inquiry) ?? settleDebug(inquiry);
  if (closed !== undefined || zone.odoo === undefined) return closed;
  const { principal, tenant } = inquiry;
  const verdict = judgeOdooCall(zone.odoo, facts, { principal, tenant });
  if (!verdict.allowed) {
    const { reason, at, detail } = verdict;
    return detail === undefined ? { reason, at } : { reason, at, detail };
  }
  if (facts.odoo !== undefined) {
    inquiry.notes?.push({
      stage: 'authorise',
      outcome: 'allowed',
      at: verdict.at,
      note: `${facts.odoo.model || facts.odoo.service} ${facts.odoo.method}`,
    });
  }
  return undefined;
}

/** Its pages, and the service of RPC that does the same: both list, copy and drop the databases of every tenant. */
function refuseDatabaseManager({ governing, known }: Inquiry): StageResult {
  if (governing.calls.passesDatabases) return undefined;
  const { odoo, path } = known;
  if (odoo === undefined ? findOdooRoute(path) !== 'database' : odoo.service !== 'db') return undefined;
  return {
    reason: 'odoo_method_not_allowed',
    at: governing.calls.at.databaseManager,
    detail: "Odoo's database manager is closed here.",
  };
}

/** With `debug` anybody switches on the developer mode of his session, and has the bundles of all built anew (web/models/ir_http.py). */
function settleDebug(inquiry: Inquiry): StageResult {
  const { known, governing } = inquiry;
  const { query } = known;
  if (query === undefined || !governing.calls.removesDebug) return undefined;
  if (parameterValues(query, 'debug').length === 0) return undefined;
  if (inquiry.head.forwardedByPeer) {
    return {
      reason: 'parameter_not_allowed',
      at: governing.calls.at.debug,
      detail: 'The parameter debug is not allowed here.',
    };
  }
  known.query = withoutParameter(query, 'debug');
  inquiry.notes?.push({
    stage: 'authorise',
    outcome: 'debug removed',
    at: governing.calls.at.debug,
    note: known.query === undefined ? 'no query is left' : `${known.query} is left of the query`,
  });
  return undefined;
}

function isSameOrigin(origin: string | undefined, host: string): boolean {
  if (origin === undefined) return false;
  const authority = /^https?:\/\/([^/:]+|\[[^\]]+\])(?::\d+)?$/.exec(origin.toLowerCase());
  return authority?.[1] === host;
}

function runWorkload(inquiry: Inquiry): StageResult {
  const facts = inquiry.known;
  const zone = inquiry.governing;
  // On Odoo's HTTP port this path fails with 500, on its gevent port only a handshake has business (odoo#106339).
  if (facts.webSocket !== (facts.path === '/websocket')) return { reason: 'upgrade_invalid', at: '' };
  const verdict = followLearned(inquiry, classifyWorkload(zone.workload, facts, inquiry.unreadCall));
  inquiry.workload = verdict.workload;
  inquiry.workClass = workClassOf(verdict.workload, facts);
  // Known before the limits are, so that nothing is spent on what cannot be served.
  if (choosePool(inquiry, verdict.workload) === undefined)
    return { reason: 'workload_not_served', at: zone.at };
  inquiry.notes?.push({ stage: 'workload', outcome: verdict.workload, at: verdict.at, note: verdict.why });
  return undefined;
}

function runLimit(inquiry: Inquiry): StageResult | Promise<StageResult> {
  if (inquiry.governing.limits.length === 0) {
    inquiry.notes?.push({ stage: 'limit', outcome: 'none', at: '', note: 'the zone has no limit' });
    return undefined;
  }
  const charges = chargesOf(inquiry);
  const taken = inquiry.effects.charge(charges);
  return taken instanceof Promise
    ? taken.then((late) => judgeLimits(inquiry, charges, late))
    : judgeLimits(inquiry, charges, taken);
}

function runRoute(inquiry: Inquiry): StageResult {
  const { workload, tenant } = inquiry;
  const choice = workload === undefined ? undefined : choosePool(inquiry, workload);
  if (workload === undefined || choice === undefined) throw new TypeError('"workload" is served by no pool');
  const canary = chooseCanary(inquiry, workload);
  if (canary !== undefined) {
    const { pool, at } = canary.choice;
    inquiry.pool = pool;
    inquiry.poolAt = at;
    inquiry.notes?.push({
      stage: 'route',
      outcome: pool,
      at,
      note: `${workload}, canary by ${canary.key.kind}`,
    });
    return undefined;
  }
  inquiry.pool = choice.pool;
  inquiry.poolAt = choice.at;
  const ofTier = tenant !== undefined && choice !== inquiry.governing.pools[workload];
  inquiry.notes?.push({
    stage: 'route',
    outcome: choice.pool,
    at: choice.at,
    note: ofTier ? `${workload}, ${tenant.tier}` : workload,
  });
  return undefined;
}

function choosePool({ governing, tenant }: Inquiry, workload: Workload): PoolChoice | undefined {
  const ofTier = tenant === undefined ? undefined : governing.poolsByTier[tenant.tier];
  return (ofTier ?? governing.pools)[workload];
}
