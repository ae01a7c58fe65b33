import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { eventually } from '../support/eventually.ts';
import { BulkheadProcess } from '../support/gateway-process.ts';
import { type HeldTime, holdTime } from '../support/gateway-time.ts';
import { type HeldUpstream, startHeldUpstream } from '../support/held-upstream.ts';
import { pickSeries, readMetrics } from '../support/metrics-text.ts';
import type { RawAnswer } from '../support/raw-http.ts';
import {
  ask,
  runGateway,
  type RunningGateway,
  trustingGateway,
  verdictOf,
} from '../support/running-gateway.ts';
import { writeFiles } from '../support/test-gateway.ts';
import { describeWithTool } from '../system/require-tool.ts';

const burst = 10;
const storeTimeoutMs = 250;
/** Longest time in which an answer must be there while the store hangs: its time-out, and room for a busy machine. */
const promptMs = 2_000;

type ZoneName = 'share' | 'open' | 'closed' | 'plain';

/** One zone for each way in which a limit may meet a dead store, and one without limits. */
function files(odooUrl: string): Record<string, string> {
  const zones = (['share', 'open', 'closed', 'plain'] as const).map((name) => [
    `zones/${name}.yaml`,
    `zone: ${name}
match: Host(\`${name}.example\`)
identify: none
pools: { interactive: odoo }
${name === 'plain' ? '' : `limits: [{ name: calls, key: zone, rate: 1/m, burst: ${burst}, onStoreFailure: ${name} }]`}
`,
  ]);
  return {
    'gateway.yaml': `${trustingGateway}store: { redis: { url: "\${env:REDIS_URL}", timeout: ${storeTimeoutMs}ms }, instances: 2 }\n`,
    'pools.yaml': `pools: [{ name: odoo, endpoints: [{ url: "${odooUrl}", seats: 100 }] }]\n`,
    ...Object.fromEntries(zones),
  };
}

const storeUp = async (gateway: RunningGateway): Promise<number | undefined> =>
  (await gateway.metrics())['bulkhead_limit_store_up'];

