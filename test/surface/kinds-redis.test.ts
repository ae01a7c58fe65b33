import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { eventually } from '../support/eventually.ts';
import { type HeldUpstream, startHeldUpstream } from '../support/held-upstream.ts';
import type { RawAnswer } from '../support/raw-http.ts';
import { ask, runGateway, type RunningGateway, trustingGateway } from '../support/running-gateway.ts';
import { describeWithTool } from '../system/require-tool.ts';

// Quotas and limits on requests in progress of two gateways that share a Redis.

function files(odooUrl: string): Record<string, string> {
  const zone = (name: string, limit: string): [string, string] => [
    `zones/${name}.yaml`,
    `zone: ${name}\nmatch: Host(\`${name}.example\`)\nidentify: none\npools: { interactive: odoo }\nlimits: [${limit}]\n`,
  ];
  return {
    'gateway.yaml': `${trustingGateway}store: { redis: { url: "\${env:REDIS_URL}", timeout: 2s }, instances: 2 }\n`,
    'pools.yaml': `pools: [{ name: odoo, endpoints: [{ url: "${odooUrl}", seats: 100 }], health: false }]\n`,
    ...Object.fromEntries([
      zone('parallel', '{ name: parallel, key: zone, inFlight: 2 }'),
      zone('monthly', '{ name: monthly, key: zone, quota: 7/month, timezone: Europe/Berlin }'),
    ]),
  };
}

describeWithTool('redis-server', 'two gateways on one Redis', (binary) => {
  let redis: RedisServer;
  let odoo: HeldUpstream;
  let gateways: RunningGateway[];

  beforeEach(async () => {
    redis = await startRedis(binary);
    odoo = await startHeldUpstream();
    const start = () => runGateway(files(odoo.url), { REDIS_URL: redis.url });
    gateways = [await start(), await start()];
  });
  afterEach(async () => {
    odoo.hold(false);
    while (odoo.waiting().length > 0) odoo.release();
    for (const gateway of gateways) await gateway.stop();
    await redis.stop();
    await odoo.stop();
  });

  const send = (gateway: number, zone: string): Promise<RawAnswer> =>
    ask(gateways[gateway]!.proxyPort, `GET http://${zone}.example/odoo`);

  it('have no more requests in progress together than the limit says', async () => {
    const first = [send(0, 'parallel'), send(1, 'parallel')];
    await eventually(() => expect(odoo.waiting()).toHaveLength(2));
    for (const gateway of [0, 1]) {
      const refused = await send(gateway, 'parallel');
      expect([refused.status, refused.fields['ratelimit']]).toEqual([429, '"parallel";r=0']);
    }
    while (odoo.waiting().length > 0) odoo.release();
    for (const answer of first) expect((await answer).status).toBe(200);
    // Slots that lie idle in one gateway go back, and the other can have both.
    const late: Promise<RawAnswer>[] = [];
    await eventually(async () => {
      late.push(send(0, 'parallel'));
      await eventually(() => expect(odoo.waiting().length).toBeGreaterThan(0));
      expect(odoo.waiting()).toHaveLength(2);
    });
    expect((await send(1, 'parallel')).status).toBe(429);
  }, 30_000);

  it('admit a quota once between them, and tell when it comes again', async () => {
    odoo.hold(false);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => send(i % 2, 'monthly')));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(7);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.fields['ratelimit-policy']).toBe('"monthly";q=7;w=2592000');
    const seconds = Number(/^"monthly";r=0;t=(\d+)$/.exec(refused?.fields['ratelimit'] ?? '')?.[1]);
    expect(seconds).toBeLessThanOrEqual(86_400);
    expect(Number(refused?.fields['retry-after'])).toBeGreaterThanOrEqual(seconds);
  });
});
