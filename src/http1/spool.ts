// hot path: a piece that is passed on costs one call, one that waits in memory one copy or one array element.
import type { BodyConsumer, BodySource } from './body-source.ts';
import { SpoolFile, type SpoolFileOptions, type SpoolFileOwner } from './spool-file.ts';

export interface SpoolOptions extends SpoolFileOptions {
  /** What is kept in memory before a file is used. */
  memoryBytes: number;
}

/** Who fills a spool. */
export interface SpoolOwner {
  /** Room again after `push` returned false. */
  onRoom(): void;
  /**
   * The spool is full and the disk takes nothing (budget, file size, error), so only the consumer can make room: whoever
   * collects a body before it is consumed must give up. May be called within `push`.
   */
  onStuck?(): void;
}

/** What may wait for the disk above `memoryBytes`: enough that it is busy, little beside a thousand exchanges. */
const maxPendingBytes = 1024 * 1024;
/** One read of the file, and the largest block into which small pieces are merged. */
const blockBytes = 64 * 1024;

/**
 * The bytes of one direction of one exchange, first in, first out: in memory while they are few, in a file without a name when
 * the peer that shall have them is slow. The order is `front` (memory), file, `back` (memory, on its way into the file).
 * While the file holds something, whatever comes goes behind it; once it is read to its end it is closed, and the next one
 * starts empty. A disk that refuses to write costs only the room: the bytes stay in memory, and `push` says full.
 *
 * Memory: at most `memoryBytes` + 1 MiB + the piece with which `push` returned false, + one block that is being read.
 */
export class Spool implements BodySource {
  readonly #options: SpoolOptions;
  readonly #owner: SpoolOwner | undefined;
  #front = new ByteQueue();
  #back = new ByteQueue();
  #file: SpoolFile | undefined;
  #pushedBytes = 0;
  #queuedBytes = 0;
  #consumer: BodyConsumer | undefined;
  /** The consumer has enough for now. */
  #paused = false;
  /** Within a call of `onPiece`: what is pushed from there waits for its turn. */
  #giving = false;
  #ended = false;
  #stopped = false;
  /** `push` returned false, and `onRoom` was not called since. */
  #full = false;
  /** The disk refused `back`; full until the memory is half empty. */
  #refused = false;
  /** The disk is broken, and not asked again until then. */
  #broken = false;
  #stuckTold = false;

