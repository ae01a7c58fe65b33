/** What stands next in the text of a call; `none` at its end and after a mistake. */
export type ValueKind = 'mapping' | 'list' | 'text' | 'number' | 'other' | 'none';

/**
 * Walks through the values of one call, strictly and without building them. After a mistake nothing more comes: mappings and lists
 * end, values are undefined, and `end` tells of it.
 */
export interface CallReader {
  kind(): ValueKind;
  /** Goes into a mapping; false when something else stands there, which is then still to be read or skipped. */
  openMapping(): boolean;
  /** The next key of the mapping that is open, undefined behind its last one. Its value must be read or skipped. */
  nextKey(): string | undefined;
  /** Goes into a list; false when something else stands there. */
  openList(): boolean;
  /** Whether the list that is open has another item, which must be read or skipped. */
  nextItem(): boolean;
  /** The text that stands next; undefined for anything else, which is skipped. */
  text(): string | undefined;
  /** The text, number or truth value that stands next; undefined for anything else, which is skipped. */
  scalar(): string | number | boolean | undefined;
  /** Passes over the value that stands next. */
  skip(): void;
  /** Whether nothing but blanks follows, and all before was well-formed. */
  end(): boolean;
}
