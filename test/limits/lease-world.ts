import type { Clock } from '../../src/core/clock.ts';
import type { LimitOutcome } from '../../src/core/limit.ts';
import type { Scheduler } from '../../src/core/scheduler.ts';
import { compileBucket } from '../../src/limits/bucket.ts';
import type { RateLimit } from '../../src/limits/compile.ts';
import { compileCost } from '../../src/limits/cost.ts';
import { type LeaseGrant, type LeaseRequest, leaseKeyOf } from '../../src/limits/leases/lease-call.ts';
import { LeaseStore } from '../../src/limits/leases/lease-store.ts';
import type { StoreBackend } from '../../src/limits/leases/store-backend.ts';
import { isAdmitted } from '../../src/limits/store.ts';
import { type PortFaults, runLease, type StoredBucket } from './lease-port.ts';
import { noCounts } from './no-counts.ts';

/**
 * Instances of the real lease store around one bucket server, in virtual time: the network delays and loses, clocks drift
 * and jump, instances crash and machines sleep. Every admission is weighed by an exact bucket. A file longer than others,
 * because its parts mean nothing alone.
 */

export const maxDrift = 0.01;

/** What happens to one call: microseconds on the way there and back, and what is lost. */
export interface Fate {
  outUs: number;
  backUs: number;
  lost: 'nothing' | 'request' | 'reply';
}

/** Sits between a store and the network; a mutant of a holder is one that tampers here. */
export type Wire = (
  call: (request: LeaseRequest) => Promise<LeaseGrant>,
  now: () => number,
) => (request: LeaseRequest) => Promise<LeaseGrant>;

export interface WorldOptions {
  limits: readonly RateLimit[];
  /** As the instances are told. */
  instances: number;
  /** How fast each instance's clock runs, as parts of true time. */
  drifts: readonly number[];
  fates: readonly Fate[];
  faults?: PortFaults;
  wire?: Wire;
  /** 0 to 1, for the jitter of the instances; without it they draw from a short row. */
  random?: () => number;
  /** Requests wait as long as it takes, which is quicker to simulate. */
  patient?: boolean;
}

export function worldLimit(name: string, tokensPerSecond: number, burst: number): RateLimit {
  const bucket = compileBucket(tokensPerSecond, 1_000_000, burst);
  return {
    kind: 'rate',
    id: `world/${name}`,
    name,
    key: 'tenant',
    bucket,
    burst,
    windowMs: Math.ceil(bucket.capacity / bucket.leakPerUs / 1000),
    cost: compileCost({}),
    shadow: false,
    onStoreFailure: 'share',
    at: 'zones/world.yaml:1:1',
  };
}

interface Task {
  atUs: number;
  run: () => void;
  macro: boolean;
}

interface Instance {
  store: LeaseStore;
  drift: number;
  /** What its clocks missed while it slept, and how far its wall clock was set. */
  sleptUs: number;
  wallSetUs: number;
  generation: number;
  /** Rejects what is under way when the connection breaks. */
  pending: Set<(error: Error) => void>;
  alive: boolean;
  /** No event of it happens before; it sleeps. */
  awakeUs: number;
}

const budgetMs = 60;
/** Longer than any chain of promises between an answer and the decision that waits for it. */
const flushTurns = 16;

export class World {
  /** True time, which is the server's unless that was set back. */
  nowUs = 1_000_000_000_000;
  readonly buckets = new Map<string, StoredBucket>();
  /** How far the most was above an exact bucket, in tokens; 0 when never. */
  excess = 0;
  /** The same, in bursts. */
  excessBursts = 0;
  readonly broken: string[] = [];
  admitted = 0;
  /** The same by instance. */
  readonly admittedBy: number[];
  calls = 0;
  losses = 0;
  readonly instances: Instance[];
  readonly #options: WorldOptions;
  readonly #storeKeys: string[];
  readonly #tasks: Task[] = [];
  readonly #meters: { debt: number; atUs: number }[];
  #serverBackUs = 0;
  #copy = new Map<string, StoredBucket>();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#storeKeys = options.limits.map((limit) => leaseKeyOf(limit, 'acme'));
    this.#meters = options.limits.map(() => ({ debt: 0, atUs: this.nowUs }));
    this.admittedBy = options.drifts.map(() => 0);
    this.instances = options.drifts.map((drift) => this.#boot(drift));
  }

