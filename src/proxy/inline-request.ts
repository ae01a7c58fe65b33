// hot path: one object carries a request through body, seat and upstream; it is its own listener everywhere.
import { reasons, type Reason } from '../core/reason.ts';
import type { Allow, Decision, Refusal } from '../core/decision.ts';
import { fieldValue } from '../core/fields.ts';
import type { RequestHead } from '../core/request-head.ts';
import type { Decided } from '../decide/decide.ts';
import { type DecisionListener, decideLive } from '../decide/live.ts';
import type { Inquiry } from '../decide/inquiry.ts';
import { type AnswerWatcher, watchLogin } from '../decide/login-attempt.ts';
import type { BodySource } from '../http1/body-source.ts';
import type { BodyResult, Exchange, ExchangeListener } from '../http1/exchange.ts';
import type { UpstreamCall, UpstreamFailure, UpstreamListener } from '../http1/upstream.ts';
import type { PoolRefusal, Seat, SeatOutcome, Waiter } from '../pools/seat.ts';
import type { Pool } from '../pools/seats.ts';
import { answerFields } from './answer-fields.ts';
import type { ProxyContext } from './context.ts';
import { refuseExchange } from './refuse-exchange.ts';
import { upstreamFields } from './request-fields.ts';
import { failureReasons, isRepeatable } from './upstream-failure.ts';

/** A request whose connection could not be made is tried once more, at another endpoint. */
const maxAttempts = 2;
/** What a worker may still answer to a client that has gone, until its connection is broken off: some answers never end. */
const maxDiscardedBytes = 64 * 1024 * 1024;

/**
 * One request of the inline surface, from its head to its last byte: decide, collect the body, take a seat, forward, stream
 * back. Whatever happens, it answers once, gives its seat back once and is reported once.
 */
export class InlineRequest implements DecisionListener, ExchangeListener, Waiter, UpstreamListener {
  zone = '';
  readonly #context: ProxyContext;
  readonly #exchange: Exchange;
  readonly #head: RequestHead;
  readonly #startMs: number;
  #inquiry: Inquiry | undefined;
  #decision: Decision | undefined;
  #body: Buffer | BodySource | undefined;
  #pool: Pool | undefined;
  /** Set when the answer tells whether a secret was right. */
  #watcher: AnswerWatcher | undefined;
  #queuedMs: number | undefined;
  #waitMs = 0;
  #attempts = 0;
  #repeated = false;
  #seat: Seat | undefined;
  #upstream: string | undefined;
  #call: UpstreamCall | undefined;
  #status = 0;
  #answering = false;
  /** Bytes of the answer that the client does not have yet; NaN when its length is not told. */
  #unsentBytes = NaN;
  #answered = false;
  #discardedBytes = 0;
  #gone = false;
  /** Why the answer is a refusal. */
  #refused: Reason | undefined;
  #upstreamDone = false;
  #reported = false;

