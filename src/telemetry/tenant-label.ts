export interface TenantLabels {
  of(tenant: string | undefined): string;
  size(): number;
  max: number;
}

/**
 * Metric label of a tenant, bounded: the first `max` tenants that send traffic get a label of their own, later ones share
 * `other`. Bounded by what was seen rather than by the registry, so that a large registry with few active tenants stays
 * readable.
 */
export function createTenantLabels(max: number): TenantLabels {
  const known = new Set<string>();
  return {
    max,
    size: () => known.size,
    of(tenant) {
      if (tenant === undefined) return 'none';
      if (known.has(tenant)) return tenant;
      if (known.size >= max) return 'other';
      known.add(tenant);
      return tenant;
    },
  };
}