  /** One request at one instance for the limits at these places; counts in the meters when and if it is admitted. */
  take(index: number, places: readonly number[], cost: number): void {
    const instance = this.instances[index]!;
    if (instance.awakeUs > this.nowUs) return;
    const charges = places.map((place) => ({ limit: this.#options.limits[place]!, key: 'acme', cost }));
    const count = (outcomes: LimitOutcome[]) => {
      if (!instance.alive || !isAdmitted(outcomes)) return;
      this.admittedBy[index]!++;
      this.#weigh(places, cost);
    };
    const reply = instance.store.take(charges);
    if (Array.isArray(reply)) count(reply);
    else reply.then(count, () => undefined);
  }

  /** Runs what falls due in the next span of true time. */
  async advance(us: number): Promise<void> {
    const untilUs = this.nowUs + us;
    await flush();
    for (;;) {
      const task = this.#tasks[0];
      if (task === undefined || task.atUs > untilUs) break;
      this.#tasks.shift();
      this.nowUs = Math.max(this.nowUs, task.atUs);
      task.run();
      if (task.macro) await new Promise((resolve) => setImmediate(resolve));
      await flush();
      this.#check();
    }
    this.nowUs = untilUs;
    this.#check();
  }

  crash(index: number): void {
    this.instances[index]!.alive = false;
    this.#replace(index);
  }

  /** A restart that gives its tokens back first. */
  restart(index: number): void {
    this.instances[index]!.store.close().catch(() => undefined);
    this.#replace(index);
  }

  #replace(index: number): void {
    const { drift, sleptUs, wallSetUs } = this.instances[index]!;
    this.instances[index] = this.#boot(drift, sleptUs, wallSetUs);
  }

  /** The machine of an instance stands still: the monotonic clock does not know, the wall clock does. */
  suspend(index: number, us: number): void {
    const instance = this.instances[index]!;
    instance.awakeUs = Math.max(instance.awakeUs, this.nowUs) + us;
    instance.sleptUs += us;
  }

  /** Not in its sleep: set back by as much, a clock would hide that. */
  setWall(index: number, us: number): void {
    const instance = this.instances[index]!;
    if (instance.awakeUs > this.nowUs) return;
    instance.store.heldOf(this.#options.limits[0]!, 'acme');
    instance.wallSetUs += us;
  }

  setServerBack(us: number): void {
    this.#serverBackUs += us;
  }

  /** What a replica would have now. */
  copy(): void {
    this.#copy = clone(this.buckets);
  }

  /** The server's data become those of the copy, or nothing; `seen` when every connection breaks with it. */
  lose(what: 'copy' | 'everything', connections: 'break' | 'stay'): void {
    this.losses++;
    const left = what === 'copy' ? clone(this.#copy) : new Map<string, StoredBucket>();
    this.buckets.clear();
    for (const [key, bucket] of left) this.buckets.set(key, bucket);
    if (connections === 'stay') return;
    for (const index of this.instances.keys()) this.disconnect(index);
  }

  disconnect(index: number): void {
    this.#disconnect(this.instances[index]!);
  }

  #disconnect(instance: Instance): void {
    instance.generation++;
    const pending = [...instance.pending];
    instance.pending.clear();
    for (const reject of pending) reject(new Error('the connection broke'));
    if (instance.awakeUs > this.nowUs) this.#later(instance.awakeUs, () => instance.store.present());
    else instance.store.present();
  }

  #boot(drift: number, sleptUs = 0, wallSetUs = 0): Instance {
    const instance: Instance = {
      store: undefined as unknown as LeaseStore,
      drift,
      sleptUs,
      wallSetUs,
      generation: 1,
      pending: new Set(),
      alive: true,
      awakeUs: 0,
    };
    instance.store = this.#open(instance);
    return instance;
  }

  #open(instance: Instance): LeaseStore {
    const monoMs = () => {
      const asleepUs = Math.max(0, instance.awakeUs - this.nowUs);
      return ((this.nowUs - instance.sleptUs + asleepUs) * instance.drift) / 1000;
    };
    const clock: Clock = {
      monoMs,
      wallMs: () => monoMs() + (instance.sleptUs + instance.wallSetUs) / 1000,
    };
    const scheduler: Scheduler = {
      after: (delayMs, run) => {
        const task = this.#later(
          this.nowUs + Math.ceil((delayMs * 1000) / instance.drift),
          () => {
            if (!instance.alive) return;
            if (instance.awakeUs > this.nowUs) this.#later(instance.awakeUs, run, delayMs === budgetMs);
            else run();
          },
          delayMs === budgetMs,
        );
        return () => {
          const index = this.#tasks.indexOf(task);
          if (index !== -1) this.#tasks.splice(index, 1);
        };
      },
    };
    return new LeaseStore({
      backend: this.#backend(instance),
      clock,
      scheduler,
      timeoutMs: this.#options.patient === true ? 1e9 : budgetMs,
      instances: this.#options.instances,
      random: this.#options.random ?? (() => (this.calls % 7) / 7),
    });
  }

