import { identitiesSchema } from '../auth/options.ts';
import { poolsSchema } from '../pools/options.ts';
import { jsonSchemaOf } from './json-schema.ts';
import { gatewaySchema, tenantsSchema, zoneSchema } from './schema.ts';

/** The JSON Schema of each kind of configuration file, as `config/schema/` holds them. */
export function configurationSchemas(): { file: string; text: string }[] {
  const kinds = [
    ['gateway', gatewaySchema],
    ['identities', identitiesSchema],
    ['tenants', tenantsSchema],
    ['pools', poolsSchema],
    ['zone', zoneSchema],
  ] as const;
  return kinds.map(([name, schema]) => ({
    file: `${name}.schema.json`,
    text: jsonSchemaOf(schema, { title: `Bulkhead ${name}`, id: `urn:bulkhead:schema:${name}` }),
  }));
}
