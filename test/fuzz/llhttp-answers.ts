import { type IncomingMessage, request } from 'node:http';
import { strictParsing } from './llhttp-requests.ts';
import { createSilentStream } from './memory-socket.ts';
import type { AnswerStream } from './our-answers.ts';
import type { Message, Reading } from './reading.ts';

/** What llhttp makes of the answer to one request, at its strictest. */
export async function readLlhttpAnswer(stream: AnswerStream): Promise<Reading> {
  const socket = createSilentStream();
  const messages: Message[] = [];
  let over: string | undefined;
  const call = request({
    ...strictParsing,
    method: stream.toHead ? 'HEAD' : 'GET',
    createConnection: () => socket,
  });
  call.maxHeadersCount = 0;
  call.on('response', (answer) => messages.push(recordAnswer(answer)));
  call.on('error', (error: NodeJS.ErrnoException) => (over ??= error.code ?? error.message));
  call.end();
  // The parser is tied to the socket a tick later.
  await new Promise((resolve) => setImmediate(resolve));
  socket.emit('data', stream.bytes);
  if (stream.ends) socket.emit('end');
  const reading = { messages: [...messages], over };
  socket.destroy();
  return reading;
}

/** The body as llhttp hands it over, within the call. */
function recordAnswer(answer: IncomingMessage): Message {
  const message: Message = {
    start: String(answer.statusCode),
    version: answer.httpVersion,
    fields: answer.rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text)),
    body: '',
    complete: false,
  };
  answer.push = (chunk: unknown): boolean => {
    if (Buffer.isBuffer(chunk)) message.body += chunk.toString('latin1');
    else message.complete = true;
    return true;
  };
  return message;
}
