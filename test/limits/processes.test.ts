import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { hrtime } from 'node:process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startRedis } from '../servers/redis.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { exactCount, lowestLevel } from './admission-meter.ts';

const program = fileURLToPath(new URL('lease-process.ts', import.meta.url));
/** From the word to begin until everybody begins. */
const startMs = 300;
/** From here on shares are counted: the burst is spent, and everybody knows how things are. */
const settledMs = 1500;

interface Demand {
  /** 0 is as much as a process can. */
  perSecond: number;
  waveMs?: number;
  pauseMs?: number;
}

interface Group {
  rate: number;
  burst: number;
  demands: Demand[];
  durationMs: number;
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** Runs one process for each demand, on one Redis; all begin at the same moment. */
async function runGroup(binary: string, { rate, burst, demands, durationMs }: Group) {
  const server = await startRedis(binary);
  const children: Child[] = [];
  try {
    const outputs = demands.map(({ perSecond, waveMs = 1, pauseMs = 0 }) => {
      const figures = [rate, burst, demands.length, durationMs, perSecond, waveMs, pauseMs].map(String);
      const child = spawn(process.execPath, [program, server.url, ...figures], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      children.push(child);
      return collect(child);
    });
    await Promise.all(outputs.map(({ ready }) => ready));
    const startUs = Number(hrtime.bigint() / 1000n) + startMs * 1000;
    for (const child of children) child.stdin.write(`${startUs}\n`);
    const each = await Promise.all(outputs.map(({ times }) => times));
    const merge = (lists: number[][]) => lists.flat().toSorted((a, b) => a - b);
    const admitted = merge(each.map(({ admittedUs }) => admittedUs));
    const asked = merge(each.map(({ askedUs }) => askedUs));
    // A process tells the time after it was admitted; where it was held up between, the merged times crowd.
    expect(lowestLevel(admitted, rate, burst)).toBeGreaterThan(-0.02 * rate - 0.5);
    const late = each.map(
      ({ admittedUs }) => admittedUs.filter((us) => us > startUs + settledMs * 1000).length,
    );
    const all = late.reduce((sum, count) => sum + count, 0);
    return {
      used: admitted.length / exactCount(asked, rate, burst),
      shares: late.map((count) => (100 * count) / all),
    };
  } finally {
    for (const child of children) if (child.exitCode === null) child.kill();
    await server.stop();
  }
}

interface Times {
  askedUs: number[];
  admittedUs: number[];
}

function collect(child: Child): { ready: Promise<void>; times: Promise<Times> } {
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const ready = once(child.stdout, 'data').then(() => undefined);
  const times = once(child.stdout, 'end').then(() => JSON.parse(text.slice('ready\n'.length)) as Times);
  times.catch(() => undefined);
  return { ready, times };
}

const many = (processes: number, demand: Demand): Demand[] => Array.from({ length: processes }, () => demand);

describeWithTool('redis-server', 'processes on one Redis', (binary) => {
  // By how many points of a hundred the shares may differ: of a small bucket few tokens come in the time.
  it.each([
    [4, 200, 100, 3, 9000],
    [4, 50, 5, 10, 5000],
    [4, 2000, 400, 3, 6000],
    [8, 200, 100, 3, 9000],
  ])(
    '%i of them together admit what one bucket of %i/s and burst %i does, in equal parts',
    { timeout: 60_000 },
    async (processes, rate, burst, points, durationMs) => {
      const demands = many(processes, { perSecond: 0 });
      const { used, shares } = await runGroup(binary, { rate, burst, demands, durationMs });
      expect(used).toBeGreaterThan(0.98);
      for (const share of shares) expect(Math.abs(share - 100 / processes)).toBeLessThan(points);
    },
  );

  it('one that asks ten times as often leaves the others their parts', { timeout: 60_000 }, async () => {
    const demands = many(4, { perSecond: 200 });
    demands[0] = { perSecond: 2000 };
    const { used, shares } = await runGroup(binary, { rate: 200, burst: 100, demands, durationMs: 7000 });
    expect(used).toBeGreaterThan(0.98);
    for (const share of shares) expect(Math.abs(share - 25)).toBeLessThan(6);
  });

  it('use what there is when all want it in waves', { timeout: 60_000 }, async () => {
    const demands = many(4, { perSecond: 150, waveMs: 2000, pauseMs: 2000 });
    const { used } = await runGroup(binary, { rate: 200, burst: 100, demands, durationMs: 8000 });
    expect(used).toBeGreaterThan(0.95);
  });
});
