import type { ConfigPath } from '../core/issue.ts';

/** What stands at `path` inside a plain value; undefined when there is nothing. */
export function valueAt(value: unknown, path: ConfigPath): unknown {
  let at = value;
  for (const segment of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, segment)) return undefined;
    at = Reflect.get(at, segment);
  }
  return at;
}
