import type { Clock } from '../core/clock.ts';
import { systemScheduler } from '../core/scheduler.ts';
import { FailoverStore, type StoreDecisions, type StoreMode } from './failover.ts';
import { openFailoverDesk } from './failover-desk.ts';
import type { BudgetDesk } from './inspect.ts';
import { InstanceCount, type InstancePlace } from './instance-count.ts';
import { MemoryStore } from './memory-store.ts';
import type { StoreOptions } from './options.ts';
import { RedisLeaseBackend } from './leases/lease-backend-redis.ts';
import { LeaseStore } from './leases/lease-store.ts';
import { shareAfterMs } from './leases/lease-tuning.ts';
import { redisPlaceOf } from './redis-place.ts';
import type { LimitStore } from './store.ts';

/** The store of this process, with what an operator wants to see of it. */
export interface OpenStore {
  kind: 'memory' | 'redis';
  store: LimitStore;
  /** The same budgets for an operator. */
  desk: BudgetDesk;
  /** Keys held in this process's memory. */
  size(): number;
  maxKeys: number;
  /** Whether the store answers, as far as the connection and the last requests tell; always for the one in memory. */
  up(): boolean;
  describe(): string;
  /** How many instances share the store, as far as known. */
  instances(): number;
  /** The place of this one among them; undefined where nothing is shared. */
  place(): InstancePlace | undefined;
  /** The release that the configuration names, if any; of what is loaded from here on. */
  startRelease(release: number | undefined): void;
  /** Limit decisions since the start, by who decided. */
  decisions(): StoreDecisions;
  /** Waits for the first connection, at most as long as one attempt may take; never rejects. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenStoreOptions {
  clock: Clock;
  onModeChange: (mode: StoreMode, cause: string | undefined) => void;
  /** Why a connection could not be made or was lost, without secrets. */
  onConnectionError: (cause: string) => void;
  /** Called after each look at how many instances there are. */
  onInstances?: () => void;
}

const noDecisions: StoreDecisions = { store: 0, share: 0, open: 0, closed: 0 };

/** Opens the store that `gateway.yaml` asks for: shared in Redis, or in the memory of this process. */
export function openLimitStore(
  options: StoreOptions | undefined,
  { clock, onModeChange, onConnectionError, onInstances }: OpenStoreOptions,
): OpenStore {
  if (options === undefined) {
    const store = new MemoryStore({ clock });
    return {
      kind: 'memory',
      store,
      desk: store,
      size: () => store.size,
      maxKeys: store.maxKeys,
      up: () => true,
      describe: () => 'in memory, not shared',
      instances: () => 1,
      place: () => undefined,
      startRelease: () => undefined,
      decisions: () => noDecisions,
      ready: () => Promise.resolve(),
      close: () => store.close(),
    };
  }
  const { timeout, connectTimeout } = options.redis;
  const place = redisPlaceOf(options.redis);
  const redis = new RedisLeaseBackend({
    place,
    connectTimeoutMs: connectTimeout,
    silentSocketMs: Math.max(2000, timeout * 2),
    onReady: () => {
      store.retryNow();
      leases.present();
      count.announce();
    },
    onConnectionError,
  });
  const count = new InstanceCount({
    board: redis,
    scheduler: systemScheduler,
    configured: options.instances,
    onAnswer: () => {
      onInstances?.();
      // Of a Cluster only one node has answered.
      if (place.kind !== 'cluster') store.answered();
    },
  });
  const instances = (): number => count.now;
  const leases = new LeaseStore({ backend: redis, clock, timeoutMs: timeout, instances });
  const store = new FailoverStore({ store: leases, clock, instances, shareAfterMs, onModeChange });
  const up = (): boolean => redis.connected && store.mode === 'store';
  return {
    kind: 'redis',
    store,
    desk: openFailoverDesk(store, leases.desk),
    size: () => leases.size + store.localSize,
    maxKeys: leases.maxKeys + store.localMaxKeys,
    up,
    describe: () => (up() ? 'redis' : 'redis does not answer'),
    instances,
    place: () => count.place,
    startRelease: (release) => leases.startRelease(release),
    decisions: () => store.decisions,
    // Until the store has answered once, limits that share would refuse everybody: their local buckets start empty.
    ready: async () => void (await redis.whenConnected(connectTimeout)),
    close: () => {
      count.close();
      return store.close();
    },
  };
}
