import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { countSchema, durationSchema } from '../core/schema.ts';
import { jsonSchemaOf } from './json-schema.ts';

const names = { title: 'Zone', id: 'https://example.org/zone.json' };

describe('the JSON Schema of a file', () => {
  it('is draft 7 of what may be written, sorted, with descriptions', () => {
    const schema = z.strictObject({
      zone: z.string().describe('Name of the zone.'),
      timeout: durationSchema.prefault('5s').describe('How long.'),
      burst: countSchema(1, 9).optional(),
      mode: z.enum(['b', 'a']).default('b'),
    });
    expect(jsonSchemaOf(schema, names)).toBe(`{
  "$id": "https://example.org/zone.json",
  "$schema": "http://json-schema.org/draft-07/schema#",
  "additionalProperties": false,
  "properties": {
    "burst": {
      "maximum": 9,
      "minimum": 1,
      "pattern": "^\\\\$\\\\{(file|env):[^{}]+\\\\}$",
      "type": [
        "integer",
        "string"
      ]
    },
    "mode": {
      "default": "b",
      "enum": [
        "b",
        "a"
      ],
      "type": "string"
    },
    "timeout": {
      "default": "5s",
      "description": "How long.",
      "pattern": "(?:^\\\\d{1,9}(ms|s|m|h|d)$)|\\\\$\\\\{(file|env):[^{}]+\\\\}",
      "type": "string"
    },
    "zone": {
      "description": "Name of the zone.",
      "type": "string"
    }
  },
  "required": [
    "zone"
  ],
  "title": "Zone",
  "type": "object"
}
`);
  });

  it('takes a placeholder where a pattern, a number or a boolean is asked for, and nowhere by accident', () => {
    const schema = z.strictObject({
      // Settings that are called like keywords of JSON Schema.
      type: z.boolean(),
      pattern: z.record(z.string().regex(/^[a-z]+$/), z.number()),
      list: z.array(z.int()),
      either: z.union([z.literal('none'), z.string().regex(/^\d+$/)]),
    });
    const { properties } = JSON.parse(jsonSchemaOf(schema, names));
    const placeholder = '^\\$\\{(file|env):[^{}]+\\}$';
    expect(properties).toEqual({
      type: { type: ['boolean', 'string'], pattern: placeholder },
      pattern: {
        type: 'object',
        propertyNames: { type: 'string', pattern: '^[a-z]+$' },
        additionalProperties: { type: ['number', 'string'], pattern: placeholder },
      },
      list: { type: 'array', items: { type: ['integer', 'string'], pattern: placeholder } },
      either: {
        anyOf: [
          { type: 'string', const: 'none' },
          { type: 'string', pattern: '(?:^\\d+$)|\\$\\{(file|env):[^{}]+\\}' },
        ],
      },
    });
    const pattern = new RegExp(properties.either.anyOf[1].pattern);
    expect(
      ['12', '${env:X}', '${env:X:-3}', '1${file:/x}', 'x', '$${env:X', '${x}'].map((text) =>
        pattern.test(text),
      ),
    ).toEqual([true, true, true, true, false, false, false]);
  });
});
