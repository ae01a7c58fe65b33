import type { Clock } from '../../core/clock.ts';
import { ownText } from '../../core/own-text.ts';
import {
  applyPenalty,
  isForgotten,
  type PenaltyAction,
  type PenaltyRecord,
  type PenaltyRule,
  type Standing,
} from './penalty.ts';
import type { PenaltyStore } from './penalty-store.ts';

interface Entry {
  record: PenaltyRecord;
  rule: PenaltyRule;
}

/** How many of the oldest records an eviction looks at. */
const lookedAt = 16;

/**
 * Failed attempts that this process remembers by itself. The number of records is bounded; at the bound, of those that were
 * touched longest ago one with the fewest failures goes: a flood of new addresses pushes out each other, and not the one that is
 * being held back.
 */
export class MemoryPenalties implements PenaltyStore {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly maxKeys: number;

  constructor({ clock, maxKeys = 50_000 }: { clock: Clock; maxKeys?: number }) {
    this.#clock = clock;
    this.maxKeys = maxKeys;
  }

  get quiet(): boolean {
    return this.#entries.size === 0;
  }

  get size(): number {
    return this.#entries.size;
  }

  act(action: PenaltyAction, key: string, rule: PenaltyRule): Standing {
    const { record, standing } = applyPenalty(rule, this.#entries.get(key)?.record, {
      action,
      nowMs: this.#nowMs(),
    });
    if (record === undefined) this.#entries.delete(key);
    else if (action !== 'look') this.#keep(key, { record, rule });
    return standing;
  }

  heldMs(key: string, rule: PenaltyRule): number {
    const entry = this.#entries.get(key);
    if (entry === undefined) return 0;
    const nowMs = this.#nowMs();
    return isForgotten(rule, entry.record, nowMs) ? 0 : Math.max(0, entry.record.untilMs - nowMs);
  }

  /** Takes over how it stands in another store, so that it still holds here when that one fails. */
  adopt(key: string, rule: PenaltyRule, { failures, waitMs }: Standing): void {
    if (failures === 0) {
      this.#entries.delete(key);
      return;
    }
    const nowMs = this.#nowMs();
    const sinceMs = this.#entries.get(key)?.record.sinceMs ?? nowMs;
    const untilMs = waitMs === 0 ? 0 : nowMs + waitMs;
    this.#keep(key, { record: { failures, sinceMs, lastMs: nowMs, untilMs }, rule });
  }

  close(): Promise<void> {
    this.#entries.clear();
    return Promise.resolve();
  }

  #keep(key: string, entry: Entry): void {
    // Deleted and set again: the order of the map is the order of the last change.
    if (!this.#entries.delete(key) && this.#entries.size >= this.maxKeys) this.#evict();
    this.#entries.set(ownText(key), entry);
  }

  #evict(): void {
    const nowMs = this.#nowMs();
    let victim: string | undefined;
    let fewest = Infinity;
    let looked = 0;
    for (const [key, { record, rule }] of this.#entries) {
      const failures = isForgotten(rule, record, nowMs) ? 0 : record.failures;
      if (failures < fewest) {
        victim = key;
        fewest = failures;
      }
      looked++;
      if (looked >= lookedAt || fewest === 0) break;
    }
    if (victim !== undefined) this.#entries.delete(victim);
  }

  #nowMs(): number {
    return Math.floor(this.#clock.monoMs());
  }
}
