import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { poolsSchema } from './options.ts';

const endpoint = { url: 'http://odoo:8069', seats: 6 };

function problemsOf(value: unknown): { path: readonly PropertyKey[]; message: string }[] {
  const result = poolsSchema.safeParse(value);
  return result.success ? [] : result.error.issues.map(({ path, message }) => ({ path, message }));
}

describe('poolsSchema', () => {
  it('fills in every default', () => {
    expect(poolsSchema.parse({ pools: [{ name: 'odoo', endpoints: [endpoint] }] })).toEqual({
      pools: [
        {
          name: 'odoo',
          endpoints: [endpoint],
          kind: 'http',
          keepAlive: false,
          queue: { perTenant: 64 },
          classes: { critical: { weight: 16 }, interactive: { weight: 8 }, batch: { weight: 1 } },
          timeout: 130_000,
          connectTimeout: 2_000,
          maxBody: 10 * 1024 * 1024,
          requestBody: 'collect',
          shared: false,
          affinity: 'none',
          slowStart: 10_000,
          health: { interval: 5_000, timeout: 2_000, unhealthyAfter: 3, healthyAfter: 1 },
        },
      ],
    });
  });

  it('takes false for no health check', () => {
    expect(
      poolsSchema.parse({ pools: [{ name: 'odoo', endpoints: [endpoint], health: false }] }).pools[0]?.health,
    ).toBe(false);
  });

  it.each([
    [
      'no pool',
      { pools: [] },
      ['pools'],
      '"[]" is not a list with at least one pool.\nNo zone could forward a request.\nAdd a pool such as { name: odoo, endpoints: [{ url: http://odoo-1:8069, seats: 6 }] }.',
    ],
    [
      'a pool without endpoints',
      { pools: [{ name: 'odoo', endpoints: [] }] },
      ['pools', 0, 'endpoints'],
      '"[]" is not a list with at least one endpoint.\nEvery request to this pool would be refused.\nAdd an endpoint such as { url: http://odoo-1:8069, seats: 6 }.',
    ],
    [
      'no seats',
      { pools: [{ name: 'odoo', endpoints: [{ url: endpoint.url, seats: 0 }] }] },
      ['pools', 0, 'endpoints', 0, 'seats'],
      '"0" is not a whole number from 1 to 100000.\nThe gateway would not know what to apply.\nWrite a whole number from 1 to 100000.',
    ],
    [
      'a health check that is a word',
      { pools: [{ name: 'odoo', endpoints: [endpoint], health: 'on' }] },
      ['pools', 0, 'health'],
      '"on" is not a health check.\nThe gateway would not know when an endpoint is out of service.\nWrite a mapping such as { path: /web/health, interval: 5s }, or false for no health check.',
    ],
    [
      'a health interval without a unit',
      { pools: [{ name: 'odoo', endpoints: [endpoint], health: { interval: 5 } }] },
      ['pools', 0, 'health'],
      '"5" is not a duration.\nWithout a unit it could be read as milliseconds or as seconds.\nWrite a number with a unit: 250ms, 5s, 10m, 1h or 1d.',
    ],
    [
      'a health interval with a wrong unit',
      { pools: [{ name: 'odoo', endpoints: [endpoint], health: { interval: '5 sec' } }] },
      ['pools', 0, 'health', 'interval'],
      '"5 sec" is not a duration.\nWithout a unit it could be read as milliseconds or as seconds.\nWrite a number with a unit: 250ms, 5s, 10m, 1h or 1d.',
    ],
    [
      'a kind that does not exist',
      { pools: [{ name: 'odoo', endpoints: [endpoint], kind: 'ws' }] },
      ['pools', 0, 'kind'],
      '"ws" is not one of http, websocket.\nThe gateway would not know what a seat of this pool counts.\nWrite one of http, websocket.',
    ],
    [
      'a weight of nothing',
      { pools: [{ name: 'odoo', endpoints: [endpoint], classes: { batch: { weight: 0 } } }] },
      ['pools', 0, 'classes', 'batch', 'weight'],
      '"0" is not a whole number from 1 to 1000.\nThe gateway would not know what to apply.\nWrite a whole number from 1 to 1000.',
    ],
    [
      'a reserve that is no number of seats',
      { pools: [{ name: 'odoo', endpoints: [endpoint], classes: { interactive: { reserve: '25%' } } }] },
      ['pools', 0, 'classes', 'interactive', 'reserve'],
      '"25%" is not a whole number from 0 to 100000.\nThe gateway would not know what to apply.\nWrite a whole number from 0 to 100000.',
    ],
    [
      'no place for a tenant',
      { pools: [{ name: 'odoo', endpoints: [endpoint], queue: { perTenant: 0 } }] },
      ['pools', 0, 'queue', 'perTenant'],
      '"0" is not a whole number from 1 to 100000.\nThe gateway would not know what to apply.\nWrite a whole number from 1 to 100000.',
    ],
    [
      'keepAlive as a word',
      { pools: [{ name: 'odoo', endpoints: [endpoint], keepAlive: 'no' }] },
      ['pools', 0, 'keepAlive'],
      '"no" is not true or false.\nThe gateway would not know whether connections may be used again.\nWrite false for the prefork port of Odoo, which closes each connection, and true for others.',
    ],
  ])('reports %s', (_title, value, path, message) => {
    expect(problemsOf(value)).toEqual([{ path, message }]);
  });

  it('becomes a JSON Schema in which every key has a description', () => {
    const bare: string[] = [];
    const visit = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (key === 'properties') {
          for (const [name, property] of Object.entries(value as Record<string, object>)) {
            if (!('description' in property)) bare.push(`${path}.${name}`);
          }
        }
        visit(value, `${path}.${key}`);
      }
    };
    visit(z.toJSONSchema(poolsSchema, { io: 'input' }), '');
    expect(bare).toEqual([]);
  });
});
