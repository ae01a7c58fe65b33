import type { Scheduler } from '../core/scheduler.ts';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../core/clock.ts';
import { changedPaths, takeFingerprints } from './fingerprint.ts';
import { watchFiles } from './watch.ts';
import type { FileWatch, WatchOptions } from './watch.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bulkhead-watch-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const neverScheduled: Scheduler = { after: () => () => {} };
/** Long after anything that a test writes. */
const afterWrites = (): number => Date.now() + 60_000;

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

interface Watched extends FileWatch {
  told: string[][];
  errors: unknown[];
  /** Looks until a change that was there before has rested and was told. */
  settle(): Promise<void>;
}

function watch(options: Partial<WatchOptions>): Watched {
  const told: string[][] = [];
  const errors: unknown[] = [];
  const watched = watchFiles({
    list: async () => [directory, ...(await readdir(directory)).map((name) => join(directory, name))],
    intervalMs: 1000,
    loadedAtMs: afterWrites(),
    clock: manualClock(afterWrites()),
    onChange: (paths) => void told.push(paths.map((path) => path.replace(directory, '.'))),
    onError: (error) => void errors.push(error),
    scheduler: neverScheduled,
    ...options,
  });
  return {
    ...watched,
    told,
    errors,
    async settle() {
      await watched.look();
      await watched.look();
    },
  };
}

describe('watching files', () => {
  it('tells nothing while nothing changes', async () => {
    write('a.yaml', 'x');
    const watched = watch({});
    await watched.settle();
    await watched.settle();
    expect(watched.told).toEqual([]);
  });

  it('tells a change once, when it has rested for one look', async () => {
    write('a.yaml', 'x');
    const watched = watch({});
    await watched.look();
    write('a.yaml', 'xy');
    await watched.look();
    expect(watched.told).toEqual([]);
    write('a.yaml', 'xyz');
    await watched.look();
    expect(watched.told).toEqual([]);
    await watched.look();
    expect(watched.told).toEqual([['./a.yaml']]);
    await watched.settle();
    expect(watched.told).toEqual([['./a.yaml']]);
  });

  it('tells a file that never rests after ten looks', async () => {
    write('a.yaml', '');
    const watched = watch({});
    await watched.look();
    for (let i = 1; i <= 10; i++) {
      expect(watched.told).toEqual([]);
      write('a.yaml', 'x'.repeat(i));
      await watched.look();
    }
    expect(watched.told).toEqual([['./a.yaml']]);
  });

  it('tells files that come and go', async () => {
    write('a.yaml', 'x');
    const watched = watch({});
    await watched.look();
    write('b.yaml', 'y');
    await watched.settle();
    unlinkSync(join(directory, 'a.yaml'));
    await watched.settle();
    expect(watched.told).toEqual([
      ['.', './b.yaml'],
      ['.', './a.yaml'],
    ]);
  });

  it('tells a file that was replaced by one of the same size and age, as editors and rsync do', async () => {
    const path = write('a.yaml', 'x');
    utimesSync(path, 1_000_000, 1_000_000);
    const watched = watch({ list: () => [path] });
    await watched.look();
    const fresh = write('fresh', 'y');
    utimesSync(fresh, 1_000_000, 1_000_000);
    renameSync(fresh, path);
    await watched.settle();
    expect(watched.told).toEqual([['./a.yaml']]);
  });

  it('tells a swapped directory link, as Kubernetes mounts configuration', async () => {
    for (const version of ['..v1', '..v2']) {
      mkdirSync(join(directory, version));
      utimesSync(write(`${version}/a.yaml`, 'same'), 1_000_000, 1_000_000);
    }
    symlinkSync('..v1', join(directory, '..data'));
    symlinkSync('..data/a.yaml', join(directory, 'a.yaml'));
    const watched = watch({ list: () => [join(directory, 'a.yaml')] });
    await watched.look();
    symlinkSync('..v2', join(directory, '..next'));
    renameSync(join(directory, '..next'), join(directory, '..data'));
    await watched.settle();
    expect(watched.told).toEqual([['./a.yaml']]);
  });

  it('tells a secret file that appears where it was missing', async () => {
    const path = join(directory, 'secret');
    const watched = watch({ list: () => [path] });
    await watched.look();
    write('secret', 's');
    await watched.settle();
    expect(watched.told).toEqual([['./secret']]);
  });

  it('tells a directory that vanishes, once, and its return', async () => {
    const tree = join(directory, 'tree');
    mkdirSync(tree);
    writeFileSync(join(tree, 'a.yaml'), 'x');
    const list = async (): Promise<string[]> => (await readdir(tree)).map((name) => join(tree, name));
    const watched = watch({ list });
    await watched.look();
    rmSync(tree, { recursive: true });
    await watched.settle();
    await watched.settle();
    expect(watched.told).toEqual([['', './tree/a.yaml']]);
    mkdirSync(tree);
    writeFileSync(join(tree, 'a.yaml'), 'x');
    await watched.settle();
    expect(watched.told).toEqual([
      ['', './tree/a.yaml'],
      ['', './tree/a.yaml'],
    ]);
    expect(watched.errors).toEqual([]);
  });

  it('tells a directory that is gone at the first look', async () => {
    const watched = watch({ list: () => readdir(join(directory, 'none')) });
    await watched.settle();
    expect(watched.told).toEqual([['']]);
  });

  it('tells at once what changed after the configuration was loaded and before the first look', async () => {
    write('a.yaml', 'x');
    const watched = watch({ list: () => [join(directory, 'a.yaml')], loadedAtMs: Date.now() - 60_000 });
    await watched.settle();
    expect(watched.told).toEqual([['./a.yaml']]);
  });
});

