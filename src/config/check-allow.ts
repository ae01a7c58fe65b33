import type { Issue } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';
import type { ZoneOptions } from './schema.ts';

/**
 * What does not go together in `allow.odoo` and `odoo` of a zone. `tenantIds` is undefined where a tenant file is broken, so that
 * its absence is not complained about too.
 */
export function checkAllow(options: ZoneOptions, tenantIds: ReadonlySet<string> | undefined): Issue[] {
  const entries = options.allow.odoo;
  if (entries === undefined) return [];
  const issues: Issue[] = [];
  if (options.odoo.unreadable === 'pass') {
    issues.push({
      path: ['odoo', 'unreadable'],
      what: '"unreadable" is "pass", but the zone has a list of allowed calls.',
      consequence: 'Whoever makes the body of a call too large to be read would get past the list.',
      fix: 'Write unreadable: refuse, or leave the key out.',
    });
  }
  for (const [index, { scopes, tenants, tiers }] of entries.entries()) {
    const path = ['allow', 'odoo', index];
    if (scopes !== undefined && !takesTokens(options)) {
      issues.push({
        path: [...path, 'scopes'],
        what: 'The entry asks for scopes, but the zone takes no tokens.',
        consequence: 'Nobody could have them, so the entry would allow nothing.',
        fix: 'Add a jwt under identify, or leave scopes out.',
      });
    }
    for (const [key, asked] of [
      ['tenants', tenants],
      ['tiers', tiers],
    ] as const) {
      if (asked === undefined || options.tenant !== undefined) continue;
      issues.push({
        path: [...path, key],
        what: `The entry is for some ${key} only, but the zone has no tenant.`,
        consequence: 'It would allow nothing.',
        fix: `Add tenant: { from: [host] }, or leave ${key} out.`,
      });
    }
    for (const [place, id] of (tenants ?? []).entries()) {
      if (tenantIds === undefined || tenantIds.has(id)) continue;
      const nearest = nearestName(id, tenantIds);
      issues.push({
        path: [...path, 'tenants', place],
        what: `"${id}" is not a tenant.`,
        consequence: 'The entry would allow it nothing.',
        fix:
          nearest === undefined
            ? 'Write the id of a tenant in tenants.yaml, or add it there.'
            : `Write ${nearest} if that is meant, or add "${id}" to tenants.yaml.`,
      });
    }
  }
  return issues;
}

function takesTokens({ identify }: ZoneOptions): boolean {
  return identify !== 'none' && identify.any.some((credential) => 'jwt' in credential);
}
