// hot path: one object carries a request from its head to its seat.
import { hashText } from '../core/hash-text.ts';
import { reasons, type Reason } from '../core/reason.ts';
import type { Allow, Decision, Refusal } from '../core/decision.ts';
import type { RequestHead } from '../core/request-head.ts';
import type { WorkClass } from '../core/work-class.ts';
import type { Decided } from '../decide/decide.ts';
import { callerKeyOf } from '../decide/caller-key.ts';
import { type DecisionListener, decideLive } from '../decide/live.ts';
import type { Inquiry } from '../decide/inquiry.ts';
import { noteServiceTime } from '../decide/learned-workload.ts';
import { type AnswerWatcher, watchLogin } from '../decide/login-attempt.ts';
import type { Exchange, ExchangeListener } from '../http1/exchange.ts';
import { isReport } from '../odoo/urgency.ts';
import type { PoolRefusal, Route, Seat, SeatOutcome, Waiter } from '../pools/seat.ts';
import type { Pool } from '../pools/seats.ts';
import type { ProxyContext } from './context.ts';
import { Forwarding, type ForwardingOwner } from './forwarding.ts';
import { InlineBody } from './inline-body.ts';
import { refuseExchange } from './refuse-exchange.ts';
import { type Transaction, transactionOf } from './transaction.ts';

/**
 * How often a request is sent whose connection could not be made, or broke before an answer if it may happen twice. Where there are other
 * endpoints, the dead one may get it again while the others are full, until it has failed often enough to be out of service.
 */
const maxAttempts = 2;
const maxAttemptsAmongSeveral = 4;

/**
 * One request of the inline surface: decide, collect the body, take a seat, have it forwarded. Whatever happens, it answers
 * once, gives its seat back once and is reported once.
 */
export class InlineRequest implements DecisionListener, ExchangeListener, ForwardingOwner, Waiter {
  zone = '';
  tenant = '';
  workClass: WorkClass = 'interactive';
  route: Route = '';
  isReport = false;
  affinity: number | undefined;
  readonly #context: ProxyContext;
  readonly #exchange: Exchange;
  readonly #head: RequestHead;
  readonly #body: InlineBody;
  readonly #startMs: number;
  #inquiry: Inquiry | undefined;
  #decision: Decision | undefined;
  /** Set when the request is one, for the figures of the business. */
  #transaction: Transaction | undefined;
  /** Set when the answer tells whether a secret was right. */
  #watcher: AnswerWatcher | undefined;
  #pool: Pool | undefined;
  #forwarding: Forwarding | undefined;
  #queuedMs: number | undefined;
  #waitMs = 0;
  #forwardedMs: number | undefined;
  #attempts = 0;
  #seat: Seat | undefined;
  #upstream: string | undefined;
  #gone = false;
  /** Set when the answer is a refusal: its status, and why. */
  #refused: { status: number; reason: Reason } | undefined;
  #reported = false;

