import type { Socket } from 'node:net';

/** Tells of a peer that takes nothing of what is written to it. It looks when it is asked, and costs nothing in between. */
export class StallWatch {
  readonly #socket: Pick<Socket, 'bytesWritten' | 'writableLength'>;
  #takenBytes = 0;
  #isOwing = false;

  constructor(socket: Pick<Socket, 'bytesWritten' | 'writableLength'>) {
    this.#socket = socket;
  }

  /**
   * Whether bytes have waited for the peer since the last look, and it took none of them. What it takes is told in the pieces
   * that were written; who has nothing to take never stalls.
   */
  look(): boolean {
    const { bytesWritten, writableLength } = this.#socket;
    // Node counts as written what waits as well.
    const takenBytes = bytesWritten - writableLength;
    const stalled = this.#isOwing && takenBytes === this.#takenBytes;
    this.#takenBytes = takenBytes;
    this.#isOwing = writableLength > 0;
    return stalled;
  }
}
