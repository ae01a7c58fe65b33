import type { Decision } from '../core/decision.ts';
import type { Reason } from '../core/reason.ts';

/** What a surface tells about a finished request; telemetry turns it into metrics and a log line. */
export interface Finished {
  surface: 'proxy' | 'forward-auth' | 'websocket';
  /** Undefined when the request was refused before one was made. */
  decision: Decision | undefined;
  /** Set when the request was refused after its decision: no seat, no answer from upstream, client gone. */
  failure: Reason | undefined;
  requestId: string;
  method: string;
  host: string;
  /** Canonical path, without the query, which may hold access tokens. */
  path: string;
  clientAddress: string;
  /** Status that the client got; 499 when it was gone. */
  status: number;
  durationMs: number;
  /** Wait for a seat. */
  queueMs: number;
  /** Endpoint that answered. */
  upstream: string | undefined;
  /** Set when the request was one that is counted by itself: what it is, and what became of it. */
  transaction?: { readonly name: string; readonly outcome: string } | undefined;
}

/** Bytes that never became a request. */
export interface Malformed {
  reason: Reason;
  peerAddress: string;
  requestId: string;
}

/** A tunnel that the gateway ended by itself. When it opened it was told as a finished request. */
export interface EndedTunnel {
  decision: Decision | undefined;
  reason: Reason;
  requestId: string;
  clientAddress: string;
  /** For how long it was open. */
  durationMs: number;
  upstream: string | undefined;
}

export interface Observer {
  finished(request: Finished): void;
  tunnelEnded(tunnel: EndedTunnel): void;
  malformed(request: Malformed): void;
  /** A fault of the gateway itself; the request is answered with `internal_error`. */
  fault(error: unknown, requestId: string): void;
}
