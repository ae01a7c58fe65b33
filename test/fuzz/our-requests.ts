import { tmpdir } from 'node:os';
import { ClientConnection } from '../../src/http1/client-connection.ts';
import type { ConnectionServer } from '../../src/http1/connection-server.ts';
import { Deadlines } from '../../src/http1/deadlines.ts';
import type { Exchange } from '../../src/http1/exchange.ts';
import { SpoolBudget } from '../../src/http1/spool-file.ts';
import { MemorySocket } from './memory-socket.ts';
import type { Message, Reading } from './reading.ts';

/** Bytes of one client connection. */
export interface RequestStream {
  bytes: Buffer;
  /**
   * Whether answers have no length. They tell the version of the request then, and end a connection of HTTP/1.0; with a
   * length such a connection may go on.
   */
  streamedAnswers: boolean;
}

const maxBodyBytes = 1024 * 1024;
const never = 1_000_000;
const deadlines = new Deadlines(never);
/** Never used: nothing here waits for a slow client. */
const spool = { memoryBytes: maxBodyBytes, maxFileBytes: 0, directory: tmpdir(), budget: new SpoolBudget(0) };

/** What the server side makes of a connection: the very object that a socket gets, every request answered at once. */
export function readOurRequests(stream: RequestStream, pieces: readonly Buffer[]): Reading {
  const socket = new MemorySocket();
  const reading: Reading = { messages: [], over: undefined };
  const server: ConnectionServer = {
    options: {
      maxFields: 100,
      maxTargetBytes: 8 * 1024,
      maxHeadBytes: 32 * 1024,
      headTimeoutMs: never,
      idleTimeoutMs: never,
      bodyIdleMs: never,
      writeStallMs: never,
      spool,
    },
    deadlines,
    draining: false,
    onExchange: (exchange) => takeExchange(exchange, socket, { stream, reading }),
    onUpgrade({ method, target, fields }) {
      reading.messages.push({
        start: `${method} ${target}`,
        version: '1.1',
        fields,
        body: '',
        complete: true,
      });
      reading.over = 'another protocol follows';
    },
    onMalformed(reason) {
      reading.over = reason;
      return { status: 400, fields: [], body: '' };
    },
    onConnectionEnd() {},
  };
  void new ClientConnection(socket.asSocket(), server);
  for (const piece of pieces) socket.give(piece);
  if (!socket.open) reading.over ??= 'ends the connection';
  socket.destroy();
  return reading;
}

function takeExchange(
  exchange: Exchange,
  socket: MemorySocket,
  { stream, reading }: { stream: RequestStream; reading: Reading },
): void {
  const { method, target, fields, defect } = exchange;
  if (defect !== undefined) {
    reading.over = defect;
    return exchange.answer(400, [], undefined);
  }
  const message: Message = { start: `${method} ${target}`, fields: [...fields], body: '', complete: false };
  reading.messages.push(message);
  const answer = (): void => {
    message.complete = true;
    const from = socket.written.length;
    // Written at once, before the connection goes on with the next request; the first answer behind `from` is ours.
    exchange.startAnswer(200, stream.streamedAnswers ? [] : ['content-length', '0']);
    exchange.finishAnswer();
    const version = versionOf(method, socket.written.slice(from), stream);
    if (version !== undefined) message.version = version;
  };
  if (!exchange.hasBody) return answer();
  exchange.streamBody(maxBodyBytes).start({
    onPiece(piece) {
      message.body += piece.toString('latin1');
      return true;
    },
    onEnd: answer,
    onFailure() {
      reading.over = 'framing_invalid';
      exchange.answer(400, [], undefined);
    },
  });
}

/** RFC 9112 §6.1, §9.3: what only one of the versions may be answered. */
function versionOf(method: string, written: string, { streamedAnswers }: RequestStream): string | undefined {
  const head = written.slice(0, written.indexOf('\r\n\r\n'));
  if (head.includes('connection: keep-alive')) return '1.0';
  if (!streamedAnswers || method === 'HEAD') return undefined;
  return head.includes('transfer-encoding: chunked') ? '1.1' : '1.0';
}
