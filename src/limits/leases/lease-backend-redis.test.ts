import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openControl, startRedis } from '../../../test/servers/redis.ts';
import type { RedisServer } from '../../../test/servers/redis.ts';
import { leaseRequest, tokensAsked } from '../../../test/support/lease-request.ts';
import { failureOf } from '../../../test/support/store-failure.ts';
import { describeOnServers } from '../../../test/system/require-tool.ts';
import { RedisLeaseBackend } from './lease-backend-redis.ts';
import type { RedisLeaseBackendOptions } from './lease-backend-redis.ts';

// Faults of a real server, and what the backend says of them.

const request = leaseRequest({ leakPerUs: 1, unitsPerToken: 3600e6, burst: 5 }, { version: 1 });

describeOnServers('RedisLeaseBackend', (binary) => {
  let server: RedisServer;
  let control: Redis;
  const opened: RedisLeaseBackend[] = [];

  beforeEach(async () => {
    server = await startRedis(binary);
    control = openControl(server);
  });

  afterEach(async () => {
    for (const backend of opened.splice(0)) await backend.close();
    control.disconnect();
    await server.stop();
  });

  function open(options: Partial<RedisLeaseBackendOptions> = {}): RedisLeaseBackend {
    const backend = new RedisLeaseBackend({
      place: { kind: 'standalone', url: server.url },
      connectTimeoutMs: 1000,
      silentSocketMs: 60_000,
      ...options,
    });
    opened.push(backend);
    return backend;
  }

  async function connected(options: Partial<RedisLeaseBackendOptions> = {}): Promise<RedisLeaseBackend> {
    const backend = open(options);
    expect(await backend.whenConnected(10_000)).toBe(true);
    return backend;
  }

  it('leases on the clock of the server', async () => {
    const backend = await connected();
    const beforeUs = Date.now() * 1000;
    const grant = await backend.call('k', { ...request, ...tokensAsked(3) });
    expect(grant).toMatchObject({ granted: 3, outstanding: 3, debt: 3 * 3600e6, repaired: false });
    expect(grant.atUs).toBeGreaterThan(beforeUs - 1_000_000);
    expect(grant.atUs).toBeLessThan(Date.now() * 1000 + 1_000_000);
    expect(await backend.call('k', { ...request, ...tokensAsked(3) })).toMatchObject({ granted: 0 });
  });

  it('works on after the server forgot its scripts', async () => {
    const backend = await connected();
    await backend.call('k', request);
    await control.script('FLUSH');
    expect(await backend.call('k', request)).toMatchObject({ granted: 1, outstanding: 2 });
  });

  it('fails at once while nothing listens, says why, and works when something does', async () => {
    await server.kill();
    const backend = open();
    expect(await backend.whenConnected(50)).toBe(false);
    expect(await failureOf(backend.call('k', request))).toEqual({
      code: 'connection',
      message: `Redis: connect ECONNREFUSED 127.0.0.1:${server.port}`,
    });
    await server.start();
    expect(await backend.whenConnected(10_000)).toBe(true);
    expect(await backend.call('k', request)).toMatchObject({ granted: 1 });
  });

  it('fails what is under way when the server dies, sends nothing twice, and doubts the next server', async () => {
    const ready: string[] = [];
    const backend = await connected({ onReady: () => ready.push('ready') });
    await backend.call('k', request);
    const { generation } = backend;
    server.pause();
    const failure = failureOf(backend.call('k', request));
    await server.kill();
    expect(await failure).toMatchObject({ code: 'connection' });
    expect(backend.generation).toBeGreaterThan(generation);
    await server.start();
    expect(await backend.whenConnected(10_000)).toBe(true);
    expect(ready).toEqual(['ready', 'ready']);
    expect(await backend.call('k', { ...request, ...tokensAsked(0) })).toMatchObject({
      outstanding: 0,
    });
  });

  it('does not doubt a server that was only slow', async () => {
    const backend = await connected();
    const { generation } = backend;
    server.pause();
    const answer = backend.call('k', request);
    server.resume();
    expect(await answer).toMatchObject({ granted: 1 });
    expect(backend.generation).toBe(generation);
  });

  it('gives a connection up that stays silent', async () => {
    const backend = await connected({ silentSocketMs: 100 });
    const { generation } = backend;
    server.pause();
    expect(await failureOf(backend.call('k', request))).toMatchObject({ code: 'connection' });
    expect(backend.generation).toBeGreaterThan(generation);
    server.resume();
    expect(await backend.whenConnected(10_000)).toBe(true);
  });

  it('tells the error of a server that will not write', async () => {
    const backend = await connected();
    await backend.call('k', request);
    await control.config('SET', 'maxmemory', '1');
    expect(await failureOf(backend.call('k', request))).toMatchObject({
      code: 'reply',
      message: expect.stringMatching(/^Redis: OOM command not allowed/) as unknown,
    });
  });

  it('says that a password is wrong without saying the password', async () => {
    const guarded = await startRedis(binary, { password: 's3cret' });
    try {
      const url = guarded.url.replace('s3cret', 'wr0ng');
      const backend = open({ place: { kind: 'standalone', url } });
      expect(await backend.whenConnected(200)).toBe(false);
      expect(await failureOf(backend.call('k', request))).toEqual({
        code: 'connection',
        message: 'Redis: WRONGPASS invalid username-password pair or user is disabled.',
      });
    } finally {
      await guarded.stop();
    }
  });

  it('fails at once after it is closed', async () => {
    const backend = await connected();
    await backend.close();
    expect(await failureOf(backend.call('k', request))).toEqual({
      code: 'connection',
      message: 'Redis: the store is closed',
    });
  });
});
