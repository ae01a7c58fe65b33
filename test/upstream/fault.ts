import type { Reason } from '../../src/core/reason.ts';

/** What an upstream has seen or may wait for. */
export type Phase =
  /** The head of the request; its body may still be on its way. */
  | 'head'
  /** A part of the body, but not all of it. */
  | 'body'
  /** The whole request. */
  | 'request'
  /** The gateway has had the occasion to read what was written so far. */
  | 'read'
  /** The gateway has let go of the connection. */
  | 'closed';

/** One thing that the upstream does or waits for. After the last one it is silent. */
export type Step =
  | { kind: 'write'; bytes: string }
  /** Piece by piece, each once the one before could be read, or `everyMs`. */
  | { kind: 'drip'; pieces: readonly string[]; everyMs: number | undefined }
  /** The same again and again, until the gateway lets go or `floodBytes` are out. */
  | { kind: 'flood'; bytes: string }
  | { kind: 'until'; phase: Phase }
  /** Waits until the client has received a text. */
  | { kind: 'client'; text: string }
  /** FIN: nothing more will be written, but the upstream still reads. */
  | { kind: 'end' }
  | { kind: 'reset' }
  /** Reads nothing from now on. */
  | { kind: 'stop-reading' };

/** On what kind of connection a fault is met, and by whom. */
export type Scene =
  /** In a pool without keep-alive. */
  | 'alone'
  /** In a pool with keep-alive, by the first request of a connection. */
  | 'first'
  /** The same, by the second request. */
  | 'later'
  /** In a pool without keep-alive, on behalf of a client that speaks HTTP/1.0. */
  | 'old client';

export type Sees =
  | { kind: 'refused'; reason: UpstreamReason }
  /** An answer from its first byte to its last. */
  | {
      kind: 'whole';
      status: number;
      body: string;
      /** The fields but those of the connection, in order, as `name: value`. */
      fields?: readonly string[];
      /** Content-Length and Transfer-Encoding in the same form. */
      framing?: readonly string[];
    }
  /** An answer that visibly breaks off within `body`; nothing else may have come of it. */
  | { kind: 'broken'; body: string; reason: UpstreamReason }
  /**
   * Nothing came back. On a connection that served before, that may mean that the upstream closed it before it saw the
   * request; such a request is sent once more if that does no harm (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
   */
  | { kind: 'stale' }
  /** The request never was on this connection, and another one answers it well. */
  | { kind: 'elsewhere' };

type UpstreamReason = Extract<Reason, `upstream_${string}`>;

export interface FaultRequest {
  method?: string;
  body?: string;
}

/** One thing that an upstream does wrong, or strangely and yet right. */
export interface Fault {
  /** Completes "an upstream that". */
  name: string;
  steps: readonly Step[];
  /** What the upstream does on the connection that it gets next; by default it answers well there. */
  next?: readonly Step[];
  request?: FaultRequest;
  /** What the client may see; more than one where the order of two events is not ours to choose. */
  sees: Sees | readonly Sees[];
  /** By default those in which it can make a difference, see `scenesOf`. */
  scenes?: readonly Scene[];
  /** Whether the connection serves the next request; false when it must be closed, `may` when nobody minds. */
  reuse?: boolean | 'may';
  /** The gateway may let go before all steps are done. */
  cut?: boolean;
}

export const invalid: Sees = { kind: 'refused', reason: 'upstream_invalid' };
export const unreachable: Sees = { kind: 'refused', reason: 'upstream_unreachable' };
export const timeout: Sees = { kind: 'refused', reason: 'upstream_timeout' };
export const stale: Sees = { kind: 'stale' };
export const elsewhere: Sees = { kind: 'elsewhere' };

export function whole(
  body: string,
  more: { status?: number; fields?: readonly string[]; framing?: readonly string[] } = {},
): Sees {
  return { kind: 'whole', status: 200, body, ...more };
}

export function broken(body: string): Sees {
  return { kind: 'broken', body, reason: 'upstream_invalid' };
}

export function brokenByTimeout(body: string): Sees {
  return { kind: 'broken', body, reason: 'upstream_timeout' };
}

export const head: Step = { kind: 'until', phase: 'head' };
export const bodyByte: Step = { kind: 'until', phase: 'body' };
export const request: Step = { kind: 'until', phase: 'request' };
export const read: Step = { kind: 'until', phase: 'read' };
export const closed: Step = { kind: 'until', phase: 'closed' };
export const end: Step = { kind: 'end' };
export const reset: Step = { kind: 'reset' };
export const stopReading: Step = { kind: 'stop-reading' };

export function write(bytes: string): Step {
  return { kind: 'write', bytes };
}

/** A text drips byte by byte. */
export function drip(pieces: string | readonly string[], everyMs?: number): Step {
  return { kind: 'drip', pieces: typeof pieces === 'string' ? pieces.split('') : pieces, everyMs };
}

export function flood(bytes: string): Step {
  return { kind: 'flood', bytes };
}

export function clientHas(text: string): Step {
  return { kind: 'client', text };
}

/** A head: its lines, each with its CRLF, and the empty one. */
export function lines(...text: string[]): string {
  return `${text.join('\r\n')}\r\n\r\n`;
}

export const okLine = 'HTTP/1.1 200 OK';

/** A small answer without fault. */
export function fine(body: string, ...fields: string[]): string {
  return lines(okLine, ...fields, `Content-Length: ${body.length}`) + body;
}

/** The head of an answer in chunks. */
export const chunkedHead = lines(okLine, 'Transfer-Encoding: chunked');
/** The head of an answer of five bytes. */
export const fiveHead = lines(okLine, 'Content-Length: 5');
