import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../src/config/load.ts';
import { renderProblems } from '../../src/config/problems.ts';

const here = import.meta.dirname;
const broken = join(here, 'broken');
const nowMs = Date.UTC(2026, 10, 22);
/** Set to write what is printed as what is expected; read the difference before it is kept. */
const update = process.env['UPDATE_GOLDEN'] === '1';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bulkhead-broken-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** The base configuration with the files of one case laid over it, and those named in `remove.txt` taken away. */
function layOut(name: string): void {
  cpSync(join(here, 'base'), directory, { recursive: true });
  cpSync(join(broken, name), directory, { recursive: true });
  rmSync(join(directory, 'expected.txt'), { force: true });
  const removal = join(directory, 'remove.txt');
  if (!existsSync(removal)) return;
  for (const file of readFileSync(removal, 'utf8').trim().split('\n')) rmSync(join(directory, file));
  rmSync(removal);
}

describe('a broken configuration is refused with every problem at once', () => {
  for (const name of readdirSync(broken)) {
    it(name, () => {
      layOut(name);
      const env = { BROKEN_SECRET: 'hunter2' };
      const { configuration, problems } = loadConfiguration(directory, { env, nowMs });
      const printed = `${renderProblems(problems)}\n`.replaceAll(directory, '<config>');
      const golden = join(broken, name, 'expected.txt');
      if (update) writeFileSync(golden, printed);
      expect(configuration).toBeUndefined();
      expect(printed).toBe(readFileSync(golden, 'utf8'));
      expect(printed).not.toContain('hunter2');
    });
  }

  it('while the base itself is accepted', () => {
    cpSync(join(here, 'base'), directory, { recursive: true });
    const { configuration, problems } = loadConfiguration(directory, { env: {}, nowMs });
    expect(problems).toEqual([]);
    expect(configuration?.snapshot.zonesByName.size).toBe(1);
  });
});
