// hot path: arithmetic on three numbers.
import { type Bucket, debtAt, hasRoom } from './bucket.ts';

/** A bucket in this process's memory alone, and what is owed to it. */
export class Allowance {
  readonly #bucket: Bucket;
  #debt = 0;
  #atUs = 0;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /** Whether there is one token now. */
  hasRoom(nowUs: number): boolean {
    this.#debt = debtAt(this.#bucket, this.#debt, this.#atUs, nowUs);
    this.#atUs = nowUs;
    return hasRoom(this.#bucket, this.#debt, 1);
  }

  /** One, where `hasRoom` has just said that there is room. */
  spend(): void {
    this.#debt += this.#bucket.unitsPerToken;
  }

  /** Whether less than half of it was used up when somebody looked last. */
  get isHalfFree(): boolean {
    return this.#debt * 2 < this.#bucket.capacity;
  }

  /** Tokens that are used up, the begun one included. */
  used(nowUs: number): number {
    return Math.ceil(debtAt(this.#bucket, this.#debt, this.#atUs, nowUs) / this.#bucket.unitsPerToken);
  }
}
