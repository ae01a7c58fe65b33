const maxSamples = 4_000_000;

/** Latencies of one job; kept as numbers, because a histogram of whole milliseconds would say nothing here. */
export class Samples {
  readonly #values = new Float64Array(maxSamples);
  #count = 0;

  add(ms: number): void {
    if (this.#count < maxSamples) this.#values[this.#count++] = ms;
  }

  /** Of no samples at all: NaN. */
  percentiles(parts: readonly number[]): number[] {
    const sorted = this.#values.subarray(0, this.#count).toSorted();
    return parts.map((part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN);
  }
}
