// hot path: one map entry for each key that has a request in progress.
import { ownText } from '../core/own-text.ts';
import type { InFlightLimit } from './compile.ts';

/** Slots in use, in the memory of this process. There are never more keys than requests in progress. */
export class MemorySlots {
  readonly #limits = new Map<string, Map<string, number>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  keysOf(limit: InFlightLimit): number {
    return this.#limits.get(limit.id)?.size ?? 0;
  }

  usedOf(limit: InFlightLimit, key: string): number {
    return this.#limits.get(limit.id)?.get(key) ?? 0;
  }

  use(limit: InFlightLimit, key: string, slots: number): void {
    let used = this.#limits.get(limit.id);
    if (used === undefined) {
      used = new Map();
      this.#limits.set(limit.id, used);
    }
    const before = used.get(key);
    if (before === undefined) this.#size++;
    used.set(before === undefined ? ownText(key) : key, (before ?? 0) + slots);
  }

  release(limit: InFlightLimit, key: string, slots: number): void {
    const used = this.#limits.get(limit.id);
    const before = used?.get(key);
    if (used === undefined || before === undefined) return;
    if (before > slots) {
      used.set(key, before - slots);
      return;
    }
    used.delete(key);
    this.#size--;
    if (used.size === 0) this.#limits.delete(limit.id);
  }
}