describeWithTool('redis-server', 'limits in a shared Redis', (binary) => {
  let redis: RedisServer;
  let odoo: HeldUpstream;
  let time: HeldTime;
  let gateways: RunningGateway[];
  /** Traffic that a test leaves behind when it fails would spend the budgets of the next one. */
  let running: AbortController;

  beforeEach(async () => {
    running = new AbortController();
    time = holdTime();
    redis = await startRedis(binary);
    odoo = await startHeldUpstream();
    odoo.hold(false);
    gateways = [await start(redis.url), await start(redis.url)];
  });
  afterEach(async () => {
    running.abort();
    time.release();
    for (const gateway of gateways) await gateway.stop();
    await redis.stop();
    await odoo.stop();
  });

  const start = (url: string): Promise<RunningGateway> => runGateway(files(odoo.url), { REDIS_URL: url });

  /** One request to a gateway, by default to each in turn. */
  let turn = 0;
  function send(zone: ZoneName, gateway = gateways[turn++ % gateways.length]): Promise<RawAnswer> {
    if (gateway === undefined) throw new Error('no gateway runs');
    return ask(gateway.proxyPort, `GET http://${zone}.example/odoo`);
  }

  /** How many of so many requests, sent at once and to both gateways, get which status. */
  async function flood(zone: ZoneName, count: number): Promise<Record<number, number>> {
    const answers = await Promise.all(Array.from({ length: count }, () => send(zone)));
    return countBy(answers);
  }

  /** Fails requests until both gateways have seen that the store does not answer. */
  async function untilDown(): Promise<void> {
    await eventually(async () => {
      await flood('open', 8);
      expect(await Promise.all(gateways.map(storeUp))).toEqual(gateways.map(() => 0));
    });
  }

  /** Sends requests until both gateways use the store again. */
  async function untilUp(): Promise<void> {
    await eventually(async () => {
      // However long the store is left alone: that time is over.
      time.advance(6_000);
      await flood('open', 2);
      expect(await Promise.all(gateways.map(storeUp))).toEqual(gateways.map(() => 1));
    });
  }

  it('two gateways together admit exactly the burst, and refused requests spend nothing', async () => {
    expect(await flood('share', 40)).toEqual({ 200: burst, 429: 30 });
    expect(await flood('closed', 40)).toEqual({ 200: burst, 429: 30 });
    const refused = await send('share');
    expect([...verdictOf(refused), refused.fields['ratelimit-policy'], refused.fields['ratelimit']]).toEqual([
      429,
      'limit_exceeded',
      '"calls";q=10;w=600',
      expect.stringMatching(/^"calls";r=0;t=(60|5\d)$/),
    ]);
    expect(await flood('plain', 10)).toEqual({ 200: 10 });
  });

  it('a gateway that starts later finds the budgets as the others left them', async () => {
    expect(await flood('share', 7)).toEqual({ 200: 7 });
    const third = await start(redis.url);
    gateways.push(third);
    const seen: number[] = [];
    for (let i = 0; i < 5; i++) seen.push((await send('share', third)).status);
    expect(seen).toEqual([200, 200, 200, 429, 429]);
  });

  it(
    'a killed Redis: each limit does what it says, nothing else notices, and all is exact when it is back',
    {
      timeout: 40_000,
    },
    async () => {
      // Traffic of all zones runs on while the store dies, with every budget spent.
      for (const zone of ['share', 'open', 'closed'] as const)
        expect(await flood(zone, burst + 1)).toEqual({ 200: burst, 429: 1 });
      const seen = new Map<ZoneName, Map<string, number>>();
      const zones = ['share', 'open', 'closed', 'plain'] as const;
      const traffic = zones.map(async (zone) => {
        const verdicts = new Map<string, number>();
        seen.set(zone, verdicts);
        // Each by itself: four that take turns together may keep in step, and a zone then meets one gateway only.
        for (let i = 0; !running.signal.aborted; i++) {
          const verdict = verdictOf(await send(zone, gateways[i % gateways.length]))
            .join(' ')
            .trim();
          verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
        }
      });
      await eventually(() =>
        expect(zones.map((zone) => (seen.get(zone)?.size ?? 0) > 0)).toEqual([true, true, true, true]),
      );
      await redis.kill();
      await eventually(async () => expect(await Promise.all(gateways.map(storeUp))).toEqual([0, 0]));
      // What was refused is refused without a question for up to 10 s, so a gateway may need as long to notice.
      await vi.waitFor(
        async () => {
          const closed = 'bulkhead_limit_deciders_total{by="closed"}';
          for (const gateway of gateways) expect((await gateway.metrics())[closed]).toBeGreaterThan(5);
        },
        { timeout: 25_000, interval: 100 },
      );
      running.abort();
      await Promise.all(traffic);
      expect([...(seen.get('plain')?.keys() ?? [])]).toEqual(['200']);
      const others = (['share', 'open', 'closed'] as const).map((zone) =>
        [...(seen.get(zone)?.keys() ?? [])].toSorted(),
      );
      expect(others).toEqual([
        ['429 limit_exceeded'],
        ['200', '429 limit_exceeded'],
        ['429 limit_exceeded', '503 limit_store_unavailable'],
      ]);

      // While it is away. `share`: buckets that began empty and fill after 500 ms, with half of 1/m for each of two instances.
      expect(await flood('share', 6)).toEqual({ 429: 6 });
      time.advance(120_000);
      expect(await flood('share', 6)).toEqual({ 429: 6 });
      time.advance(500);
      expect(await flood('share', 6)).toEqual({ 200: 2, 429: 4 });
      expect(await flood('open', 30)).toEqual({ 200: 30 });
      const closed = await send('closed');
      expect([...verdictOf(closed), Number(closed.fields['retry-after']) >= 1]).toEqual([
        503,
        'limit_store_unavailable',
        true,
      ]);
      expect(await flood('plain', 10)).toEqual({ 200: 10 });
      for (const gateway of gateways) {
        expect(
          gateway.logged('the limit store does not answer; each limit does what its onStoreFailure says'),
        ).toEqual([
          expect.objectContaining({ level: 'error', cause: expect.stringMatching(/^Redis: /) as string }),
        ]);
        expect(gateway.logged('request').filter(({ status }) => status === 500)).toEqual([]);
      }

      await redis.start();
      await untilUp();
      // It lost its data, but both gateways tell it what they saw: nobody gets the burst twice.
      expect(await flood('share', 40)).toEqual({ 429: 40 });
      for (const gateway of gateways) expect(gateway.logged('the limit store answers again')).toHaveLength(1);
    },
  );

  it('a paused Redis: every decision is there in time, and the store is used again when it goes on', async () => {
    expect(await flood('share', 4)).toEqual({ 200: 4 });
    redis.pause();
    const startedMs = performance.now();
    const answers = await Promise.all(
      (['share', 'open', 'closed', 'plain'] as const).map(async (zone) => {
        const answer = await send(zone);
        return [zone, ...verdictOf(answer), performance.now() - startedMs < promptMs];
      }),
    );
    expect(answers).toEqual([
      ['share', 429, 'limit_exceeded', true],
      ['open', 200, undefined, true],
      ['closed', 503, 'limit_store_unavailable', true],
      ['plain', 200, undefined, true],
    ]);
    await untilDown();
    // Once that is known, nobody waits for it any more; two of twenty may be slow for another reason.
    let slow = 0;
    for (let i = 0; i < 20; i++) {
      const sentMs = performance.now();
      expect((await send('open')).status).toBe(200);
      if (performance.now() - sentMs >= storeTimeoutMs) slow++;
    }
    expect(slow).toBeLessThanOrEqual(2);

    redis.resume();
    await untilUp();
    const { 200: admitted = 0, 429: refused = 0 } = await flood('share', 20);
    // Charges whose answer came too late may have been spent: never more than was left, at worst less.
    expect([admitted + refused, admitted <= burst - 4]).toEqual([20, true]);
  });

  it('a Redis that is not there at the start: the gateway starts, and says so before anybody asks', async () => {
    for (const gateway of gateways) await gateway.stop();
    await redis.stop();
    const lonely = await start(redis.url);
    gateways = [lonely];
    expect(lonely.logged('no connection to the limit store').length).toBeGreaterThan(0);
    expect(await storeUp(lonely)).toBe(0);
    expect(verdictOf(await send('closed'))).toEqual([503, 'limit_store_unavailable']);
    expect(await flood('open', 5)).toEqual({ 200: 5 });
    await redis.start();
    await untilUp();
    // For 2.5 s it leaves what the other one, which is configured and not there, might have spent meanwhile.
    time.advance(2_500);
    expect(await flood('share', 15)).toEqual({ 200: burst, 429: 5 });
  });

  // One request now and then never makes three failures within a second.
  it('a Redis that is away is told also where requests are rare', async () => {
    await redis.kill();
    for (let i = 0; i < 3; i++) {
      time.advance(2_000);
      for (const gateway of gateways) expect((await send('open', gateway)).status).toBe(200);
    }
    for (const gateway of gateways) {
      expect(await storeUp(gateway)).toBe(0);
      expect(
        gateway.logged('the limit store does not answer; each limit does what its onStoreFailure says'),
      ).toHaveLength(1);
    }
  });

  it('the readiness page tells what holds', async () => {
    const told = async (): Promise<unknown[]> => {
      const { status, body } = await ask(gateways[0]?.adminPort ?? 0, 'GET http://admin/readyz');
      return [status, (JSON.parse(body) as { limitStore: string }).limitStore];
    };
    expect(await told()).toEqual([200, 'redis']);
    await redis.kill();
    await untilDown();
    expect(await told()).toEqual([200, 'redis does not answer']);
    await redis.start();
    await untilUp();
    expect(await told()).toEqual([200, 'redis']);
  });
});

