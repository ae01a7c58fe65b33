// hot path: a line is one concatenation.
import type { Scheduler } from '../core/scheduler.ts';

/** What takes text in the end; pino's destination is one. */
export interface LineOutput {
  write(text: string): unknown;
  flush(onDone?: (error?: Error) => void): void;
}

/** What a write costs is handing it to another thread: 130 to 170 us of processor time, whatever its size (measured). */
const batchCharacters = 64 * 1024;
const flushMs = 200;

/**
 * Collects lines and hands them on in large pieces: the output measures all of its unwritten text again at every write, and
 * each write wakes another thread. Together that cost more than making the line (`docs/performance.md`). A line is handed on
 * after 200 ms at the latest.
 */
export class LineBatch implements LineOutput {
  readonly #output: LineOutput;
  readonly #scheduler: Scheduler;
  readonly #maxBytes: number | undefined;
  #pending = '';
  #pendingBytes = 0;
  #timed = false;

  /** With `maxBytes` no piece is larger, except for a line that is. */
  constructor(output: LineOutput, scheduler: Scheduler, maxBytes?: number) {
    this.#output = output;
    this.#scheduler = scheduler;
    this.#maxBytes = maxBytes;
  }

  write(line: string): void {
    if (this.#maxBytes !== undefined) {
      const bytes = Buffer.byteLength(line);
      if (this.#pendingBytes + bytes > this.#maxBytes) this.handOn();
      this.#pendingBytes += bytes;
    }
    this.#pending += line;
    if (this.#pending.length >= batchCharacters) this.handOn();
    else if (!this.#timed) {
      this.#timed = true;
      this.#scheduler.after(flushMs, this.#onTime);
    }
  }

  /** Gives the output what is collected; false when that is nothing. */
  handOn(): boolean {
    if (this.#pending === '') return false;
    const text = this.#pending;
    this.#pending = '';
    this.#pendingBytes = 0;
    this.#output.write(text);
    return true;
  }

  // A batch that went out by its size leaves its timer to the next one, which then goes out early.
  readonly #onTime = (): void => {
    this.#timed = false;
    this.handOn();
  };

  flush(onDone?: (error?: Error) => void): void {
    this.handOn();
    this.#output.flush(onDone);
  }
}
