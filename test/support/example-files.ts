import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleDirectory } from './test-gateway.ts';

/** The files of the example configuration by name, for a test that changes or adds some. */
export function exampleFiles(): Record<string, string> {
  const files: Record<string, string> = {};
  for (const folder of ['', 'zones']) {
    for (const entry of readdirSync(join(exampleDirectory, folder), { withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.yaml')) continue;
      const name = join(folder, entry.name);
      files[name] = readFileSync(join(exampleDirectory, name), 'utf8');
    }
  }
  return files;
}
