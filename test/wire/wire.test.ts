import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wireTable } from './table.ts';
import { titleOf } from './wire-case.ts';
import { startWireRange, type WireRange } from './wire-range.ts';

// What a client may send, byte for byte, and what becomes of it: refused, and nothing reaches Odoo; or read in one way, and
// exactly that reaches Odoo. However the bytes arrive, it is the same; and the next request gets its own answer.

const bytewiseEnds = 1024;

/** One byte per write; in the middle of a flood, where a byte is like the one before it, some hundred. */
function byteByByte(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const pieces: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const inFlood = at >= bytewiseEnds && bytes.length - at > bytewiseEnds;
    const end = at + (inFlood ? Math.min(317, bytes.length - at - bytewiseEnds) : 1);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

let range: WireRange;
beforeAll(async () => {
  range = await startWireRange();
});
afterAll(() => range.stop());

describe.each(wireTable.map(([className, cases]) => [className, cases] as const))(
  '%s',
  (_className, cases) => {
    const rows = cases.map((one) => [titleOf(one), one] as const);

    describe.concurrent('sent at once', () => {
      test.each(rows)('%s', async (_title, one) => {
        const { outcome, expected } = await range.play(one, [Buffer.from(one.bytes, 'latin1')]);
        expect(outcome).toEqual(expected);
      });
    });

    describe.concurrent('sent byte by byte', () => {
      test.each(rows)('%s', async (_title, one) => {
        const { outcome, expected } = await range.play(one, byteByByte(one.bytes));
        expect(outcome).toEqual(expected);
      });
    });
  },
);

test('nothing has reached Odoo that no case accounts for', () => {
  expect(range.left()).toEqual([]);
});

test('the table holds no case twice', () => {
  const all = wireTable.flatMap(([, cases]) => cases);
  const seen = (values: string[]): string[] =>
    values.filter((value, index) => values.indexOf(value) !== index);
  expect([seen(all.map(({ bytes }) => bytes)), seen(all.map(titleOf))]).toEqual([[], []]);
});
