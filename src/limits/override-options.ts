import { z } from 'zod';
import { choiceSchema, countSchema, nameSchema, quoted, textSchema } from '../core/schema.ts';
import { limitSchema, quotaSchema, rateSchema } from './options.ts';
import { scheduleTimesShape } from './schedule-options.ts';

/** What somebody, or some time, has in place of the figures of a limit. Which of them fit the limit is checked later. */

const figuresShape = {
  rate: rateSchema
    .optional()
    .describe('Tokens that a budget regains, such as 50/s, 600/m, 2000/h or 10000/d.'),
  burst: countSchema(1, 1_000_000_000)
    .optional()
    .describe('Whole tokens that a full budget holds; by default the number in the rate.'),
  quota: quotaSchema.optional().describe('Tokens for one window of a quota, such as 500000/day.'),
  inFlight: countSchema(1, 100_000).optional().describe('Requests that may be in progress at one time.'),
};

export type FiguresOptions = z.output<z.ZodObject<typeof figuresShape>>;

const scheduleEntrySchema = z.strictObject({ ...scheduleTimesShape, ...figuresShape });
export type ScheduleEntryOptions = z.output<typeof scheduleEntrySchema>;

const scheduleSchema = z
  .array(scheduleEntrySchema)
  .optional()
  .describe('Times at which other figures are in force; no two of them at once.');

/** A tenant's own figures for one limit, in `tenants.yaml`. */
export const ownFiguresSchema = z.strictObject({ ...figuresShape, schedule: scheduleSchema });
export type OwnFiguresOptions = z.output<typeof ownFiguresSchema>;

// Known, so that who writes it here is told where it belongs.
const tenantError = ({ input }: { input?: unknown }) =>
  `${quoted(input)} is a tenant, and its own figures do not stand here.\nWhat its contract says would be in two places.\nWrite them under the tenant in tenants.yaml: limits: { <zone>/<limit>: { rate: 200/s } }.`;

const overrideSchema = z.strictObject({
  tenant: z
    .never({ error: tenantError })
    .optional()
    .describe('Not here: what one tenant has of its own stands under it in tenants.yaml.'),
  tier: choiceSchema(['shared', 'semi-isolated', 'dedicated'], 'It would be for nobody.')
    .optional()
    .describe('For tenants of this tier.'),
  principal: textSchema('the name of a caller', 'Write what its credential calls it: sub, or the subject.')
    .optional()
    .describe('For this caller, in every tenant: sub of its tokens, or the subject of its certificate.'),
  issuer: nameSchema
    .optional()
    .describe('Issuer or client authority in identities.yaml that vouches for the principal.'),
  ...figuresShape,
  schedule: scheduleSchema,
});
export type OverrideOptions = z.output<typeof overrideSchema>;

/** One entry of a zone's `limits:` list. */
export const zoneLimitSchema = limitSchema.extend({
  schedule: scheduleSchema,
  overrides: z
    .array(overrideSchema)
    .optional()
    .describe(
      'Figures for a tier or one caller, in place of those of the limit; the one that fits most closely governs alone.',
    ),
});
export type ZoneLimitOptions = z.output<typeof zoneLimitSchema>;
