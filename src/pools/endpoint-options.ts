import { z } from 'zod';
import { countSchema, durationSchema, textSchema } from '../core/schema.ts';

/** One item of `endpoints`: a fixed port, or a name with a port. */
export const endpointSchema = z.strictObject({
  url: textSchema('an endpoint URL', 'Write http:// with a host and a port, such as http://odoo-1:8069.')
    .optional()
    .describe(
      'Origin of one Odoo port, http://host:port, without a path. Exactly one of url and dns is needed.',
    ),
  dns: textSchema('a name with a port', 'Write a host name and a port, such as odoo.erp.svc:8069.')
    .optional()
    .describe(
      'Name and port, host:port; each address that the name has is an endpoint, such as each pod of a headless Kubernetes service.',
    ),
  seats: countSchema(1, 100_000).describe(
    'How many requests it serves at once: the number of its prefork workers, or of tunnels for a websocket pool; with dns, those of each address.',
  ),
  weight: countSchema(1, 100)
    .optional()
    .describe(
      'How much more than others it is given for each of its seats, 1 by default; the number of its seats counts anyway.',
    ),
  refresh: durationSchema
    .optional()
    .describe('How often the name is looked up again, from 1s to 10m, 5s by default; with dns only.'),
});
