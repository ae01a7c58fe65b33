import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';

/** What all spools of a process may put on disk together, and what they have there now. */
export class SpoolBudget {
  readonly maxBytes: number;
  #usedBytes = 0;
  #openFiles = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Also those that are being opened or closed. */
  get openFiles(): number {
    return this.#openFiles;
  }

  /** False, and nothing is taken, when that much is not left. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.maxBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }

  countFile(step: 1 | -1): void {
    this.#openFiles += step;
  }
}

export interface SpoolFileOptions {
  maxFileBytes: number;
  directory: string;
  budget: SpoolBudget;
}

/** None of it is called once the file is closed, nor within `write` or `read`. */
export interface SpoolFileOwner {
  onWritten(): void;
  /** Nothing of the pieces can be read; they are the owner's again. */
  onWriteFailure(pieces: Buffer[], bytes: number): void;
  onRead(piece: Buffer): void;
  onReadFailure(): void;
}

// O_EXCL follows no link that waits under the name, and 0600 lets nobody else look in before the name is gone.
const openFlags = fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL;

/**
 * A file without a name that is written at its end and read from its start, one write and one read at a time. It is made by
 * the first write. What it takes of the budget it gives back when it is closed: the disk does not get room before either.
 */
export class SpoolFile {
  readonly #options: SpoolFileOptions;
  readonly #owner: SpoolFileOwner;
  #fd: number | undefined;
  /** Only where an open file cannot lose its name. */
  #path: string | undefined;
  #readAt = 0;
  #writtenTo = 0;
  #budgetBytes = 0;
  #writing = false;
  #reading = false;
  #closed = false;

  constructor(options: SpoolFileOptions, owner: SpoolFileOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Bytes that are safely written and not yet read. */
  get unreadBytes(): number {
    return this.#writtenTo - this.#readAt;
  }

  get writing(): boolean {
    return this.#writing;
  }

  get reading(): boolean {
    return this.#reading;
  }

  /** Whether `bytes` more may be written; they are taken from the budget then. */
  reserve(bytes: number): boolean {
    const size = this.#writtenTo + bytes;
    if (size > this.#options.maxFileBytes) return false;
    // A write that failed has paid already, perhaps more than this one needs.
    if (!this.#options.budget.take(size - this.#budgetBytes)) return false;
    this.#budgetBytes = size;
    return true;
  }

  /** Of `bytes` that were reserved, and not while `writing`. */
  write(pieces: Buffer[], bytes: number): void {
    this.#writing = true;
    if (this.#fd === undefined) this.#open(pieces, bytes);
    else this.#writeRest(pieces, bytes, 0);
  }

  /** Of at most `unreadBytes`, and not while `reading`. */
  read(bytes: number): void {
    if (this.#fd === undefined) return;
    this.#reading = true;
    const buffer = Buffer.allocUnsafeSlow(bytes);
    fs.read(this.#fd, buffer, 0, bytes, this.#readAt, (error, readBytes) => {
      this.#reading = false;
      if (this.#closed) return this.#closeWhenQuiet();
      // Nothing where bytes were written: the file was cut behind our back.
      if (error !== null || readBytes === 0) return this.#owner.onReadFailure();
      this.#readAt += readBytes;
      this.#owner.onRead(readBytes === bytes ? buffer : buffer.subarray(0, readBytes));
    });
  }

  /** To be called once; waits for what is under way. */
  close(): void {
    this.#closed = true;
    this.#closeWhenQuiet();
  }

  #open(pieces: Buffer[], bytes: number): void {
    const path = join(this.#options.directory, `bulkhead-${randomUUID()}`);
    const { budget } = this.#options;
    budget.countFile(1);
    fs.open(path, openFlags, 0o600, (error, fd) => {
      if (error !== null) {
        budget.countFile(-1);
        return this.#endWrite(pieces, bytes, false);
      }
      this.#fd = fd;
      fs.unlink(path, (unlinkError) => {
        if (unlinkError !== null) this.#path = path;
        if (this.#closed) return this.#endWrite(pieces, bytes, false);
        this.#writeRest(pieces, bytes, 0);
      });
    });
  }

  /** What is on disk already of `pieces` is `doneBytes`: a disk that becomes full takes a part first. */
  #writeRest(pieces: Buffer[], bytes: number, doneBytes: number): void {
    if (this.#fd === undefined) return;
    const rest = doneBytes === 0 ? pieces : dropBytes(pieces, doneBytes);
    fs.writev(this.#fd, rest, this.#writtenTo + doneBytes, (error, newBytes) => {
      if (error !== null || newBytes === 0) return this.#endWrite(pieces, bytes, false);
      const allDone = doneBytes + newBytes;
      if (allDone < bytes) return this.#writeRest(pieces, bytes, allDone);
      this.#endWrite(pieces, bytes, true);
    });
  }

  #endWrite(pieces: Buffer[], bytes: number, written: boolean): void {
    this.#writing = false;
    if (this.#closed) return this.#closeWhenQuiet();
    if (!written) return this.#owner.onWriteFailure(pieces, bytes);
    this.#writtenTo += bytes;
    this.#owner.onWritten();
  }

  #closeWhenQuiet(): void {
    if (this.#writing || this.#reading) return;
    const { budget } = this.#options;
    budget.give(this.#budgetBytes);
    if (this.#fd === undefined) return;
    const path = this.#path;
    // An error is without remedy: the descriptor is gone in any case (close(2)).
    fs.close(this.#fd, () => {
      if (path === undefined) budget.countFile(-1);
      else fs.unlink(path, () => budget.countFile(-1));
    });
  }
}

function dropBytes(pieces: Buffer[], bytes: number): Buffer[] {
  let toDrop = bytes;
  let first = 0;
  for (const piece of pieces) {
    if (piece.length > toDrop) break;
    toDrop -= piece.length;
    first++;
  }
  const rest = pieces.slice(first);
  if (toDrop > 0 && rest[0] !== undefined) rest[0] = rest[0].subarray(toDrop);
  return rest;
}
