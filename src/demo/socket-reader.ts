import type { Readable } from 'node:stream';

/** Nothing came for as long as the reader was told to wait. */
export class ReadStalled extends Error {
  override name = 'ReadStalled';
}

/** Reads a paused socket as Python's buffered `rfile` does: it takes bytes only when somebody asks for them. */
export class SocketReader {
  readonly #socket: Readable;
  readonly #stallMs: number;
  #buffered: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(socket: Readable, stallMs: number) {
    this.#socket = socket;
    this.#stallMs = stallMs;
  }

  /** A line with its line feed, or what there is of it at the end; more than `maxBytes` come back without a line feed. */
  async line(maxBytes: number): Promise<Buffer> {
    for (;;) {
      const at = this.#buffered.indexOf(0x0a);
      if (at !== -1 && at < maxBytes) return this.#take(at + 1);
      if (this.#buffered.length >= maxBytes || !(await this.#more())) return this.#take(maxBytes);
    }
  }

  /** `count` bytes, or fewer at the end. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#buffered.length < count && (await this.#more())) continue;
    return this.#take(count);
  }

  #take(count: number): Buffer {
    const taken = this.#buffered.subarray(0, count);
    this.#buffered = this.#buffered.subarray(taken.length);
    return taken;
  }

  /** Waits for the next bytes; false when there are none any more, whatever the reason. */
  async #more(): Promise<boolean> {
    if (this.#ended || this.#socket.destroyed) return false;
    const socket = this.#socket;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const onData = (chunk: Buffer): void => {
      // At once: a second chunk that is ready already would be emitted before the promise is looked at.
      socket.pause();
      this.#buffered = Buffer.concat([this.#buffered, chunk]);
      resolve(true);
    };
    const onEnd = (): void => {
      this.#ended = true;
      resolve(false);
    };
    const timer = setTimeout(() => reject(new ReadStalled()), this.#stallMs);
    socket.once('data', onData).once('end', onEnd).once('close', onEnd).resume();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      socket.pause().off('data', onData).off('end', onEnd).off('close', onEnd);
    }
  }
}
