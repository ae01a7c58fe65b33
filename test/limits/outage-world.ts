import { manualTime } from '../servers/manual-time.ts';
import { FailoverStore, type SharedStore } from '../../src/limits/failover.ts';
import type { LeaseGrant } from '../../src/limits/leases/lease-call.ts';
import { LeaseStore } from '../../src/limits/leases/lease-store.ts';
import { type LeaseTuning, shareAfterMs } from '../../src/limits/leases/lease-tuning.ts';
import { isAdmitted, isUnavailable } from '../../src/limits/store.ts';
import { StoreError } from '../../src/limits/store-error.ts';
import { runLease, type StoredBucket } from './lease-port.ts';
import { worldLimit } from './lease-world.ts';
import { noCounts } from './no-counts.ts';

/**
 * Instances of the real stores, the one that leases behind the one that fails over, around one server that is away at
 * times, for all of them or for some. Calls take no time, so that what is measured is what the outage does and not what was
 * under way. Every admission is weighed by one exact bucket for each key.
 */

/** What an instance would do wrong; the real ones have none of these. */
export interface OutageFaults {
  /** What a share spent leaks away from the moment on in which it was spent. */
  leaksAtOnce?: boolean;
  /** What a share spent is never told. */
  neverOwed?: boolean;
  /** Whoever is back first takes what is there. */
  sparesNothing?: boolean;
  /** Shares fill while leased tokens are still spent. */
  sharesAtOnce?: boolean;
}

export interface OutageWorldOptions {
  ratePerSecond: number;
  burst: number;
  instances: number;
  faults?: OutageFaults;
}

interface Instance {
  leases: LeaseStore;
  store: FailoverStore;
  cut: boolean;
  generation: number;
}

export class OutageWorld {
  /** How far the most was above an exact bucket, in tokens; 0 when never. */
  excess = 0;
  admitted = 0;
  readonly instances: readonly Instance[];
  readonly #options: OutageWorldOptions;
  readonly #limit;
  readonly #time = manualTime(Date.UTC(2026, 0, 1));
  readonly #buckets = new Map<string, StoredBucket>();
  readonly #meters = new Map<string, { debt: number; atUs: number }>();

  constructor(options: OutageWorldOptions) {
    this.#options = options;
    this.#limit = worldLimit('outage', options.ratePerSecond, options.burst);
    this.instances = Array.from({ length: options.instances }, () => this.#boot());
  }

  /** So many requests at once at one instance. */
  async take(index: number, key: string, { times = 1, cost = 1 } = {}): Promise<number> {
    const { store } = this.instances[index]!;
    let admitted = 0;
    const one = async (): Promise<void> => {
      const reply = await store.take([{ limit: this.#limit, key, cost }]);
      if (isUnavailable(reply) || !isAdmitted(reply)) return;
      admitted++;
      this.#weigh(key, cost);
    };
    await Promise.all(Array.from({ length: times }, one));
    return admitted;
  }

  async pass(ms: number): Promise<void> {
    this.#time.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** The server vanishes for these instances, and every connection with it. */
  cut(indexes: readonly number[]): void {
    for (const index of indexes) this.instances[index]!.cut = true;
  }

  /** It is back for these, or for all, with its data, and they notice. */
  async mend(indexes: readonly number[] = [...this.instances.keys()]): Promise<void> {
    const back = this.instances.filter(({ cut }, index) => cut && indexes.includes(index));
    for (const instance of back) {
      instance.cut = false;
      instance.generation++;
    }
    for (const { store, leases } of back) {
      leases.present();
      store.answered();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  #boot(): Instance {
    const { faults = {}, instances } = this.#options;
    const { clock, scheduler } = this.#time;
    const tuning: Partial<LeaseTuning> = faults.sharesAtOnce === true ? { holdMs: Infinity } : {};
    const instance: Instance = { cut: false, generation: 1 } as Instance;
    instance.leases = new LeaseStore({
      backend: {
        get generation() {
          return instance.generation;
        },
        call: (key, request): Promise<LeaseGrant> => {
          if (instance.cut) return Promise.reject(new StoreError('connection', 'Redis: gone'));
          const sent = faults.sparesNothing === true ? { ...request, spare: 0 } : request;
          return Promise.resolve(runLease(this.#buckets, key, sent, Math.floor(clock.wallMs() * 1000)));
        },
        close: () => Promise.resolve(),
        ...noCounts,
      },
      clock,
      scheduler,
      timeoutMs: 25,
      instances,
      random: () => 0.5,
      tuning,
    });
    instance.store = new FailoverStore({
      store: tamper(instance.leases, faults),
      clock,
      instances: () => instances,
      shareAfterMs: faults.sharesAtOnce === true ? 0 : shareAfterMs,
      random: () => 0.5,
    });
    return instance;
  }

  #weigh(key: string, cost: number): void {
    this.admitted++;
    const { leakPerUs, unitsPerToken, capacity } = this.#limit.bucket;
    const nowUs = Math.floor(this.#time.clock.monoMs() * 1000);
    const meter = this.#meters.get(key) ?? { debt: 0, atUs: nowUs };
    const debt = Math.max(0, meter.debt - leakPerUs * (nowUs - meter.atUs)) + cost * unitsPerToken;
    this.#meters.set(key, { debt, atUs: nowUs });
    this.excess = Math.max(this.excess, (debt - capacity) / unitsPerToken);
  }
}

function tamper(leases: LeaseStore, { leaksAtOnce, neverOwed }: OutageFaults): SharedStore {
  return {
    take: (charges) => leases.take(charges),
    takeHeld: (charges) => leases.takeHeld(charges),
    peek: (charges) => leases.peek(charges),
    complete: (charge, due) => leases.complete(charge, due),
    owe: (charge, terms) => {
      if (neverOwed !== true)
        leases.owe(charge, leaksAtOnce === true ? { ...terms, leaksFromMonoMs: 0 } : terms);
    },
    startOutage: (outage) => leases.startOutage(outage),
    endOutage: () => leases.endOutage(),
    close: () => leases.close(),
  };
}
