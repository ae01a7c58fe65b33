import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunkHead, lastChunk } from './chunked.ts';
import { IncomingBody } from './incoming-body.ts';

/** Feeds pieces until the body is done; gives what the sink got, and where the last piece was left. */
function feed(length: number | undefined, pieces: readonly string[]) {
  const body = new IncomingBody(length);
  const got: string[] = [];
  const ends: number[] = [];
  for (const piece of pieces) {
    if (body.done) break;
    ends.push(
      body.feed(Buffer.from(piece, 'latin1'), {
        onBodyPiece: (part) => void got.push(part.toString('latin1')),
      }),
    );
  }
  return { got, ends, done: body.done };
}

describe('IncomingBody', () => {
  test.each<[string, number | undefined, string[], ReturnType<typeof feed>]>([
    ['no bytes', 0, [], { got: [], ends: [], done: true }],
    ['a length, in one piece', 5, ['hello'], { got: ['hello'], ends: [5], done: true }],
    ['a length, in several', 5, ['he', '', 'llo'], { got: ['he', 'llo'], ends: [2, 0, 3], done: true }],
    ['a length, and more behind it', 5, ['helloGET /'], { got: ['hello'], ends: [5], done: true }],
    ['a length that is not reached', 5, ['hell'], { got: ['hell'], ends: [4], done: false }],
    [
      'chunks',
      undefined,
      ['2\r\nhe\r\n', '3\r\nllo\r\n0\r\n\r\n'],
      { got: ['he', 'llo'], ends: [7, 13], done: true },
    ],
    ['chunks, and more behind them', undefined, ['0\r\n\r\nGET /'], { got: [], ends: [5], done: true }],
    ['chunks without the last one', undefined, ['2\r\nhe\r\n'], { got: ['he'], ends: [7], done: false }],
    ['a broken chunk', undefined, ['2\r\nhex'], { got: ['he'], ends: [-1], done: false }],
  ])('of %s ends where it ends', (_name, length, pieces, expected) => {
    expect(feed(length, pieces)).toEqual(expected);
  });

  test('gives what came as it is when all of it belongs to the body', () => {
    const piece = Buffer.from('hello');
    let given: Buffer | undefined;
    new IncomingBody(10).feed(piece, { onBodyPiece: (part) => void (given = part) });
    expect(given).toBe(piece);
  });

  test('is the same body by its length and in chunks, however it is cut', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        cuts,
        fc.string(),
        (bytes, sizes, behind) => {
          const text = Buffer.from(bytes).toString('latin1');
          const rest = behind.replace(/[^ -~]/g, '?');
          const cut = (all: string): string[] => {
            const pieces: string[] = [];
            for (let at = 0, i = 0; at < all.length; i++) {
              const size = sizes[i % sizes.length] ?? 1;
              pieces.push(all.slice(at, at + size));
              at += size;
            }
            return pieces;
          };
          const coded = `${chunkHead(bytes.length)}${text}\r\n${lastChunk}`;
          for (const [length, sent] of [
            [bytes.length, text],
            [undefined, coded],
          ] as const) {
            const { got, ends, done } = feed(length, cut(sent + rest));
            const taken = ends.reduce((sum, end) => sum + end, 0);
            expect([got.join(''), done, taken]).toEqual([text, true, sent.length]);
          }
        },
      ),
    );
  });
});
