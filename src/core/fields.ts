// hot path: header fields are one flat list, `[name, value, name, value, …]`, names in lower case.

/** Header fields in the order they came: `[name, value, …]`, names lower-cased, values without surrounding blanks. */
export type Fields = readonly string[];

/** The value of the first field with this lower-case name. */
export function fieldValue(fields: Fields, name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === name) return fields[i + 1];
  }
  return undefined;
}

/** How many fields have this lower-case name. */
export function fieldCount(fields: Fields, name: string): number {
  let count = 0;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === name) count++;
  }
  return count;
}

/** All values of this lower-case name as one list, as RFC 9110 §5.3 combines them; undefined when there is none. */
export function combinedFieldValue(fields: Fields, name: string): string | undefined {
  let combined: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === name) combined = combineValues(combined, fields[i + 1] ?? '');
  }
  return combined;
}

/** A further value of a list that may have begun before (RFC 9110 §5.3). */
export function combineValues(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}
