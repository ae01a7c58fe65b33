import { hrtime } from 'node:process';
import { systemClock } from '../../src/core/clock.ts';
import { RedisLeaseBackend } from '../../src/limits/lease-backend-redis.ts';
import { LeaseStore } from '../../src/limits/lease-store.ts';
import { isAdmitted } from '../../src/limits/store.ts';
import { worldLimit } from './lease-world.ts';

/**
 * One gateway's limiter as a process of its own, for `processes.test.ts`: asks as fast as it may for so long, and prints the
 * monotonic times, in microseconds, at which requests were admitted. The clock is the machine's, so times of several
 * processes can be merged.
 */

const [url = '', rate = '', burst = '', instances = '', durationMs = ''] = process.argv.slice(2);
const limit = worldLimit('processes', Number(rate), Number(burst));
const backend = new RedisLeaseBackend({
  place: { kind: 'standalone', url },
  connectTimeoutMs: 5000,
  silentSocketMs: 5000,
});
if (!(await backend.whenConnected(5000))) throw new Error('no connection');
const store = new LeaseStore({ backend, clock: systemClock, timeoutMs: 1000, instances: Number(instances) });

const admittedUs: number[] = [];
const charges = [{ limit, key: 'acme', cost: 1 }];
const nowUs = () => Number(hrtime.bigint() / 1000n);
const untilUs = nowUs() + Number(durationMs) * 1000;
while (nowUs() < untilUs) {
  const outcomes = await store.take(charges);
  if (isAdmitted(outcomes)) admittedUs.push(nowUs());
  else await new Promise((resolve) => setTimeout(resolve, 1));
}
await store.close();
process.stdout.write(JSON.stringify(admittedUs));
