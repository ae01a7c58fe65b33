import fs from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BodyConsumer } from './body-source.ts';
import { SpoolBudget } from './spool-file.ts';
import { Spool, type SpoolOptions } from './spool.ts';

const maxPendingBytes = 1024 * 1024;

let directory = '';
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'spool-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(directory, { recursive: true });
});

/** Byte `at` of every body in these tests, so that a lost, doubled or moved byte is seen. */
function bodyBytes(from: number, bytes: number): Buffer {
  const piece = Buffer.allocUnsafeSlow(bytes);
  for (let index = 0; index < bytes; index++) piece[index] = ((from + index) * 2654435761) >>> 24;
  return piece;
}

/** Compares what comes with the body, and takes more only while `takes` says so. */
class Checker implements BodyConsumer {
  gotBytes = 0;
  gotPieces = 0;
  readonly events: string[] = [];
  takes: (piece: Buffer) => boolean = () => true;
  onPiece(piece: Buffer): boolean {
    if (!piece.equals(bodyBytes(this.gotBytes, piece.length))) this.events.push(`wrong at ${this.gotBytes}`);
    this.gotBytes += piece.length;
    this.gotPieces++;
    return this.takes(piece);
  }
  onEnd(): void {
    this.events.push('end');
  }
  onFailure(): void {
    this.events.push('failure');
  }
}

