import { describe, expect, it } from 'vitest';
import { classesWithDeadline, plainClaim } from '../../test/pools/pool-options.ts';
import { manualClock } from '../core/clock.ts';
import { workClasses } from '../core/work-class.ts';
import type { PoolOptions } from './options.ts';
import { PoolRegistry } from './registry.ts';
import { manualScheduler } from '../core/scheduler.ts';
import type { Pool } from './seats.ts';
import type { Seat } from './seat.ts';

function options(name: string, changes: Partial<PoolOptions> = {}): PoolOptions {
  return {
    name,
    kind: 'http',
    endpoints: [{ url: `http://${name}:8069`, seats: 1 }],
    keepAlive: false,
    queue: { max: 3, perTenant: 64 },
    classes: classesWithDeadline(5_000),
    serves: workClasses,
    timeoutMs: 130_000,
    connectTimeoutMs: 2_000,
    maxBodyBytes: 1024,
    requestBody: 'collect',
    shared: false,
    health: {
      path: '/web/health',
      host: undefined,
      intervalMs: 5_000,
      timeoutMs: 2_000,
      unhealthyAfter: 3,
      healthyAfter: 1,
    },
    ...changes,
  };
}

function setUp() {
  const clock = manualClock();
  const scheduler = manualScheduler(clock);
  const probed: { url: string; signal: AbortSignal }[] = [];
  const log: string[] = [];
  const dns = new Map<string, string[]>();
  const registry: PoolRegistry = new PoolRegistry({
    clock,
    scheduler,
    // Never answers: these tests look at when probes are sent only.
    probe: ({ url, signal }) => {
      probed.push({ url, signal });
      return new Promise(() => {});
    },
    onChange() {},
    resolve: (host) => Promise.resolve(dns.get(host) ?? []),
    onLookedUp: ({ pool, name, outcome, isNews }) => {
      if (isNews) log.push(`${pool} ${name} ${outcome.kind}`);
    },
    onAddresses: () => log.push(`retain ${[...registry.origins()].join(' ')}`),
  });
  const take = (pool: Pool | undefined, name: string): Seat | undefined => {
    const taken = pool?.take({
      ...plainClaim({ zone: name }),
      onSeat: () => log.push(`${name} sits`),
      onRefused: (refusal) => log.push(`${name} ${refusal.reason}`),
    });
    return taken?.kind === 'seat' ? taken : undefined;
  };
  return { scheduler, probed, log, registry, take, dns };
}

