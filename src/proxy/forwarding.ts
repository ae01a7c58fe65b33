// hot path: one object carries a request from its seat to the last byte of its answer.
import type { Refusal } from '../core/decision.ts';
import type { Reason } from '../core/reason.ts';
import type { Inquiry } from '../decide/inquiry.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { UpstreamCall, UpstreamClient, UpstreamFailure, UpstreamListener } from '../http1/upstream.ts';
import type { SeatOutcome } from '../pools/seat.ts';
import type { Pool } from '../pools/seats.ts';
import type { AnsweredRequest } from './answer-fields.ts';
import type { AnswerObserver } from './answer-observer.ts';
import { AnswerRelay, type Passing, type RelayOwner } from './answer-relay.ts';
import type { InlineBody } from './inline-body.ts';
import { upstreamFields } from './request-fields.ts';
import { type StaticCache, staticKeyOf } from './static-cache.ts';
import { StaticRecorder } from './static-recorder.ts';
import { failureReasons, isRepeatable } from './upstream-failure.ts';

/** What a worker may still answer to a client that has gone, until its connection is broken off: some answers never end. */
const maxDiscardedBytes = 64 * 1024 * 1024;
const nobody: readonly AnswerObserver[] = [];

/** Who hears how it ends. */
export interface ForwardingOwner {
  /** The worker is free again. */
  release(outcome: SeatOutcome): void;
  /** There is no answer that could pass. */
  refuse(refusal: Refusal): void;
  /** There is nothing more to do; the client has what it has. */
  report(failure: Reason | undefined): void;
  /** Nothing of the request has left the gateway: whether another endpoint is tried. */
  tryElsewhere(): boolean;
  /** The client is about to have its last byte. */
  settle(): void;
}

export interface ForwardedRequest {
  exchange: Exchange;
  inquiry: Inquiry;
  body: InlineBody;
  pool: Pool;
}

/** An allowed request on its way to a worker, and the answer on its way back. */
export class Forwarding implements RelayOwner, UpstreamListener {
  readonly #client: UpstreamClient;
  readonly #request: ForwardedRequest;
  readonly #owner: ForwardingOwner;
  readonly #relay: AnswerRelay;
  #observers = nobody;
  #origin = '';
  #call: UpstreamCall | undefined;
  #repeated = false;
  #answeredOnce = false;
  #discardedBytes = 0;
  #gone = false;
  /** Whether the worker is done with it. */
  done = false;
  /** Whether the answer had to wait for its client. */
  wasHeldUp = false;

  constructor(client: UpstreamClient, request: ForwardedRequest, owner: ForwardingOwner) {
    this.#client = client;
    this.#request = request;
    this.#owner = owner;
    this.#relay = new AnswerRelay(request.exchange, this);
  }

  /** Status of the answer that the client gets; 0 before there is one. */
  get status(): number {
    return this.#relay.status;
  }

  /** Of the answer's content, what the client did not want any more included. */
  get bytes(): number {
    return this.#relay.bytes + this.#discardedBytes;
  }

  observe(observer: AnswerObserver): void {
    this.#observers = [...this.#observers, observer];
  }

  /** Whether it is a static file that is here already; else it is kept on its way, if it may be. */
  answerFrom(cache: StaticCache): boolean {
    const { inquiry, exchange } = this.#request;
    const key = staticKeyOf(inquiry);
    if (key === undefined) return false;
    const found = cache.find(key);
    if (found !== undefined) this.#relay.answer(found, this.#answered());
    else if (exchange.method === 'GET') this.observe(new StaticRecorder(cache, key));
    return found !== undefined;
  }

  send(origin: string): void {
    this.#origin = origin;
    this.#request.pool.retries.earn();
    this.#send(false);
  }

