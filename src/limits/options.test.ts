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

describe('a quota', () => {
  const quota = { name: 'partner-daily', key: 'tenant' };

  it.each([
    ['200000/day', 200_000, 'day'],
    ['1/week', 1, 'week'],
    ['999999999999/month', 999_999_999_999, 'month'],
  ])('reads %s', (text, tokens, unit) => {
    expect(limitSchema.parse({ ...quota, quota: text }).quota).toEqual({ text, tokens, unit });
  });

  it.each(['200000', '0/day', '5/d', '1.5/day', '1000000000000/day', '5 / day', '5/year', 5])(
    'refuses %j',
    (text) => {
      expect(problemsOf(limitSchema, { ...quota, quota: text })).toEqual([
        `quota: "${text}" is not a quota.\nThe gateway would not know how many requests to admit in which time.\nWrite whole tokens for each day, week or month: 200000/day.`,
      ]);
    },
  );

  it('takes a time zone by its name, and no offset', () => {
    expect(limitSchema.parse({ ...quota, quota: '5/day', timezone: 'Europe/Berlin' }).timezone).toBe(
      'Europe/Berlin',
    );
    for (const timezone of ['Europe/Berln', '+01:00', 'Berlin time', 1]) {
      expect(problemsOf(limitSchema, { ...quota, quota: '5/day', timezone })).toContain(
        `timezone: "${timezone}" is not a time zone.\nIt would be unknown when a day begins.\nWrite a name of the IANA time zone database, such as Europe/Berlin or UTC.`,
      );
    }
  });

  it.each([
    ['monday', { text: 'monday', unit: 'week', day: 1 }],
    ['sunday', { text: 'sunday', unit: 'week', day: 7 }],
    [1, { text: '1', unit: 'month', day: 1 }],
    [31, { text: '31', unit: 'month', day: 31 }],
  ])('begins on %j', (anchorDay, read) => {
    expect(limitSchema.parse({ ...quota, quota: '5/day', anchorDay }).anchorDay).toEqual(read);
  });

  it.each(['Monday', 'mon', 0, 32, 1.5, ''])('begins not on %j', (anchorDay) => {
    expect(problemsOf(limitSchema, { ...quota, quota: '5/week', anchorDay })).toEqual([
      `anchorDay: "${anchorDay}" is not a day.\nIt would be unknown when the budget begins anew.\nWrite a weekday such as monday for a quota per week, or a day from 1 to 31 for one per month.`,
    ]);
  });
});

describe('the cost of a limit', () => {
  it('is told by workload, Odoo method, bytes and time', () => {
    const cost = {
      batch: 2,
      odoo: [{ model: 'sale.order', methods: ['create', 'action_*'], cost: 5 }],
      perRequestBytes: '64KiB',
      perResponseBytes: '1MiB',
      perSecond: 3,
    };
    expect(limitSchema.parse({ ...minimal, cost }).cost).toEqual({
      ...cost,
      perRequestBytes: 65_536,
      perResponseBytes: 1_048_576,
    });
  });

  it('refuses what would cost without end or nothing at all', () => {
    expect(
      problemsOf(limitSchema, {
        ...minimal,
        cost: { perRequestBytes: '0B', perResponseBytes: 5, perSecond: 0 },
      }),
    ).toEqual([
      'cost.perRequestBytes: "0" is not a size above 0B.\nEvery request would cost without end.\nWrite a size such as 64KiB or 1MiB.',
      'cost.perResponseBytes: "5" is not a size.\nWithout a unit it could be read as bytes or as kilobytes.\nWrite a number with a unit: 512B, 64KiB, 10MiB or 1GiB.',
      'cost.perSecond: "0" is not a whole number from 1 to 1000000.\nThe gateway would not know what to apply.\nWrite a whole number from 1 to 1000000.',
    ]);
  });

  it('refuses a call without methods', () => {
    expect(
      problemsOf(limitSchema, { ...minimal, cost: { odoo: [{ model: 'sale.order', cost: 5 }] } }),
    ).toEqual(expect.arrayContaining([expect.stringContaining('cost.odoo.0.methods: ')]));
  });
});

describe('a limit', () => {
  it('needs a name and a key; the rest has defaults', () => {
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
        'key: "ip" is not one of tenant, principal, session, client, zone.\nIt would be unknown who shares one budget.\nWrite one of tenant, principal, session, client, zone.',
        'shadow: "yes" is not true or false.\nIt would be unknown whether the limit refuses.\nWrite true or false.',
        'onStoreFailure: "deny" is not one of share, open, closed.\nIt would be unknown what holds while the store cannot be reached.\nWrite one of share, open, closed.',
      ],
    );
  });

  it.each(['quotas', 'inflight', 'limit'])('refuses the unknown key %s', (key) => {
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