  constructor(context: ProxyContext, exchange: Exchange, requestId: string) {
    this.#context = context;
    this.#exchange = exchange;
    this.#startMs = context.clock.monoMs();
    this.#head = {
      method: exchange.method,
      target: exchange.target,
      fields: exchange.fields,
      peerAddress: exchange.peerAddress,
      scheme: 'http',
      listener: context.listener,
      requestId,
      forwardedByPeer: false,
    };
    exchange.listen(this);
  }

  start(): void {
    const { defect } = this.#exchange;
    if (defect !== undefined) return this.#refuse({ reason: defect, at: '' });
    decideLive(this.#head, this.#context.live(), this);
  }

  onDecided({ decision, inquiry }: Decided): void {
    this.#inquiry = inquiry;
    this.#decision = decision;
    if (this.#gone) return this.#report('client_gone');
    if (decision.decision === 'refuse') return this.#refuse(decision.refusal);
    this.#admit(decision);
  }

  onFault(error: unknown): void {
    this.#context.observer.fault(error, this.#head.requestId);
    this.#refuse({ reason: 'internal_error', at: '' });
  }

  #admit(decision: Allow): void {
    // What the transport did not take for a tunnel must not become an upgrade of a worker's connection.
    if (decision.workload === 'websocket') return this.#refuse({ reason: 'upgrade_invalid', at: '' });
    this.zone = decision.zone;
    const pool = this.#context.pools.get(decision.pool);
    if (pool === undefined) return this.#refuse({ reason: 'pool_down', at: '' });
    this.#pool = pool;
    if (this.#inquiry !== undefined) this.#watcher = watchLogin(this.#inquiry);
    // The whole body first: Odoo's worker gives up on a client that pauses for two seconds (odoo/service/server.py).
    if (!this.#exchange.hasBody) this.#enter();
    else if (pool.options.requestBody === 'collect') {
      this.#exchange.collectBody({ maxBytes: pool.options.maxBodyBytes }, (result) => this.#onBody(result));
    } else if ((this.#exchange.bodyLength ?? 0) > pool.options.maxBodyBytes) {
      this.#refuse({ reason: 'body_too_large', at: '' });
    } else {
      this.#body = this.#exchange.streamBody(pool.options.maxBodyBytes);
      this.#enter();
    }
  }

  #onBody(result: BodyResult): void {
    if (typeof result === 'string') {
      if (result === 'client_gone') return this.#report('client_gone');
      return this.#refuse({ reason: result, at: '' });
    }
    this.#body = result;
    this.#enter();
  }

  /** Asks for a seat, unless whoever tries a secret is held back. */
  #enter(): void {
    const watcher = this.#watcher;
    if (watcher === undefined) return this.#takeSeat();
    const body = this.#body;
    const refusal = watcher.begin(
      Buffer.isBuffer(body) && body.length <= watcher.maxBytes ? body : undefined,
    );
    if (!(refusal instanceof Promise)) return this.#enterUnless(refusal);
    refusal.then((late) => this.#enterUnless(late)).catch((error: unknown) => this.onFault(error));
  }

  #enterUnless(refusal: Refusal | undefined): void {
    if (this.#gone) return this.#report('client_gone');
    if (refusal === undefined) this.#takeSeat();
    else this.#refuse(refusal);
  }

  #takeSeat(): void {
    if (this.#pool === undefined || this.#gone) return;
    this.#attempts++;
    const taken = this.#pool.take(this);
    if (taken.kind === 'seat') this.#forward(taken);
    else if (taken.kind === 'refused') this.onRefused(taken);
    else this.#queuedMs = this.#context.clock.monoMs();
  }

  onSeat(seat: Seat): void {
    this.#endWait();
    this.#forward(seat);
  }

  onRefused(refusal: PoolRefusal): void {
    this.#endWait();
    this.#refuse({ reason: refusal.reason, at: '', retryAfterMs: refusal.retryAfterMs });
  }

  #endWait(): void {
    if (this.#queuedMs === undefined) return;
    this.#waitMs += this.#context.clock.monoMs() - this.#queuedMs;
    this.#queuedMs = undefined;
  }

  #forward(seat: Seat): void {
    const inquiry = this.#inquiry;
    const pool = this.#pool;
    if (inquiry === undefined || pool === undefined) return seat.release('unknown');
    this.#seat = seat;
    this.#upstream = seat.endpoint.url;
    pool.retries.earn();
    this.#send(inquiry, { pool, freshConnection: false });
  }

  #send(inquiry: Inquiry, { pool, freshConnection }: { pool: Pool; freshConnection: boolean }): void {
    const { method, path, query } = inquiry.known;
    this.#call = this.#context.upstream.send(
      {
        origin: this.#upstream ?? '',
        freshConnection,
        method,
        target: query === undefined ? path : `${path}?${query}`,
        fields: upstreamFields(inquiry),
        body: this.#body,
        keepAlive: pool.options.keepAlive,
        connectTimeoutMs: pool.options.connectTimeoutMs,
        timeoutMs: pool.options.timeoutMs,
      },
      this,
    );
  }

  onAnswer(status: number, fields: string[]): void {
    this.#watcher?.onAnswer(status, fields);
    if (this.#gone) return;
    const limits = this.#inquiry?.limits ?? [];
    try {
      this.#exchange.startAnswer(status, answerFields(fields, { limits, requestId: this.#head.requestId }));
      this.#status = status;
      this.#answering = true;
      this.#unsentBytes = Number(fieldValue(fields, 'content-length') ?? NaN);
    } catch {
      // A status or field that cannot be written, e.g. a control character in a value: nothing of this answer may pass.
      const call = this.#call;
      this.#refuse({ reason: 'upstream_invalid', at: '' });
      this.#release('unknown');
      call?.abort();
    }
  }

  onChunk(chunk: Buffer): void {
    this.#watcher?.onChunk(chunk);
    if (this.#gone) return this.#discard(chunk);
    this.#unsentBytes -= chunk.length;
    // The last bytes and the end go out together: one system call less for each small answer.
    if (this.#unsentBytes === 0) {
      // Before the client has it: with its last byte it may try again.
      this.#watcher?.onEnd();
      this.#finish(chunk);
    } else if (!this.#exchange.sendChunk(chunk)) this.#call?.pause();
  }

  onWait(): void {
    this.#exchange.flushAnswer();
  }

  #discard(chunk: Buffer): void {
    this.#discardedBytes += chunk.length;
    if (this.#discardedBytes > maxDiscardedBytes) this.#call?.abort();
  }

  onEnd(): void {
    this.#watcher?.onEnd();
    this.#release('ok');
    this.#upstreamDone = true;
    if (this.#gone) return this.#report('client_gone');
    this.#finish(undefined);
  }

  #finish(lastChunk: Buffer | undefined): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#exchange.finishAnswer(lastChunk);
  }

  onFailure(failure: UpstreamFailure): void {
    if (failure === 'stale' && this.#sendAgain()) return;
    this.#release(failure === 'unreachable' ? 'failed' : 'unknown');
    if (this.#gone || this.#exchange.ended) return this.#report('client_gone');
    const reason = failure === 'aborted' ? this.#bodyFailure() : failureReasons[failure];
    if (this.#answering) {
      // The client must see that the answer is incomplete (RFC 9112 §8): the connection breaks, nothing is made up.
      this.#exchange.abortAnswer();
      return this.#report(reason);
    }
    // Nothing left the gateway, so nothing can happen twice; every other failure may have reached a worker.
    if (failure === 'unreachable' && this.#attempts < maxAttempts) return this.#takeSeat();
    this.#refuse({ reason, at: '' });
  }

  /** Why a body that was on its way came to nothing: its client, or the file that it was in. */
  #bodyFailure(): Reason {
    const body = this.#body;
    return body === undefined || Buffer.isBuffer(body)
      ? 'internal_error'
      : (body.failure ?? 'internal_error');
  }

  /**
   * A connection that has served before may have been closed just as it was used again. Whether a worker has seen the request
   * is unknown then, so only what may happen twice is repeated (RFC 9110 §9.2.2), at the seat that it has.
   */
  #sendAgain(): boolean {
    const inquiry = this.#inquiry;
    const pool = this.#pool;
    if (inquiry === undefined || pool === undefined || this.#gone || this.#repeated) return false;
    if (!isRepeatable(this.#head.method, this.#body)) return false;
    if (!pool.retries.spend()) return false;
    this.#repeated = true;
    this.#send(inquiry, { pool, freshConnection: true });
    return true;
  }

  onDrain(): void {
    this.#call?.resume();
  }

  onGone(): void {
    this.#gone = true;
    if (this.#pool?.leave(this)) return this.#report('client_gone');
    // Once a worker has the request it runs to its end whatever we do (measured), so its seat stays taken until the answer
    // is there; it is read and thrown away.
    this.#call?.resume();
    if (this.#upstreamDone) this.#report('client_gone');
  }

  onAnswered(): void {
    this.#report(this.#refused);
  }

  #release(outcome: SeatOutcome): void {
    const seat = this.#seat;
    this.#seat = undefined;
    this.#call = undefined;
    seat?.release(outcome);
  }

  #refuse(refusal: Refusal): void {
    if (this.#gone) return this.#report('client_gone');
    refuseExchange(
      this.#exchange,
      { refusal, requestId: this.#head.requestId, inquiry: this.#inquiry, body: this.#body },
      {
        onStatus: (status) => {
          this.#status = status;
          this.#refused = refusal.reason;
        },
        onGone: () => this.#report('client_gone'),
      },
    );
  }

  #report(failure: Reason | undefined): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#watcher?.onLost();
    const facts = this.#inquiry?.facts;
    this.#context.observer.finished({
      surface: 'proxy',
      decision: this.#decision,
      failure,
      requestId: this.#head.requestId,
      method: this.#head.method,
      host: facts?.host ?? '',
      path: facts?.path ?? '',
      clientAddress: facts?.clientAddress ?? this.#head.peerAddress,
      status: failure === 'client_gone' ? reasons.client_gone.status : this.#status,
      durationMs: this.#context.clock.monoMs() - this.#startMs,
      queueMs: this.#waitMs,
      upstream: this.#upstream,
    });
  }
}
