import { afterEach, describe, expect, it, vi } from 'vitest';
import { requireTool } from './require-tool.ts';

const missing = 'redis-server is not on PATH; install it, e.g. apt-get install redis-server';
let tools: Record<string, unknown>;

vi.mock('vitest', async (original) => ({ ...(await original<object>()), inject: () => tools }));
afterEach(() => vi.unstubAllEnvs());

describe('requireTool', () => {
  it('gives the path of a tool that was found', () => {
    tools = { 'redis-server': { path: '/usr/bin/redis-server' } };
    expect(requireTool('redis-server')).toBe('/usr/bin/redis-server');
  });

  it('gives nothing for a missing tool, so that its suite is skipped', () => {
    vi.stubEnv('BULKHEAD_FORBID_SKIPS', '');
    tools = { 'redis-server': { missing } };
    expect(requireTool('redis-server')).toBeUndefined();
  });

  it('throws for a missing tool where skips are forbidden', () => {
    vi.stubEnv('BULKHEAD_FORBID_SKIPS', '1');
    tools = { 'redis-server': { missing } };
    expect(() => requireTool('redis-server')).toThrow(new Error(missing));
  });
});
