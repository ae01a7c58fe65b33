export type Tier = 'shared' | 'semi-isolated' | 'dedicated';

/** A customer: whose Odoo database and budget a request uses. */
export interface Tenant {
  id: string;
  tier: Tier;
  /** Database in Odoo. */
  database: string;
}
