// hot path: a request walks its path once, whatever the number of zones.

/** A radix tree over paths: what hangs at `prefixes` is for every path that gets here, at `exact` for this path alone. */
export interface PathTrie<Entry> {
  /** Text from the parent to here. */
  label: string;
  /** By the first character of the label. */
  children: Map<number, PathTrie<Entry>> | undefined;
  prefixes: Entry[];
  exact: Entry[];
}

export function createPathTrie<Entry>(): PathTrie<Entry> {
  return { label: '', children: undefined, prefixes: [], exact: [] };
}

/** Finds or makes the node of a path and returns it. */
export function growPathTrie<Entry>(root: PathTrie<Entry>, path: string): PathTrie<Entry> {
  let node = root;
  let at = 0;
  while (at < path.length) {
    node.children ??= new Map();
    const first = path.charCodeAt(at);
    const child = node.children.get(first);
    if (child === undefined) {
      const leaf: PathTrie<Entry> = { label: path.slice(at), children: undefined, prefixes: [], exact: [] };
      node.children.set(first, leaf);
      return leaf;
    }
    let shared = 1;
    while (
      shared < child.label.length &&
      at + shared < path.length &&
      child.label.charCodeAt(shared) === path.charCodeAt(at + shared)
    )
      shared++;
    if (shared < child.label.length) {
      const middle: PathTrie<Entry> = {
        label: child.label.slice(0, shared),
        children: new Map([[child.label.charCodeAt(shared), child]]),
        prefixes: [],
        exact: [],
      };
      child.label = child.label.slice(shared);
      node.children.set(first, middle);
      node = middle;
    } else {
      node = child;
    }
    at += shared;
  }
  return node;
}

/** The child that the path leads to from a node at this place; undefined when there is none. */
export function followPath<Entry>(
  node: PathTrie<Entry>,
  path: string,
  at: number,
): PathTrie<Entry> | undefined {
  const child = node.children?.get(path.charCodeAt(at));
  return child !== undefined && path.startsWith(child.label, at) ? child : undefined;
}
