import type { WireCase } from './wire-case.ts';

/** Longer cases are cut byte by byte, which is every place at once. */
const maxBytes = 120;
/** A reader that looks back or ahead looks at a line end, or at the empty line behind a head: four bytes. */
const window = 4;

/**
 * Where to cut each short case in two. Most of a case is as in a hundred others, so a place is left out when another case
 * has been cut there with the same bytes before it and just behind it, or with the same bytes behind it and just before it
 * and the same claim: what a reader knows there is the same. `everyPlace` leaves none out.
 */
export function placesToCut(
  cases: readonly WireCase[],
  { everyPlace }: { everyPlace: boolean },
): Map<WireCase, number[]> {
  const cut = new Set<string>();
  const places = new Map<WireCase, number[]>();
  for (const one of cases) {
    const { bytes, refused, interim, reaches, cut: ends } = one;
    if (bytes.length > maxBytes) continue;
    const claim = JSON.stringify([refused, interim, reaches?.length, ends]);
    const own: number[] = [];
    for (let place = 1; place < bytes.length; place++) {
      const before = `before ${place} ${bytes.slice(0, place + window)}`;
      const behind = `behind ${claim} ${bytes.slice(Math.max(0, place - window))}`;
      if (everyPlace || (!cut.has(before) && !cut.has(behind))) own.push(place);
      cut.add(before).add(behind);
    }
    if (own.length > 0) places.set(one, own);
  }
  return places;
}
