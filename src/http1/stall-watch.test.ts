import { describe, expect, test } from 'vitest';
import { StallWatch } from './stall-watch.ts';

/** What a socket says of itself: bytes that were written to it, of them those that wait. */
type Reading = [bytesWritten: number, writableLength: number];

describe('a peer', () => {
  test.each<[string, Reading[], boolean[]]>([
    [
      'that has nothing to take never stalls',
      [
        [0, 0],
        [0, 0],
        [9, 0],
        [9, 0],
      ],
      [false, false, false, false],
    ],
    [
      'has its time from when something waits',
      [
        [0, 0],
        [0, 0],
        [5, 5],
        [5, 5],
      ],
      [false, false, false, true],
    ],
    [
      'that takes a part has its time again',
      [
        [9, 9],
        [9, 5],
        [9, 5],
      ],
      [false, false, true],
    ],
    [
      'that takes as much as is written lives on',
      [
        [9, 4],
        [19, 4],
        [29, 4],
      ],
      [false, false, false],
    ],
    [
      'that takes nothing while more is written stalls',
      [
        [9, 9],
        [19, 19],
      ],
      [false, true],
    ],
    [
      'that takes all, and then gets more, has its time again',
      [
        [9, 9],
        [19, 10],
        [19, 10],
      ],
      [false, false, true],
    ],
  ])('%s', (_name, readings, stalled) => {
    const socket = { bytesWritten: 0, writableLength: 0 };
    const watch = new StallWatch(socket);
    const seen = readings.map(([bytesWritten, writableLength]) => {
      Object.assign(socket, { bytesWritten, writableLength });
      return watch.look();
    });
    expect(seen).toEqual(stalled);
  });
});
