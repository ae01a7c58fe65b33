import type { TestProject } from 'vitest/node';
import { findRedis } from './find-redis.ts';
import { findTraefik } from './find-traefik.ts';
import type { FoundTool } from './install.ts';

/** The programs that tests drive as real processes. */
export interface SystemTools {
  'redis-server': FoundTool;
  traefik: FoundTool;
}

declare module 'vitest' {
  interface ProvidedContext {
    systemTools: SystemTools;
  }
}

/** Runs once per test run, before any test file: finds the system tools, installing what is missing where it may. */
export function setup(project: TestProject): void {
  const tools: SystemTools = { 'redis-server': findRedis(), traefik: findTraefik() };
  for (const [name, tool] of Object.entries(tools) as [string, FoundTool][]) {
    if ('missing' in tool) process.stderr.write(`Tests that need ${name} are skipped: ${tool.missing}\n`);
  }
  project.provide('systemTools', tools);
}
