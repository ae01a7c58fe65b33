import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that tests drive as a real process: where it is, or why there is none and what to do about it. */
export type FoundTool = { path: string } | { missing: string };

/** The first executable file of this name on `PATH`. */
export function findOnPath(name: string, pathList = process.env['PATH'] ?? ''): string | undefined {
  for (const directory of pathList.split(delimiter)) {
    if (directory === '') continue;
    const path = join(directory, name);
    if (isExecutable(path)) return path;
  }
  return undefined;
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Whether Debian packages can be installed without asking anybody; `BULKHEAD_NO_INSTALL=1` forbids it. */
export function mayInstallPackages(): boolean {
  return (
    process.env['BULKHEAD_NO_INSTALL'] !== '1' &&
    process.getuid?.() === 0 &&
    existsSync('/etc/debian_version') &&
    findOnPath('apt-get') !== undefined
  );
}

/** The sources whose package lists were read already, as options of apt-get. */
const listsRead = new Set<string>();

/** Installs a Debian package, with no service of it started; gives the reason when that failed. */
export function installPackages(
  name: string,
  { options = [] }: { options?: readonly string[] } = {},
): string | undefined {
  // Two test runs may start at once: the second waits for the first one's lock.
  const common = ['-o', 'DPkg::Lock::Timeout=120', ...options, '-qq'];
  const sources = options.join(' ');
  if (!listsRead.has(sources)) {
    const failure = run('apt-get', [...common, 'update']);
    if (failure !== undefined) return failure;
    listsRead.add(sources);
  }
  return withoutStartingServices(() =>
    run('apt-get', [...common, 'install', '-y', '--no-install-recommends', name]),
  );
}

/** Runs a command to its end; gives the last lines of what it said when it failed. */
export function run(command: string, args: readonly string[]): string | undefined {
  const done = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: 300_000,
  });
  if (done.status === 0) return undefined;
  const said = `${done.stderr ?? ''}${done.error?.message ?? ''}`.trim().split('\n').slice(-3).join(' ');
  return `${command} failed: ${said}`;
}

/**
 * A package such as redis-server starts a service on its well-known port, which nobody here asked for. Debian asks
 * policy-rc.d before it starts one (invoke-rc.d(8)); 101 means "forbidden".
 */
function withoutStartingServices<T>(install: () => T): T {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(policy, { force: true });
  }
}