describeWithTool('redis-server', 'the password of a Redis', (binary) => {
  let redis: RedisServer;
  let odoo: HeldUpstream;
  let gateway: BulkheadProcess;
  let cleanUp: () => void;

  beforeEach(async () => {
    redis = await startRedis(binary, { password: 'the-right-one' });
    odoo = await startHeldUpstream();
    odoo.hold(false);
  });
  afterEach(async () => {
    await gateway.kill();
    cleanUp();
    await Promise.all([redis.stop(), odoo.stop()]);
  });

  async function serve(url: string): Promise<{ proxyPort: number; adminPort: number }> {
    const written = writeFiles(files(odoo.url));
    cleanUp = written.remove;
    gateway = new BulkheadProcess(['serve', '--config', written.directory], { REDIS_URL: url });
    const [, proxy, admin] = await gateway.printed(
      /"name":"proxy","host":"127.0.0.1","port":(\d+)\}.*"name":"admin","host":"127.0.0.1","port":(\d+)\}/,
    );
    return { proxyPort: Number(proxy), adminPort: Number(admin) };
  }

  it('that is wrong stops no gateway: it starts, says what is wrong, and its limits do as they say', async () => {
    const { proxyPort, adminPort } = await serve(redis.url.replace('the-right-one', 'the-wrong-one'));
    const [line] = await gateway.printed(/\{[^\n]*"msg":"no connection to the limit store"\}/);
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      cause: expect.stringContaining('WRONGPASS') as string,
    });
    const seen: unknown[] = [];
    for (const zone of ['share', 'open', 'closed', 'plain'])
      seen.push(verdictOf(await ask(proxyPort, `GET http://${zone}.example/odoo`)));
    expect(seen).toEqual([
      [429, 'limit_exceeded'],
      [200, undefined],
      [503, 'limit_store_unavailable'],
      [200, undefined],
    ]);
    expect(pickSeries(await readMetrics(adminPort), ['bulkhead_limit_store_up'])).toEqual({
      bulkhead_limit_store_up: 0,
    });
    gateway.signal('SIGTERM');
    expect(await gateway.ended).toBe(0);
    expect(`${gateway.out}${gateway.err}`).not.toMatch(/the-(right|wrong)-one/);
  });

  it('that is right is never printed, not even when the connection breaks', async () => {
    const { proxyPort, adminPort } = await serve(redis.url);
    expect((await ask(proxyPort, 'GET http://share.example/odoo')).status).toBe(200);
    await redis.kill();
    await eventually(async () => {
      expect((await ask(proxyPort, 'GET http://open.example/odoo')).status).toBe(200);
      expect(gateway.out).toContain('the limit store does not answer');
      expect(gateway.out).toContain('no connection to the limit store');
    });
    expect(pickSeries(await readMetrics(adminPort), ['bulkhead_limit_store_up'])).toEqual({
      bulkhead_limit_store_up: 0,
    });
    gateway.signal('SIGTERM');
    expect(await gateway.ended).toBe(0);
    expect(`${gateway.out}${gateway.err}`).not.toMatch(/the-(right|wrong)-one/);
  });
});

function countBy(answers: readonly RawAnswer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
