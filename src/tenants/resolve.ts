// hot path
import { type Fields, fieldValue } from '../core/fields.ts';
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
  fields: Fields;
}

export type TenantVerdict =
  | { tenant: RegisteredTenant; source: TenantSource }
  | { reason: 'tenant_missing' }
  | { reason: 'tenant_unknown'; source: TenantSource }
  | { reason: 'tenant_mismatch'; source: TenantSource };

/**
 * Resolves the tenant: every configured source that names one must name the same known tenant. A credential that names a
 * tenant counts even when the rule does not list it: a token for one tenant must never open another's host.
 */
export function resolveTenant(
  registry: TenantRegistry,
  rule: TenantRule,
  evidence: TenantEvidence,
): TenantVerdict {
  let found: RegisteredTenant | undefined;
  let foundIn: TenantSource | undefined;
  for (const source of allSources) {
    if (!rule.from.includes(source) && source !== 'principal') continue;
    const named = lookUp(registry, source, evidence);
    if (named === undefined) continue;
    if (named === 'unknown') return { reason: 'tenant_unknown', source };
    if (found !== undefined && found !== named) return { reason: 'tenant_mismatch', source };
    if (rule.from.includes(source)) {
      foundIn ??= source;
    }
    found = named;
  }
  return found === undefined || foundIn === undefined
    ? { reason: 'tenant_missing' }
    : { tenant: found, source: foundIn };
}

const allSources: readonly TenantSource[] = ['host', 'principal', 'odoo.db'];

function lookUp(
  registry: TenantRegistry,
  source: TenantSource,
  evidence: TenantEvidence,
): RegisteredTenant | 'unknown' | undefined {
  switch (source) {
    case 'host':
      if (evidence.captured !== undefined) return registry.byId.get(evidence.captured) ?? 'unknown';
      return registry.byHost.get(evidence.host);
    case 'principal': {
      const id = evidence.principal?.tenant;
      return id === undefined ? undefined : (registry.byId.get(id) ?? 'unknown');
    }
    case 'odoo.db': {
      const database = fieldValue(evidence.fields, 'x-odoo-database');
      return database === undefined ? undefined : (registry.byDatabase.get(database) ?? 'unknown');
    }
  }
}
