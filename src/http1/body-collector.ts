import type { Reason } from '../core/reason.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { BodyDefect, BodySource } from './body-source.ts';
import type { ClientConnection } from './client-connection.ts';
import type { BodyReceiver } from './incoming-body.ts';
import { Spool, type SpoolOptions, type SpoolOwner } from './spool.ts';

/** How collecting a request body ended: the body, or why there is none. */
export type BodyResult = Buffer | BodySource | BodyFailure;
export type BodyFailure = BodyDefect | Extract<Reason, 'client_gone' | 'spool_full'>;

export interface CollectorBounds {
  /** Largest body. */
  maxBytes: number;
  /** Largest body that stays in memory; a larger one goes through a spool. */
  memoryBytes: number;
  spool: SpoolOptions;
}

/** Collects a request body, and calls back once. */
export class BodyCollector implements BodyReceiver, SpoolOwner {
  readonly #bounds: CollectorBounds;
  readonly #connection: ClientConnection;
  readonly #onDone: (result: BodyResult) => void;
  readonly #memory: BodyBuffer;
  #spool: Spool | undefined;
  #bytes = 0;
  #done = false;

  constructor(connection: ClientConnection, bounds: CollectorBounds, onDone: (result: BodyResult) => void) {
    this.#connection = connection;
    this.#bounds = bounds;
    this.#onDone = onDone;
    this.#memory = new BodyBuffer(bounds.memoryBytes);
  }

  onBodyPiece(piece: Buffer): void {
    if (this.#done) return;
    this.#bytes += piece.length;
    if (this.#bytes > this.#bounds.maxBytes) return this.#finish('body_too_large');
    if (this.#spool === undefined) {
      if (this.#memory.append(piece)) return;
      this.#spool = new Spool({ ...this.#bounds.spool, memoryBytes: this.#bounds.memoryBytes }, this);
      this.#spool.push(this.#memory.take());
    }
    if (!this.#spool.push(piece)) this.#connection.pauseBody();
  }

  onRoom(): void {
    this.#connection.resumeBody();
  }

  onStuck(): void {
    this.#finish('spool_full');
  }

  onBodyEnd(): void {
    this.#spool?.end();
    this.#finish(this.#spool ?? this.#memory.take());
  }

  onBodyFailure(failure: 'framing_invalid' | 'body_timeout' | 'client_gone'): void {
    this.#finish(failure);
  }

  #finish(result: BodyResult): void {
    if (this.#done) return;
    this.#done = true;
    if (typeof result === 'string') this.#spool?.stop();
    this.#onDone(result);
  }
}
