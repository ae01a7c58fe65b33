import { afterEach, expect, it } from 'vitest';
import { type HeldTime, holdTime } from '../support/gateway-time.ts';
import { pickSeries } from '../support/metrics-text.ts';
import { exchangeBytes } from '../support/raw-http.ts';
import { ask, runGateway, type RunningGateway, verdictOf } from '../support/running-gateway.ts';

let gateway: RunningGateway;
let time: HeldTime;

afterEach(async () => {
  time.release();
  await gateway.stop();
});

const zone = `zone: shop
match: Host(\`shop.example\`)
address: { guard: { rate: 3/h } }
identify: { any: [jwt: { issuer: keycloak, audience: bulkhead }] }
pools: { interactive: odoo }
`;

/** One request each of these addresses, without a credential: the guard counts it, nothing else costs anything. */
async function visit(from: number, to: number): Promise<number> {
  let bytes = '';
  for (let i = from; i < to; i++) {
    const last = i === to - 1 ? 'Connection: close\r\n' : '';
    bytes += `GET /odoo HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 10.9.${i >>> 8}.${i & 255}\r\n${last}\r\n`;
  }
  const answers = await exchangeBytes(gateway.proxyPort, bytes, { timeoutMs: 30_000 });
  return answers.split('HTTP/1.1 401 ').length - 1;
}

it('a flood of addresses takes a bounded place, is seen, and leaves alone who was there before', async () => {
  time = holdTime();
  gateway = await runGateway({
    'identities.yaml': 'issuers: [{ name: keycloak, issuer: "https://id.example" }]\n',
    'pools.yaml': 'pools: [{ name: odoo, endpoints: [{ url: "http://127.0.0.1:8069", seats: 4 }] }]\n',
    'zones/shop.yaml': zone,
  });
  const old = async () =>
    verdictOf(
      await ask(gateway.proxyPort, 'GET http://shop.example/odoo', {
        headers: { 'X-Forwarded-For': '192.0.2.7' },
      }),
    );
  expect(await old()).toEqual([401, 'credentials_missing']);

  let served = 0;
  for (let from = 0; from < 11_000; from += 1000) served += await visit(from, from + 1000);
  // The last 1,000 share budgets of three tokens each, of which there are 4,096: in half of all runs some four meet in one.
  expect(served).toBeGreaterThan(10_980);
  expect(served).toBeLessThanOrEqual(11_000);
  const series = pickSeries(await gateway.metrics(), [
    'bulkhead_entries',
    'bulkhead_shared_client_keys_total',
  ]);
  expect(series).toMatchObject({
    'bulkhead_entries{collection="known_clients"}': 10_000,
    'bulkhead_entries{collection="new_clients"}': 10_000,
    bulkhead_shared_client_keys_total: 1001,
  });
  expect(series['bulkhead_entries{collection="guard_keys"}']).toBeLessThan(11_000);
  const flood = 'too many new client addresses: those that are not known share budgets until fewer come';
  const over = 'new client addresses have budgets of their own again';
  expect([gateway.logged(flood).length, gateway.logged(over).length]).toEqual([1, 0]);

  // It had three, and has just what it left of them.
  expect([await old(), await old(), await old()]).toEqual([
    [401, 'credentials_missing'],
    [401, 'credentials_missing'],
    [429, 'address_rate_exceeded'],
  ]);

  time.advance(600_000);
  await visit(20_000, 20_001);
  expect([gateway.logged(flood).length, gateway.logged(over).length]).toEqual([1, 1]);
}, 60_000);