  #send(freshConnection: boolean): void {
    const { inquiry, pool, body } = this.#request;
    const { method, path, query } = inquiry.known;
    this.#call = this.#client.send(
      {
        origin: this.#origin,
        freshConnection,
        method,
        target: query === undefined ? path : `${path}?${query}`,
        fields: upstreamFields(inquiry),
        body: body.content,
        keepAlive: pool.options.keepAlive,
        connectTimeoutMs: pool.options.connectTimeoutMs,
        timeoutMs: pool.options.timeoutMs,
      },
      this,
    );
  }

  onAnswer(status: number, fields: string[]): void {
    this.#answeredOnce = true;
    for (const observer of this.#observers) observer.onAnswer(status, fields);
    if (this.#gone) return;
    try {
      this.#relay.begin(status, fields, this.#answered());
    } catch {
      // A status or field that cannot be written, e.g. a control character in a value: nothing of this answer may pass.
      this.#refuseAnswer();
    }
  }

  onChunk(chunk: Buffer): void {
    for (const observer of this.#observers) observer.onChunk(chunk);
    if (this.#gone) this.#discard(chunk);
    else this.#go(this.#relay.pass(chunk));
  }

  onWait(): void {
    this.#relay.flush();
  }

  onEnd(): void {
    this.done = true;
    for (const observer of this.#observers) observer.onEnd();
    this.#release(this.#gone ? 'unwanted' : 'ok');
    if (this.#gone) this.#owner.report('client_gone');
    else this.#go(this.#relay.end());
  }

  onLastByte(): void {
    // Before the client has it: with its last byte it may try again.
    for (const observer of this.#observers) observer.onEnd();
    this.#owner.settle();
  }

  onFailure(failure: UpstreamFailure): void {
    if (failure === 'stale' && this.#sendAgain()) return;
    this.done = true;
    const broke = failure === 'invalid' && !this.#answeredOnce;
    if (failure === 'unreachable') this.#release('failed');
    else this.#release(broke ? 'broken' : 'unknown');
    const { exchange, body, pool } = this.#request;
    if (this.#gone || exchange.ended) return this.#owner.report('client_gone');
    const reason = failure === 'aborted' ? body.failure : failureReasons[failure];
    if (this.#relay.begun) {
      // The client must see that the answer is incomplete (RFC 9112 §8): the connection breaks, nothing is made up.
      exchange.abortAnswer();
      return this.#owner.report(reason);
    }
    // When nothing left the gateway nothing can happen twice; every other failure may have reached a worker.
    const again = failure === 'unreachable' || (broke && pool.endpoints.length > 1 && this.#mayRepeat());
    if (again && this.#owner.tryElsewhere()) this.done = false;
    else this.#owner.refuse({ reason, at: '' });
  }

  /** The client has room again. */
  resume(): void {
    this.#call?.resume();
  }

  /**
   * The client has gone. Once a worker has the request it runs to its end whatever we do (measured), so its seat stays taken
   * until the answer is there; it is read and thrown away. No longer than a worker may take, though: what still comes then
   * would come for ever.
   */
  leave(): void {
    this.#gone = true;
    this.#call?.resume();
    this.#call?.finishWithin(this.#request.pool.options.timeoutMs);
  }

  #answered(): AnsweredRequest {
    const { limits, known, governing } = this.#request.inquiry;
    return { limits, requestId: known.requestId, scheme: known.scheme, policy: governing.answers };
  }

  #discard(chunk: Buffer): void {
    this.#discardedBytes += chunk.length;
    if (this.#discardedBytes > maxDiscardedBytes) this.#call?.abort();
  }

  #go(passing: Passing): void {
    if (passing === 'wait') {
      this.wasHeldUp = true;
      this.#call?.pause();
    } else if (passing === 'invalid') this.#refuseAnswer();
  }

  /** Nothing of what a worker answered has reached the client, nor may it. */
  #refuseAnswer(): void {
    const call = this.#call;
    this.#owner.refuse({ reason: 'upstream_invalid', at: '' });
    this.#release('unknown');
    call?.abort();
  }

  #release(outcome: SeatOutcome): void {
    this.#call = undefined;
    this.#owner.release(outcome);
  }

  /**
   * A connection that has served before may have been closed just as it was used again. Whether a worker has seen the request
   * is unknown then, so only what may happen twice is repeated (RFC 9110 §9.2.2), at the seat that it has.
   */
  #sendAgain(): boolean {
    if (!this.#mayRepeat()) return false;
    this.#send(true);
    return true;
  }

  /** Once at most, what may happen twice, and for a part of the traffic only. */
  #mayRepeat(): boolean {
    const { inquiry, pool, body } = this.#request;
    if (this.#gone || this.#repeated || !isRepeatable(inquiry.known.method, body.content)) return false;
    this.#repeated = pool.retries.spend();
    return this.#repeated;
  }
}