describe('PoolRegistry', () => {
  it('finds pools by name and probes the endpoints of new ones at once', () => {
    const { registry, probed } = setUp();
    registry.apply([options('interactive'), options('batch')]);
    expect(registry.get('batch')?.options.name).toBe('batch');
    expect(registry.get('other')).toBeUndefined();
    expect(probed.map(({ url }) => url)).toEqual(['http://interactive:8069', 'http://batch:8069']);
    expect(registry.statuses().map(({ name }) => name)).toEqual(['interactive', 'batch']);
  });

  it('leaves a pool alone whose options are the same', () => {
    const { registry, probed, take } = setUp();
    registry.apply([options('odoo')]);
    const pool = registry.get('odoo');
    take(pool, 'partner');
    registry.apply([options('odoo')]);
    expect(registry.get('odoo')).toBe(pool);
    expect(pool?.status().busy).toBe(1);
    expect(probed.map(({ signal }) => signal.aborted)).toEqual([false]);
  });

  it('goes on with a pool whose options changed, and probes it anew', () => {
    const { registry, probed, take, log } = setUp();
    registry.apply([options('odoo')]);
    const seat = take(registry.get('odoo'), 'first');
    take(registry.get('odoo'), 'second');
    registry.apply([options('odoo', { queue: { max: 9, perTenant: 64 } })]);
    expect(registry.get('odoo')?.options.queue.max).toBe(9);
    expect(registry.get('odoo')?.status()).toMatchObject({ busy: 1, queued: 1 });
    seat?.release('ok');
    expect(log).toEqual(['second sits']);
    // The seats were all taken when the monitor started anew.
    expect(probed.map(({ signal }) => signal.aborted)).toEqual([true]);
  });

  it('forgets a pool that is gone, ends its probes, and still serves who waits in it', () => {
    const { registry, probed, scheduler, take, log } = setUp();
    registry.apply([options('old'), options('kept')]);
    const seat = take(registry.get('old'), 'first');
    take(registry.get('old'), 'second');
    take(registry.get('old'), 'third');
    registry.apply([options('kept')]);
    expect(registry.get('old')).toBeUndefined();
    expect(probed.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    seat?.release('ok');
    scheduler.advance(5_000);
    expect(log).toEqual(['second sits', 'third pool_queue_timeout']);
  });

  it('forgets the zones of past configurations', () => {
    const { registry, take } = setUp();
    registry.apply([options('odoo')]);
    take(registry.get('odoo'), 'past')?.release('ok');
    registry.apply([options('odoo')]);
    expect(registry.get('odoo')?.status().busyByZone).toEqual({});
  });

  it('refuses whoever waits when it is closed, and leaves no probe and no timer', () => {
    const { registry, probed, scheduler, take, log } = setUp();
    registry.apply([options('odoo')]);
    take(registry.get('odoo'), 'first');
    take(registry.get('odoo'), 'second');
    registry.close();
    expect(log).toEqual(['second pool_down']);
    expect([probed[0]?.signal.aborted, scheduler.pending(), registry.get('odoo')]).toEqual([
      true,
      0,
      undefined,
    ]);
  });
});

describe('a pool whose endpoints are the addresses of a name', () => {
  const byName = (changes: Partial<PoolOptions> = {}): PoolOptions =>
    options('odoo', {
      endpoints: [],
      names: [{ host: 'odoo', port: 8069, seats: 1, refreshMs: 2_000 }],
      ...changes,
    });

  async function begin(...addresses: string[]) {
    const world = setUp();
    world.dns.set('odoo', addresses);
    world.registry.apply([byName()]);
    await world.registry.ready();
    return world;
  }

  it('has them when it is ready, and follows what the name server says', async () => {
    const { registry, scheduler, dns, log, take } = await begin('10.0.0.1');
    expect(registry.statuses()).toMatchObject([
      { seats: 1, names: [{ name: 'odoo:8069', addresses: 1, failure: undefined }] },
    ]);
    const old = take(registry.get('odoo'), 'first');
    take(registry.get('odoo'), 'second');
    dns.set('odoo', ['10.0.0.2']);
    scheduler.advance(2_000);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(log).toEqual([
      'odoo odoo:8069 changed',
      'retain http://10.0.0.1:8069',
      'odoo odoo:8069 changed',
      'second sits',
      'retain http://10.0.0.2:8069',
    ]);
    expect(registry.statuses()).toMatchObject([{ busy: 2, leaving: 1 }]);
    old?.release('ok');
    expect(registry.statuses()).toMatchObject([{ busy: 1, leaving: 0 }]);
  });

  it('refuses as down while the name was never found', async () => {
    const { registry, log, take } = await begin();
    expect(take(registry.get('odoo'), 'first')).toBeUndefined();
    expect(registry.get('odoo')?.status().seats).toBe(0);
    expect(log).toEqual(['odoo odoo:8069 failed']);
  });

  it('keeps the addresses over a reload of anything else', async () => {
    const { registry } = await begin('10.0.0.1', '10.0.0.2');
    registry.apply([byName({ timeoutMs: 1_000 })]);
    expect(registry.get('odoo')?.options).toMatchObject({
      timeoutMs: 1_000,
      endpoints: [
        { url: 'http://10.0.0.1:8069', seats: 1 },
        { url: 'http://10.0.0.2:8069', seats: 1 },
      ],
    });
  });

  it('is looked up no more when it is gone', async () => {
    const { registry, scheduler } = await begin('10.0.0.1');
    registry.apply([]);
    expect(scheduler.pending()).toBe(0);
  });
});
