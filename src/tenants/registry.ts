import type { Issue } from '../core/issue.ts';
import type { Tenant } from '../core/tenant.ts';
import type { TenantsOptions } from './options.ts';

/** A tenant with what only the forwarding side may know. */
export interface RegisteredTenant extends Tenant {
  /** Secret: never logged, never in a decision. */
  odooApiKey: string | undefined;
}

export interface TenantRegistry {
  byId: ReadonlyMap<string, RegisteredTenant>;
  byHost: ReadonlyMap<string, RegisteredTenant>;
  byDatabase: ReadonlyMap<string, RegisteredTenant>;
}

/** Compiles one or more tenant files; an issue's path begins with the index of its file. */
export function compileTenants(files: readonly TenantsOptions[]): {
  registry: TenantRegistry;
  issues: Issue[];
} {
  const byId = new Map<string, RegisteredTenant>();
  const byHost = new Map<string, RegisteredTenant>();
  const byDatabase = new Map<string, RegisteredTenant>();
  const issues: Issue[] = [];
  files.forEach((file, fileIndex) =>
    file.tenants.forEach((options, index) => {
      const tenant: RegisteredTenant = {
        id: options.id,
        tier: options.tier,
        database: options.database,
        odooApiKey: options.odooApiKey,
      };
      const at = [fileIndex, 'tenants', index];
      if (byId.has(tenant.id)) {
        issues.push({
          path: [...at, 'id'],
          what: `Tenant "${tenant.id}" is defined twice.`,
          consequence: 'It would be chance which of the two a request belongs to.',
          fix: 'Rename or remove one of them.',
        });
        return;
      }
      byId.set(tenant.id, tenant);
      const databaseOwner = byDatabase.get(tenant.database);
      if (databaseOwner !== undefined) {
        issues.push({
          path: [...at, 'database'],
          what: `Database "${tenant.database}" belongs to tenant "${databaseOwner.id}" already.`,
          consequence: 'One tenant would read the data of the other.',
          fix: 'Give each tenant a database of its own.',
        });
      } else byDatabase.set(tenant.database, tenant);
      options.hosts.forEach((host, hostIndex) => {
        const hostOwner = byHost.get(host);
        if (hostOwner === undefined) byHost.set(host, tenant);
        else {
          issues.push({
            path: [...at, 'hosts', hostIndex],
            what: `Host "${host}" belongs to tenant "${hostOwner.id}" already.`,
            consequence: 'Requests to it would count for the wrong tenant.',
            fix: 'Name each host for one tenant only.',
          });
        }
      });
    }),
  );
  return { registry: { byId, byHost, byDatabase }, issues };
}
