import type { Clock } from '../../core/clock.ts';
import type { StoreOptions } from '../options.ts';
import { MemoryPenalties } from './penalty-memory.ts';
import { SharedPenalties } from './penalty-redis.ts';
import type { PenaltyStore } from './penalty-store.ts';
import { redisPlaceOf } from '../redis-place.ts';

/** Opens the place where failed attempts are remembered: shared in Redis where `gateway.yaml` names one, else in memory. */
export function openPenalties(
  options: StoreOptions | undefined,
  clock: Clock,
): { store: PenaltyStore; ready(): Promise<void> } {
  if (options === undefined) return { store: new MemoryPenalties({ clock }), ready: () => Promise.resolve() };
  const { timeout, connectTimeout } = options.redis;
  const store = new SharedPenalties({
    place: redisPlaceOf(options.redis),
    timeoutMs: timeout,
    connectTimeoutMs: connectTimeout,
    clock,
  });
  return { store, ready: () => store.ready(connectTimeout) };
}
