import type { Clock } from '../core/clock.ts';
import { FailoverStore, type StoreMode } from './failover.ts';
import { MemoryStore } from './memory-store.ts';
import type { StoreOptions } from './options.ts';
import { RedisLeaseBackend } from './lease-backend-redis.ts';
import { LeaseStore } from './lease-store.ts';
import type { LimitStore } from './store.ts';

/** The store of this process, with what an operator wants to see of it. */
export interface OpenStore {
  kind: 'memory' | 'redis';
  store: LimitStore;
  /** Keys held in this process's memory. */
  size(): number;
  maxKeys: number;
  /** Whether the store answers, as far as the connection and the last requests tell; always for the one in memory. */
  up(): boolean;
  describe(): string;
  /** Waits for the first connection, at most as long as one attempt may take; never rejects. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenStoreOptions {
  clock: Clock;
  onModeChange: (mode: StoreMode, cause: string | undefined) => void;
  /** Why a connection could not be made or was lost, without secrets. */
  onConnectionError: (cause: string) => void;
}

/** Opens the store that `gateway.yaml` asks for: shared in Redis, or in the memory of this process. */
export function openLimitStore(
  options: StoreOptions | undefined,
  { clock, onModeChange, onConnectionError }: OpenStoreOptions,
): OpenStore {
  if (options === undefined) {
    const store = new MemoryStore({ clock });
    return {
      kind: 'memory',
      store,
      size: () => store.size,
      maxKeys: store.maxKeys,
      up: () => true,
      describe: () => 'in memory, not shared',
      ready: () => Promise.resolve(),
      close: () => store.close(),
    };
  }
  const { url, timeout, connectTimeout } = options.redis;
  const redis = new RedisLeaseBackend({
    place: { kind: 'standalone', url },
    connectTimeoutMs: connectTimeout,
    silentSocketMs: Math.max(2000, timeout * 2),
    onReady: () => {
      store.retryNow();
      leases.present();
    },
    onConnectionError,
  });
  const leases = new LeaseStore({ backend: redis, clock, timeoutMs: timeout, instances: options.instances });
  const store = new FailoverStore({ store: leases, clock, instances: options.instances, onModeChange });
  const up = (): boolean => redis.connected && store.mode === 'store';
  return {
    kind: 'redis',
    store,
    size: () => leases.size + store.localSize,
    maxKeys: leases.maxKeys + store.localMaxKeys,
    up,
    describe: () => (up() ? 'redis' : 'redis does not answer'),
    // Until the store has answered once, limits that share would refuse everybody: their local buckets start empty.
    ready: async () => void (await redis.whenConnected(connectTimeout)),
    close: () => store.close(),
  };
}
