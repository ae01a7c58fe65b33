import type { Clock } from '../../core/clock.ts';
import { createHmac, randomBytes } from 'node:crypto';

const freshMs = 3_600_000;

/**
 * Secrets that were right lately, so that who knows one is not held back by somebody else's guesses: without this anybody could
 * lock an account out, or all who share an address. Held as keyed digests, under a key that never leaves the process.
 */
export class RightSecrets {
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  /** When each digest was right last. */
  readonly #seenMs = new Map<string, number>();
  readonly maxKeys: number;

  constructor({ clock, maxKeys = 10_000 }: { clock: Clock; maxKeys?: number }) {
    this.#clock = clock;
    this.maxKeys = maxKeys;
  }

  get size(): number {
    return this.#seenMs.size;
  }

  /** The digest of a secret for this account; the only form in which it may be kept. */
  digest(account: string, secret: string): string {
    return createHmac('sha256', this.#key).update(`${account}\0${secret}`).digest('base64');
  }

  has(digest: string): boolean {
    const seenMs = this.#seenMs.get(digest);
    return seenMs !== undefined && this.#clock.monoMs() - seenMs < freshMs;
  }

  add(digest: string): void {
    // Deleted and set again, so that the first of the map is the one not seen for longest.
    this.#seenMs.delete(digest);
    this.#seenMs.set(digest, this.#clock.monoMs());
    if (this.#seenMs.size <= this.maxKeys) return;
    for (const oldest of this.#seenMs.keys()) {
      this.#seenMs.delete(oldest);
      return;
    }
  }

  delete(digest: string): void {
    this.#seenMs.delete(digest);
  }
}
