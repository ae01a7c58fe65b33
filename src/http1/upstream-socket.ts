// hot path: nothing here is made anew per request.
import { Socket } from 'node:net';

export interface SocketOwner {
  onConnect(): void;
  /** A view of a buffer that all connections share: valid during the call only. */
  onBytes(bytes: Buffer): void;
  /** The peer ended its side in an orderly way. */
  onEnd(): void;
  onError(): void;
  onDrain(): void;
  /** Nothing more can be written, though there may be something to read. */
  onWriteFailure(): void;
  onClosed(): void;
}

type WriteCallback = (error?: Error | null) => void;

/* oxlint-disable no-underscore-dangle -- what a stream implements is called so */

/**
 * A TCP connection to an upstream that stays readable when it cannot be written any more. `Socket` destroys itself then, and
 * with it the answer that a server sent before it closed on a body that it did not want.
 */
export class UpstreamSocket extends Socket {
  readonly #owner: SocketOwner;
  /** A stream has one write under way at most. */
  #callback: WriteCallback | undefined;

  constructor(owner: SocketOwner, readBuffer: Buffer) {
    super({
      // The owner decides what an end means; no FIN of ours goes out by itself.
      allowHalfOpen: true,
      noDelay: true,
      onread: {
        // One buffer for all: libuv reads into it and calls back before it reads from any other socket.
        buffer: readBuffer,
        callback: (size) => {
          owner.onBytes(size === readBuffer.length ? readBuffer : readBuffer.subarray(0, size));
          return true;
        },
      },
    });
    this.#owner = owner;
    this.on('connect', () => owner.onConnect());
    this.on('end', () => owner.onEnd());
    this.on('error', () => owner.onError());
    this.on('drain', () => owner.onDrain());
    this.on('close', () => owner.onClosed());
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: WriteCallback): void {
    this.#callback = callback;
    super._write(chunk, encoding, this.#onWritten);
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], callback: WriteCallback): void {
    this.#callback = callback;
    super._writev?.(chunks, this.#onWritten);
  }

  readonly #onWritten = (error?: Error | null): void => {
    // A write that is never reported as done keeps the stream as it is until it is destroyed.
    if (error) this.#owner.onWriteFailure();
    else this.#callback?.();
  };
}
