import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const example = join(import.meta.dirname, '../config');
const overlay = join(import.meta.dirname, 'gateway-config');

/** What Odoo is to see as Authorization. */
export const odooApiKey = 'key-of-the-bench';

export interface WrittenConfiguration {
  directory: string;
  remove(): void;
}

/**
 * The example configuration with the parts of `bench/gateway-config` laid over it: the public, employee and admin zones
 * and the tenants stay what users see, the partner zone gets budgets that no load meets.
 */
export function writeGatewayConfiguration({ accessLog }: { accessLog: boolean }): WrittenConfiguration {
  const directory = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'));
  cpSync(example, directory, { recursive: true });
  cpSync(overlay, directory, { recursive: true });
  if (!accessLog) {
    const path = join(directory, 'gateway.yaml');
    const text = readFileSync(path, 'utf8');
    const quiet = text.replace('accessLog: true', 'accessLog: false');
    if (quiet === text) throw new TypeError('"gateway.yaml" of the bench does not say accessLog: true');
    writeFileSync(path, quiet);
  }
  return { directory, remove: () => rmSync(directory, { recursive: true }) };
}
