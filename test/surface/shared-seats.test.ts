import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { eventually } from '../support/eventually.ts';
import { type HeldUpstream, startHeldUpstream } from '../support/held-upstream.ts';
import { ask, runGateway, type RunningGateway, trustingGateway } from '../support/running-gateway.ts';
import { describeWithTool } from '../system/require-tool.ts';

describeWithTool('redis-server', 'the seats of a shared pool', (binary) => {
  let redis: RedisServer;
  let odoo: HeldUpstream;
  const gateways = new Set<RunningGateway>();

  beforeAll(async () => {
    redis = await startRedis(binary);
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    odoo = await startHeldUpstream();
  });
  afterEach(async () => {
    odoo.hold(false);
    while (odoo.waiting().length > 0) odoo.release();
    for (const gateway of gateways) await gateway.stop();
    gateways.clear();
    await odoo.stop();
  });

  async function start(): Promise<RunningGateway> {
    const gateway = await runGateway({
      'gateway.yaml': `${trustingGateway}store: { redis: { url: '${redis.url}' } }\ndrain: { delay: 0s, timeout: 5s }\n`,
      'pools.yaml': [
        'pools:',
        `  - { name: all, shared: true, endpoints: [{ url: '${odoo.url}', seats: 4 }], health: false }`,
        `  - { name: own, endpoints: [{ url: '${odoo.url}', seats: 4 }], health: false }`,
        '',
      ].join('\n'),
      'zones/office.yaml':
        'zone: office\nmatch: Host(`erp.example`)\nidentify: none\npools: { interactive: all }\n',
    });
    gateways.add(gateway);
    return gateway;
  }

  const seatsOf = async (gateway: RunningGateway, pool = 'all'): Promise<number | undefined> =>
    (await gateway.metrics())[`bulkhead_pool_seats{pool="${pool}"}`];

  it('are those of one gateway, then of two, and of one again when the other has stopped', async () => {
    const first = await start();
    await eventually(async () => expect(await seatsOf(first)).toBe(4));
    const second = await start();
    await eventually(async () => expect([await seatsOf(first), await seatsOf(second)]).toEqual([2, 2]));
    expect([await seatsOf(first, 'own'), await seatsOf(second, 'own')]).toEqual([4, 4]);

    // Both are asked for more than there is; Odoo has no more at once than it has workers.
    const answers = [first, second].flatMap(({ proxyPort }) =>
      Array.from({ length: 6 }, (_, i) => ask(proxyPort, `GET http://erp.example/${i}`)),
    );
    await eventually(() => expect(odoo.waiting().length).toBe(4));
    odoo.hold(false);
    while (odoo.waiting().length > 0) odoo.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 200));

    await second.stop();
    gateways.delete(second);
    await eventually(async () => expect(await seatsOf(first)).toBe(4));
  });

  it('stay as they were while Redis does not answer', async () => {
    const [first, second] = [await start(), await start()];
    await eventually(async () => expect([await seatsOf(first), await seatsOf(second)]).toEqual([2, 2]));
    await redis.stop();
    odoo.hold(false);
    for (const gateway of [first, second]) {
      expect((await ask(gateway.proxyPort, 'GET http://erp.example/')).status).toBe(200);
      expect(await seatsOf(gateway)).toBe(2);
    }
  });
});
