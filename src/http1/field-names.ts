// hot path: few names make up nearly all traffic, and each costs one look-up on its way in and one on its way out.
import { isToken } from './characters.ts';

/** The name of a field as somebody spells it, and what is to be known of it. */
export interface FieldName {
  spelling: string;
  lower: string;
  underscored: boolean;
}

/** Other names are worked out each time, so that nobody can fill the memory with them, or make a slot a long one. */
const maxKnownLength = 40;
const maxKnownInSlot = 4;
const maxKnownStarts = 1_000;

/** By length, first and last character: a `Map` hashes and interns each text that was cut out of a head (65 ns against 20). */
const slots: readonly FieldName[][] = Array.from({ length: 256 }, () => []);
const starts = new Map<string, string>();

/** The name of a field, which is from `from` to `to`; undefined when it is no token (RFC 9110 §5.1). */
export function readFieldName(text: string, from: number, to: number): FieldName | undefined {
  const spelling = text.slice(from, to);
  const hash = 31 * (31 * (to - from) + text.charCodeAt(from)) + text.charCodeAt(to - 1);
  const slot = slots[hash & 255] ?? [];
  for (let i = 0; i < slot.length; i++) {
    const known = slot[i];
    if (known?.spelling === spelling) return known;
  }
  if (!isToken(spelling)) return undefined;
  const lower = spelling.toLowerCase();
  const underscored = spelling.includes('_');
  if (spelling.length > maxKnownLength || slot.length === maxKnownInSlot)
    return { spelling, lower, underscored };
  const name = { spelling: intern(spelling), lower: intern(lower), underscored };
  slot.push(name);
  return name;
}

/** What goes out in front of the value of a field, the end of the line before included; undefined when the name is no token. */
export function fieldStart(name: string): string | undefined {
  const known = starts.get(name);
  if (known !== undefined) return known;
  if (!isToken(name)) return undefined;
  const start = `\r\n${name}: `;
  if (starts.size < maxKnownStarts && name.length <= maxKnownLength) starts.set(intern(name), intern(start));
  return start;
}

/**
 * A copy that does not hold the head it was cut out of, and that V8 compares with a literal by its address, as it does with
 * every key of an object.
 */
function intern(text: string): string {
  const keys: Record<string, true> = Object.create(null);
  keys[text] = true;
  return Object.keys(keys)[0] ?? text;
}
