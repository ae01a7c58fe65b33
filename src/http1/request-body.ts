// hot path: every byte of a streamed request body passes here.
import type { Socket } from 'node:net';
import type { BodyConsumer, BodySource } from './body-source.ts';
import { chunkHead, lastChunk } from './chunked.ts';

export interface BodyWatcher {
  /** A piece was written, or the body is whole. */
  onBodyProgress(): void;
  /** The body will never be whole, or is not as long as it was announced: the request must not be completed. */
  onBodyFailure(): void;
}

/** Writes one streamed body to a socket, as fast as both sides allow, framed by its length or in chunks (RFC 9112 §7.1). */
export class RequestBody implements BodyConsumer {
  /** Whether all of it was written, as long as it was announced. */
  whole = false;
  /** Whether nothing can be written until the source gives more; the upstream is not to blame for that time. */
  awaitsSource = true;
  readonly #source: BodySource;
  readonly #socket: Socket;
  readonly #watcher: BodyWatcher;
  /** Undefined when the body goes out in chunks. */
  #leftBytes: number | undefined;
  #ended = false;

  constructor(source: BodySource, socket: Socket, watcher: BodyWatcher) {
    this.#source = source;
    this.#socket = socket;
    this.#watcher = watcher;
    this.#leftBytes = source.length;
  }

  start(): void {
    this.#source.start(this);
  }

  onDrain(): void {
    if (this.#ended) return;
    this.awaitsSource = true;
    this.#source.resume();
  }

  /** Nothing more is written; the source is told so. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.awaitsSource = false;
    this.#source.stop();
  }

  onPiece(piece: Buffer): boolean {
    if (this.#ended) return false;
    // A chunk of no bytes would end the body (RFC 9112 §7.1).
    if (piece.length === 0) return true;
    if (this.#leftBytes === undefined) this.#writeChunk(piece);
    else {
      this.#leftBytes -= piece.length;
      if (this.#leftBytes < 0) {
        this.#fail();
        return false;
      }
      this.#socket.write(piece);
    }
    this.awaitsSource = !this.#socket.writableNeedDrain;
    this.#watcher.onBodyProgress();
    return this.awaitsSource;
  }

  onEnd(): void {
    if (this.#ended) return;
    if (this.#leftBytes !== undefined && this.#leftBytes > 0) return this.#fail();
    this.#ended = true;
    this.whole = true;
    this.awaitsSource = false;
    if (this.#leftBytes === undefined) this.#socket.write(lastChunk, 'latin1');
    this.#watcher.onBodyProgress();
  }

  onFailure(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watcher.onBodyFailure();
  }

  #fail(): void {
    this.stop();
    this.#watcher.onBodyFailure();
  }

  #writeChunk(piece: Buffer): void {
    const socket = this.#socket;
    socket.cork();
    socket.write(chunkHead(piece.length), 'latin1');
    socket.write(piece);
    socket.write('\r\n', 'latin1');
    socket.uncork();
  }
}
