/** What a value turns out to be; `bare` text stands in no element of its own. */
export type ValueType =
  | 'bare'
  | 'string'
  | 'whole'
  | 'double'
  | 'boolean'
  | 'other'
  | 'struct'
  | 'array'
  | 'none';

/** An element that gives a value its type, as one of its spellings opens it. */
export interface TypeTag {
  type: ValueType;
  closing: string;
  /** Whether it is closed at once. */
  hollow: boolean;
}

export const longestTag = 'dateTime.iso8601 /'.length;
export const typeTags = indexTypes({
  string: 'string',
  int: 'whole',
  i4: 'whole',
  i8: 'whole',
  double: 'double',
  boolean: 'boolean',
  'dateTime.iso8601': 'other',
  base64: 'other',
  nil: 'none',
  struct: 'struct',
  array: 'array',
});

/** By what stands between `<` and `>`. */
function indexTypes(types: Readonly<Record<string, ValueType>>): ReadonlyMap<string, TypeTag> {
  const index = new Map<string, TypeTag>();
  for (const [name, type] of Object.entries(types)) {
    const closing = `</${name}>`;
    index.set(name, { type, closing, hollow: false });
    for (const hollow of [`${name}/`, `${name} /`]) index.set(hollow, { type, closing, hollow: true });
  }
  return index;
}
