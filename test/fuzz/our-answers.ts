import { ResponseReader, type Reading as Progress } from '../../src/http1/response-reader.ts';
import type { Message, Reading } from './reading.ts';

/** Bytes of one upstream connection, on which one request was sent. */
export interface AnswerStream {
  bytes: Buffer;
  toHead: boolean;
  /** Whether the upstream closes behind them. */
  ends: boolean;
}

/** What the client side makes of an answer. */
export function readOurAnswer(stream: AnswerStream, pieces: readonly Buffer[]): Reading {
  const reader = new ResponseReader();
  const messages: Message[] = [];
  let body = '';
  reader.expect(
    {
      onAnswer(status, fields) {
        messages.push({ start: String(status), fields, body: '', complete: false });
      },
      onChunk(chunk) {
        body += chunk.toString('latin1');
      },
    },
    stream.toHead,
  );
  let progress: Progress = 'more';
  for (const piece of pieces) {
    if (progress === 'more') progress = reader.read(piece);
    // As on a connection: more bytes than the answer has end it.
    else if (progress === 'whole') progress = 'surplus';
  }
  if (progress === 'more' && stream.ends) progress = reader.readEnd();
  const [message] = messages;
  if (message !== undefined) {
    message.body = body;
    message.complete = progress === 'whole' || progress === 'surplus';
  }
  return { messages, over: progress === 'more' || progress === 'whole' ? undefined : progress };
}
