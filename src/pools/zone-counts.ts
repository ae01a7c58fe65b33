/** What requests of one zone have in a pool. */
export interface ZoneCount {
  busy: number;
  queued: number;
}

/** Counts by zone. As bounded as the zones of the configuration, if those of past ones are forgotten. */
export class ZoneCounts {
  readonly #counts = new Map<string, ZoneCount>();

  of(zone: string): ZoneCount {
    let count = this.#counts.get(zone);
    if (count === undefined) {
      count = { busy: 0, queued: 0 };
      this.#counts.set(zone, count);
    }
    return count;
  }

  entries(): Iterable<[zone: string, count: ZoneCount]> {
    return this.#counts.entries();
  }

  forgetIdle(): void {
    for (const [zone, count] of this.#counts) {
      if (count.busy === 0 && count.queued === 0) this.#counts.delete(zone);
    }
  }
}
