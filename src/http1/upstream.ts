// hot path: one handler object per request.
import { type Dispatcher, Pool } from 'undici';

/** What became of a request that got no complete answer. */
export type UpstreamFailure =
  /** No byte of the request left the gateway. */
  | 'unreachable'
  /** The answer was malformed, cut off, or the connection broke. */
  | 'invalid'
  | 'timeout'
  /** We gave up on it ourselves. */
  | 'aborted';

export interface UpstreamListener {
  /** The head of the final answer; `fields` is a flat list with the names as they came. */
  onAnswer(status: number, fields: string[]): void;
  onChunk(chunk: Buffer): void;
  onEnd(): void;
  /** Called at most once, and not after `onEnd`; may come after `onAnswer`: the answer is cut off then. */
  onFailure(failure: UpstreamFailure): void;
}

export interface UpstreamRequest {
  /** `http://host:port`. */
  origin: string;
  method: string;
  /** Path and query. */
  target: string;
  fields: string[];
  body: Buffer | undefined;
  /** False for Odoo's prefork port, which answers HTTP/1.0 and closes. */
  keepAlive: boolean;
  connectTimeoutMs: number;
  /** Longest wait for the head of the answer, and longest pause within it. */
  timeoutMs: number;
}

export interface UpstreamCall {
  pause(): void;
  resume(): void;
  abort(): void;
}

export interface UpstreamClient {
  send(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall;
  /** Lets go of the connections to every origin that is not in this list. */
  retain(origins: ReadonlySet<string>): void;
  close(): Promise<void>;
}

/** Sends requests with undici. The number of connections is bounded by the seats of the caller's pool, not here. */
export function createUpstreamClient(): UpstreamClient {
  // One undici Pool per origin rather than its Agent: the Agent throws a pool away when its last connection closes, which
  // with one-shot connections is after every request.
  const pools = new Map<string, Map<number, Pool>>();
  const poolOf = (origin: string, connectTimeoutMs: number): Pool => {
    let byTimeout = pools.get(origin);
    if (byTimeout === undefined) {
      byTimeout = new Map();
      pools.set(origin, byTimeout);
    }
    let pool = byTimeout.get(connectTimeoutMs);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connect: { timeout: connectTimeoutMs },
        keepAliveTimeout: 4_000,
        keepAliveMaxTimeout: 60_000,
        pipelining: 1,
        maxHeaderSize: 64 * 1024,
        allowH2: false,
      });
      byTimeout.set(connectTimeoutMs, pool);
    }
    return pool;
  };
  return {
    send(request, listener) {
      const call = new Call(listener);
      poolOf(request.origin, request.connectTimeoutMs).dispatch(
        {
          method: request.method,
          path: request.target,
          headers: request.fields,
          body: request.body ?? null,
          reset: !request.keepAlive,
          headersTimeout: request.timeoutMs,
          bodyTimeout: request.timeoutMs,
        },
        call,
      );
      return call;
    },
    retain(origins) {
      for (const [origin, byTimeout] of pools) {
        if (origins.has(origin)) continue;
        pools.delete(origin);
        for (const pool of byTimeout.values()) void pool.close();
      }
    },
    async close() {
      const all = [...pools.values()].flatMap((byTimeout) => [...byTimeout.values()]);
      await Promise.all(all.map((pool) => pool.destroy()));
    },
  };
}

const maxInformational = 16;

class Call implements UpstreamCall, Dispatcher.DispatchHandler {
  readonly #listener: UpstreamListener;
  #controller: Dispatcher.DispatchController | undefined;
  #informational = 0;
  #aborted = false;
  #ended = false;

  constructor(listener: UpstreamListener) {
    this.#listener = listener;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#aborted || this.#ended) return;
    this.#aborted = true;
    this.#controller?.abort(new Error('aborted'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(new Error('aborted'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // 1xx answers are hop-by-hop news that no client of ours asked for (RFC 9110 §15.2). Each one restarts the time-out.
    if (status < 200) {
      if (++this.#informational > maxInformational) controller.abort(new Error('too many 1xx answers'));
      return;
    }
    const raw = controller.rawHeaders as readonly (Buffer | string)[];
    const fields: string[] = [];
    for (let i = 0; i < raw.length; i++) {
      const part = raw[i];
      fields.push(typeof part === 'string' ? part : (part?.toString('latin1') ?? ''));
    }
    this.#listener.onAnswer(status, fields);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#listener.onChunk(chunk);
  }

  onResponseEnd(): void {
    this.#ended = true;
    this.#listener.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#listener.onFailure(this.#aborted ? 'aborted' : failureOf(error, this.#controller !== undefined));
  }
}

/** undici starts a request only on a connection that stands, so without a start no byte has left. */
function failureOf(error: Error, started: boolean): UpstreamFailure {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return 'timeout';
  // A request that undici will not write: no other endpoint would get it either, and this one is not to blame.
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return 'invalid';
  return started ? 'invalid' : 'unreachable';
}
