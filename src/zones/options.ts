import { z } from 'zod';
import { nameSchema, unreadable } from '../core/schema.ts';

const matchError = unreadable(
  'a match rule',
  'The gateway would not know which requests the zone covers.',
  'Write a rule such as Host(`shop.example`) && PathPrefix(`/json/2`).',
);

const overridesError = unreadable(
  'a list of zone names',
  'The gateway would not know which zones give way to this one.',
  'Write a list such as [public].',
);

/** The keys of a zone file that say which requests the zone covers. */
export const zoneRuleShape = {
  match: z
    .string({ error: matchError })
    .min(1, { error: matchError })
    .describe(
      'Which requests the zone covers, in the rule syntax of Traefik v3 with a {tenant} capture in Host.',
    ),
  overrides: z
    .array(nameSchema, { error: overridesError })
    .default([])
    .describe('Zones that give way to this one where both match.'),
};
