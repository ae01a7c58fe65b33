import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Writes files into a new temporary directory; returns it and a function that removes it. */
export function writeFiles(files: Record<string, string>): { directory: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'bulkhead-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return { directory, remove: () => rmSync(directory, { recursive: true }) };
}
