// hot path: one map look-up for each label, and no text is made.

export type LabelValue = string | number;

interface Node<Value> {
  count: number;
  next: Map<Value, Node<Value>> | undefined;
}

/**
 * Counts by label values, for a metric that is read seldom and counted always: joining labels into one key for each request
 * costs several times as much (`bench/profile.ts`). As bounded as its label values are.
 */
export class Tally<Labels extends readonly LabelValue[]> {
  readonly #root: Node<Labels[number]> = { count: 0, next: undefined };

  /** Adds one, or another amount; the values stand in the order of the metric's label names. */
  add(values: Labels, amount = 1): void {
    let node = this.#root;
    for (let i = 0; i < values.length; i++) {
      // Written bound: `i` is below the length.
      const value = values[i]!;
      node.next ??= new Map();
      let child = node.next.get(value);
      if (child === undefined) {
        child = { count: 0, next: undefined };
        node.next.set(value, child);
      }
      node = child;
    }
    node.count += amount;
  }

  /** Every combination of values that was counted, in the order of first appearance of each value. */
  entries(): { values: Labels[number][]; count: number }[] {
    const found: { values: Labels[number][]; count: number }[] = [];
    const visit = (node: Node<Labels[number]>, values: Labels[number][]): void => {
      if (node.count > 0) found.push({ values, count: node.count });
      for (const [value, child] of node.next ?? []) visit(child, [...values, value]);
    };
    visit(this.#root, []);
    return found;
  }
}
