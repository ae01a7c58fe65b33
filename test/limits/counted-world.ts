import { type ManualClock, manualClock } from '../../src/core/clock.ts';
import { manualScheduler } from '../../src/core/scheduler.ts';
import { LeaseStore } from '../../src/limits/leases/lease-store.ts';
import { StoreError } from '../../src/limits/store-error.ts';
import type { StoreBackend } from '../../src/limits/leases/store-backend.ts';
import { type Charge, isAdmitted } from '../../src/limits/store.ts';
import { runQuota, type StoredQuota } from './quota-port.ts';
import { runSlots, type StoredSlots } from './slot-port.ts';

/** What happens to calls of an instance from here on. */
export type Weather = 'fair' | 'request lost' | 'reply lost';

/** An instance of the real lease store in virtual time, whose wall clock is wrong by some time. */
export interface CountedInstance {
  store: LeaseStore;
  clock: ManualClock;
  weather: Weather;
  alive: boolean;
}

/**
 * Instances around one server that counts quotas and slots: answers come within the same turn, or never. All clocks run at
 * one speed; those of the instances are set wrong.
 */
export class CountedWorld {
  readonly quotas = new Map<string, StoredQuota>();
  readonly slots = new Map<string, StoredSlots>();
  readonly instances: CountedInstance[] = [];
  /** True time, which is the server's. */
  nowMs: number;
  calls = 0;
  readonly #advances: ((ms: number) => void)[] = [];

  constructor(nowMs: number, clockErrorsMs: readonly number[], { maxKeys = 1000 } = {}) {
    this.nowMs = nowMs;
    for (const errorMs of clockErrorsMs) this.#start(errorMs, { instances: clockErrorsMs.length, maxKeys });
  }

  #start(errorMs: number, { instances, maxKeys }: { instances: number; maxKeys: number }): void {
    const clock = manualClock(this.nowMs + errorMs);
    const scheduler = manualScheduler(clock);
    const instance: CountedInstance = { store: undefined as never, clock, weather: 'fair', alive: true };
    const answer = <Answer>(run: () => Answer): Promise<Answer> => {
      this.calls++;
      const { weather } = instance;
      if (weather === 'request lost' || !instance.alive) return Promise.reject(gone());
      const given = run();
      return weather === 'fair' ? Promise.resolve(given) : Promise.reject(gone());
    };
    const backend: StoreBackend = {
      generation: 1,
      call: () => Promise.reject(new TypeError('no rates here')),
      callQuota: (key, request) => answer(() => runQuota(this.quotas, key, request, this.nowMs)),
      callSlots: (key, request) => answer(() => runSlots(this.slots, key, request, this.nowMs)),
      close: () => Promise.resolve(),
    };
    instance.store = new LeaseStore({
      backend,
      clock,
      scheduler,
      timeoutMs: 1000,
      instances,
      maxKeys,
      random: () => 0.5,
    });
    this.instances.push(instance);
    this.#advances.push((ms) => {
      if (instance.alive) scheduler.advance(ms);
    });
  }

  /** Moves time on in steps that no timer is longer than; each instance does what is due. */
  async advance(ms: number): Promise<void> {
    const stepMs = Math.max(50, ms / 40);
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      const passedMs = Math.min(stepMs, leftMs);
      this.nowMs += passedMs;
      for (const advance of this.#advances) advance(passedMs);
      await settled();
    }
  }

  /** Whether an instance admits; a store that gives no answer admits nothing. */
  async take(index: number, charges: readonly Charge[]): Promise<boolean> {
    const { store, alive } = this.instances[index]!;
    if (!alive) return false;
    const outcomes = await Promise.resolve(store.take(charges)).catch(() => undefined);
    return outcomes !== undefined && isAdmitted(outcomes);
  }
}

function gone(): StoreError {
  return new StoreError('connection', 'Redis: gone');
}

/** Lets every chain of promises come to its end. */
async function settled(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}
