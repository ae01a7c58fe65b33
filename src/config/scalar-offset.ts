import type { Scalar } from 'yaml';

/**
 * Where character `offset` of a scalar's value stands, counted from the scalar's first character in `text` (its quote or its
 * `|`). Walks value and source side by side, so quotes, escapes, indentation and folding are accounted for; 0 when the two
 * do not line up.
 */
export function offsetInSource(scalar: Scalar, text: string, offset: number): number {
  const { value, range } = scalar;
  if (typeof value !== 'string' || !range || offset < 0 || offset > value.length) return 0;
  const source = text.slice(range[0], range[1]);
  const block = scalar.type === 'BLOCK_LITERAL' || scalar.type === 'BLOCK_FOLDED';
  const found = block ? alignBlock(source, value, offset) : alignFlow(source, value, offset);
  // The walk proves itself: at the end both sides must show the same character, or the source an escape or a fold.
  const sameCharacter = source[found] === value[offset] || /[\\\r\n]/.test(source[found] ?? '\n');
  return sameCharacter || offset === value.length ? found : 0;
}

/** Plain and quoted scalars: a line break with the blanks around it is a blank in the value, more breaks are line feeds. */
function alignFlow(source: string, value: string, offset: number): number {
  const quote = source[0] === '"' || source[0] === "'" ? source[0] : undefined;
  const foldHere = /[ \t]*\r?\n\s*/y;
  let at = quote === undefined ? 0 : 1;
  let done = 0;
  while (done < offset && at < source.length) {
    foldHere.lastIndex = at;
    const fold = foldHere.exec(source)?.[0];
    if (fold !== undefined) {
      at += fold.length;
      done += brokenLength(value, done);
    } else if (quote === "'" && source.startsWith("''", at)) {
      at += 2;
      done += 1;
    } else if (quote === '"' && source[at] === '\\') {
      const escape = escapeAt(source, at);
      at += escape.length;
      done += escape.produces;
    } else {
      at += 1;
      done += 1;
    }
  }
  return done === offset ? at : 0;
}

/** Block scalars: the header line and each line's indentation are not part of the value. */
function alignBlock(source: string, value: string, offset: number): number {
  let at = source.indexOf('\n') + 1;
  const firstLine = /^(?: *\r?\n)*( *)/.exec(source.slice(at));
  const valueIndent = /^(?: *\n)*( *)/.exec(value);
  const indent = (firstLine?.[1]?.length ?? 0) - (valueIndent?.[1]?.length ?? 0);
  const skipIndent = (): void => {
    for (let i = 0; i < indent && source[at] === ' '; i++) at += 1;
  };
  let done = 0;
  skipIndent();
  while (done < offset && at < source.length) {
    if (source[at] !== '\n' && source[at] !== '\r') {
      at += 1;
      done += 1;
      continue;
    }
    while (source[at] === '\n' || source[at] === '\r') {
      at += 1;
      if (source[at - 1] === '\n') skipIndent();
    }
    done += brokenLength(value, done);
  }
  return done === offset ? at : 0;
}

/** How much of the value one run of line breaks became: one blank when folded, else a run of line feeds. */
function brokenLength(value: string, from: number): number {
  if (value[from] === ' ') return 1;
  let length = 0;
  while (value[from + length] === '\n') length += 1;
  return length;
}

function escapeAt(source: string, at: number): { length: number; produces: number } {
  const hexDigits = { x: 2, u: 4, U: 8 }[source[at + 1] ?? ''];
  if (hexDigits !== undefined) {
    const code = Number.parseInt(source.slice(at + 2, at + 2 + hexDigits), 16);
    return { length: 2 + hexDigits, produces: code > 0xffff ? 2 : 1 };
  }
  const joinHere = /\\\r?\n[ \t]*/y;
  joinHere.lastIndex = at;
  const lineBreak = joinHere.exec(source)?.[0];
  return lineBreak === undefined ? { length: 2, produces: 1 } : { length: lineBreak.length, produces: 0 };
}
