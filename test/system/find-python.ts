import { findOnPath, installPackages, mayInstallPackages } from './install.ts';
import type { FoundTool } from './install.ts';

/** Finds `python3`, whose own readers of JSON and XML-RPC Odoo uses, or installs it where that needs nobody's consent. */
export function findPython(): FoundTool {
  const present = findOnPath('python3');
  if (present !== undefined) return { path: present };
  if (!mayInstallPackages()) {
    return { missing: 'python3 is not on PATH; install it, e.g. apt-get install python3' };
  }
  const failure = installPackages('python3');
  const installed = findOnPath('python3');
  if (installed !== undefined) return { path: installed };
  return {
    missing: `python3 is not on PATH and could not be installed; ${failure ?? 'it is still not there'}`,
  };
}
