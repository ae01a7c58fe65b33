import { lookup } from 'node:dns/promises';

/**
 * Asks the system, as every other program does: with `/etc/hosts` and the search list of `resolv.conf`, which a short name of a
 * Kubernetes service needs and a plain DNS query would leave out.
 */
export async function resolveName(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}
