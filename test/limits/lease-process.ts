import { hrtime } from 'node:process';
import { createInterface } from 'node:readline/promises';
import { systemClock } from '../../src/core/clock.ts';
import { RedisLeaseBackend } from '../../src/limits/leases/lease-backend-redis.ts';
import { LeaseStore } from '../../src/limits/leases/lease-store.ts';
import { isAdmitted } from '../../src/limits/store.ts';
import { worldLimit } from './lease-world.ts';

/**
 * One gateway's limiter as a process of its own, for `processes.test.ts`: says that it is ready, is told a moment to begin at, and
 * from then on asks for so long, so many times a second (0: as fast as it may), in waves if told so. It prints the monotonic
 * times, in microseconds, at which requests were made and admitted; the clock is the machine's, so times of several
 * processes can be merged.
 */

const [url = '', ...figures] = process.argv.slice(2);
const [rate = 0, burst = 0, instances = 1, durationMs = 0, perSecond = 0, waveMs = 1, pauseMs = 0] =
  figures.map(Number);
const limit = worldLimit('processes', rate, burst);
const backend = new RedisLeaseBackend({
  place: { kind: 'standalone', url },
  connectTimeoutMs: 5000,
  silentSocketMs: 5000,
});
if (!(await backend.whenConnected(5000))) throw new Error('no connection');
const store = new LeaseStore({ backend, clock: systemClock, timeoutMs: 1000, instances });

const askedUs: number[] = [];
const admittedUs: number[] = [];
const charges = [{ limit, key: 'acme', cost: 1 }];
const nowUs = () => Number(hrtime.bigint() / 1000n);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function ask(): Promise<boolean> {
  askedUs.push(nowUs());
  const admitted = isAdmitted(await store.take(charges));
  if (admitted) admittedUs.push(nowUs());
  return admitted;
}

/** Requests that are due so long after the start. */
function dueAfter(us: number): number {
  const roundUs = (waveMs + pauseMs) * 1000;
  const wavesUs = Math.floor(us / roundUs) * waveMs * 1000 + Math.min(us % roundUs, waveMs * 1000);
  return Math.floor((wavesUs * perSecond) / 1e6);
}

const parent = createInterface({ input: process.stdin });
process.stdout.write('ready\n');
const startUs = Number(await parent.question(''));
parent.close();
await pause(Math.max(0, (startUs - nowUs()) / 1000));
const untilUs = startUs + durationMs * 1000;
if (perSecond === 0) {
  while (nowUs() < untilUs) if (!(await ask())) await pause(1);
} else {
  const pending: Promise<boolean>[] = [];
  while (nowUs() < untilUs) {
    while (pending.length < dueAfter(nowUs() - startUs)) pending.push(ask());
    await pause(1);
  }
  await Promise.all(pending);
}
await store.close();
process.stdout.write(JSON.stringify({ askedUs, admittedUs }));
