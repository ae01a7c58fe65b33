// hot path: synchronous, no promise, no closure; one map entry for each key that has spent in its window.
import type { Clock } from '../core/clock.ts';
import { ownText } from '../core/own-text.ts';
import { type CalendarWindow, CalendarWindows } from './calendar.ts';
import type { QuotaLimit } from './compile.ts';

/** What a key has spent in a window. */
interface Entry {
  window: CalendarWindow;
  spent: number;
}

export interface MemoryQuotasOptions {
  clock: Clock;
  maxKeys: number;
  /** Tokens that count as spent of a key that nothing is known of; none by default. */
  spentBefore: ((limit: QuotaLimit, key: string, window: CalendarWindow) => number) | undefined;
}

/** How many entries are looked at when one has to leave. */
const lookedAt = 16;

/**
 * Calendar quotas in the memory of this process, by its wall clock. The number of keys is bounded: at the bound some of
 * the oldest are looked at, and the one whose window is over, else the one that spent least, starts anew.
 */
export class MemoryQuotas {
  readonly #options: MemoryQuotasOptions;
  readonly #windows = new CalendarWindows();
  readonly #limits = new Map<string, Map<string, Entry>>();
  #size = 0;

  constructor(options: MemoryQuotasOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  keysOf(limit: QuotaLimit): number {
    return this.#limits.get(limit.id)?.size ?? 0;
  }

  /** The window that counts for a key now. A clock that went back does not end a window that has begun. */
  windowOf(limit: QuotaLimit, key: string): CalendarWindow {
    return this.#windowOf(limit, this.#limits.get(limit.id)?.get(key));
  }

  /** Tokens spent in that window; may be above the quota. */
  spentOf(limit: QuotaLimit, key: string): number {
    const entry = this.#limits.get(limit.id)?.get(key);
    const window = this.#windowOf(limit, entry);
    if (entry !== undefined && entry.window.startMs === window.startMs) return entry.spent;
    return this.#options.spentBefore?.(limit, key, window) ?? 0;
  }

  /** Adds to what is spent; below 0 takes off. */
  spend(limit: QuotaLimit, key: string, tokens: number): void {
    const spent = Math.max(0, this.spentOf(limit, key) + tokens);
    let entries = this.#limits.get(limit.id);
    const entry = entries?.get(key);
    const window = this.#windowOf(limit, entry);
    if (entry !== undefined) {
      entry.window = window;
      entry.spent = spent;
      return;
    }
    if (this.#size >= this.#options.maxKeys) this.#evict();
    entries = this.#limits.get(limit.id);
    if (entries === undefined) {
      entries = new Map();
      this.#limits.set(limit.id, entries);
    }
    entries.set(ownText(key), { window, spent });
    this.#size++;
  }

  clear(): void {
    this.#limits.clear();
    this.#size = 0;
  }

  #windowOf({ period }: QuotaLimit, entry: Entry | undefined): CalendarWindow {
    const nowMs = this.#options.clock.wallMs();
    if (entry !== undefined && nowMs < entry.window.endMs) return entry.window;
    return this.#windows.at(period, nowMs);
  }

  #evict(): void {
    const nowMs = this.#options.clock.wallMs();
    let least: { id: string; key: string; spent: number } | undefined;
    let looked = 0;
    for (const [id, entries] of this.#limits) {
      for (const [key, { window, spent }] of entries) {
        const counts = window.endMs > nowMs ? spent : 0;
        if (least === undefined || counts < least.spent) least = { id, key, spent: counts };
        if (++looked === lookedAt || counts === 0) return this.#drop(least.id, least.key);
      }
    }
    if (least !== undefined) this.#drop(least.id, least.key);
  }

  #drop(id: string, key: string): void {
    const entries = this.#limits.get(id);
    if (entries === undefined || !entries.delete(key)) return;
    this.#size--;
    if (entries.size === 0) this.#limits.delete(id);
  }
}
