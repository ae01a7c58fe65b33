import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startRedis } from '../servers/redis.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { worldLimit } from './lease-world.ts';

const program = fileURLToPath(new URL('lease-process.ts', import.meta.url));
const processes = 4;
const durationMs = 3000;

/** The lowest that a bucket of this limit would stand, in tokens, had it to admit all of these. */
function lowestLevel(admittedUs: readonly number[], ratePerSecond: number, burst: number): number {
  const { leakPerUs, unitsPerToken, capacity } = worldLimit('meter', ratePerSecond, burst).bucket;
  let debt = 0;
  let atUs = admittedUs[0] ?? 0;
  let lowest = burst;
  for (const nowUs of admittedUs) {
    debt = Math.max(0, debt - leakPerUs * (nowUs - atUs)) + unitsPerToken;
    atUs = nowUs;
    lowest = Math.min(lowest, (capacity - debt) / unitsPerToken);
  }
  return lowest;
}

describeWithTool('redis-server', 'four processes on one Redis', (binary) => {
  it.each([
    [200, 100],
    [50, 5],
    [2000, 400],
  ])('together admit what one bucket of %i/s and burst %i does', { timeout: 30_000 }, async (rate, burst) => {
    const server = await startRedis(binary);
    try {
      const run = () =>
        promisify(execFile)(process.execPath, [
          program,
          ...[server.url, rate, burst, processes, durationMs].map(String),
        ]);
      const outputs = await Promise.all(Array.from({ length: processes }, run));
      const each = outputs.map(({ stdout }) => JSON.parse(stdout) as number[]);
      const merged = each.flat().toSorted((a, b) => a - b);
      // A process tells the time after it was admitted; where it was held up between, the merged times crowd.
      expect(lowestLevel(merged, rate, burst)).toBeGreaterThan(-0.02 * rate - 0.5);
      const spanS = (merged.at(-1)! - merged[0]!) / 1e6;
      expect(merged.length / (burst + rate * spanS)).toBeGreaterThan(0.9);
      expect(each.every((admitted) => admitted.length > 0)).toBe(true);
    } finally {
      await server.stop();
    }
  });
});
