import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ReadStalled, SocketReader } from './socket-reader.ts';

/** A paused stream in which each text is a chunk of its own, ready to be read. */
function chunks(...texts: string[]): PassThrough {
  const stream = new PassThrough();
  stream.pause();
  for (const text of texts) stream.write(text);
  return stream;
}

describe('SocketReader', () => {
  it('loses no chunk that is ready while another is looked at', async () => {
    const reader = new SocketReader(chunks('ab', 'c\nd', 'e', 'f'), 1_000);
    expect((await reader.line(99)).toString()).toBe('abc\n');
    expect((await reader.bytes(3)).toString()).toBe('def');
  });

  it('gives no more of a line than it is asked for', async () => {
    const reader = new SocketReader(chunks('abc', 'def\n'), 1_000);
    expect((await reader.line(4)).toString()).toBe('abcd');
    expect((await reader.line(4)).toString()).toBe('ef\n');
  });

  it('gives what there is when the stream ends, and nothing afterwards', async () => {
    const reader = new SocketReader(chunks('ab').end(), 1_000);
    expect((await reader.bytes(5)).toString()).toBe('ab');
    expect((await reader.line(5)).toString()).toBe('');
  });

  it('gives up when nothing comes, and takes nothing while nobody asks', async () => {
    const stream = chunks();
    const reader = new SocketReader(stream, 10);
    await expect(reader.bytes(1)).rejects.toThrow(ReadStalled);
    stream.write('late');
    expect([stream.isPaused(), stream.readableLength]).toEqual([true, 4]);
    expect((await reader.bytes(4)).toString()).toBe('late');
  });
});
