import { describe, expect, it } from 'vitest';
import { classesWithDeadline, shippedClasses } from '../../test/pools/pool-options.ts';
import { workClasses } from '../core/work-class.ts';
import { compilePools } from './compile.ts';
import { poolsSchema } from './options.ts';

function compile(...pools: object[]) {
  return compilePools(poolsSchema.parse({ pools }));
}

const endpoint = { url: 'http://odoo:8069', seats: 6 };

describe('compilePools', () => {
  it('yields options with units in their names and canonical origins', () => {
    expect(
      compile({
        name: 'odoo',
        endpoints: [
          { url: 'http://Odoo-1.Example:8069', seats: 6 },
          { url: 'http://[2001:DB8::1]:8069', seats: 2 },
        ],
        queue: { max: 10, deadline: '2s' },
        health: { host: 'erp.example', interval: '10s' },
      }),
    ).toEqual({
      issues: [],
      pools: [
        {
          name: 'odoo',
          kind: 'http',
          endpoints: [
            { url: 'http://odoo-1.example:8069', seats: 6 },
            { url: 'http://[2001:db8::1]:8069', seats: 2 },
          ],
          slowStartMs: 10_000,
          keepAlive: false,
          queue: { max: 10, perTenant: 64 },
          classes: classesWithDeadline(2_000),
          serves: workClasses,
          timeoutMs: 130_000,
          connectTimeoutMs: 2_000,
          maxBodyBytes: 10_485_760,
          requestBody: 'collect',
          shared: false,
          health: {
            path: '/web/health',
            host: 'erp.example',
            intervalMs: 10_000,
            timeoutMs: 2_000,
            unhealthyAfter: 3,
            healthyAfter: 1,
          },
        },
      ],
    });
  });

  it('has shipped classes, and a queue by the number of seats', () => {
    const { pools } = compile(
      { name: 'small', endpoints: [{ ...endpoint, seats: 2 }] },
      { name: 'big', endpoints: [endpoint, { url: 'http://other:8069', seats: 10 }] },
    );
    expect(pools.map(({ queue, classes }) => ({ queue, classes }))).toEqual([
      { queue: { max: 64, perTenant: 64 }, classes: shippedClasses },
      { queue: { max: 256, perTenant: 64 }, classes: shippedClasses },
    ]);
  });

  it('takes the deadline of the queue for classes that name none', () => {
    const { pools } = compile({
      name: 'odoo',
      endpoints: [endpoint],
      queue: { deadline: '20s' },
      classes: {
        critical: { weight: 20, reserve: 1 },
        interactive: { deadline: '4s', target: '1s', reserve: 2 },
      },
    });
    expect(pools[0]?.classes).toEqual({
      critical: { weight: 20, deadlineMs: 20_000, targetMs: 500, reserve: 1 },
      interactive: { weight: 8, deadlineMs: 4_000, targetMs: 1_000, reserve: 2 },
      batch: { weight: 1, deadlineMs: 20_000, targetMs: 10_000, reserve: undefined },
    });
  });

  it("probes the health page of Odoo's evented port in a websocket pool", () => {
    const { pools } = compile({ name: 'bus', kind: 'websocket', endpoints: [endpoint] });
    expect(pools[0]?.health?.path).toBe('/websocket/health');
  });

  it('has no health options when the check is off', () => {
    expect(compile({ name: 'odoo', endpoints: [endpoint], health: false }).pools[0]?.health).toBeUndefined();
  });

  it('lets two pools share the workers of one Odoo', () => {
    const { pools, issues } = compile(
      { name: 'interactive', endpoints: [{ url: 'http://odoo:8069', seats: 4 }] },
      { name: 'batch', endpoints: [{ url: 'http://odoo:8069', seats: 2 }] },
    );
    expect([pools.length, issues]).toEqual([2, []]);
  });

  it('reports classes that could not be served as they are written', () => {
    const { issues } = compile({
      name: 'odoo',
      endpoints: [endpoint],
      classes: {
        critical: { deadline: '0s' },
        interactive: { deadline: '2s', target: '2s', reserve: 6 },
        batch: { target: '0s' },
      },
    });
    const path = (...rest: string[]) => ['pools', 0, 'classes', ...rest];
    expect(issues).toEqual([
      {
        path: path('critical', 'deadline'),
        what: 'The duration is zero.',
        consequence: 'Nobody would ever wait for a seat.',
        fix: 'Write a duration such as 2s.',
      },
      {
        path: path('interactive', 'target'),
        what: 'The target of 2000ms is not shorter than the deadline of 2000ms.',
        consequence: 'It would have no effect: whoever waits so long is refused already.',
        fix: 'Write a target of at most a quarter of the deadline.',
      },
      {
        path: path('interactive', 'reserve'),
        what: 'All 6 seats of pool "odoo" are reserved.',
        consequence: 'Less urgent requests would have no seat at all, and wait until they are refused.',
        fix: 'Write a reserve below 6, or 0.',
      },
      {
        path: path('batch', 'target'),
        what: 'The duration is zero.',
        consequence: 'Every queue would count as one that stands.',
        fix: 'Write a duration such as 2s.',
      },
    ]);
  });

  it('reports everything that is wrong at once and leaves the broken pools out', () => {
    const { pools, issues } = compile(
      { name: 'good', endpoints: [endpoint] },
      { name: 'good', endpoints: [endpoint, { url: 'http://ODOO:8069', seats: 2 }] },
      {
        name: 'times',
        endpoints: [endpoint],
        timeout: '0s',
        queue: { deadline: '0s' },
        health: { path: 'web health', host: 'a b', interval: '1s', timeout: '2s' },
      },
    );
    expect(pools.map((pool) => pool.name)).toEqual(['good']);
    expect(issues).toEqual([
      {
        path: ['pools', 1, 'name'],
        what: 'Pool "good" is defined twice.',
        consequence: 'It would be chance which workers a zone gets.',
        fix: 'Rename one of them, or write all endpoints into one pool.',
      },
      {
        path: ['pools', 1, 'endpoints', 1, 'url'],
        what: 'Endpoint "http://odoo:8069" stands twice in pool "good".',
        consequence: 'Its workers would be counted twice, and half of the requests would wait inside Odoo.',
        fix: 'Write it once, with the seats of all its workers.',
      },
      {
        path: ['pools', 2, 'timeout'],
        what: 'The duration is zero.',
        consequence: 'Every request would time out before its answer.',
        fix: 'Write a duration such as 2s.',
      },
      {
        path: ['pools', 2, 'queue', 'deadline'],
        what: 'The queue has places, but nobody may wait in it.',
        consequence: 'Every request that finds all seats taken would be refused as late.',
        fix: 'Write a deadline such as 5s, or max: 0 for no queue.',
      },
      {
        path: ['pools', 2, 'connectTimeout'],
        what: 'The connect time-out of 2000ms is longer than the time-out of 0ms.',
        consequence: 'It would have no effect.',
        fix: 'Write a connectTimeout that is shorter than timeout.',
      },
      {
        path: ['pools', 2, 'health', 'path'],
        what: '"web health" is not the path of a request.',
        consequence: 'No probe could be sent, so a dead endpoint would stay in service.',
        fix: 'Write a path that begins with / and has no blanks, such as /web/health.',
      },
      {
        path: ['pools', 2, 'health', 'host'],
        what: '"a b" is not a host name.',
        consequence: 'Odoo would answer every probe with an error, and the pool would be down.',
        fix: 'Write a host name such as erp.example, with a port if the probe needs one.',
      },
      {
        path: ['pools', 2, 'health', 'timeout'],
        what: "The probe's time-out of 2000ms is longer than its interval of 1000ms.",
        consequence: 'A probe would still be waiting when the next one is due.',
        fix: 'Write a timeout that is not longer than interval.',
      },
    ]);
  });
});
