import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../test/servers/redis.ts';
import { describeWithTool } from '../../test/system/require-tool.ts';
import { forgetAfterMs } from './instance-count.ts';
import { instancesKey } from './instance-script.ts';
import { RedisLeaseBackend } from './leases/lease-backend-redis.ts';

describeWithTool('redis-server', 'the board of instances', (binary) => {
  let server: RedisServer;
  let redis: Redis;
  let backend: RedisLeaseBackend;

  beforeAll(async () => {
    server = await startRedis(binary);
    redis = new Redis(server.url);
    const place = { kind: 'standalone', url: server.url } as const;
    backend = new RedisLeaseBackend({ place, connectTimeoutMs: 5000, silentSocketMs: 5000 });
    expect(await backend.whenConnected(5000)).toBe(true);
  });

  beforeEach(async () => {
    await redis.flushall();
  });

  afterAll(async () => {
    await backend.close();
    redis.disconnect();
    await server.stop();
  });

  it('counts each that announced itself, once', async () => {
    const counts = [];
    for (const id of ['a', 'b', 'a', 'c', 'b']) counts.push((await backend.announce(id)).of);
    expect(counts).toEqual([1, 2, 2, 3, 3]);
  });

  it('gives each a place of its own, from 0', async () => {
    for (const id of ['b', 'c', 'a']) await backend.announce(id);
    const places = [];
    for (const id of ['a', 'b', 'c']) places.push(await backend.announce(id));
    expect(places).toEqual([0, 1, 2].map((index) => ({ index, of: 3 })));
  });

  it('takes off the one that leaves', async () => {
    await backend.announce('a');
    await backend.announce('b');
    await backend.leave('a');
    expect(await backend.announce('b')).toEqual({ index: 0, of: 1 });
  });

  it('forgets the one that was silent for 6 s, by the clock of the server', async () => {
    const [seconds, micros] = await redis.time();
    const nowMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    await redis.set(instancesKey, `silent=${nowMs - forgetAfterMs} lately=${nowMs - forgetAfterMs + 5000}`);
    expect(await backend.announce('a')).toEqual({ index: 0, of: 2 });
    expect(await redis.get(instancesKey)).toMatch(/^a=\d{13} lately=\d{13}$/);
    expect(await redis.pttl(instancesKey)).toBeGreaterThan(forgetAfterMs - 1000);
  });
});
