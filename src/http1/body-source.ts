import type { Reason } from '../core/reason.ts';

/** What a client can do wrong in a body. */
export type BodyDefect = Extract<Reason, 'body_too_large' | 'body_timeout' | 'framing_invalid'>;

/** Takes the bytes of a body as they come. */
export interface BodyConsumer {
  /** False: no more until `resume`. The piece itself is taken in any case. */
  onPiece(piece: Buffer): boolean;
  onEnd(): void;
  /** The body will never be whole. */
  onFailure(): void;
}

/** A body that is not in memory as a whole: on its way from the peer, or spooled. */
export interface BodySource {
  /** Undefined while it is not known; it goes out chunked then. */
  readonly length: number | undefined;
  /** Bytes that came so far, where the length is not known. */
  readonly received?: number;
  /** Why it came to nothing, when the one who sends it is to blame. */
  readonly failure?: BodyDefect | undefined;
  /** Called once; pieces may be given at once, within the call. */
  start(consumer: BodyConsumer): void;
  resume(): void;
  /** The rest is not wanted. Safe to call at any time, also repeatedly. */
  stop(): void;
}
