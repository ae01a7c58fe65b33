import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';

/** The rights that docs/configuration.md asks for, in its own words, so that tests hold it to them. */

function rightsBehind(heading: string): string[] {
  const page = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
  const line = page.split('\n').find((row) => row.startsWith(heading));
  if (line === undefined) throw new Error(`docs/configuration.md has no line that begins with ${heading}`);
  return line.slice(heading.length).trim().split(' ');
}

export const serverRights = rightsBehind('ACL SETUSER bulkhead on ><password>');
export const clusterRights = rightsBehind('# in a Cluster also:');
export const sentinelRights = rightsBehind('# at each Sentinel: ACL SETUSER bulkhead-watch on ><password>');

/** The commands that servers refused because of missing rights. */
export async function refusedCommands(controls: readonly Redis[]): Promise<string[]> {
  const logs = await Promise.all(controls.map((redis) => redis.call('ACL', 'LOG') as Promise<unknown[][]>));
  return logs.flat().map((entry) => String(entry[entry.indexOf('object') + 1]));
}
