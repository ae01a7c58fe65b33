import { findOnPath, installPackages, mayInstallPackages } from './install.ts';
import type { FoundTool } from './install.ts';

/** Finds `redis-server`, or installs it where that needs nobody's consent. Tests start their own, on a free port. */
export function findRedis(): FoundTool {
  const present = findOnPath('redis-server');
  if (present !== undefined) return { path: present };
  if (!mayInstallPackages()) {
    return { missing: 'redis-server is not on PATH; install it, e.g. apt-get install redis-server' };
  }
  const failure = installPackages('redis-server');
  const installed = findOnPath('redis-server');
  if (installed !== undefined) return { path: installed };
  return {
    missing: `redis-server is not on PATH and could not be installed; ${failure ?? 'it is still not there'}`,
  };
}
