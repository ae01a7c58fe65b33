import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findRedis } from './find-redis.ts';
import { findValkey } from './find-valkey.ts';
import { findOnPath, mayInstallPackages, run } from './install.ts';

let room: string;

beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'bulkhead-tools-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(room, { recursive: true, force: true });
});

describe('findOnPath', () => {
  it('takes the first executable file of that name and nothing else', () => {
    for (const directory of ['empty', 'folder', 'text', 'program', 'later']) mkdirSync(join(room, directory));
    mkdirSync(join(room, 'folder/tool'));
    writeFileSync(join(room, 'text/tool'), '');
    chmodSync(join(room, 'text/tool'), 0o644);
    for (const directory of ['program', 'later'])
      writeFileSync(join(room, directory, 'tool'), '', { mode: 0o755 });
    const path = ['empty', '', 'folder', 'text', 'missing', 'program', 'later']
      .map((directory) => (directory === '' ? '' : join(room, directory)))
      .join(':');
    expect(findOnPath('tool', path)).toBe(join(room, 'program/tool'));
    expect(findOnPath('other', path)).toBeUndefined();
  });
});

describe('installing', () => {
  it('is forbidden by BULKHEAD_NO_INSTALL, and what is missing is then named', () => {
    vi.stubEnv('BULKHEAD_NO_INSTALL', '1');
    vi.stubEnv('PATH', room);
    expect(mayInstallPackages()).toBe(false);
    expect(findRedis()).toEqual({
      missing: 'redis-server is not on PATH; install it, e.g. apt-get install redis-server',
    });
  });

  it('is not tried for what is not needed, unless nothing may be skipped', () => {
    vi.stubEnv('PATH', room);
    vi.stubEnv('BULKHEAD_FORBID_SKIPS', '');
    expect(findValkey()).toEqual({
      missing: 'valkey-server is not on PATH; install it, e.g. apt-get install valkey-server',
    });
  });

  it('says why a command failed', () => {
    expect(run(process.execPath, ['-e', 'console.error("one\\ntwo\\nthree\\nfour"); process.exit(1)'])).toBe(
      `${process.execPath} failed: two three four`,
    );
    expect(run(join(room, 'nothing'), [])).toMatch(/^.*nothing failed: spawnSync .* ENOENT$/);
    expect(run(process.execPath, ['-e', ''])).toBeUndefined();
  });
});
