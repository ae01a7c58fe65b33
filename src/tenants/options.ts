import { z } from 'zod';
import { choiceSchema, nameSchema, textSchema, unreadable } from '../core/schema.ts';

const hostError = unreadable(
  'a host name',
  'No request would find this tenant by it.',
  'Write a lower-case host name without scheme, port and path, such as erp.acme.example.',
);

/**
 * The schema of `tenants.yaml`, and of each file of `tenants/`. `ownFigures` reads what a tenant may have of its own for one
 * limit; limits are another folder's matter.
 */
export function tenantsSchemaWith<OwnFigures extends z.ZodType>(ownFigures: OwnFigures) {
  return z.strictObject({
    tenants: z
      .array(tenantSchemaWith(ownFigures))
      .describe('The customers whose databases stand behind this gateway.'),
  });
}

function tenantSchemaWith<OwnFigures extends z.ZodType>(ownFigures: OwnFigures) {
  return z.strictObject({
    id: nameSchema.describe(
      'Name of the tenant; what {tenant} in a Host rule and the tenant claim of a token stand for.',
    ),
    tier: choiceSchema(['shared', 'semi-isolated', 'dedicated'], 'Its pools would be unknown.')
      .default('shared')
      .describe('How far its workers are its own; zones may choose pools by tier.'),
    database: textSchema('a database name', 'Write the name of its database in Odoo.').describe(
      'Name of its database in Odoo.',
    ),
    hosts: z
      .array(z.string({ error: hostError }).regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/, { error: hostError }))
      .default([])
      .describe('Host names of its own, for rules without {tenant}.'),
    odooApiKey: textSchema('an API key', 'Write ${file:/run/secrets/name} or ${env:NAME}.')
      .optional()
      .describe('Odoo API key that JSON-2 calls of this tenant carry upstream in place of the token.'),
    limits: z
      .record(z.string(), ownFigures)
      .default({})
      .describe('Figures of its own for limits, each under <zone>/<limit>, such as partner/partner-rate.'),
  });
}

export interface TenantsOptions {
  tenants: Omit<z.output<ReturnType<typeof tenantSchemaWith>>, 'limits'>[];
}

const sources = ['host', 'principal', 'odoo.db'] as const;
export type TenantSource = (typeof sources)[number];

/** `tenant` of a zone: where its tenant is read from. */
export const tenantRuleSchema = z.strictObject({
  from: z
    .array(choiceSchema(sources, 'The tenant could not be read.'))
    .min(1)
    .describe('What names the tenant: the host, the credential, the database that the client asks for.'),
  mustAgree: z
    .literal(true, {
      error: unreadable(
        'true',
        'One tenant could reach the data of another by naming it in a second place.',
        'Write true or leave the key out: sources that name a tenant always have to agree.',
      ),
    })
    .default(true)
    .describe('Always true: all sources that name a tenant must name the same one.'),
});

export type TenantRuleOptions = z.output<typeof tenantRuleSchema>;
