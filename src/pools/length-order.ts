// hot path: one move for each request that comes or goes.
import type { Flow } from './flow.ts';

/** Flows by how many wait in them, so that the longest is found at once, also in a flood that is refused one by one. */
export class LengthOrder {
  /** The first flow of each length; neighbours hang on it. */
  readonly #first: (Flow | undefined)[] = [];
  #longest = 0;

  /** A flow with the most that wait; undefined when nobody waits. */
  get longest(): Flow | undefined {
    return this.#first[this.#longest];
  }

  /** Notes that `flow` has another length than `was`. */
  move(flow: Flow, was: number): void {
    if (was > 0) this.#unlink(flow, was);
    if (flow.length > 0) this.#link(flow, flow.length);
    while (this.#longest > 0 && this.#first[this.#longest] === undefined) this.#longest--;
  }

  #link(flow: Flow, length: number): void {
    // Without holes, so that V8 keeps it a plain array.
    while (this.#first.length <= length) this.#first.push(undefined);
    const after = this.#first[length];
    flow.after = after;
    flow.before = undefined;
    if (after !== undefined) after.before = flow;
    this.#first[length] = flow;
    if (length > this.#longest) this.#longest = length;
  }

  #unlink(flow: Flow, length: number): void {
    const { before, after } = flow;
    if (before === undefined) this.#first[length] = after;
    else before.after = after;
    if (after !== undefined) after.before = before;
    flow.before = undefined;
    flow.after = undefined;
  }
}
