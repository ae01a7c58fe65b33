import type { Socket } from 'node:net';
import type { Reason } from '../core/reason.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Deadlines } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import type { RawAnswer } from './raw-answer.ts';
import type { HeadBounds, RequestHead } from './request-head.ts';
import type { SpoolOptions } from './spool.ts';

export interface ConnectionOptions extends HeadBounds {
  maxHeadBytes: number;
  headTimeoutMs: number;
  idleTimeoutMs: number;
  /** Longest pause between two pieces of a request body. */
  bodyIdleMs: number;
  /** Longest time for which a client may take no byte of an answer, or an end of a tunnel none of what waits for it. */
  writeStallMs: number;
  /** Where bodies and answers wait that are too large for memory. */
  spool: SpoolOptions;
}

/** What a connection needs of its server. */
export interface ConnectionServer {
  readonly options: ConnectionOptions;
  readonly deadlines: Deadlines;
  /** Whether answers end their connections. */
  readonly draining: boolean;
  onExchange(exchange: Exchange): void;
  /** Takes the socket over; undefined where upgrades are ordinary requests. */
  readonly onUpgrade: ((head: RequestHead, socket: Socket, early: Buffer) => void) | undefined;
  onMalformed(reason: Reason, peerAddress: string): RawAnswer;
  onConnectionEnd(connection: ClientConnection): void;
}
