import type { Bucket } from '../bucket.ts';
import { addOwed, fixedTerms, type OwedTerms, type Wallet } from './wallet.ts';

/** A time in which every instance spends from its own share. */
export interface Outage {
  /** When the shares begin to fill. */
  fillsFromMonoMs: number;
  /** How many of them there are. */
  parts: number;
}

/** Most wallets that are remembered for what they owe; a debt beyond them is told when its key is asked for again. */
const maxOwing = 200_000;

/**
 * So long after an outage others may not have told yet what they spent: each announces itself every 2 s, and learns by that
 * at the latest, or when its connection is made again, that the store answers.
 */
const stragglersMs = 2500;

const noOutage = { fillsFromMonoMs: 0, parts: 1, endedMonoMs: -Infinity, carriedMs: 0 };

/** What wallets owe a store that has not heard of it, and what is left in its buckets for what others may owe. */
export class LeaseDebts {
  readonly #clock: { readonly monoMs: number };
  /** Wallets that owe, those told of longest ago first. */
  readonly #owing = new Set<Wallet>();
  /** The last outage; `endedMonoMs` is Infinity as long as it lasts, `carriedMs` the filling of one just before. */
  #outage: Outage & { endedMonoMs: number; carriedMs: number } = { ...noOutage };

  /** `monoMs` is read, never moved. */
  constructor(clock: { readonly monoMs: number }) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#owing.size;
  }

  add(wallet: Wallet, tokens: number, terms: OwedTerms): void {
    addOwed(wallet, { tokens, monoMs: this.#clock.monoMs, terms });
    if (this.#owing.size < maxOwing) this.#owing.add(wallet);
  }

  /** What a wallet owes stays as much until it is told. */
  fix(wallet: Wallet): void {
    if (wallet.owed > 0) addOwed(wallet, { tokens: 0, monoMs: this.#clock.monoMs, terms: fixedTerms });
  }

  /** Forgets a wallet that owes nothing any more. */
  noteTold(wallet: Wallet): void {
    if (wallet.owed === 0) this.#owing.delete(wallet);
  }

  startOutage(outage: Outage): void {
    this.#outage = { ...outage, endedMonoMs: Infinity, carriedMs: this.#filledMs() };
  }

  /** From here on nothing leaks: the store's bucket holds the debts of others by now, and leaks by itself. */
  endOutage(): void {
    this.#outage.endedMonoMs = this.#clock.monoMs;
    for (const wallet of this.#owing) this.fix(wallet);
  }

  /** The next ones to tell of, at most so many. */
  *next(most: number): Generator<Wallet> {
    let left = Math.min(this.#owing.size, most);
    for (const wallet of this.#owing) {
      if (left-- === 0) break;
      this.#owing.delete(wallet);
      this.#owing.add(wallet);
      yield wallet;
    }
  }

  clear(): void {
    this.#owing.clear();
  }

  /**
   * Tokens that must stay in a bucket for a while after an outage: what others may have spent in it and not told yet. Not
   * so many that nobody could spend `need`.
   */
  spareOf({ leakPerUs, unitsPerToken, burst }: Bucket, need: number): number {
    const filledMs = this.#filledMs();
    if (filledMs === 0) return 0;
    const { parts, endedMonoMs } = this.#outage;
    const filled = (leakPerUs * filledMs * 1000) / unitsPerToken;
    // Only what was owed for longer than a share takes to fill has lost parts of a token.
    const ofOne = filled < burst ? Math.floor(filled / parts) : burst / parts;
    // As long as this instance decides by its own share, too, that has to be left as well.
    const others = endedMonoMs === Infinity ? parts : parts - 1;
    return Math.max(0, Math.min(Math.ceil(ofOne * others), burst - need));
  }

  /** How long the shares filled, as far as what came of them may not have been told by everybody. */
  #filledMs(): number {
    const { monoMs } = this.#clock;
    const { fillsFromMonoMs, endedMonoMs, carriedMs } = this.#outage;
    if (monoMs >= endedMonoMs + stragglersMs) return 0;
    return carriedMs + Math.max(0, Math.min(endedMonoMs, monoMs) - fillsFromMonoMs);
  }
}
