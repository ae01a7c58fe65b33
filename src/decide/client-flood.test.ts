import { expect, it } from 'vitest';
import { openScene } from '../../test/support/decision-scene.ts';
import { manualClock } from '../core/clock.ts';
import { ClientKeys } from '../limits/client-keys.ts';

const shop = `zone: shop
match: Host(\`{tenant}.shop.example\`)
address: { guard: { rate: 20/h } }
identify: none
tenant: { from: [host] }
limits:
  - { name: by-address, key: client, rate: 5/h }
  - { name: by-tenant, key: tenant, rate: 1000/h }
  - { name: soon, key: client, rate: 3/h, shadow: true }
pools: { interactive: people }
`;
const page = 'GET https://acme.shop.example/shop';

it('in a flood of addresses a new one is counted under one key in all limits, and explain counts it by itself', () => {
  const scene = openScene({ shop });
  const clients = new ClientKeys({ clock: manualClock(), secret: 'scene' });
  for (let i = 0; i < 10_000; i++) clients.keyOf(`10.9.${i >>> 8}.${i & 255}`);
  const effects = { clientKey: (address: string) => clients.keyOf(address) };
  const keys = (from: string) => scene.ask(page, { from, effects }).limits.map(({ key }) => key);

  expect(keys('10.9.0.7')).toEqual(['10.9.0.7', 'acme', '10.9.0.7']);
  const [key, tenant, again] = keys('192.0.2.7');
  expect(key).toMatch(/^shared-\d+$/);
  expect([tenant, again]).toEqual(['acme', key]);
  // The guard counts it under the same key: its own budget is untouched.
  expect(scene.guard.size).toBe(2);
  expect(scene.explain(page, { from: '192.0.2.7' }).limits.map((limit) => limit.remaining)).toEqual([
    5, 998, 3,
  ]);
});

it('live traffic without a bound on new addresses counts each by itself', () => {
  const scene = openScene({ shop });
  expect(scene.ask(page, { from: '2001:db8:1:2::7' }).limits[0]?.key).toBe('2001:db8:1:2::/64');
});
