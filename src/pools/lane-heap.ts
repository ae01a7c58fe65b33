// hot path: a few comparisons for each request that waits.
import type { Lane } from './flow.ts';

/** Whether `a` is served before `b`: less seat time was charged so far; of equals, whoever waits longer. */
export function isEarlier(a: Lane, b: Lane): boolean {
  const difference = a.flow.virtualMs - b.flow.virtualMs;
  if (difference !== 0) return difference < 0;
  return (a.oldest?.arrivedMs ?? Infinity) < (b.oldest?.arrivedMs ?? Infinity);
}

/** Lanes in which somebody waits, the earliest first. A lane whose flow was charged has to be told by `update`. */
export class LaneHeap {
  readonly #lanes: Lane[] = [];
  /** Virtual times of the lanes, side by side: comparing them in the lanes is what costs with thousands of tenants. */
  readonly #keys: number[] = [];

  get first(): Lane | undefined {
    return this.#lanes[0];
  }

  get size(): number {
    return this.#lanes.length;
  }

  /** The earliest lane of a flow with fewer than `maxBusy` seats. Looks only below lanes that have as many. */
  firstBelow(maxBusy: number, at = 0): Lane | undefined {
    const lane = this.#lanes[at];
    if (lane === undefined || lane.flow.busy < maxBusy) return lane;
    const left = this.firstBelow(maxBusy, 2 * at + 1);
    const right = this.firstBelow(maxBusy, 2 * at + 2);
    if (left === undefined || right === undefined) return left ?? right;
    return isEarlier(right, left) ? right : left;
  }

  /** Puts a lane where it belongs now; one that is not in the heap is added. */
  update(lane: Lane): void {
    let at = lane.heapAt;
    if (at === -1) {
      at = this.#lanes.length;
      this.#lanes.push(lane);
      this.#keys.push(lane.flow.virtualMs);
    }
    const key = lane.flow.virtualMs;
    this.#sink(lane, key, this.#rise(lane, key, at));
  }

  /** Does nothing for a lane that is not in the heap. */
  remove(lane: Lane): void {
    const at = lane.heapAt;
    if (at === -1) return;
    lane.heapAt = -1;
    const last = this.#lanes.pop();
    this.#keys.pop();
    if (last === undefined || last === lane) return;
    last.heapAt = at;
    this.update(last);
  }

  // Written bounds: below, every index is one of a parent that stands before its child, or was compared with the length.

  #rise(lane: Lane, key: number, start: number): number {
    let at = start;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parentKey = this.#keys[parentAt]!;
      if (key > parentKey || (key === parentKey && !isEarlier(lane, this.#lanes[parentAt]!))) break;
      this.#put(this.#lanes[parentAt]!, parentKey, at);
      at = parentAt;
    }
    return at;
  }

  #sink(lane: Lane, key: number, start: number): void {
    const count = this.#lanes.length;
    let at = start;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= count) break;
      let childKey = this.#keys[childAt]!;
      if (childAt + 1 < count) {
        const rightKey = this.#keys[childAt + 1]!;
        if (
          rightKey < childKey ||
          (rightKey === childKey && isEarlier(this.#lanes[childAt + 1]!, this.#lanes[childAt]!))
        ) {
          childAt++;
          childKey = rightKey;
        }
      }
      if (key < childKey || (key === childKey && !isEarlier(this.#lanes[childAt]!, lane))) break;
      this.#put(this.#lanes[childAt]!, childKey, at);
      at = childAt;
    }
    this.#put(lane, key, at);
  }

  #put(lane: Lane, key: number, at: number): void {
    this.#lanes[at] = lane;
    this.#keys[at] = key;
    lane.heapAt = at;
  }
}
