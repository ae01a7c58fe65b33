import { describe, expect, it } from 'vitest';
import { configurationSchemas } from './schemas.ts';

interface Described {
  type?: string;
  description?: string;
  properties?: Record<string, Described>;
  additionalProperties?: unknown;
  items?: Described;
  anyOf?: Described[];
}

/** Every key of a schema at every depth, with its description. */
function keysOf(schema: Described, path = ''): [string, Described][] {
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, inner]): [string, Described][] => [
      [`${path}${key}`, inner],
      ...keysOf(inner, `${path}${key}.`),
    ]),
    ...(schema.items === undefined ? [] : keysOf(schema.items, path)),
    ...(schema.anyOf ?? []).flatMap((inner) => keysOf(inner, path)),
  ];
}

const schemas = configurationSchemas().map(({ file, text }) => ({
  file,
  schema: JSON.parse(text) as Described & Record<string, unknown>,
}));

describe('configurationSchemas', () => {
  it('has one for each kind of file, with a name of its own', () => {
    expect(schemas.map(({ file, schema }) => [file, schema['$id'], schema['title']])).toEqual(
      ['gateway', 'identities', 'tenants', 'pools', 'zone'].map((kind) => [
        `${kind}.schema.json`,
        `urn:bulkhead:schema:${kind}`,
        `Bulkhead ${kind}`,
      ]),
    );
  });

  it.each(schemas)('$file tells an editor what each key means', ({ schema }) => {
    const keys = keysOf(schema);
    expect(keys.length).toBeGreaterThan(3);
    expect(
      keys.filter(([, { description }]) => !/^[A-Z].*[.]$/.test(description ?? '')).map(([key]) => key),
    ).toEqual([]);
  });

  it.each(schemas)('$file lets no unknown key pass', ({ schema }) => {
    const open = [['', schema] as const, ...keysOf(schema)].filter(
      ([, { type, properties, additionalProperties }]) =>
        type === 'object' && properties !== undefined && additionalProperties !== false,
    );
    // Claims of a token have names of their own.
    expect(open.map(([key]) => key).filter((key) => key !== 'tests.as.jwt')).toEqual([]);
  });
});
