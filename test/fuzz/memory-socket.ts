import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** A socket for a `ClientConnection`: gives it bytes within the call, and takes what it writes. */
export class MemorySocket extends EventEmitter {
  readonly remoteAddress = '192.0.2.1';
  readonly writableNeedDrain = false;
  readonly writableLength = 0;
  writable = true;
  destroyed = false;
  written = '';

  /** Whether our side reads on. */
  get open(): boolean {
    return this.writable && !this.destroyed;
  }

  asSocket(): Socket {
    return this as unknown as Socket;
  }

  give(piece: Buffer): void {
    if (!this.destroyed) this.emit('data', piece);
  }

  write(data: string | Buffer): boolean {
    this.written += typeof data === 'string' ? data : data.toString('latin1');
    return true;
  }

  end(): this {
    this.writable = false;
    return this;
  }

  destroy(): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.writable = false;
    this.emit('close');
    return this;
  }

  resetAndDestroy(): this {
    return this.destroy();
  }

  setTimeout(): this {
    return this;
  }

  pause(): this {
    return this;
  }

  resume(): this {
    return this;
  }

  cork(): void {}

  uncork(): void {}
}

/** A stream for `node:http`, which listens to its events as to those of a socket. */
export function createSilentStream(): Duplex {
  return new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done();
    },
  });
}
