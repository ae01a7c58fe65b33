import { createServer, IncomingMessage, type Server } from 'node:http';
import { createSilentStream } from './memory-socket.ts';
import type { Message, Reading } from './reading.ts';

/** A message that keeps its body as llhttp hands it over, within the call, instead of streaming it. */
export class RecordedMessage extends IncomingMessage {
  readonly #pieces: Buffer[] = [];
  #ended = false;

  override push(chunk: unknown): boolean {
    if (Buffer.isBuffer(chunk)) this.#pieces.push(Buffer.from(chunk));
    else this.#ended = true;
    return true;
  }

  record(start: string): Message {
    return {
      start,
      version: this.httpVersion,
      fields: this.rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text)),
      body: Buffer.concat(this.#pieces).toString('latin1'),
      complete: this.#ended,
    };
  }
}

export const strictParsing = { insecureHTTPParser: false, maxHeaderSize: 1024 * 1024 } as const;

/** What llhttp makes of a client connection, at its strictest; answers are never given, as it reads on without them. */
export class LlhttpServer {
  readonly #server: Server<typeof RecordedMessage>;
  #requests: RecordedMessage[] = [];
  #over: string | undefined;

  constructor() {
    const server = createServer({
      ...strictParsing,
      IncomingMessage: RecordedMessage,
      requireHostHeader: false,
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
    });
    server.maxHeadersCount = 0;
    const take = (request: RecordedMessage): void => void this.#requests.push(request);
    server.on('request', take).on('checkContinue', take).on('checkExpectation', take);
    server.on('upgrade', (request) => {
      take(request);
      this.#over = 'another protocol follows';
    });
    server.on('clientError', (error: NodeJS.ErrnoException) => {
      this.#over = error.code ?? error.message;
    });
    this.#server = server;
  }

  read(bytes: Buffer): Reading {
    this.#requests = [];
    this.#over = undefined;
    const stream = createSilentStream();
    this.#server.emit('connection', stream);
    stream.emit('data', bytes);
    const messages = this.#requests.map((request) => {
      const message = request.record(`${request.method} ${request.url}`);
      return { ...message, fields: withoutUnderscores(message.fields) };
    });
    stream.destroy();
    return { messages, over: this.#over };
  }
}

/** Our side drops these names on purpose. */
function withoutUnderscores(fields: string[]): string[] {
  return fields.filter((_, i) => fields[i - (i % 2)]?.includes('_') === false);
}
