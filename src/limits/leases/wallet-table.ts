// hot path: one look-up in a map of the limit and one in a map of its keys; a joined key would cost more than both.
import type { CompiledLimit } from '../compile.ts';
import type { Wallet as WalletOf } from './wallet.ts';

type Wallet = WalletOf<CompiledLimit>;

const lookedAt = 16;

/** Wallets by limit and key, at most `max`; the one that was used least lately makes room. */
export class WalletTable {
  readonly max: number;
  readonly #limits = new Map<string, Map<string, Wallet>>();
  #size = 0;
  #oldest: Wallet | undefined;
  #newest: Wallet | undefined;

  constructor(max: number) {
    this.max = max;
  }

  get size(): number {
    return this.#size;
  }

  /** How many wallets a limit has. */
  countOf(limit: CompiledLimit): number {
    return this.#limits.get(limit.id)?.size ?? 0;
  }

  /** Looks without using. */
  peek(limit: CompiledLimit, key: string): Wallet | undefined {
    return this.#limits.get(limit.id)?.get(key);
  }

  /** Finds a wallet and makes it the newest. */
  find(limit: CompiledLimit, key: string): Wallet | undefined {
    const wallet = this.#limits.get(limit.id)?.get(key);
    if (wallet !== undefined && wallet !== this.#newest) {
      this.#unlink(wallet);
      this.#linkNewest(wallet);
    }
    return wallet;
  }

  /** Adds a wallet that is not there, as the newest; gives the one that had to leave for it. */
  add(wallet: Wallet): Wallet | undefined {
    const leaving = this.#size >= this.max ? this.#leastMissed() : undefined;
    if (leaving !== undefined) this.#remove(leaving);
    let wallets = this.#limits.get(wallet.limit.id);
    if (wallets === undefined) {
      wallets = new Map();
      this.#limits.set(wallet.limit.id, wallets);
    }
    wallets.set(wallet.key, wallet);
    this.#size++;
    this.#linkNewest(wallet);
    return leaving;
  }

  *[Symbol.iterator](): Generator<Wallet> {
    for (const wallets of this.#limits.values()) yield* wallets.values();
  }

  /** The oldest that nobody waits for, unless that takes long to find: who waits would have to ask anew. */
  #leastMissed(): Wallet | undefined {
    let wallet = this.#oldest;
    for (let looked = 0; looked < lookedAt && wallet !== undefined; looked++) {
      if (wallet.inflight === undefined) return wallet;
      wallet = wallet.newer;
    }
    return this.#oldest;
  }

  #remove(wallet: Wallet): void {
    const { id } = wallet.limit;
    const wallets = this.#limits.get(id);
    wallets?.delete(wallet.key);
    if (wallets?.size === 0) this.#limits.delete(id);
    this.#unlink(wallet);
    this.#size--;
  }

  #linkNewest(wallet: Wallet): void {
    wallet.older = this.#newest;
    wallet.newer = undefined;
    if (this.#newest === undefined) this.#oldest = wallet;
    else this.#newest.newer = wallet;
    this.#newest = wallet;
  }

  #unlink(wallet: Wallet): void {
    if (wallet.older === undefined) this.#oldest = wallet.newer;
    else wallet.older.newer = wallet.newer;
    if (wallet.newer === undefined) this.#newest = wallet.older;
    else wallet.newer.older = wallet.older;
  }
}
