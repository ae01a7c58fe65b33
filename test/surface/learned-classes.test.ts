import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type HeldUpstream, startHeldUpstream } from '../support/held-upstream.ts';
import { ask, runGateway, type RunningGateway } from '../support/running-gateway.ts';
import { startRawUpstream } from './raw-upstream.ts';
import { startSurface, surfaceHostField, waitUntil } from './start-surface.ts';
import { askOnce } from './wire-connection.ts';

// A method of Odoo that turns out to be slow, in a zone that learns.

let gateway: RunningGateway;
let odoo: HeldUpstream;
beforeEach(async () => {
  odoo = await startHeldUpstream();
  gateway = await runGateway({
    'pools.yaml': `pools:
  - { name: people, endpoints: [{ url: "${odoo.url}", seats: 30 }], health: false }
  - { name: machines, endpoints: [{ url: "${odoo.url}", seats: 30 }], health: false }
`,
    'tenants.yaml': 'tenants: [{ id: acme, tier: shared, database: acme }]\n',
    'zones/office.yaml': `zone: office
match: Host(\`{tenant}.erp.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: people, batch: machines }
workload: { learn: { slowerThan: 100ms } }
`,
  });
});
afterEach(async () => {
  odoo.hold(false);
  while (odoo.waiting().length > 0) odoo.release();
  await gateway.stop();
  await odoo.stop();
});

const slow = '/json/2/stock.picking/action_print';
const send = (path: string) => ask(gateway.proxyPort, `POST http://acme.erp.example${path}`, { body: '{}' });

/** Calls that are answered at once, one after the other. */
async function beFast(path: string, times: number): Promise<void> {
  odoo.hold(false);
  for (let i = 0; i < times; i++) await send(path);
}

/** Calls that are at Odoo together for longer than the limit of the zone. */
async function beSlow(path: string, times: number): Promise<void> {
  odoo.hold(true);
  const answers = Array.from({ length: times }, () => send(path));
  await eventually(() => expect(odoo.waiting()).toHaveLength(times));
  await new Promise((resolve) => setTimeout(resolve, 150));
  while (odoo.waiting().length > 0) odoo.release();
  await Promise.all(answers);
}

const lastClass = () => {
  const line = gateway.logged('request').at(-1);
  return [line?.['odoo'], line?.['workload'], line?.['pool']];
};

test('an interactive call becomes batch work, and says why in the log; and comes back when it is fast', async () => {
  await beFast('/json/2/res.partner/fields_get', 60);
  await beSlow(slow, 21);
  expect(lastClass()).toEqual(['stock.picking/action_print', 'interactive', 'people']);
  await beSlow(slow, 1);
  expect(lastClass()).toEqual(['stock.picking/action_print', 'batch', 'machines']);
  const method = { zone: 'office', tenant: 'acme', model: 'stock.picking', method: 'action_print' };
  const moved = gateway.logged('a method is slow: its calls are batch work from now on');
  expect(moved).toEqual([
    {
      level: 'warn',
      time: expect.any(String) as string,
      ...method,
      workload: 'batch',
      meanMs: moved[0]?.['meanMs'],
      calls: 20,
      msg: moved[0]?.['msg'],
    },
  ]);
  expect(moved[0]?.['meanMs']).toBeGreaterThanOrEqual(150);
  const series = await gateway.metrics();
  expect([
    series['bulkhead_learned_batch_methods{zone="office"}'],
    series['bulkhead_entries{collection="learned_methods"}'],
    series['bulkhead_entries_limit{collection="learned_methods"}'],
  ]).toEqual([1, 1, 2048]);

  await beFast(slow, 60);
  expect(lastClass()).toEqual(['stock.picking/action_print', 'interactive', 'people']);
  const back = gateway.logged('a method is fast again: its calls are interactive');
  expect(back.map(({ level, workload, model }) => [level, workload, model])).toEqual([
    ['info', 'interactive', 'stock.picking'],
  ]);
  expect((await gateway.metrics())['bulkhead_learned_batch_methods{zone="office"}']).toBeUndefined();
});

test('a call whose answer fails counts as any other, one that no worker had does not', async () => {
  await beFast('/json/2/res.partner/fields_get', 60);
  await beSlow(slow, 1);
  odoo.hold(true);
  const answers = Array.from({ length: 20 }, () => send(slow).then(({ status }) => status));
  await eventually(() => expect(odoo.waiting()).toHaveLength(20));
  await new Promise((resolve) => setTimeout(resolve, 150));
  await odoo.stop();
  expect([...new Set(await Promise.all(answers))]).toEqual([502]);
  expect(gateway.logged('a method is slow: its calls are batch work from now on')).toHaveLength(1);
  // Nobody listens there any more: were these counted as fast, the method would come back.
  for (let i = 0; i < 60; i++) await send(slow);
  expect(gateway.logged('a method is fast again: its calls are interactive')).toEqual([]);
  expect(lastClass()).toEqual(['stock.picking/action_print', 'batch', 'machines']);
});

test('what was learned is forgotten when the zone learns no more', async () => {
  await beFast('/json/2/res.partner/fields_get', 60);
  await beSlow(slow, 21);
  const zone = `zone: office
match: Host(\`{tenant}.erp.example\`)
identify: none
tenant: { from: [host] }
pools: { interactive: people, batch: machines }
`;
  expect(await gateway.reload({ 'zones/office.yaml': zone })).toBe(true);
  await beFast(slow, 1);
  expect(lastClass()).toEqual(['stock.picking/action_print', 'interactive', 'people']);
  expect(gateway.logged('what was learned of a method is forgotten: its calls are interactive')).toHaveLength(
    1,
  );
});

test('the time that an answer waits for its client is not the time of its method', async () => {
  const content = Buffer.alloc(24 * 1024 * 1024);
  const big = await startRawUpstream({
    onData: ({ socket, text }) =>
      void socket.end(
        text.includes('/web_read ')
          ? Buffer.concat([
              Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`),
              content,
            ])
          : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
      ),
  });
  const surface = await startSurface({
    http: '{ spool: { memory: 64KiB, file: 64KiB } }',
    interactive: `endpoints: [{ url: "${big.url}", seats: 2 }], health: false`,
    zone: 'workload: { learn: { slowerThan: 100ms } }',
  });
  const post = (method: string): string =>
    `POST /json/2/res.partner/${method} HTTP/1.1\r\n${surfaceHostField}Content-Length: 2\r\n\r\n{}`;
  for (let i = 0; i < 10; i++) await askOnce(surface.port, post('fields_get'));
  const client = connect({ port: surface.port, host: '127.0.0.1' }).pause();
  client.write(post('web_read'));
  await waitUntil(async () => (await surface.busySeats()) === 1, 'the worker is busy');
  await new Promise((resolve) => setTimeout(resolve, 200));
  client.resume();
  await waitUntil(() => surface.requests().length === 11, 'the client has everything');
  expect(surface.requests().at(-1)).toMatchObject({ odoo: 'res.partner/web_read', status: 200 });
  const { body } = await askOnce(surface.adminPort, 'GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n');
  expect(body).toContain('\nbulkhead_entries{collection="learned_methods"} 0\n');
  client.destroy();
  await surface.stop();
  await big.close();
});
