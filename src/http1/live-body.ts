import type { BodyConsumer, BodyDefect, BodySource } from './body-source.ts';
import type { ClientConnection } from './client-connection.ts';
import type { BodyReceiver } from './incoming-body.ts';

/** A request body on its way from the client: goes on as it comes, at the pace of whoever takes it. */
export class LiveBody implements BodySource, BodyReceiver {
  readonly length: number | undefined;
  failure: BodyDefect | undefined;
  readonly #connection: ClientConnection;
  readonly #maxBytes: number;
  #bytes = 0;
  #consumer: BodyConsumer | undefined;

  constructor(
    connection: ClientConnection,
    { length, maxBytes }: { length: number | undefined; maxBytes: number },
  ) {
    this.#connection = connection;
    this.length = length;
    this.#maxBytes = maxBytes;
  }

  get received(): number {
    return this.#bytes;
  }

  start(consumer: BodyConsumer): void {
    this.#consumer = consumer;
    this.#connection.readBody(this);
  }

  resume(): void {
    if (this.#consumer !== undefined) this.#connection.resumeBody();
  }

  stop(): void {
    this.#consumer = undefined;
  }

  onBodyPiece(piece: Buffer): void {
    this.#bytes += piece.length;
    // Only a chunked body can get here: a declared length was looked at before.
    if (this.#bytes > this.#maxBytes) this.onBodyFailure('body_too_large');
    else if (this.#consumer?.onPiece(piece) === false) this.#connection.pauseBody();
  }

  onBodyEnd(): void {
    this.#consumer?.onEnd();
  }

  onBodyFailure(failure: BodyDefect | 'client_gone'): void {
    if (this.failure !== undefined) return;
    if (failure !== 'client_gone') this.failure = failure;
    const consumer = this.#consumer;
    this.#consumer = undefined;
    consumer?.onFailure();
  }
}
