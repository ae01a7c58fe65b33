import { describe, inject } from 'vitest';
import type { SystemTools } from './global-setup.ts';

/**
 * The path of a system tool, or undefined when this machine has none. With `BULKHEAD_FORBID_SKIPS=1`, which continuous
 * integration sets, a missing tool is an error: a suite that silently never ran proves nothing.
 */
export function requireTool(name: keyof SystemTools): string | undefined {
  const tool = inject('systemTools')[name];
  if ('path' in tool) return tool.path;
  if (process.env['BULKHEAD_FORBID_SKIPS'] === '1') throw new Error(tool.missing);
  return undefined;
}

/** A suite that needs a system tool. Without the tool it stands in the report as skipped, with the reason in its title. */
export function describeWithTool(name: keyof SystemTools, title: string, body: (path: string) => void): void {
  const path = requireTool(name);
  const tool = inject('systemTools')[name];
  if (path !== undefined) describe(title, () => body(path));
  else describe.skip(`${title} [${'missing' in tool ? tool.missing : name}]`, () => body(''));
}

/** A suite that runs on Redis, which it needs, and once more on Valkey where that is found. */
export function describeOnServers(title: string, body: (path: string, server: string) => void): void {
  describeWithTool('redis-server', `${title}, on Redis`, (path) => body(path, 'redis-server'));
  const valkey = inject('systemTools')['valkey-server'];
  if ('path' in valkey) describe(`${title}, on Valkey`, () => body(valkey.path, 'valkey-server'));
}
