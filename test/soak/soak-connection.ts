import { connect, type Socket } from 'node:net';

export interface SoakAnswer {
  status: number;
  /** One character per byte. */
  body: string;
  /** Whether it says that it is the last one on its connection. */
  last: boolean;
}

const waitMs = 30_000;

/** A client connection that costs little: what comes is looked at once, and put together when it is whole. */
export class SoakConnection {
  readonly socket: Socket;
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Bytes that must be there before a look is worth it. */
  #neededBytes = 0;
  #last = false;
  #ended = false;
  #wake = (): void => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.#bytes += piece.length;
      this.#wake();
    });
    socket.on('error', () => this.#end());
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
  }

  static open(port: number): Promise<SoakConnection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new SoakConnection(socket));
      });
    });
  }

  /** Whether the next request may be sent on it. */
  get usable(): boolean {
    return !this.#ended && !this.#last && this.#bytes === 0 && !this.socket.destroyed;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next answer. Rejects when the connection ends before it is whole, and when it does not come. */
  answer(): Promise<SoakAnswer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#wake = () => {};
        reject(new Error(`no answer came within ${waitMs} ms`));
      }, waitMs);
      const settle = (done: () => void): void => {
        clearTimeout(timer);
        this.#wake = () => {};
        done();
      };
      this.#wake = () => {
        try {
          const answer = this.#take();
          if (answer !== undefined) settle(() => resolve(answer));
          else if (this.#ended)
            settle(() => reject(new Error(`the connection ended after ${this.#bytes} bytes`)));
        } catch (error) {
          settle(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      this.#wake();
    });
  }

  destroy(): void {
    this.socket.destroy();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #take(): SoakAnswer | undefined {
    if (this.#bytes === 0 || this.#bytes < this.#neededBytes) return undefined;
    const bytes =
      this.#pieces.length === 1 ? (this.#pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#pieces);
    this.#pieces = [bytes];
    const headEnd = bytes.indexOf('\r\n\r\n');
    if (headEnd === -1) return undefined;
    const head = bytes.toString('latin1', 0, headEnd).toLowerCase();
    const status = /^http\/1\.1 (\d{3}) /.exec(head)?.[1];
    if (status === undefined) throw new Error(`${JSON.stringify(head.slice(0, 60))} is no answer`);
    const length = /\r\ncontent-length: (\d+)(?:\r|$)/.exec(head)?.[1];
    const bodyAt = headEnd + 4;
    const content =
      length === undefined
        ? readChunks(bytes, bodyAt)
        : { body: bytes.toString('latin1', bodyAt, bodyAt + Number(length)), end: bodyAt + Number(length) };
    if (content === undefined || content.end > bytes.length) {
      // Chunks tell no length: then every look is one.
      this.#neededBytes = content?.end ?? 0;
      return undefined;
    }
    const rest = bytes.subarray(content.end);
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    this.#neededBytes = 0;
    this.#last = /\r\nconnection: close(?:\r|$)/.test(head);
    return { status: Number(status), body: content.body, last: this.#last };
  }
}

/** Undefined while the last chunk is not there. */
function readChunks(bytes: Buffer, from: number): { body: string; end: number } | undefined {
  let body = '';
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-f]+$/.test(line)) throw new Error(`${JSON.stringify(line)} is no chunk size`);
    const size = Number.parseInt(line, 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return undefined;
    if (bytes.toString('latin1', end - 2, end) !== '\r\n') throw new Error('a chunk has no end');
    if (size === 0) return { body, end };
    body += bytes.toString('latin1', lineEnd + 2, end - 2);
    at = end;
  }
}