  #backend(instance: Instance): StoreBackend {
    const wired = new Map<string, (request: LeaseRequest) => Promise<LeaseGrant>>();
    return {
      get generation() {
        return instance.generation;
      },
      call: (key, request) => {
        let call = wired.get(key);
        if (call === undefined) {
          call = (sent) => this.#send(instance, key, sent);
          if (this.#options.wire !== undefined) call = this.#options.wire(call, () => this.nowUs);
          wired.set(key, call);
        }
        return call(request);
      },
      close: () => Promise.resolve(),
      ...noCounts,
    };
  }

  #send(instance: Instance, key: string, request: LeaseRequest): Promise<LeaseGrant> {
    const { fates, faults } = this.#options;
    const fate = fates[this.calls++ % fates.length]!;
    const { promise, resolve, reject } = Promise.withResolvers<LeaseGrant>();
    instance.pending.add(reject);
    const { generation } = instance;
    this.#later(this.nowUs + fate.outUs, () => {
      if (fate.lost === 'request') return;
      const grant = runLease(this.buckets, key, request, this.nowUs - this.#serverBackUs, faults);
      if (fate.lost === 'reply') return;
      const deliver = () => {
        // What a broken connection had under way never arrives.
        if (!instance.alive || instance.generation !== generation) return;
        if (instance.awakeUs > this.nowUs) {
          this.#later(instance.awakeUs, deliver);
          return;
        }
        instance.pending.delete(reject);
        resolve(grant);
      };
      this.#later(this.nowUs + fate.backUs, deliver);
    });
    if (fate.lost !== 'nothing') {
      // The silent socket is given up in the end.
      this.#later(this.nowUs + 300_000, () => {
        if (instance.alive && instance.generation === generation) this.#disconnect(instance);
      });
    }
    return promise;
  }

  #later(atUs: number, run: () => void, macro = false): Task {
    const task = { atUs, run, macro };
    let index = this.#tasks.length;
    while (index > 0 && this.#tasks[index - 1]!.atUs > atUs) index--;
    this.#tasks.splice(index, 0, task);
    return task;
  }

  #weigh(places: readonly number[], cost: number): void {
    this.admitted++;
    for (const place of places) {
      const { leakPerUs, unitsPerToken, capacity } = this.#options.limits[place]!.bucket;
      const meter = this.#meters[place]!;
      meter.debt = Math.max(0, meter.debt - leakPerUs * (this.nowUs - meter.atUs)) + cost * unitsPerToken;
      meter.atUs = this.nowUs;
      this.excess = Math.max(this.excess, (meter.debt - capacity) / unitsPerToken);
      this.excessBursts = Math.max(this.excessBursts, meter.debt / capacity - 1);
    }
  }

  /** The invariants of the design: debt covers what is leased, and what is leased covers what is held. */
  #check(): void {
    for (const [place, limit] of this.#options.limits.entries()) {
      const bucket = this.buckets.get(this.#storeKeys[place]!);
      const leased = bucket === undefined ? 0 : leasedAt(bucket, this.nowUs - this.#serverBackUs);
      if (bucket !== undefined && bucket.debt < Math.min(bucket.a + bucket.b, bucket.burst) * bucket.units)
        this.broken.push('I1');
      let held = 0;
      for (const { store, alive, awakeUs } of this.instances) {
        if (alive && awakeUs <= this.nowUs) held += store.heldOf(limit, 'acme');
      }
      if (held > leased) this.broken.push('I2');
    }
  }
}

function leasedAt({ a, b, at }: StoredBucket, nowUs: number): number {
  const turns = Math.floor(Math.max(at, nowUs) / 1_000_000) - Math.floor(at / 1_000_000);
  if (turns === 0) return a + b;
  return turns === 1 ? a : 0;
}

function clone(buckets: ReadonlyMap<string, StoredBucket>): Map<string, StoredBucket> {
  return new Map([...buckets].map(([key, bucket]) => [key, { ...bucket }]));
}

async function flush(): Promise<void> {
  for (let turn = 0; turn < flushTurns; turn++) await Promise.resolve();
}
