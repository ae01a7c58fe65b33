import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { guardSchema, limitSchema, storeSchema } from './options.ts';

const minimal = { name: 'partner-rate', key: 'tenant', rate: '50/s' };

/** Messages of what does not read, with their paths. */
function problemsOf(schema: z.ZodType, value: unknown): string[] {
  const read = schema.safeParse(value);
  if (read.success) return [];
  return read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

describe('a limit', () => {
  it('needs a name, a key and a rate; the rest has defaults', () => {
    expect(limitSchema.parse(minimal)).toEqual({
      name: 'partner-rate',
      key: 'tenant',
      rate: { text: '50/s', tokens: 50, periodUs: 1_000_000 },
      cost: {},
      shadow: false,
      onStoreFailure: 'share',
    });
  });

  it('takes burst, costs, shadow and what happens when the store fails', () => {
    expect(
      limitSchema.parse({
        ...minimal,
        rate: '2000/d',
        burst: 20,
        cost: { batch: 5, static: 0 },
        shadow: true,
        onStoreFailure: 'closed',
      }),
    ).toEqual({
      name: 'partner-rate',
      key: 'tenant',
      rate: { text: '2000/d', tokens: 2000, periodUs: 86_400_000_000 },
      burst: 20,
      cost: { batch: 5, static: 0 },
      shadow: true,
      onStoreFailure: 'closed',
    });
  });

  it.each([
    ['50/s', 50, 1e6],
    ['600/m', 600, 60e6],
    ['1/h', 1, 3600e6],
    ['999999999/d', 999_999_999, 86_400e6],
  ])('reads the rate %s', (rate, tokens, periodUs) => {
    expect(limitSchema.parse({ ...minimal, rate }).rate).toEqual({ text: rate, tokens, periodUs });
  });

  it.each(['50', '0/s', '050/s', '5.5/s', '50/sec', '50 / s', '-1/s', '1000000000/s', '', 50])(
    'refuses the rate %j',
    (rate) => {
      expect(problemsOf(limitSchema, { ...minimal, rate })).toEqual([
        `rate: "${rate}" is not a rate.\nThe gateway would not know how many requests to admit.\nWrite whole tokens for each s, m, h or d: 50/s, 600/m or 2000/h.`,
      ]);
    },
  );

  it.each([0, 1.5, -3, 1_000_000_001, '20'])('refuses the burst %j', (burst) => {
    expect(problemsOf(limitSchema, { ...minimal, burst })).toEqual([
      `burst: "${burst}" is not a whole number from 1 to 1000000000.\nThe gateway would not know what to apply.\nWrite a whole number from 1 to 1000000000.`,
    ]);
  });

  it('refuses words that it does not know, each with what would be unclear', () => {
    expect(problemsOf(limitSchema, { ...minimal, key: 'ip', shadow: 'yes', onStoreFailure: 'deny' })).toEqual(
      [
        'key: "ip" is not one of tenant, principal, zone, client.\nIt would be unknown who shares one budget.\nWrite one of tenant, principal, zone, client.',
        'shadow: "yes" is not true or false.\nIt would be unknown whether the limit refuses.\nWrite true or false.',
        'onStoreFailure: "deny" is not one of share, open, closed.\nIt would be unknown what holds while the store cannot be reached.\nWrite one of share, open, closed.',
      ],
    );
  });

  it.each(['quota', 'inFlight', 'limit'])('refuses the unknown key %s', (key) => {
    expect(problemsOf(limitSchema, { ...minimal, [key]: 8 })).toEqual([`: Unrecognized key: "${key}"`]);
  });

  it('refuses a cost for a workload that does not exist', () => {
    expect(problemsOf(limitSchema, { ...minimal, cost: { bulk: 5 } })).toEqual([
      'cost: Unrecognized key: "bulk"',
    ]);
  });
});

describe('the address guard', () => {
  it('has a rate and a burst and nothing else', () => {
    expect(guardSchema.parse({ rate: '100/s', burst: 200 })).toEqual({
      rate: { text: '100/s', tokens: 100, periodUs: 1_000_000 },
      burst: 200,
    });
    expect(problemsOf(guardSchema, { rate: '100/s', key: 'client' })).toEqual([': Unrecognized key: "key"']);
  });
});

describe('the store', () => {
  it('needs the address of a server only', () => {
    expect(storeSchema.parse({ redis: { url: 'redis://redis:6379' } })).toEqual({
      redis: { url: 'redis://redis:6379', timeout: 25, connectTimeout: 1000 },
      instances: 1,
    });
  });

  it.each([
    'redis://redis:6379',
    'rediss://user:s3cret@10.0.0.1:6380/2',
    'redis://:s3cret@[::1]:6379',
    'redis://redis',
  ])('takes the address %s', (url) => {
    expect(problemsOf(storeSchema, { redis: { url } })).toEqual([]);
  });

  it.each(['redis:6379', 'http://:s3cret@redis:6379', 'redis://', 'redis://redis:6379/0?family=6', 6379])(
    'refuses the address %j without repeating it, as it may hold a password',
    (url) => {
      expect(problemsOf(storeSchema, { redis: { url } })).toEqual([
        'redis.url: The Redis address is not a URL.\nThe gateway could not reach its store.\nWrite redis://host:6379, or rediss://host:6380 for TLS.',
      ]);
    },
  );

  it('has a JSON Schema in which every key is described', () => {
    for (const schema of [limitSchema, guardSchema, storeSchema]) {
      const undescribed: string[] = [];
      collectUndescribed(z.toJSONSchema(schema, { io: 'input' }), '', undescribed);
      expect(undescribed).toEqual([]);
    }
  });
});

function collectUndescribed(schema: unknown, path: string, found: string[]): void {
  if (typeof schema !== 'object' || schema === null || !('properties' in schema)) return;
  for (const [key, property] of Object.entries(schema.properties as Record<string, object>)) {
    if (!('description' in property)) found.push(`${path}${key}`);
    collectUndescribed(property, `${path}${key}.`, found);
  }
}
