import type { TestProject } from 'vitest/node';
import { findPython } from './find-python.ts';
import { findRedis } from './find-redis.ts';
import { findTraefik } from './find-traefik.ts';
import { findValkey } from './find-valkey.ts';
import type { FoundTool } from './install.ts';

/** The programs that tests drive as real processes. */
export interface SystemTools {
  'redis-server': FoundTool;
  /** Not needed: what is claimed for Redis is tried on it, too. */
  'valkey-server': FoundTool;
  traefik: FoundTool;
  /** Reads what the gateway reads, as Odoo does. */
  python3: FoundTool;
}

declare module 'vitest' {
  interface ProvidedContext {
    systemTools: SystemTools;
  }
}

/** Runs once per test run, before any test file: finds the system tools, installing what is missing where it may. */
export function setup(project: TestProject): void {
  const tools: SystemTools = {
    'redis-server': findRedis(),
    'valkey-server': findValkey(),
    traefik: findTraefik(),
    python3: findPython(),
  };
  for (const [name, tool] of Object.entries(tools) as [string, FoundTool][]) {
    if ('missing' in tool) process.stderr.write(`Tests that need ${name} are skipped: ${tool.missing}\n`);
  }
  project.provide('systemTools', tools);
}
