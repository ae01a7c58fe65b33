import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { zoneRuleShape } from './options.ts';

const schema = z.strictObject(zoneRuleShape);

describe('zoneRuleShape', () => {
  it('takes a rule and overrides nothing unless told', () => {
    expect(schema.parse({ match: 'Host(`a`)' })).toEqual({ match: 'Host(`a`)', overrides: [] });
    expect(schema.parse({ match: 'x', overrides: ['public'] })).toEqual({
      match: 'x',
      overrides: ['public'],
    });
  });

  it.each([
    [
      'a missing rule',
      {},
      'Nothing is not a match rule.\nThe gateway would not know which requests the zone covers.\nWrite a rule such as Host(`shop.example`) && PathPrefix(`/json/2`).',
    ],
    [
      'an empty rule',
      { match: '' },
      '"" is not a match rule.\nThe gateway would not know which requests the zone covers.\nWrite a rule such as Host(`shop.example`) && PathPrefix(`/json/2`).',
    ],
    [
      'a zone name in place of a list',
      { match: 'x', overrides: 'public' },
      '"public" is not a list of zone names.\nThe gateway would not know which zones give way to this one.\nWrite a list such as [public].',
    ],
  ])('%s is refused in three lines', (_, input, message) => {
    const result = schema.safeParse(input);
    expect(result.error?.issues.map((issue) => issue.message)).toEqual([message]);
  });

  it('becomes a JSON Schema that describes both keys', () => {
    expect(z.toJSONSchema(schema, { io: 'input' })).toMatchObject({
      required: ['match'],
      properties: { match: { type: 'string' }, overrides: { type: 'array' } },
    });
  });
});
