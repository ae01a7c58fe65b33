import { env } from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { placesToCut } from './cut-places.ts';
import { wireTable } from './table.ts';
import { titleOf } from './wire-case.ts';
import { startWireRange, type WireRange } from './wire-range.ts';

// The short cases of the table once more, each in two pieces, cut at one place after the other. WIRE_EVERY_PLACE=1 leaves no
// place out, and takes minutes.

const places = placesToCut(
  wireTable.flatMap(([, cases]) => cases),
  { everyPlace: env['WIRE_EVERY_PLACE'] === '1' },
);

let range: WireRange;
beforeAll(async () => {
  range = await startWireRange();
});
afterAll(() => range.stop());

describe.each(wireTable.map(([className, cases]) => [className, cases] as const))(
  '%s',
  (_className, cases) => {
    const rows = cases.filter((one) => places.has(one)).map((one) => [titleOf(one), one] as const);

    describe.concurrent('cut in two', () => {
      test.each(rows)('%s', { timeout: 120_000 }, async (_title, one) => {
        const bytes = Buffer.from(one.bytes, 'latin1');
        const ways = (places.get(one) ?? []).map((place) => [
          bytes.subarray(0, place),
          bytes.subarray(place),
        ]);
        expect(await range.playAll(one, ways)).toEqual([]);
      });
    });
  },
);

test('nothing has reached Odoo that no case accounts for', () => {
  expect(range.left()).toEqual([]);
});
