// hot path: judgeOdooCall runs for every call of a zone with a list.
import type { Facts } from '../core/facts.ts';
import type { Locate } from '../core/issue.ts';
import { matchesPattern } from '../core/method-pattern.ts';
import type { Principal } from '../core/principal.ts';
import type { Tenant, Tier } from '../core/tenant.ts';
import type { OdooAllowOptions } from './allow-options.ts';
import { readOnlyMethods } from './read-only-methods.ts';
import { findOdooRoute } from './route.ts';

interface AllowEntry {
  models: readonly string[];
  methods: readonly string[];
  /** Scopes that the caller needs, all of them. */
  scopes: readonly string[];
  /** Undefined: of any tenant. */
  tenants: ReadonlySet<string> | undefined;
  tiers: ReadonlySet<Tier> | undefined;
  at: string;
}

export interface OdooAllowList {
  entries: readonly AllowEntry[];
  at: string;
}

export function compileOdooAllow(options: OdooAllowOptions, locate: Locate): OdooAllowList {
  return {
    entries: options.map(({ model, methods = [], profile, scopes = [], tenants, tiers }, index) => ({
      models: typeof model === 'string' ? [model] : model,
      methods: profile === undefined ? methods : [...methods, ...readOnlyMethods],
      scopes,
      tenants: tenants && new Set(tenants),
      tiers: tiers && new Set(tiers),
      at: locate([index]),
    })),
    at: locate([]),
  };
}

/** Who calls, as far as an entry may ask for it. */
export interface Caller {
  principal: Principal | undefined;
  tenant: Tenant | undefined;
}

export type OdooVerdict =
  | { allowed: true; at: string }
  | {
      allowed: false;
      reason: 'odoo_method_not_allowed' | 'odoo_call_unreadable';
      /** What the caller may know beyond the reason. */
      detail?: string;
      at: string;
    };

/** Whoever calls by RPC has to ask these first, and they tell nothing to whom has no password (odoo/service/common.py). */
const openToAll: ReadonlySet<string> = new Set(['version', 'about', 'login', 'authenticate']);

/**
 * Judges one request against the allow-list of its zone. What is no Odoo call is not concerned: the zone's rule decides
 * about pages. A way to data whose model and method are not read is refused, never let through unread.
 */
export function judgeOdooCall(list: OdooAllowList, facts: Facts, caller: Caller): OdooVerdict {
  const call = facts.odoo;
  if (call === undefined) {
    return reachesData(facts.path)
      ? { allowed: false, reason: 'odoo_call_unreadable', at: list.at }
      : { allowed: true, at: list.at };
  }
  if (call.service !== 'object') {
    // The database manager is a matter of its own, and was judged before.
    return call.service === 'db' || openToAll.has(call.method)
      ? { allowed: true, at: list.at }
      : { allowed: false, reason: 'odoo_method_not_allowed', at: list.at };
  }
  let nearest: AllowEntry | undefined;
  for (const entry of list.entries) {
    if (!matchesAny(entry.models, call.model) || !matchesAny(entry.methods, call.method)) continue;
    if (isFor(entry, caller)) return { allowed: true, at: entry.at };
    nearest ??= entry;
  }
  return refuse(list, nearest, caller);
}

function matchesAny(patterns: readonly string[], name: string): boolean {
  for (const pattern of patterns) if (matchesPattern(pattern, name)) return true;
  return false;
}

function isFor({ scopes, tenants, tiers }: AllowEntry, { principal, tenant }: Caller): boolean {
  if (tenants !== undefined && (tenant === undefined || !tenants.has(tenant.id))) return false;
  if (tiers !== undefined && (tenant === undefined || !tiers.has(tenant.tier))) return false;
  for (const scope of scopes) if (principal?.scopes.includes(scope) !== true) return false;
  return true;
}

/** `nearest` is the first entry that has the call, but not for this caller. */
function refuse(list: OdooAllowList, nearest: AllowEntry | undefined, { principal }: Caller): OdooVerdict {
  const reason = 'odoo_method_not_allowed';
  if (nearest === undefined) return { allowed: false, reason, at: list.at };
  const missing = nearest.scopes.find((scope) => principal?.scopes.includes(scope) !== true);
  return missing === undefined
    ? { allowed: false, reason, at: nearest.at }
    : { allowed: false, reason, detail: `The scope ${missing} is required for this call.`, at: nearest.at };
}

function reachesData(path: string): boolean {
  switch (findOdooRoute(path)) {
    case 'json-2':
    case 'call-kw':
    case 'json-rpc':
    case 'xml-rpc':
    case 'other-call':
    case 'export':
      return true;
    default:
      return false;
  }
}
