import { openSync, writeSync } from 'node:fs';
import { hrtime, stdin, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../src/core/clock.ts';
import { openLimitStore } from '../../../src/limits/open-store.ts';
import { storeSchema } from '../../../src/limits/options.ts';
import { isAdmitted, isUnavailable } from '../../../src/limits/store.ts';
import { worldLimit } from '../lease-world.ts';
import type { LoadOrder, LoadSummary } from './load.ts';

/**
 * One gateway's limiter as a process of its own, opened as the gateway opens it: asks for one token of each limit as fast as it
 * may, until its standard input ends. Every admission is in the file before the next request, so that a process that is killed
 * leaves none out.
 */

const order = JSON.parse(process.argv[2] ?? '') as LoadOrder;
const file = openSync(order.file, 'a');
const nowUs = () => Number(hrtime.bigint() / 1000n);
const say = (line: object) => stdout.write(`${JSON.stringify(line)}\n`);

const summary: LoadSummary = { decisions: 0, unavailable: 0, slow: 0, slowestMs: 0, faults: [] };
for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: unknown) => summary.faults.push(`${event}: ${String(error)}`));
}

/** Changes when the store begins to answer, and when the test asks: then each limit tells its next admission. */
let served = 0;
const options = storeSchema.parse(order.store);
const open = openLimitStore(options, {
  clock: systemClock,
  onModeChange: (mode, cause) => {
    if (mode === 'store') served++;
    say({ mode, cause, atUs: nowUs() });
  },
  onConnectionError: () => undefined,
});
await open.ready();

// What this process missed of its own time, so that a busy machine is not taken for a slow decision.
const beatMs = 5;
let missedMs = 0;
let lastBeatMs = performance.now();
const lateMs = () => Math.max(0, performance.now() - lastBeatMs - beatMs);
setInterval(() => {
  missedMs += lateMs();
  lastBeatMs = performance.now();
}, beatMs).unref();
// A beat that is due comes after the answers that came meanwhile.
const stalledMs = () => missedMs + lateMs();

const ending = new AbortController();
stdin.on('data', () => served++);
stdin.on('end', () => ending.abort());

async function saturate(place: number): Promise<void> {
  const { name, rate, burst, onStoreFailure } = order.limits[place]!;
  const charges = [{ limit: { ...worldLimit(name, rate, burst), onStoreFailure }, key: 'acme', cost: 1 }];
  let told = -1;
  while (!ending.signal.aborted) {
    const sentMs = performance.now();
    const stalledBeforeMs = stalledMs();
    const reply = await open.store.take(charges);
    const admitted = !isUnavailable(reply) && isAdmitted(reply);
    if (admitted) writeSync(file, `${place} ${nowUs()} ${reply[0]?.mode ?? 'store'}\n`);
    const tookMs = performance.now() - sentMs - (stalledMs() - stalledBeforeMs);
    summary.decisions++;
    if (isUnavailable(reply)) summary.unavailable++;
    if (tookMs > summary.slowestMs) summary.slowestMs = tookMs;
    if (tookMs > options.redis.timeout + order.slackMs) summary.slow++;
    if (admitted && reply[0]?.mode === undefined && told !== served) {
      told = served;
      say({ serves: place });
    }
    // A store that is not asked admits at once and for ever, and would leave no time for anything else.
    if (!admitted || reply[0]?.mode !== undefined) await sleep(4);
  }
}

await Promise.all(order.limits.map((_, place) => saturate(place)));
await open.store.close();
say({ summary });