  constructor(context: ProxyContext, exchange: Exchange, requestId: string) {
    this.#context = context;
    this.#exchange = exchange;
    this.#body = new InlineBody(exchange);
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
      body: this.#body,
    };
    exchange.listen(this);
  }

  start(): void {
    const { defect } = this.#exchange;
    if (defect !== undefined) return this.refuse({ reason: defect, at: '' });
    decideLive(this.#head, this.#context.live(), this);
  }

  onDecided({ decision, inquiry }: Decided): void {
    this.#inquiry = inquiry;
    this.#decision = decision;
    this.#transaction = transactionOf(inquiry);
    if (this.#gone) return this.report('client_gone');
    if (decision.decision === 'refuse') return this.refuse(decision.refusal);
    this.#admit(decision, inquiry);
  }

  onFault(error: unknown): void {
    this.#context.observer.fault(error, this.#head.requestId);
    this.refuse({ reason: 'internal_error', at: '' });
  }

  #admit(decision: Allow, inquiry: Inquiry): void {
    // What the transport did not take for a tunnel must not become an upgrade of a worker's connection.
    if (decision.workload === 'websocket') return this.refuse({ reason: 'upgrade_invalid', at: '' });
    this.#claim(decision, inquiry);
    const { pools, upstream, staticCache } = this.#context;
    const pool = pools.get(decision.pool);
    if (pool === undefined) return this.refuse({ reason: 'pool_down', at: '' });
    this.#pool = pool;
    if (pool.options.affinity === 'session') this.affinity = hashText(callerKeyOf(inquiry).value);
    const forwarded = { exchange: this.#exchange, inquiry, body: this.#body, pool };
    const forwarding = new Forwarding(upstream, forwarded, this);
    this.#forwarding = forwarding;
    if (decision.workload === 'static' && staticCache !== undefined) {
      this.#upstream = 'static-cache';
      if (forwarding.answerFrom(staticCache)) return;
      this.#upstream = undefined;
    }
    if (this.#transaction !== undefined) forwarding.observe(this.#transaction);
    this.#watcher = watchLogin(inquiry);
    if (this.#watcher !== undefined) forwarding.observe(this.#watcher);
    // The whole body first: Odoo's worker gives up on a client that pauses for two seconds (odoo/service/server.py).
    if (!this.#exchange.hasBody) return this.#enter();
    const { requestBody, maxBodyBytes } = pool.options;
    const maxBytes = Math.min(maxBodyBytes, inquiry.governing.maxBody?.bytes ?? Infinity);
    this.#body.obtain({ requestBody, maxBytes }, (failure) => {
      if (failure === undefined) this.#enter();
      else this.refuse({ reason: failure, at: '' });
    });
  }

  /** What the pool has to know. Without a tenant the zone stands in its place. */
  #claim({ zone, tenant, workClass, odoo }: Allow, { known }: Inquiry): void {
    this.zone = zone;
    this.tenant = tenant?.id ?? `zone:${zone}`;
    this.workClass = workClass;
    this.route = odoo ?? known.path;
    this.isReport = isReport(known);
  }

  /** Asks for a seat, unless whoever tries a secret is held back. */
  #enter(): void {
    const watcher = this.#watcher;
    if (watcher === undefined) return this.#takeSeat();
    const { content } = this.#body;
    const refusal = watcher.begin(
      Buffer.isBuffer(content) && content.length <= watcher.maxBytes ? content : undefined,
    );
    if (!(refusal instanceof Promise)) return this.#enterUnless(refusal);
    refusal.then((late) => this.#enterUnless(late)).catch((error: unknown) => this.onFault(error));
  }

  #enterUnless(refusal: Refusal | undefined): void {
    if (this.#gone) return this.report('client_gone');
    if (refusal === undefined) this.#takeSeat();
    else this.refuse(refusal);
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
    this.refuse({ reason: refusal.reason, at: '', retryAfterMs: refusal.retryAfterMs });
  }

  #endWait(): void {
    if (this.#queuedMs === undefined) return;
    this.#waitMs += this.#context.clock.monoMs() - this.#queuedMs;
    this.#queuedMs = undefined;
  }

  #forward(seat: Seat): void {
    const forwarding = this.#forwarding;
    if (forwarding === undefined) return seat.release('unknown');
    this.#forwardedMs ??= seat.takenMs;
    this.#transaction?.onForward();
    this.#seat = seat;
    this.#upstream = seat.endpoint.url;
    forwarding.send(seat.endpoint.url);
  }

  tryElsewhere(): boolean {
    const several = this.#pool !== undefined && this.#pool.endpoints.length > 1;
    if (this.#attempts >= (several ? maxAttemptsAmongSeveral : maxAttempts)) return false;
    this.#takeSeat();
    return true;
  }

  release(outcome: SeatOutcome): void {
    const seat = this.#seat;
    this.#seat = undefined;
    seat?.release(outcome);
    if (this.#inquiry?.learns === true && seat !== undefined)
      this.#noteServiceTime(this.#inquiry, seat.takenMs, outcome);
  }

  /** Unless no worker had it, or its client may have kept one waiting. */
  #noteServiceTime(inquiry: Inquiry, takenMs: number, outcome: SeatOutcome): void {
    if (outcome === 'failed' || this.#forwarding?.wasHeldUp === true) return;
    if (this.#pool?.options.requestBody === 'stream') return;
    noteServiceTime(inquiry, this.#context.clock.monoMs() - takenMs);
  }

  onDrain(): void {
    this.#forwarding?.resume();
  }

  onGone(): void {
    this.#gone = true;
    if (this.#pool?.leave(this)) return this.report('client_gone');
    this.#forwarding?.leave();
    if (this.#forwarding?.done) this.report('client_gone');
  }

  onAnswered(): void {
    this.report(this.#refused?.reason);
  }

  /** Gives slots back and pays for what was used; every way in which an exchange ends comes by here. */
  settle(): void {
    this.#inquiry?.settlement?.end({
      requestBytes: this.#body.bytes,
      responseBytes: this.#forwarding?.bytes ?? 0,
      durationMs: this.#forwardedMs === undefined ? 0 : this.#context.clock.monoMs() - this.#forwardedMs,
    });
  }

  refuse(refusal: Refusal): void {
    if (this.#gone || refusal.reason === 'client_gone') return this.report('client_gone');
    this.settle();
    refuseExchange(
      this.#exchange,
      { refusal, requestId: this.#head.requestId, inquiry: this.#inquiry, body: this.#body.content },
      {
        onStatus: (status) => (this.#refused = { status, reason: refusal.reason }),
        onGone: () => this.report('client_gone'),
      },
    );
  }

  report(failure: Reason | undefined): void {
    this.settle();
    if (this.#reported) return;
    this.#reported = true;
    this.#watcher?.onLost();
    this.#body.discard();
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
      status:
        failure === 'client_gone'
          ? reasons.client_gone.status
          : (this.#refused?.status ?? this.#forwarding?.status ?? 0),
      durationMs: this.#context.clock.monoMs() - this.#startMs,
      queueMs: this.#waitMs,
      upstream: this.#upstream,
      transaction: this.#transaction,
    });
  }
}
