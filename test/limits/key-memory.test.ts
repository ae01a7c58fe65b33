import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compileBucket } from '../../src/limits/bucket.ts';
import type { CompiledLimit, LimitKeyKind } from '../../src/limits/compile.ts';
import { limitKeyOf, sessionKeyOf } from '../../src/limits/key.ts';
import { leaseKeyOf, type LeaseRequest } from '../../src/limits/leases/lease-call.ts';
import { RedisLeaseBackend } from '../../src/limits/leases/lease-backend-redis.ts';
import { startRedis } from '../servers/redis.ts';
import type { RedisServer } from '../servers/redis.ts';
import { leaseRequest, tokensAsked } from '../support/lease-request.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { worldLimit } from './lease-world.ts';

const longName = (letter: string): string => letter.repeat(63);

function limitOf(key: LimitKeyKind, id: string): CompiledLimit {
  return { ...worldLimit('named', 10, 100), key, id };
}

const plain = { leakPerUs: 1, unitsPerToken: 100_000, burst: 100 };
const requestOf = (changes: Partial<LeaseRequest>): LeaseRequest => leaseRequest(plain, changes);

/** The figures of a bucket that take the most digits: of 2^52 units, all of them owed, and the highest version there can be. */
const widest = requestOf({
  leakPerUs: 999_983,
  unitsPerToken: 86_400_000_000,
  burst: 52_124,
  version: Number.MAX_SAFE_INTEGER,
  ...tokensAsked(52_124),
});

describe('the name of a key', () => {
  const part = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.string({ minLength: 20, maxLength: 40 }),
    fc.constantFrom('a', '~', 'a/b', 'acme', longName('x'), longName('y')),
  );
  const subject = fc.record({
    kind: fc.constantFrom<LimitKeyKind>('tenant', 'principal', 'session', 'client', 'zone'),
    tenant: fc.option(part, { nil: undefined }),
    principal: part,
    clientAddress: fc.constantFrom('192.0.2.7', '192.0.2.8', '2001:db8:1111:2222::1'),
    zone: fc.constantFrom('partner', longName('p')),
    name: fc.constantFrom('rate', 'partner-rate', longName('r'), longName('s')),
  });

  it('is another one for another budget, and never long', () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(subject, ({ kind, name, ...who }) => {
        const key = limitKeyOf(kind, who);
        if (key === undefined) return;
        const id = `${who.zone}/${name}`;
        const storeKey = leaseKeyOf(limitOf(kind, id), key);
        const budget = `${kind} ${key} ${id}`;
        expect(seen.get(storeKey) ?? budget).toBe(budget);
        seen.set(storeKey, budget);
        expect(storeKey.length).toBeLessThanOrEqual(63);
        expect(storeKey).toMatch(/^bh:[tpscz]:\{[tg]:[^{}]*\}[^{}]*$/);
      }),
      { numRuns: 5000 },
    );
    expect(seen.size).toBeGreaterThan(1000);
  });

  it.each(['acme', longName('t')])('keeps the budgets of a tenant and its callers together: %s', (tenant) => {
    const slot = (kind: LimitKeyKind, key: string) =>
      /\{.*\}/.exec(leaseKeyOf(limitOf(kind, 'partner/some-limit-with-a-longer-name'), key))?.[0];
    const caller = `${tenant}/edi`;
    expect(slot('principal', caller)).toBe(slot('tenant', tenant));
    expect(slot('tenant', tenant)).not.toBe(slot('tenant', `${tenant.slice(1)}x`));
  });
});

describeWithTool('redis-server', 'a key in Redis', (binary) => {
  let server: RedisServer;
  let redis: Redis;
  let backend: RedisLeaseBackend;

  beforeAll(async () => {
    server = await startRedis(binary);
    redis = new Redis(server.url);
    backend = new RedisLeaseBackend({
      place: { kind: 'standalone', url: server.url },
      connectTimeoutMs: 5000,
      silentSocketMs: 5000,
    });
    expect(await backend.whenConnected(5000)).toBe(true);
  });

  afterAll(async () => {
    redis.disconnect();
    await backend.close();
    await server.stop();
  });

  beforeEach(async () => {
    await redis.flushall();
  });

  it.each<[LimitKeyKind, string, string]>([
    ['tenant', 'acme', 'partner/partner-rate'],
    ['tenant', longName('t'), `${longName('z')}/${longName('n')}`],
    ['principal', `${longName('t')}/${'p'.repeat(128)}`, `${longName('z')}/${longName('n')}`],
    ['client', 'ffff:ffff:ffff:ffff::/64', `${longName('z')}/${longName('n')}`],
    ['session', sessionKeyOf('s'.repeat(42)), `${longName('z')}/${longName('n')}`],
    ['zone', longName('z'), `${longName('z')}/${longName('n')}`],
  ])('takes at most 250 bytes with all that belongs to it: of a %s, %s in %s', async (kind, key, id) => {
    const storeKey = leaseKeyOf(limitOf(kind, id), key);
    const { granted } = await backend.call(storeKey, widest);
    expect(granted).toBe(52_124);
    // Nobody names the newest version for a while, which is counted too.
    await backend.call(storeKey, { ...widest, version: 1, ...tokensAsked(0) });
    expect(await redis.memory('USAGE', storeKey)).toBeLessThanOrEqual(250);
  });

  it('lives until what is owed has leaked away and every lease is void', async () => {
    const bucket = fc.constantFrom(
      compileBucket(1000, 1e6, 400),
      compileBucket(10, 1e6, 100),
      compileBucket(1, 60e6, 3),
      compileBucket(200_000, 86_400e6, 50_000),
    );
    const step = fc.record({
      tokens: fc.nat({ max: 60 }),
      owe: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 500 }) }),
      back: fc.nat({ max: 10 }),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(bucket, fc.array(step, { minLength: 1, maxLength: 8 }), async (limit, steps) => {
        const key = `bh:t:{t:run}:${run++}`;
        let epoch = 0;
        for (const { tokens, owe, back } of steps) {
          const beforeMs = performance.now();
          const { leakPerUs, unitsPerToken, burst } = limit;
          const grant = await backend.call(
            key,
            requestOf({
              leakPerUs,
              unitsPerToken,
              burst,
              owe,
              need: Math.min(tokens, 1),
              ask: tokens,
              want: tokens,
              first: { epoch, used: 0, returned: back },
            }),
          );
          epoch = grant.epoch;
          const leftMs = await redis.pttl(key);
          const passedMs = performance.now() - beforeMs;
          const debtMs = grant.debt / leakPerUs / 1000;
          expect(leftMs + passedMs + 1).toBeGreaterThan(debtMs);
          expect(leftMs + passedMs + 1).toBeGreaterThan(debtMs + grant.lifeUs / 1000);
          // Nor for ever: what is kept beyond the need is two epochs and a second.
          expect(leftMs).toBeLessThanOrEqual(Math.ceil(debtMs) + 3000);
        }
      }),
      { numRuns: 60 },
    );
  });
});
