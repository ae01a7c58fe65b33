import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

/** What an `Authorization` field is worth. `too_many` is a wrong one, too, of which there were many lately. */
export type BearerVerdict = 'right' | 'missing' | 'wrong' | 'too_many';

const burst = 10;
/** After which one more wrong token is told in full. */
export const forgetMs = 6_000;

/**
 * Compares bearer tokens with the one of the configuration. The right one always passes: whoever guesses can lock nobody
 * out. Wrong ones are told from each other only up to a bound, so that a flood of them fills no log.
 */
export class BearerGate {
  readonly #clock: Clock;
  /** Wrong tokens that are not forgotten yet. */
  #wrong = 0;
  #atMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#atMs = clock.monoMs();
  }

  judge(authorization: string | undefined, token: string): BearerVerdict {
    const given = /^Bearer +([^ ]+)$/i.exec(authorization ?? '')?.[1];
    if (given !== undefined && isSame(given, token)) return 'right';
    const nowMs = this.#clock.monoMs();
    this.#wrong = Math.max(0, this.#wrong - (nowMs - this.#atMs) / forgetMs);
    this.#atMs = nowMs;
    if (this.#wrong + 1 > burst) return 'too_many';
    this.#wrong++;
    return given === undefined ? 'missing' : 'wrong';
  }
}

/** Digests are of one length, so the comparison tells neither how long the token is nor how much of it was right. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
