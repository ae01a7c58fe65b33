import type { LiveVerifiers } from '../auth/verifiers.ts';
import type { Configuration } from '../config/load.ts';
import type { GatewayOptions } from '../config/schema.ts';
import type { Bounded } from '../core/bounded.ts';
import { systemClock } from '../core/clock.ts';
import { type Effects, liveEffects } from '../decide/effects.ts';
import { LearnedClasses, maxLearned } from '../decide/learned-classes.ts';
import { ClientKeys } from '../limits/client-keys.ts';
import { CostEstimates } from '../limits/cost-estimates.ts';
import { MemoryStore } from '../limits/memory-store.ts';
import { openPenalties } from '../limits/penalties/open-penalties.ts';
import { type OpenStore, openLimitStore } from '../limits/open-store.ts';
import { deriveAccountKey, PenaltyBook } from '../limits/penalties/penalty-book.ts';
import { compilePenalties } from '../limits/penalties/penalty-options.ts';
import { redisSecretOf } from '../limits/redis-place.ts';
import { SessionKeys } from '../limits/session-keys.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { GatewayEvents } from './events.ts';

/** What decisions spend from and remember. It outlives configurations, and ends with the process. */
export interface Budgets {
  store: OpenStore;
  /** Where the guards of zones count, which protect this process alone. */
  guard: MemoryStore;
  learned: LearnedClasses;
  /** Goes on under a configuration, the first one or another. */
  adopt(configuration: Configuration): void;
  /** What live decisions do to all of it. */
  effects(verifiers: LiveVerifiers): Effects;
  bounded(): Bounded[];
  /** Waits for the first connections, as long as one attempt may take. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface BudgetsEnvironment {
  events: GatewayEvents;
  metrics: Metrics;
  /** Told after each look at how many instances share the store. */
  onInstances: () => void;
}

export function openBudgets(
  { store: storeOptions, bruteForce }: GatewayOptions,
  { events, metrics, onInstances }: BudgetsEnvironment,
): Budgets {
  const clock = systemClock;
  const guard = new MemoryStore({ clock });
  const sessions = new SessionKeys(clock);
  const estimates = new CostEstimates();
  const learned = new LearnedClasses({ clock, onMove: events.classMoved });
  const store = openLimitStore(storeOptions, {
    clock,
    onInstances,
    onConnectionError: events.limitStoreUnreachable,
    onModeChange: events.limitStoreMode,
  });
  const accountKey = deriveAccountKey(bruteForce.key, storeOptions && redisSecretOf(storeOptions.redis));
  const clients = new ClientKeys({
    clock,
    secret: accountKey,
    onShared: () => metrics.sharedClients.inc(),
    onFlood: events.addressFlood,
  });
  const penaltyStore = openPenalties(storeOptions, clock);
  const penalties = new PenaltyBook({
    store: penaltyStore.store,
    rules: compilePenalties(bruteForce),
    clock,
    accountKey,
    clientKey: (address) => clients.keyOf(address),
    onFailure: (zone, kind) => metrics.failedAttempts.add([zone, kind]),
    onPenalty: (zone, subject) => metrics.penalties.add([zone, subject]),
  });
  return {
    store,
    guard,
    learned,
    adopt({ gateway, snapshot }) {
      store.startRelease(gateway.version);
      learned.retain((zone) => snapshot.zonesByName.get(zone)?.workload.learn !== undefined);
    },
    effects: (verifiers) =>
      liveEffects({
        clock,
        verifiers,
        limits: store.store,
        guard,
        penalties,
        clients,
        sessions,
        estimates,
        learned,
      }),
    bounded: () => [
      { name: 'limit_keys', size: store.size(), max: store.maxKeys },
      { name: 'guard_keys', size: guard.size, max: guard.maxKeys },
      ...clients.sizes(),
      ...sessions.sizes(),
      ...penalties.sizes(),
      { name: 'learned_methods', size: learned.size, max: maxLearned },
    ],
    ready: async () => void (await Promise.all([store.ready(), penaltyStore.ready()])),
    close: async () => void (await Promise.all([store.close(), penaltyStore.store.close()])),
  };
}
