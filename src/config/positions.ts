import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Alias, LineCounter, Node, Pair, YAMLMap } from 'yaml';
import type { ConfigPath } from '../core/issue.ts';
import { offsetInSource } from './scalar-offset.ts';

/** A place in a file; both count from 1. */
export interface Position {
  line: number;
  column: number;
}

/** A configuration file that knows where each of its values is written. */
export interface PositionedDocument {
  readonly file: string;
  /** The plain value as authored, placeholders included; undefined when the syntax is broken. */
  readonly value: unknown;
  /**
   * Position of the value at `path`, or of the nearest parent that exists. `offset` counts UTF-16 units into the text of the
   * scalar; when the character cannot be found in the file (unusual folding), it is the scalar's start.
   */
  locate(path: ConfigPath, offset?: number): Position;
  /** Position of the key itself, or of the nearest parent's when there is no such key. */
  locateKey(path: ConfigPath): Position;
  /** The text of a scalar as it stands in the file without quotes: `007` where the value is 7. */
  scalarText(path: ConfigPath): string | undefined;
}

/** What the reader found: the node tree, and which node each alias stands for. */
export interface ReadTree {
  file: string;
  text: string;
  value: unknown;
  contents: Node | undefined;
  aliasTargets: ReadonlyMap<Alias, Node>;
  lines: LineCounter;
}

/** Position lookups over a read tree; the first lookup in a mapping indexes its keys, so many lookups stay linear. */
export function createPositions(tree: ReadTree): PositionedDocument {
  const { file, text, value, contents, aliasTargets, lines } = tree;
  const indexes = new WeakMap<YAMLMap, Map<string, Pair>>();

  function positionAt(offset: number): Position {
    const { line, col } = lines.linePos(offset);
    // Before the first line feed of an empty file the line counter answers 0.
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  function pairAt(map: YAMLMap, key: string | number): Pair | undefined {
    let index = indexes.get(map);
    if (index === undefined) {
      index = new Map();
      for (const pair of map.items) {
        const name = keyText(pair.key);
        if (name !== undefined && !index.has(name)) index.set(name, pair);
      }
      indexes.set(map, index);
    }
    return index.get(String(key));
  }

  /** Walks as far as the path exists. */
  function walk(path: ConfigPath): { node: Node | undefined; key: Node | undefined; complete: boolean } {
    let node = contents;
    let key: Node | undefined;
    for (const segment of path) {
      if (isAlias(node)) node = aliasTargets.get(node);
      let next: unknown;
      let nextKey: unknown;
      if (isMap(node)) {
        const pair = pairAt(node, segment);
        next = pair?.value;
        nextKey = pair?.key;
      } else if (isSeq(node) && typeof segment === 'number') {
        next = node.items[segment];
        nextKey = next;
      }
      if (!isNodeOrMissing(next) || !isNodeOrMissing(nextKey) || nextKey === undefined)
        return { node, key, complete: false };
      node = next;
      key = nextKey;
    }
    if (isAlias(node)) node = aliasTargets.get(node);
    return { node, key, complete: true };
  }

  return {
    file,
    value,
    locate(path, offset) {
      const { node, key, complete } = walk(path);
      // `key:` with nothing behind it has an empty node behind the colon; the key is where a reader looks.
      const empty = node === undefined || (isScalar(node) && node.range?.[0] === node.range?.[1]);
      const shown = empty ? (key ?? node) : node;
      const start = shown?.range?.[0] ?? 0;
      if (offset === undefined || !complete || !isScalar(node) || empty) return positionAt(start);
      return positionAt(start + offsetInSource(node, text, offset));
    },
    locateKey(path) {
      const { node, key } = walk(path);
      return positionAt((key ?? node)?.range?.[0] ?? 0);
    },
    scalarText(path) {
      const { node, complete } = walk(path);
      return complete && isScalar(node) ? node.source : undefined;
    },
  };
}

/** A key as the plain value spells it; undefined for a key that is not a scalar. */
export function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  if (typeof key.value === 'string') return key.value;
  return key.value === null || key.value === undefined ? undefined : key.source;
}

function isNodeOrMissing(value: unknown): value is Node | undefined {
  return value === undefined || isMap(value) || isSeq(value) || isScalar(value) || isAlias(value);
}
