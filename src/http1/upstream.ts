// hot path: the way of every request to its upstream.
import type { BodySource } from './body-source.ts';
import { requestHead } from './request-text.ts';
import { tellFailure } from './upstream-connection.ts';
import { UpstreamPool } from './upstream-pool.ts';

/** What became of a request that got no complete answer. */
export type UpstreamFailure =
  /** No byte of the request left the gateway. */
  | 'unreachable'
  /** A connection that had served before ended before any byte of an answer: it may be tried again if it is idempotent. */
  | 'stale'
  /** The answer was malformed, cut off, or the connection broke. */
  | 'invalid'
  | 'timeout'
  /** We gave up on it ourselves, or its body came to nothing. */
  | 'aborted';

/** Hears of one request: an answer and its end, or a failure at any point before the end. Nothing is heard within `send`. */
export interface UpstreamListener {
  /** The head of the final answer; `fields` is a flat list, names in lower case and values as they came. */
  onAnswer(status: number, fields: string[]): void;
  /**
   * A piece of the body, without its coding. It is a view of a buffer that all connections read into: valid during the call
   * only, to be copied if it is kept. What was read already still comes after `pause`, at most 64 KiB of it.
   */
  onChunk(chunk: Buffer): void;
  /** What has come was told, and the rest of the answer is still on its way. */
  onWait?(): void;
  onEnd(): void;
  /** Called at most once, and not after `onEnd`; may come after `onAnswer`: the answer is cut off then. */
  onFailure(failure: UpstreamFailure): void;
}

export interface UpstreamRequest {
  /** `http://host:port`, an IPv6 address in brackets. */
  origin: string;
  method: string;
  /** Path and query. */
  target: string;
  /** Flat list, names in lower case, one `host` among them; `connection` and the framing of the body are added here. */
  fields: readonly string[];
  /** Pieces of a source are not copied: it leaves them alone once it has given them. */
  body: Buffer | BodySource | undefined;
  /** False for Odoo's prefork port, which answers HTTP/1.0 and closes. */
  keepAlive: boolean;
  /** Whether it must go out on a new connection, because one that had served before was stale. */
  freshConnection: boolean;
  connectTimeoutMs: number;
  /**
   * Longest wait for the head of the answer, from the last byte of the request that was written, and longest pause within
   * the body. It does not run while the listener has paused, nor while a source has nothing to give.
   */
  timeoutMs: number;
}

/** Does nothing any more once the listener has heard the end. */
export interface UpstreamCall {
  pause(): void;
  resume(): void;
  /** The answer has `ms` from now in all: nothing begins that time anew. When it is over the listener hears `timeout`. */
  finishWithin(ms: number): void;
  /** Destroys the connection; the listener hears `aborted`, within the call. */
  abort(): void;
}

export interface UpstreamClient {
  /** Tries once, and never again by itself. */
  send(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall;
  /** Lets go of the connections to every origin that is not in this list: idle ones now, busy ones after their answer. */
  retain(origins: ReadonlySet<string>): void;
  /** Destroys every connection; what was under way is aborted. Done when the last socket is closed. */
  close(): Promise<void>;
  /** Open sockets, to be counted for leaks. */
  readonly connections: number;
}

/** Sends requests over HTTP/1.1, one at a time per connection. */
export function createUpstreamClient(): UpstreamClient {
  const pool = new UpstreamPool();
  return {
    send(request, listener) {
      const head = requestHead(request, request.keepAlive ? undefined : 'close');
      const connection =
        head === undefined
          ? undefined
          : pool.take(request.origin, request.keepAlive && !request.freshConnection);
      if (head !== undefined && connection !== undefined) return connection.start(request, head, listener);
      // A request that must not be written: no other endpoint would get it either, and this one is not to blame.
      process.nextTick(tellFailure, listener, 'invalid');
      return refused;
    },
    retain: (origins) => pool.retain(origins),
    close: () => pool.close(),
    get connections() {
      return pool.connections;
    },
  };
}

const refused: UpstreamCall = { pause() {}, resume() {}, finishWithin() {}, abort() {} };
