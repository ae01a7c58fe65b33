// hot path: one look-up in a set for a name that was seen lately.
import { ownText } from '../core/own-text.ts';

/** Names that were seen lately, bounded: at least the last `atLeast` of them, and at most twice as many. */
export class RecentNames {
  readonly #atLeast: number;
  #recent = new Set<string>();
  /** What was recent before that was full; who is seen again moves over. */
  #former = new Set<string>();

  constructor(atLeast: number) {
    this.#atLeast = atLeast;
  }

  get size(): number {
    return this.#recent.size + this.#former.size;
  }

  get max(): number {
    return 2 * this.#atLeast;
  }

  /** Whether a name is one of these; if so it counts as seen now. */
  see(name: string): boolean {
    if (this.#recent.has(name)) return true;
    if (!this.#former.delete(name)) return false;
    this.add(name);
    return true;
  }

  add(name: string): void {
    if (this.#recent.size >= this.#atLeast) {
      this.#former = this.#recent;
      this.#recent = new Set();
    }
    this.#recent.add(ownText(name));
  }
}
