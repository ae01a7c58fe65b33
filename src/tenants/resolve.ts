// hot path
import type { Principal } from '../core/principal.ts';
import type { RegisteredTenant, TenantRegistry } from './registry.ts';
import type { TenantSource } from './options.ts';

export interface TenantRule {
  from: readonly TenantSource[];
  at: string;
}

/** What may name a tenant in one request. */
export interface TenantEvidence {
  host: string;
  /** What `{tenant}` in the zone's Host rule stood for. */
  captured: string | undefined;
  principal: Principal | undefined;
  /** Every database that the request asks for. */
  databases: readonly string[];
}

export type TenantVerdict =
  | { tenant: RegisteredTenant; source: TenantSource }
  | { reason: 'tenant_missing' }
  | { reason: 'tenant_unknown'; source: TenantSource }
  | { reason: 'tenant_mismatch'; source: TenantSource };

/**
 * Resolves the tenant: every configured source that names one must name the same known tenant. A credential or a database that
 * names a tenant counts even when the rule does not list it: a token for one tenant must never open another's host, and a call
 * through one tenant's host never reach another's database.
 */
export function resolveTenant(
  registry: TenantRegistry,
  rule: TenantRule,
  evidence: TenantEvidence,
): TenantVerdict {
  let found: RegisteredTenant | undefined;
  let foundIn: TenantSource | undefined;
  for (const { source, place } of places) {
    const listed = rule.from.includes(source);
    if (!listed && source !== 'principal') continue;
    const named = lookUp(registry, place, evidence);
    if (named === undefined) continue;
    if (named === 'unknown') return { reason: 'tenant_unknown', source };
    if (found !== undefined && found !== named) return { reason: 'tenant_mismatch', source };
    if (listed) foundIn ??= source;
    found = named;
  }
  for (const database of evidence.databases) {
    const named = rule.from.includes('odoo.db');
    const owner = registry.byDatabase.get(database);
    if (named && owner === undefined) return { reason: 'tenant_unknown', source: 'odoo.db' };
    if (found !== undefined && found !== owner) return { reason: 'tenant_mismatch', source: 'odoo.db' };
    if (!named) continue;
    foundIn ??= 'odoo.db';
    found = owner;
  }
  return found === undefined || foundIn === undefined
    ? { reason: 'tenant_missing' }
    : { tenant: found, source: foundIn };
}

type Place = 'capture' | 'ownHost' | 'credential';

/** A host can name a tenant twice: by what the rule captures, and as a host of its own. */
const places: readonly { source: TenantSource; place: Place }[] = [
  { source: 'host', place: 'capture' },
  { source: 'host', place: 'ownHost' },
  { source: 'principal', place: 'credential' },
];

function lookUp(
  registry: TenantRegistry,
  place: Place,
  evidence: TenantEvidence,
): RegisteredTenant | 'unknown' | undefined {
  switch (place) {
    case 'capture':
      return find(registry.byId, evidence.captured);
    case 'ownHost':
      return registry.byHost.get(evidence.host);
    case 'credential':
      return find(registry.byId, evidence.principal?.tenant);
  }
}

function find(
  tenants: ReadonlyMap<string, RegisteredTenant>,
  name: string | undefined,
): RegisteredTenant | 'unknown' | undefined {
  return name === undefined ? undefined : (tenants.get(name) ?? 'unknown');
}
