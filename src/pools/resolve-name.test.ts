import { expect, it } from 'vitest';
import { resolveName } from './resolve-name.ts';

it('resolveName finds every loopback address that the system has for localhost', async () => {
  const addresses = await resolveName('localhost');
  expect(addresses.filter((address) => address !== '127.0.0.1' && address !== '::1')).toEqual([]);
  expect(addresses.length).toBeGreaterThan(0);
});
