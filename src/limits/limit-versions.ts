import type { Clock } from '../core/clock.ts';
import type { Bucket } from './bucket.ts';
import type { CompiledLimit } from './compile.ts';

/**
 * Says which of two rates of one limit is the newer one, for buckets that several instances use: the second since 1970 in
 * which this process first met it, or for all it met first, in which it started. A reload that leaves a limit as it was
 * leaves its version, too.
 */
export class LimitVersions {
  readonly #clock: Clock;
  readonly #startedS: number;
  readonly #known = new Map<string, { bucket: Bucket; version: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedS = Math.floor(clock.wallMs() / 1000);
  }

  of({ id, bucket }: CompiledLimit): number {
    const known = this.#known.get(id);
    if (known === undefined) {
      this.#known.set(id, { bucket, version: this.#startedS });
      return this.#startedS;
    }
    if (!isSameBucket(known.bucket, bucket)) {
      known.version = Math.max(known.version + 1, Math.floor(this.#clock.wallMs() / 1000));
      known.bucket = bucket;
    }
    return known.version;
  }
}

function isSameBucket(a: Bucket, b: Bucket): boolean {
  return a.unitsPerToken === b.unitsPerToken && a.leakPerUs === b.leakPerUs && a.burst === b.burst;
}