/** A spool with everything around it; `push` continues the body. */
function prepare(overrides: Partial<SpoolOptions> = {}) {
  const budget = overrides.budget ?? new SpoolBudget(2 ** 30);
  const options = { memoryBytes: 1000, maxFileBytes: 2 ** 30, directory, ...overrides, budget };
  const told: string[] = [];
  const spool = new Spool(options, { onRoom: () => told.push('room'), onStuck: () => told.push('stuck') });
  let pushedBytes = 0;
  const push = (bytes: number): boolean => {
    pushedBytes += bytes;
    return spool.push(bodyBytes(pushedBytes - bytes, bytes));
  };
  return { spool, budget, told, push, checker: new Checker(), pushedBytes: () => pushedBytes };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

function diskBytes(spool: Spool): number {
  return spool.queuedBytes - spool.heldBytes;
}

async function expectNothingLeft(budget: SpoolBudget): Promise<void> {
  await until(() => budget.openFiles === 0);
  expect([budget.usedBytes, fs.readdirSync(directory)]).toEqual([0, []]);
}

type Callback = (error: Error | null, value?: number) => void;
type Call = (...args: unknown[]) => void;

/** Replaces the next call of a function of node:fs; `real` is what it would have done. */
function once(
  name: 'open' | 'unlink' | 'writev' | 'read' | 'close',
  replacement: (real: Call, args: unknown[]) => void,
): void {
  const real = fs[name] as unknown as Call;
  const spy = vi.spyOn(fs, name) as unknown as {
    mockImplementationOnce(call: Call): void;
    mockRestore(): void;
  };
  spy.mockImplementationOnce((...args) => {
    spy.mockRestore();
    replacement(real, args);
  });
}

function fail(code: string): (real: Call, args: unknown[]) => void {
  return (_, args) => process.nextTick(args.at(-1) as Callback, Object.assign(new Error(code), { code }));
}

/** Holds the next call of a function of node:fs back until the answer is called. */
function hold(name: 'open' | 'writev' | 'read'): { called: Promise<void>; release: () => void } {
  let release = (): void => undefined;
  const called = new Promise<void>((resolve) => {
    once(name, (real, args) => {
      release = () => real(...args);
      resolve();
    });
  });
  return { called, release: () => release() };
}

describe('Spool', () => {
  test('passes pieces straight through while they are taken', () => {
    const { spool, told, checker, push } = prepare();
    const pieces: Buffer[] = [];
    checker.takes = (piece) => pieces.push(piece) > 0;
    spool.start(checker);
    const piece = bodyBytes(0, 5000);
    expect([spool.push(piece), pieces[0] === piece, spool.queuedBytes, spool.length]).toEqual([
      true,
      true,
      0,
      undefined,
    ]);
    spool.end();
    expect([checker.events, told, spool.length]).toEqual([['end'], [], 5000]);
    expect(push(0)).toBe(true);
  });

  test('keeps what is small in memory and tells its length before it starts', async () => {
    const { spool, budget, checker, push } = prepare();
    for (let at = 0; at < 10; at++) push(100);
    spool.end();
    expect([spool.queuedBytes, spool.heldBytes, spool.length, budget.usedBytes]).toEqual([
      1000, 1000, 1000, 0,
    ]);
    spool.start(checker);
    expect([checker.gotBytes, checker.events]).toEqual([1000, ['end']]);
    await expectNothingLeft(budget);
  });

  test('puts what is more into a file that has no name and is gone when it is read', async () => {
    const { spool, budget, checker, push } = prepare();
    push(1000);
    push(1);
    push(200_000);
    await until(() => diskBytes(spool) === 200_001);
    expect([spool.heldBytes, budget.usedBytes, budget.openFiles, fs.readdirSync(directory)]).toEqual([
      1000,
      200_001,
      1,
      [],
    ]);
    spool.start(checker);
    await until(() => spool.queuedBytes === 0);
    await expectNothingLeft(budget);
    expect([push(10), checker.gotBytes]).toEqual([true, 201_011]);
    spool.end();
    expect(checker.events).toEqual(['end']);
  });

  test('makes its file for the owner alone, under a name that must be new', async () => {
    const { spool, budget, push } = prepare();
    const flags: unknown[] = [];
    once('open', (real, args) => {
      flags.push(args[1], args[2], /bulkhead-[0-9a-f-]{36}$/.test(String(args[0])));
      real(...args);
    });
    push(1001);
    await until(() => diskBytes(spool) > 0);
    expect(flags).toEqual([fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL, 0o600, true]);
    spool.stop();
    await expectNothingLeft(budget);
  });

  test('waits for resume, also with the end', async () => {
    const { spool, budget, checker, push } = prepare();
    checker.takes = () => false;
    spool.start(checker);
    push(300);
    push(500);
    push(700);
    spool.end();
    await until(() => diskBytes(spool) === 700);
    const steps: unknown[] = [];
    for (let step = 0; step < 3; step++) {
      steps.push([checker.gotBytes, ...checker.events]);
      const before = checker.gotPieces + checker.events.length;
      spool.resume();
      await until(() => checker.gotPieces + checker.events.length > before);
    }
    expect([steps, checker.events]).toEqual([[[300], [800], [1500]], ['end']]);
    await expectNothingLeft(budget);
  });

  test('is full a mebibyte above its memory, and has room at half of that', async () => {
    const { spool, budget, told, push } = prepare();
    expect(push(1000)).toBe(true);
    const open = hold('open');
    const answers = Array.from({ length: 17 }, () => push(64 * 1024));
    expect(answers).toEqual([...Array.from({ length: 16 }, () => true), false]);
    expect(spool.heldBytes).toBe(1000 + 17 * 64 * 1024);
    await open.called;
    expect(told).toEqual([]);
    open.release();
    await until(() => told.length > 0);
    expect([told, spool.heldBytes, push(1)]).toEqual([['room'], 1000, true]);
    spool.stop();
    await expectNothingLeft(budget);
  });

  test('merges small pieces, so that memory stays below twice the bytes', () => {
    for (const cut of [
      () => 1,
      () => 1000,
      () => 10_000,
      (at: number) => (at % 2 === 0 ? 1 : 5000),
      (at: number) => 3000 + (at % 5) * 20_000,
    ]) {
      const { spool, checker } = prepare({ memoryBytes: 2 ** 30 });
      const kept = new Set<ArrayBufferLike>();
      for (let at = 0, bytes = 0; at < 5000 && bytes < 5_000_000; at++, bytes += cut(at)) {
        // Each one a view of a read of 64 KiB, the rest of which it would keep alive.
        spool.push(Buffer.allocUnsafeSlow(cut(at) < 60_000 ? 65_536 : cut(at)).subarray(0, cut(at)));
      }
      const bytes = spool.queuedBytes;
      checker.onPiece = (piece) => kept.add(piece.buffer).size > 0;
      spool.start(checker);
      const keptBytes = [...kept].reduce((sum, buffer) => sum + buffer.byteLength, 0);
      expect([bytes > 0, keptBytes <= 2 * bytes, kept.size < 5 + bytes / 2000]).toEqual([true, true, true]);
    }
  });

  test('takes pieces from within onPiece and onRoom in their turn', async () => {
    const { spool, budget, checker, push } = prepare();
    let nested = 40;
    let depth = 0;
    checker.takes = () => {
      expect(++depth).toBe(1);
      if (nested > 0) push(--nested * 60);
      if (nested === 0) spool.end();
      depth--;
      return true;
    };
    spool.start(checker);
    push(10);
    checker.onEnd = () => checker.events.push(`end at depth ${depth}`);
    await until(() => checker.events.length > 0);
    expect([checker.gotBytes, checker.events]).toEqual([10 + 60 * 780, ['end at depth 0']]);
    await expectNothingLeft(budget);
  });
});

describe('Spool without a disk', () => {
  const cases = {
    'no directory': { directory: '/nonexistent/spool' },
    'a directory that is a file': { directory: '/dev/null' },
    'no budget': { budget: new SpoolBudget(0) },
    'no bytes per file': { maxFileBytes: 0 },
  };
  for (const [name, overrides] of Object.entries(cases)) {
    test(`is full at its memory and loses nothing: ${name}`, async () => {
      const { spool, budget, told, checker, push } = prepare({ memoryBytes: 10_000, ...overrides });
      while (push(3000)) await turn();
      await until(() => told.includes('stuck'));
      expect([told, spool.heldBytes <= 13_000 + maxPendingBytes, push(1)]).toEqual([['stuck'], true, false]);
      checker.takes = () => false;
      spool.start(checker);
      while (spool.queuedBytes > 5000) {
        expect(told).toEqual(['stuck']);
        spool.resume();
      }
      expect(told).toEqual(['stuck', 'room']);
      checker.takes = () => true;
      spool.end();
      spool.resume();
      expect([checker.gotBytes, checker.events]).toEqual([spool.length, ['end']]);
      await expectNothingLeft(budget);
    });
  }

  test('goes on in memory behind what is on disk when the disk becomes full', async () => {
    const { spool, budget, told, checker, push } = prepare();
    push(1001);
    await until(() => diskBytes(spool) === 1001);
    once('writev', fail('ENOSPC'));
    expect(push(5000)).toBe(true);
    await turn();
    expect([push(1), told, spool.heldBytes]).toEqual([false, ['stuck'], 5001]);
    spool.start(checker);
    spool.end();
    await until(() => checker.events.length > 0);
    expect([checker.gotBytes, checker.events]).toEqual([6002, ['end']]);
    await expectNothingLeft(budget);
  });

  test('pays once for the bytes of a write that failed and is done again', async () => {
    const { spool, budget, push } = prepare();
    push(1001);
    await until(() => diskBytes(spool) === 1001);
    once('writev', fail('ENOSPC'));
    push(100);
    await turn();
    expect([spool.heldBytes, push(100)]).toEqual([100, true]);
    await until(() => diskBytes(spool) === 1201);
    expect(budget.usedBytes).toBe(1201);
    spool.stop();
    await expectNothingLeft(budget);
  });

  test('asks a broken disk again once its memory is half empty', async () => {
    const { spool, budget, told, checker, push } = prepare();
    once('open', fail('EMFILE'));
    push(600);
    push(600);
    await turn();
    expect([push(600), told]).toEqual([false, ['stuck']]);
    checker.takes = () => false;
    spool.start(checker);
    while (!told.includes('room')) spool.resume();
    push(1001);
    await until(() => diskBytes(spool) === 1001);
    checker.takes = () => true;
    spool.resume();
    spool.end();
    await until(() => checker.events.length > 0);
    expect([checker.gotBytes, checker.events]).toEqual([2801, ['end']]);
    await expectNothingLeft(budget);
  });

  test('fails the body when what is on disk cannot be read', async () => {
    const failures = [
      fail('EIO'),
      (_: Call, args: unknown[]) => process.nextTick(args.at(-1) as Callback, null, 0),
    ];
    for (const failure of failures) {
      const { spool, budget, checker, push } = prepare();
      push(1001);
      await until(() => diskBytes(spool) > 0);
      once('read', failure);
      spool.start(checker);
      spool.end();
      await until(() => checker.events.length > 0);
      expect([checker.gotBytes, checker.events, spool.queuedBytes, push(1)]).toEqual([
        0,
        ['failure'],
        0,
        true,
      ]);
      await expectNothingLeft(budget);
    }
  });

  test('deletes the file on close where an open file keeps its name', async () => {
    const { spool, budget, push } = prepare();
    once('unlink', fail('EBUSY'));
    push(1001);
    await until(() => diskBytes(spool) > 0);
    expect(fs.readdirSync(directory)).toHaveLength(1);
    spool.stop();
    await expectNothingLeft(budget);
  });
});

describe('Spool.stop', () => {
  test('closes once, after what is under way', async () => {
    for (const name of ['open', 'writev', 'read'] as const) {
      const { spool, budget, told, checker, push } = prepare();
      const close = vi.spyOn(fs, 'close');
      const writev = vi.spyOn(fs, 'writev');
      const held = hold(name);
      push(1001);
      if (name === 'read') {
        await until(() => diskBytes(spool) > 0);
        spool.start(checker);
      }
      await held.called;
      spool.stop();
      spool.stop();
      await turn();
      expect([name, close.mock.calls.length, budget.usedBytes, push(5), spool.queuedBytes]).toEqual([
        name,
        0,
        1001,
        true,
        0,
      ]);
      held.release();
      await until(() => budget.usedBytes === 0);
      await expectNothingLeft(budget);
      expect([name, close.mock.calls.length, checker.events, told]).toEqual([name, 1, [], []]);
      if (name === 'open') expect(writev).not.toHaveBeenCalled();
      close.mockRestore();
    }
  });

  test('from within onPiece is the last that is called', () => {
    const { spool, checker, push } = prepare();
    push(100);
    push(200);
    checker.takes = () => {
      spool.stop();
      return true;
    };
    spool.start(checker);
    spool.end();
    spool.resume();
    expect([checker.gotBytes, checker.events]).toEqual([100, []]);
    expect([push(1), spool.queuedBytes]).toEqual([true, 0]);
  });
});

describe('Spool as a queue', () => {
  const faults = {
    'open fails': () => once('open', fail('EMFILE')),
    'write fails': () => once('writev', fail('ENOSPC')),
    'half is written': () =>
      once('writev', (real, [fd, pieces, position, callback]) => {
        const [first = Buffer.alloc(0), ...rest] = pieces as Buffer[];
        const half = [first, ...rest.slice(0, rest.length >> 1)];
        if (half.length === 1) half[0] = first.subarray(0, Math.ceil(first.length / 2));
        real(fd, half, position, callback);
      }),
  };
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 100 }) }) },
    { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 0, max: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ trips: fc.integer({ min: 1, max: 6 }) }) },
    { weight: 1, arbitrary: fc.record({ fault: fc.constantFrom(...Object.values(faults)) }) },
  );
  const run = fc.record({
    memoryBytes: fc.constantFrom(0, 1, 50, 5000, 100_000),
    maxPieceBytes: fc.constantFrom(3, 300, 15_000, 300_000),
    budgetBytes: fc.constantFrom(0, 400, 20_000, 2 ** 30),
    startAt: fc.integer({ min: 0, max: 20 }),
    steps: fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }),
    stops: fc.boolean(),
  });

  test('gives every byte once and in order, whatever the peers and the disk do', async () => {
    const seen = { disk: 0, full: 0 };
    await fc.assert(
      fc.asyncProperty(run, async ({ memoryBytes, maxPieceBytes, budgetBytes, startAt, steps, stops }) => {
        const { spool, budget, told, checker, push, pushedBytes } = prepare({
          memoryBytes,
          budget: new SpoolBudget(budgetBytes),
        });
        let mayTake = 0;
        let full = false;
        checker.takes = () => mayTake-- > 1;
        for (const [index, action] of steps.entries()) {
          if (index === startAt) spool.start(checker);
          if ('push' in action) {
            // Most of a cubed number is small: byte by byte as well as in large pieces.
            const bytes = Math.round((action.push / 100) ** 3 * maxPieceBytes);
            if (full && told.at(-1) === 'room') full = false;
            if (!full) {
              told.length = 0;
              full = !push(bytes);
            }
            expect(spool.heldBytes).toBeLessThanOrEqual(memoryBytes + maxPendingBytes + maxPieceBytes);
            if (full) seen.full++;
          } else if ('take' in action) {
            mayTake = action.take;
            if (mayTake > 0) spool.resume();
          } else if ('trips' in action) {
            // As long as other operations of the disk take.
            for (let left = action.trips; left > 0; left--) await stat(directory);
          } else action.fault();
          if (diskBytes(spool) > 0) seen.disk++;
          expect(checker.gotBytes + spool.queuedBytes).toBe(pushedBytes());
          expect(budget.usedBytes).toBeLessThanOrEqual(budgetBytes);
        }
        const started = steps.length > startAt;
        if (stops) spool.stop();
        else {
          spool.end();
          if (!started) spool.start(checker);
          mayTake = Number.POSITIVE_INFINITY;
          spool.resume();
          await until(() => checker.events.length > 0);
          expect([checker.gotBytes, spool.length, spool.queuedBytes]).toEqual([
            pushedBytes(),
            pushedBytes(),
            0,
          ]);
        }
        expect(checker.events).toEqual(stops ? [] : ['end']);
        await expectNothingLeft(budget);
        vi.restoreAllMocks();
      }),
      { numRuns: 300 },
    );
    // The steps reach what they are about.
    expect([seen.disk > 100, seen.full > 100]).toEqual([true, true]);
  });
});
