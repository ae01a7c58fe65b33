import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath, installPackages, mayInstallPackages } from './install.ts';
import type { FoundTool } from './install.ts';

/**
 * Finds `valkey-server`. It is tried beside Redis where it is there, and installed only where nothing may be skipped
 * (`BULKHEAD_FORBID_SKIPS=1`): Debian 12 has it among its backports alone.
 */
export function findValkey(): FoundTool {
  const present = findOnPath('valkey-server');
  if (present !== undefined) return { path: present };
  const hint = 'valkey-server is not on PATH; install it, e.g. apt-get install valkey-server';
  if (process.env['BULKHEAD_FORBID_SKIPS'] !== '1' || !mayInstallPackages()) return { missing: hint };
  const failure = installPackages('valkey-server') && installFromBackports('valkey-server');
  const installed = findOnPath('valkey-server');
  if (installed !== undefined) return { path: installed };
  return { missing: `${hint} (${failure ?? 'the package holds no such program'})` };
}

const debianSources = '/etc/apt/sources.list.d/debian.sources';

/** Installs a package that only the backports of this Debian have; the machine's own list of sources stays as it is. */
function installFromBackports(name: string): string | undefined {
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(textOf('/etc/os-release'))?.[1];
  const sources = textOf(debianSources);
  if (codename === undefined || sources === '') return `no Debian release is told by ${debianSources}`;
  const directory = mkdtempSync(join(tmpdir(), 'bulkhead-sources-'));
  try {
    const parts = join(directory, 'sources.list.d');
    mkdirSync(parts);
    writeFileSync(join(parts, 'debian.sources'), sources);
    const first = sources.split(/\n\s*\n/)[0] ?? '';
    const backports = first.replace(/^Suites:.*$/m, `Suites: ${codename}-backports`);
    writeFileSync(join(parts, 'backports.sources'), `${backports.trimEnd()}\n`);
    return installPackages(name, { options: ['-o', `Dir::Etc::sourceparts=${parts}`] });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
