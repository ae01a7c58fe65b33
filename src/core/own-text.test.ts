import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { ownText } from './own-text.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const textBytes = 128 * 1024;

/** Bytes of heap that `count` kept pieces of texts of 128 KiB take. */
function keptBytes(count: number, keep: (piece: string) => string): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const kept: string[] = [];
  for (let i = 0; i < count; i++)
    kept.push(
      keep(
        Buffer.alloc(textBytes, 97 + (i % 26))
          .toString('latin1')
          .slice(100, 700),
      ),
    );
  collectGarbage();
  const bytes = process.memoryUsage().heapUsed - before;
  expect(kept).toHaveLength(count);
  return bytes;
}

test('a copy keeps nothing of the text that it was cut out of', () => {
  expect(keptBytes(100, (piece) => piece)).toBeGreaterThan(90 * textBytes);
  expect(keptBytes(100, ownText)).toBeLessThan(10 * textBytes);
});

test.each(['', 'a', 'token', 'ÿ', 'Größe 仓库 🚢', 'x'.repeat(10_000)])(
  'a copy says the same: %j',
  (text) => {
    expect(ownText(text)).toBe(text);
  },
);
