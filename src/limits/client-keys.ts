// hot path: one look-up in a set for each request that is counted for its client's address.
import { createHash } from 'node:crypto';
import type { Bounded } from '../core/bounded.ts';
import type { Clock } from '../core/clock.ts';
import { foldText, mixBits } from '../core/hash-text.ts';
import { Allowance } from './allowance.ts';
import { compileBucket } from './bucket.ts';
import { clientKeyOf } from './key.ts';
import { RecentNames } from './recent-names.ts';

export interface ClientKeysOptions {
  clock: Clock;
  /** Makes it unknown outside which addresses share a key; instances that share a store need the same one. */
  secret: string | Buffer;
  /** Called for each request that is counted for a shared key. */
  onShared?: () => void;
  /** Called when new addresses begin to share keys, and when that has been over for a while. */
  onFlood?: (flooded: boolean) => void;
}

/** Addresses are known as long as they are among so many that were seen last; twice as many may be remembered. */
const rememberedAtLeast = 50_000;
/** So many new addresses at once, as after a start, and this many a second from then on have keys of their own. */
const newAtOnce = 10_000;
const newPerSecond = 20;
/** Keys that all other new addresses share, for each limit. */
export const sharedClientKeys = 4096;

/**
 * Whose budget the requests of a client address are counted for. Addresses cost an attacker nothing, and each one that is
 * counted by itself takes memory here and in the store until its budget is full again. So only so many new ones get keys of
 * their own; while more come than that, the rest share a few keys, by a hash. An address that was seen lately keeps its own
 * throughout, and one that shares gets its own when it comes again and fewer new ones do.
 *
 * An address that moves from a shared key to its own finds a full budget there, so it may be admitted what two budgets give;
 * all that share together, what `sharedClientKeys` budgets do.
 */
export class ClientKeys {
  readonly #clock: Clock;
  readonly #seed: number;
  readonly #onShared: () => void;
  readonly #onFlood: (flooded: boolean) => void;
  readonly #newcomers = new Allowance(compileBucket(newPerSecond, 1_000_000, newAtOnce));
  readonly #known = new RecentNames(rememberedAtLeast);
  #flooded = false;

  constructor({ clock, secret, onShared = ignore, onFlood = ignore }: ClientKeysOptions) {
    this.#clock = clock;
    this.#seed = createHash('sha256').update('client keys\0').update(secret).digest().readInt32LE();
    this.#onShared = onShared;
    this.#onFlood = onFlood;
  }

  /** The key for the limits of this client: its own (IPv6: of its /64), or `shared-` and a number. */
  keyOf(address: string): string {
    const key = clientKeyOf(address);
    if (this.#known.see(key)) return key;
    if (!this.#admitNew()) return this.#sharedKeyOf(key);
    this.#known.add(key);
    return key;
  }

  /** Bounded collections by name: the addresses that are known, and how much of the room for new ones is used up. */
  sizes(): Bounded[] {
    return [
      { name: 'known_clients', size: this.#known.size, max: this.#known.max },
      { name: 'new_clients', size: this.#newcomers.used(this.#nowUs()), max: newAtOnce },
    ];
  }

  #admitNew(): boolean {
    const admitted = this.#newcomers.hasRoom(this.#nowUs());
    if (admitted) this.#newcomers.spend();
    // Over is what has been over for a while: else a flood would begin and end a hundred times a second.
    if (this.#flooded ? this.#newcomers.isHalfFree : !admitted) {
      this.#flooded = !this.#flooded;
      this.#onFlood(this.#flooded);
    }
    return admitted;
  }

  #sharedKeyOf(key: string): string {
    this.#onShared();
    // Neighbours must not fall into neighbouring keys, nor an attacker's into one.
    return `shared-${mixBits(foldText(key, this.#seed)) % sharedClientKeys}`;
  }

  #nowUs(): number {
    return Math.floor(this.#clock.monoMs() * 1000);
  }
}

function ignore(): void {}
