import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { eventually } from '../support/eventually.ts';
import { type HeldTime, holdTime } from '../support/gateway-time.ts';
import { type HeldUpstream, startHeldUpstream } from '../support/held-upstream.ts';
import { ask, runGateway, type RunningGateway, trustingGateway } from '../support/running-gateway.ts';
import { describeWithTool } from '../system/require-tool.ts';

// Gateways of two releases on one Redis, and reloads of each: one budget, one set of figures, and nothing forgotten.

const zone = (burst: number): string => `zone: shop
match: Host(\`shop.example\`)
identify: none
pools: { interactive: odoo }
limits: [{ name: calls, key: zone, rate: 1/h, burst: ${burst} }]
`;

describeWithTool('redis-server', 'a rollout', (binary) => {
  let redis: RedisServer;
  let odoo: HeldUpstream;
  let time: HeldTime;
  let gateways: RunningGateway[];

  beforeEach(async () => {
    time = holdTime();
    redis = await startRedis(binary);
    odoo = await startHeldUpstream();
    odoo.hold(false);
    gateways = [];
  });
  afterEach(async () => {
    time.release();
    for (const gateway of gateways) await gateway.stop();
    await redis.stop();
    await odoo.stop();
  });

  const head = (version?: number): string =>
    `${trustingGateway}${version === undefined ? '' : `version: ${version}\n`}store: { redis: { url: "\${env:REDIS_URL}", timeout: 2s } }\n`;

  async function start(burst: number, version?: number): Promise<RunningGateway> {
    const gateway = await runGateway(
      {
        'gateway.yaml': head(version),
        'zones/shop.yaml': zone(burst),
        'pools.yaml': `pools: [{ name: odoo, endpoints: [{ url: "${odoo.url}", seats: 100 }] }]\n`,
      },
      { REDIS_URL: redis.url },
    );
    gateways.push(gateway);
    return gateway;
  }

  /** How many of so many requests, one after the other, a gateway lets pass. */
  async function admitted(gateway: RunningGateway, times: number): Promise<number> {
    let passed = 0;
    for (let i = 0; i < times; i++) {
      if ((await ask(gateway.proxyPort, 'GET http://shop.example/')).status === 200) passed++;
    }
    return passed;
  }

  /** What a bucket refused is remembered for a while, by a clock that only the test moves. */
  const later = (): void => time.advance(10_001);

  it('keeps what was spent when a reload changes a limit, on every instance', async () => {
    const [first, second] = [await start(4), await start(4)];
    expect(await admitted(first, 3)).toBe(3);
    expect(await first.reload({ 'zones/shop.yaml': zone(6) })).toBe(true);
    expect(await admitted(first, 2)).toBe(2);
    // The one with the old file hears of the new burst with its next answer.
    expect(await admitted(second, 3)).toBe(1);
    expect(await first.reload({ 'zones/shop.yaml': zone(5) })).toBe(true);
    later();
    expect(await admitted(first, 2)).toBe(0);
  });

  it('without a version lets the file hold that was loaded last, be it the old one', async () => {
    const rolledOut = await start(6);
    expect(await admitted(rolledOut, 4)).toBe(4);
    // Versions are whole seconds of the wall clock.
    await eventually(async () => {
      const restarted = await start(4);
      expect(await admitted(restarted, 1)).toBe(0);
      later();
      expect(await admitted(rolledOut, 1)).toBe(0);
    });
  });

  it('with a version lets the highest hold, whoever starts last', async () => {
    const rolledOut = await start(6, 8);
    expect(await admitted(rolledOut, 4)).toBe(4);
    const restarted = await start(4, 7);
    expect(await admitted(restarted, 1)).toBe(1);
    expect(await admitted(rolledOut, 3)).toBe(1);
  });

  it('is taken back by the next higher version, which a reload brings', async () => {
    const rolledOut = await start(6, 8);
    expect(await admitted(rolledOut, 4)).toBe(4);
    const other = await start(4, 7);
    expect(await other.reload({ 'gateway.yaml': head(9) })).toBe(true);
    expect(await admitted(other, 1)).toBe(0);
    later();
    expect(await admitted(rolledOut, 1)).toBe(0);
  });

  it('counts its instances while they are there', async () => {
    const [first, second] = [await start(4), await start(4)];
    const told = async () =>
      await Promise.all(
        [first, second].map(async (one) => (await one.metrics())['bulkhead_limit_instances']),
      );
    await eventually(async () => expect(await told()).toEqual([2, 2]));
    await second.stop();
    gateways.pop();
    await eventually(async () => expect((await first.metrics())['bulkhead_limit_instances']).toBe(1));
  });
});
