// hot path: one read and one write for a request; every answer is read for its status and its length.
import { connect, type Socket } from 'node:net';
import type { BenchRequest } from './traffic.ts';

export interface LoadListener {
  /** A whole answer to what was sent at `startMs`; the connection is free again. */
  onAnswer(connection: LoadConnection, status: number, startMs: number): void;
  /** The connection ended, or what came is no answer with a length. Called at most once, and nothing follows. */
  onBroken(problem: string): void;
}

/** The request as text. Its length in characters is its length in bytes: whatever is sent is ASCII. */
export function renderRequest({ method, target, headers, body }: BenchRequest): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  if (body !== undefined) lines.push(`Content-Length: ${body.length}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
}

/** One buffer for all connections: what is read is taken out before the next read. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);

/** A keep-alive connection that sends one fixed request at a time. */
export class LoadConnection {
  readonly #socket: Socket;
  readonly #request: string;
  readonly #listener: LoadListener;
  #received = '';
  #startMs = 0;
  #closed = false;

  constructor(port: number, request: string, listener: LoadListener) {
    this.#request = request;
    this.#listener = listener;
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (size) => {
          this.#take(readBuffer.toString('latin1', 0, size));
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => this.#break(error.message));
    this.#socket.on('close', () => this.#break('closed by the server'));
  }

  send(startMs: number): void {
    this.#startMs = startMs;
    this.#socket.write(this.#request, 'latin1');
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #take(text: string): void {
    if (this.#closed) return;
    const received = this.#received === '' ? text : this.#received + text;
    const bodyStart = received.indexOf('\r\n\r\n') + 4;
    if (bodyStart < 4) {
      this.#received = received;
      return;
    }
    const answerEnd = bodyStart + readContentLength(received);
    if (received.length < answerEnd) {
      this.#received = received;
      return;
    }
    this.#received = '';
    // Holds as well for an answer without a length, which no comparison with NaN does.
    if (received.length !== answerEnd || this.#startMs === 0 || !received.startsWith('HTTP/1.')) {
      this.#break(`no answer: ${JSON.stringify(received.slice(0, bodyStart))}`);
      return;
    }
    const startMs = this.#startMs;
    this.#startMs = 0;
    this.#listener.onAnswer(this, Number(received.slice(9, 12)), startMs);
  }

  #break(problem: string): void {
    if (this.#closed) return;
    this.close();
    this.#listener.onBroken(problem);
  }
}

const contentLength = /\r\ncontent-length: *(\d+)\r\n/i;

function readContentLength(received: string): number {
  return Number(contentLength.exec(received)?.[1] ?? NaN);
}
