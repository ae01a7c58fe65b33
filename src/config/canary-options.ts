import { z } from 'zod';
import type { Issue } from '../core/issue.ts';
import { nearestName } from '../core/nearest-name.ts';
import { nameSchema, quoted, unreadable } from '../core/schema.ts';

const shareError = unreadable(
  'a share from 0% to 100%',
  'It would be unclear how many are sent to the new version.',
  'Write a percentage such as 5% or 0.5%.',
);

/** A part of everybody, such as `5%`, with up to two decimals; yields hundredths of a percent. */
const shareSchema = z
  .string({ error: shareError })
  .regex(/^(100(\.0{1,2})?|\d{1,2}(\.\d{1,2})?)%$/, { error: shareError })
  .transform((text) => Math.round(Number.parseFloat(text) * 100));

/** `pools.canary` of a zone. */
export const canarySchema = z.strictObject({
  pool: nameSchema.describe(
    'Pool that serves interactive, batch and static requests of those who are chosen.',
  ),
  websocket: nameSchema
    .optional()
    .describe('Pool for their WebSocket tunnels; that of the others by default.'),
  share: shareSchema.describe(
    'How many are chosen, such as 5%: always the same sessions, callers or addresses; who was chosen stays so when it grows.',
  ),
  tenants: z
    .array(nameSchema, {
      error: unreadable(
        'a list of tenants',
        'It would be unclear whose requests are meant.',
        'Write a list of tenant ids.',
      ),
    })
    .min(1, {
      error: unreadable(
        'a list with at least one tenant',
        'Nobody would be chosen.',
        'Name a tenant, or remove tenants for all of them.',
      ),
    })
    .optional()
    .describe('Tenants of whom some are chosen; all that have no pools of their own by tier, by default.'),
});

export type CanaryOptions = z.output<typeof canarySchema>;

/** What does not go together in `pools.canary`; `tenantIds` is undefined where a tenant file is broken itself. */
export function checkCanary(
  { tenants }: CanaryOptions,
  { hasTenant, tenantIds }: { hasTenant: boolean; tenantIds: ReadonlySet<string> | undefined },
): Issue[] {
  if (tenants === undefined) return [];
  const path = ['pools', 'canary', 'tenants'];
  if (!hasTenant) {
    return [
      {
        path,
        what: 'The canary is for some tenants only, but the zone has no tenant.',
        consequence: 'Nobody would be sent to it.',
        fix: 'Add tenant: { from: [host] }, or leave tenants out.',
      },
    ];
  }
  const issues: Issue[] = [];
  for (const [place, id] of tenants.entries()) {
    if (tenantIds === undefined || tenantIds.has(id)) continue;
    const nearest = nearestName(id, tenantIds);
    issues.push({
      path: [...path, place],
      what: `${quoted(id)} is not a tenant.`,
      consequence: 'Nothing of it would be sent to the canary.',
      fix:
        nearest === undefined
          ? 'Write the id of a tenant in tenants.yaml, or add it there.'
          : `Write ${nearest} if that is meant, or add ${quoted(id)} to tenants.yaml.`,
    });
  }
  return issues;
}
