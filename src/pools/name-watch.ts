import type { Scheduler } from '../core/scheduler.ts';
import type { EndpointName } from './options.ts';
import { type KnownAddresses, nameKey } from './resolved-endpoints.ts';

/** All addresses of a host name, or a rejection with an error that has a `code`. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** What a look-up brought. `failed` covers an empty answer: the addresses that are known stay then. */
export type NameOutcome =
  | { kind: 'same' }
  | { kind: 'changed'; added: readonly string[]; removed: readonly string[] }
  | { kind: 'failed'; cause: string };

/** A name as the status of its pool shows it. */
export interface NameStatus {
  /** `host:port` */
  name: string;
  addresses: number;
  /** Why the last look-up brought nothing; undefined when it did. */
  failure: string | undefined;
}

export interface NameEnvironment {
  scheduler: Scheduler;
  resolve: Resolve;
  /** Told after each look-up; `name` is `host:port`, `isNews` false when the one before brought the same. */
  onLookedUp(name: string, outcome: NameOutcome, isNews: boolean): void;
  /** The addresses are others now. */
  onChange(): void;
}

/** How many addresses of one name are used: an answer over TCP may hold thousands. */
const maxAddresses = 256;
/** A look-up that takes longer counts as failed; its answer is still taken when it comes. */
const lateMs = 3_000;
/** How soon a name is looked up again that has no address yet. */
const firstRetryMs = 1_000;

interface Watched {
  name: EndpointName;
  addresses: readonly string[];
  failure: string | undefined;
  /** Whether there was an answer or a failure so far. */
  told: boolean;
  cancel: (() => void) | undefined;
}

/**
 * Looks names up again and again and keeps the last addresses that were found: a name server that fails, or a service that has no
 * ready pod for a moment, must not take a pool away that works. Each name has one look-up under way at most.
 */
export class NameWatch {
  readonly #environment: NameEnvironment;
  readonly #watched = new Map<string, Watched>();
  #onceTold: (() => void)[] = [];

  constructor(environment: NameEnvironment) {
    this.#environment = environment;
  }

  get known(): KnownAddresses {
    return new Map([...this.#watched].map(([key, { addresses }]) => [key, addresses]));
  }

  /** Watches these names from now on; what is known of those that were watched before is kept. */
  follow(names: readonly EndpointName[]): void {
    const gone = new Map(this.#watched);
    for (const name of names) {
      const key = nameKey(name);
      gone.delete(key);
      const watched = this.#watched.get(key);
      if (watched === undefined) {
        const begun: Watched = { name, addresses: [], failure: undefined, told: false, cancel: undefined };
        this.#watched.set(key, begun);
        this.#lookUp(begun);
      } else watched.name = name;
    }
    for (const [key, watched] of gone) {
      watched.cancel?.();
      this.#watched.delete(key);
    }
    this.#tellReady();
  }

  /** Done when each name was found, or could not be. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      this.#onceTold.push(resolve);
      this.#tellReady();
    });
  }

  statuses(): NameStatus[] {
    return [...this.#watched].map(([name, { addresses, failure }]) => ({
      name,
      addresses: addresses.length,
      failure,
    }));
  }

  close(): void {
    this.follow([]);
  }

  #lookUp(watched: Watched): void {
    watched.cancel = this.#environment.scheduler.after(lateMs, () => this.#fail(watched, 'timeout'));
    this.#environment.resolve(watched.name.host).then(
      (found) => this.#settle(watched, found),
      (error: unknown) => {
        this.#fail(watched, codeOf(error));
        this.#later(watched);
      },
    );
  }

  #settle(watched: Watched, found: readonly string[]): void {
    const addresses = [...new Set(found)].toSorted().slice(0, maxAddresses);
    if (addresses.length === 0) this.#fail(watched, 'no address');
    else this.#take(watched, addresses);
    this.#later(watched);
  }

  #take(watched: Watched, addresses: readonly string[]): void {
    const before = watched.addresses;
    const isNews = watched.failure !== undefined;
    const added = addresses.filter((address) => !before.includes(address));
    const removed = before.filter((address) => !addresses.includes(address));
    const outcome: NameOutcome =
      added.length + removed.length === 0 ? { kind: 'same' } : { kind: 'changed', added, removed };
    watched.addresses = addresses;
    watched.failure = undefined;
    this.#tell(watched, outcome, isNews || outcome.kind === 'changed');
    if (outcome.kind === 'changed' && this.#isWatched(watched)) this.#environment.onChange();
  }

  #fail(watched: Watched, cause: string): void {
    const isNews = watched.failure !== cause;
    watched.failure = cause;
    this.#tell(watched, { kind: 'failed', cause }, isNews);
  }

  #tell(watched: Watched, outcome: NameOutcome, isNews: boolean): void {
    if (!this.#isWatched(watched)) return;
    watched.told = true;
    this.#environment.onLookedUp(nameKey(watched.name), outcome, isNews);
    this.#tellReady();
  }

  #later(watched: Watched): void {
    watched.cancel?.();
    watched.cancel = undefined;
    if (!this.#isWatched(watched)) return;
    const { refreshMs } = watched.name;
    const delayMs = watched.addresses.length === 0 ? Math.min(refreshMs, firstRetryMs) : refreshMs;
    watched.cancel = this.#environment.scheduler.after(delayMs, () => this.#lookUp(watched));
  }

  #isWatched(watched: Watched): boolean {
    return this.#watched.get(nameKey(watched.name)) === watched;
  }

  #tellReady(): void {
    for (const { told } of this.#watched.values()) if (!told) return;
    for (const resolve of this.#onceTold.splice(0)) resolve();
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