  constructor(options: SpoolOptions, owner?: SpoolOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Bytes that wait, wherever they are. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Those of `queuedBytes` that are in memory. */
  get heldBytes(): number {
    return this.#file === undefined ? this.#queuedBytes : this.#queuedBytes - this.#file.unreadBytes;
  }

  /** Undefined until `end`, then all that was pushed. */
  get length(): number | undefined {
    return this.#ended ? this.#pushedBytes : undefined;
  }

  /**
   * Takes the piece in any case, also after `stop` (it is dropped then): its bytes may not be changed afterwards, for it is
   * passed on or kept without a copy where possible. False when the caller must pause until `onRoom`. Not to be called
   * after `end`.
   */
  push(piece: Buffer): boolean {
    if (this.#stopped || piece.length === 0) return !this.#full;
    this.#pushedBytes += piece.length;
    if (this.#queuedBytes === 0 && this.#consumer !== undefined && !this.#paused && !this.#giving) {
      this.#give(this.#consumer, piece);
      if (this.#queuedBytes > 0 || this.#ended) this.#move();
      return !this.#full;
    }
    this.#queuedBytes += piece.length;
    const straight = this.#file === undefined && this.#back.bytes === 0;
    if (straight && this.#queuedBytes <= this.#options.memoryBytes) {
      this.#front.append(piece);
      return !this.#full;
    }
    this.#back.append(piece);
    this.#spill();
    if (this.#refused || this.heldBytes > this.#options.memoryBytes + maxPendingBytes) this.#full = true;
    this.#tellStuck();
    return !this.#full;
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    this.#move();
  }

  /** `onEnd` comes like a piece: not while the consumer has enough. */
  start(consumer: BodyConsumer): void {
    if (this.#stopped) return;
    this.#consumer = consumer;
    this.#move();
  }

  resume(): void {
    this.#paused = false;
    this.#move();
  }

  /** Frees memory, file and budget; nothing is called any more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#full = false;
    this.#consumer = undefined;
    this.#file?.close();
    this.#file = undefined;
    this.#front = new ByteQueue();
    this.#back = new ByteQueue();
    this.#queuedBytes = 0;
  }

  #give(consumer: BodyConsumer, piece: Buffer): void {
    this.#giving = true;
    this.#paused = !consumer.onPiece(piece);
    this.#giving = false;
  }

  /** Whatever has happened: everything goes on that can. */
  #move(): void {
    if (this.#giving) return;
    while (this.#consumer !== undefined && !this.#paused) {
      const piece = this.#takeFront();
      if (piece === undefined) break;
      this.#queuedBytes -= piece.length;
      this.#give(this.#consumer, piece);
    }
    this.#refillFront();
    this.#readFile();
    this.#spill();
    this.#tellRoom();
    this.#tellStuck();
    if (!this.#ended || this.#queuedBytes > 0 || this.#paused) return;
    const consumer = this.#consumer;
    this.#consumer = undefined;
    consumer?.onEnd();
  }

  #takeFront(): Buffer | undefined {
    if (this.#front.bytes === 0) this.#refillFront();
    return this.#front.shift();
  }

  /** Leaves a file that is read to its end; what waits behind it needs it no more, as far as the memory suffices. */
  #refillFront(): void {
    const file = this.#file;
    if (file !== undefined) {
      if (file.writing || file.reading || file.unreadBytes > 0) return;
      file.close();
      this.#file = undefined;
    }
    while (this.#back.bytes > 0) {
      if (this.#front.bytes > 0 && this.#front.bytes + this.#back.firstBytes > this.#options.memoryBytes)
        return;
      const piece = this.#back.shift();
      if (piece !== undefined) this.#front.append(piece);
    }
  }

  #readFile(): void {
    const file = this.#file;
    if (file === undefined || this.#consumer === undefined || this.#paused || this.#front.bytes > 0) return;
    if (!file.reading && file.unreadBytes > 0) file.read(Math.min(blockBytes, file.unreadBytes));
  }

  #spill(): void {
    const bytes = this.#back.bytes;
    if (bytes === 0 || this.#file?.writing === true) return;
    this.#refused = this.#broken;
    if (this.#broken) return;
    this.#file ??= new SpoolFile(this.#options, this.#followFile());
    this.#refused = !this.#file.reserve(bytes);
    if (!this.#refused) this.#file.write(this.#back.takeAll(), bytes);
  }

  #followFile(): SpoolFileOwner {
    return {
      onWritten: () => this.#move(),
      onWriteFailure: (pieces, bytes) => {
        this.#back.prepend(pieces, bytes);
        this.#broken = true;
        this.#move();
      },
      onRead: (piece) => {
        this.#front.append(piece);
        this.#move();
      },
      onReadFailure: () => {
        const consumer = this.#consumer;
        this.stop();
        consumer?.onFailure();
      },
    };
  }

  #tellRoom(): void {
    const { memoryBytes } = this.#options;
    if (this.heldBytes > (this.#refused ? memoryBytes / 2 : memoryBytes + maxPendingBytes / 2)) return;
    this.#refused = false;
    if (this.heldBytes <= memoryBytes / 2) this.#broken = false;
    if (!this.#full) return;
    this.#full = false;
    this.#owner?.onRoom();
  }

  #tellStuck(): void {
    const stuck = this.#full && this.#refused;
    if (stuck === this.#stuckTold) return;
    this.#stuckTold = stuck;
    if (stuck) this.#owner?.onStuck?.();
  }
}

/** Smaller pieces are copied: an array element and a `Buffer` cost two hundred bytes. */
const minKeptBytes = 4096;
const minBlockBytes = 1024;
/** What the first piece may keep alive however small it is. */
const maxAloneBytes = 8192;

/**
 * Pieces in memory. Small ones are merged, and so are those that are a small part of what they keep alive (a view of a read
 * of 64 KiB): the memory stays below twice the bytes, however a peer cuts them.
 */
class ByteQueue {
  bytes = 0;
  #pieces: Buffer[] = [];
  /** The newest block, filled up to `#blockEnd`; the next piece goes into what is left of it. */
  #block: Buffer | undefined;
  #blockEnd = 0;

  /** Bytes of the piece that `shift` would give. */
  get firstBytes(): number {
    return this.#pieces[0]?.length ?? this.#blockEnd;
  }

  append(piece: Buffer): void {
    const queuedBytes = this.bytes;
    this.bytes += piece.length;
    let rest = piece;
    if (this.#block !== undefined) {
      const copied = piece.copy(this.#block, this.#blockEnd);
      this.#blockEnd += copied;
      if (copied === piece.length) return;
      rest = piece.subarray(copied);
      this.#pieces.push(this.#block);
      this.#block = undefined;
      this.#blockEnd = 0;
    }
    const keptAliveBytes = rest.buffer.byteLength;
    // Most bodies are one small piece.
    const alone = queuedBytes === 0 && keptAliveBytes <= maxAloneBytes;
    if (alone || (rest.length >= minKeptBytes && rest.length >= 0.75 * keptAliveBytes)) {
      this.#pieces.push(rest);
      return;
    }
    // Grows with what waits, so that a few bytes take little.
    const wantedBytes = Math.max(minBlockBytes, Math.min(blockBytes, queuedBytes >> 1));
    this.#block = Buffer.allocUnsafeSlow(Math.max(rest.length, wantedBytes));
    this.#blockEnd = rest.copy(this.#block);
  }

  shift(): Buffer | undefined {
    const piece = this.#pieces.shift() ?? this.#takeBlock();
    if (piece !== undefined) this.bytes -= piece.length;
    return piece;
  }

  /** All pieces, oldest first. */
  takeAll(): Buffer[] {
    const pieces = this.#pieces;
    const block = this.#takeBlock();
    if (block !== undefined) pieces.push(block);
    this.#pieces = [];
    this.bytes = 0;
    return pieces;
  }

  prepend(pieces: Buffer[], bytes: number): void {
    this.#pieces = pieces.concat(this.#pieces);
    this.bytes += bytes;
  }

  #takeBlock(): Buffer | undefined {
    const block = this.#block?.subarray(0, this.#blockEnd);
    this.#block = undefined;
    this.#blockEnd = 0;
    return block;
  }
}