describe('a reload that is under way', () => {
  it('is not joined by a second one, and a change during it is told after it', async () => {
    const path = write('a.yaml', 'x');
    const reloads: PromiseWithResolvers<void>[] = [];
    const watched = watch({
      list: () => [path],
      onChange: () => {
        const reload = Promise.withResolvers<void>();
        reloads.push(reload);
        return reload.promise;
      },
    });
    await watched.look();
    write('a.yaml', 'xy');
    await watched.look();
    const looking = watched.look();
    while (reloads.length === 0) await new Promise((resume) => setImmediate(resume));
    write('a.yaml', 'xyz');
    const second = watched.look();
    expect(second).toBe(looking);
    expect(reloads).toHaveLength(1);
    reloads[0]?.resolve();
    await looking;
    await watched.look();
    const third = watched.look();
    while (reloads.length === 1) await new Promise((resume) => setImmediate(resume));
    reloads[1]?.resolve();
    await third;
    expect(reloads).toHaveLength(2);
  });

  it('that names further files is not followed by another one because of them', async () => {
    const path = write('a.yaml', 'x');
    const secret = write('secret', 's');
    const listed = [path];
    const told: string[][] = [];
    const watched = watch({
      list: () => listed,
      onChange: (paths) => {
        told.push(paths);
        listed.push(secret);
      },
    });
    await watched.look();
    write('a.yaml', 'xy');
    await watched.settle();
    await watched.settle();
    expect(told).toEqual([[path]]);
    write('secret', 'new');
    await watched.settle();
    expect(told).toEqual([[path], [secret]]);
  });

  it('that fails does not end the watch', async () => {
    const path = write('a.yaml', 'x');
    const failure = new Error('no');
    const watched = watch({
      list: () => [path],
      onChange: () => {
        throw failure;
      },
    });
    await watched.look();
    write('a.yaml', 'xy');
    await watched.settle();
    await watched.settle();
    expect(watched.errors).toEqual([failure]);
    write('a.yaml', 'xyz');
    await watched.settle();
    expect(watched.errors).toEqual([failure, failure]);
  });
});

describe('the schedule of a watch', () => {
  it('looks at every interval, sooner while a change has to rest, and never after the end', async () => {
    const path = write('a.yaml', 'x');
    const scheduled: { run: () => void; delayMs: number; cancelled: boolean }[] = [];
    const told: string[][] = [];
    const watched = watchFiles({
      list: () => [path],
      intervalMs: 1000,
      loadedAtMs: afterWrites(),
      onChange: (paths) => void told.push(paths),
      onError: () => {},
      scheduler: {
        after(delayMs, run) {
          const entry = { run, delayMs, cancelled: false };
          scheduled.push(entry);
          return () => void (entry.cancelled = true);
        },
      },
    });
    const runNext = async (): Promise<void> => {
      const before = scheduled.length;
      scheduled.at(-1)?.run();
      while (scheduled.length === before) await new Promise((resume) => setImmediate(resume));
    };
    await runNext();
    write('a.yaml', 'xy');
    await runNext();
    await runNext();
    expect(scheduled.map((entry) => entry.delayMs)).toEqual([1000, 1000, 100, 1000]);
    expect(told).toEqual([[path]]);
    watched.close();
    expect(scheduled.at(-1)?.cancelled).toBe(true);
    write('a.yaml', 'xyz');
    await watched.look();
    await watched.look();
    expect(told).toEqual([[path]]);
    expect(scheduled).toHaveLength(4);
  });
});

describe('fingerprints', () => {
  it('of a thousand files are taken without losing one', async () => {
    const paths = Array.from({ length: 1000 }, (_, i) => write(`${i}.yaml`, 'x'));
    const taken = await takeFingerprints(() => [...paths, ...paths]);
    expect([...taken.keys()]).toEqual(paths);
    expect(changedPaths(taken, await takeFingerprints(() => paths.slice(1)))).toEqual([paths[0]]);
  });
});
