import type { Socket } from 'node:net';
import { answerHeadText } from './answer-head.ts';

/** An answer that the transport gives without an exchange: to bytes that are no request, or to an upgrade. */
export interface RawAnswer {
  status: number;
  /** Flat list of names and values. */
  fields: readonly string[];
  body: string | Buffer;
}

/** Long enough for an answer to arrive and be read while its client still sends. */
const lingerMs = 1_000;

/** Answers on a socket that no parser owns any more, and closes it. */
export function answerAndClose(socket: Socket, { status, fields, body }: RawAnswer): void {
  if (socket.writable) {
    const length = String(Buffer.byteLength(body));
    writeHead(socket, status, [...fields, 'content-length', length, 'connection', 'close']);
    socket.write(body);
  }
  closeLingering(socket);
}

/** Throws `UnwritableHeadError`; nothing is sent then. */
export function writeHead(socket: Socket, status: number, fields: readonly string[]): void {
  socket.write(`${answerHeadText(status, fields)}\r\n`, 'latin1');
}

/**
 * Closes after what is written has gone, and drops for a while what still comes (RFC 9112 §9.6): unread bytes would turn
 * the close into a reset, which can overtake the answer. A peer that keeps its side open is cut off then.
 */
export function closeLingering(socket: Socket): void {
  if (socket.destroyed) return;
  socket.resume();
  socket.end(() => {
    if (socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
    socket.once('close', () => clearTimeout(timer));
  });
}
