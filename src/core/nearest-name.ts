/**
 * The candidate that `word` was probably meant to be, for "did you mean" hints; undefined when none is near. Near is at most
 * two edits, or a third of a long word, where an edit inserts, deletes or replaces a letter or swaps two neighbours. Letter
 * case does not count; of equally near candidates the first wins.
 */
export function nearestName(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  const mostEdits = Math.max(2, Math.floor(wanted.length / 3));
  let nearest: string | undefined;
  let fewestEdits = mostEdits + 1;
  for (const candidate of candidates) {
    const edits = countEdits(wanted, candidate.toLowerCase());
    // A word of two letters is two edits from any other: something must be left of what was written.
    if (edits < fewestEdits && (edits === 0 || edits < wanted.length)) {
      nearest = candidate;
      fewestEdits = edits;
    }
  }
  return nearest;
}

/** Damerau-Levenshtein distance in its restricted form: no letter is edited twice. */
function countEdits(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replace = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      let edits = Math.min(replace, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) edits = Math.min(edits, (beforePrevious[column - 2] ?? 0) + 1);
      current.push(edits);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}
