import { reasons, type Reason } from '../core/reason.ts';
import type { Decision, Refusal } from '../core/decision.ts';
import type { RequestHead } from '../core/request-head.ts';
import type { Decided } from '../decide/decide.ts';
import { type DecisionListener, decideLive } from '../decide/live.ts';
import type { Inquiry } from '../decide/inquiry.ts';
import { renderRefusal } from '../decide/refusal-answer.ts';
import type { TunnelFailure } from '../http1/handshake.ts';
import type { TunnelEnd, TunnelListener, WebSocketRequest } from '../http1/websocket.ts';
import type { PoolRefusal, Seat, Waiter } from '../pools/seat.ts';
import type { Pool } from '../pools/seats.ts';
import type { ProxyContext } from './context.ts';
import { upstreamFields } from './request-fields.ts';
import { failureReasons } from './upstream-failure.ts';

const tunnelOutcomes = { unreachable: 'failed', invalid: 'broken', timeout: 'unknown' } as const;
const stallReasons = { client: 'client_stalled', upstream: 'upstream_stalled' } as const;

/**
 * One upgrade request of the inline surface: the same decision as any other request, then a seat of the websocket pool that
 * is held as long as the tunnel stands.
 */
export class InlineTunnel implements DecisionListener, TunnelListener, Waiter {
  zone = '';
  tenant = '';
  readonly workClass = 'interactive';
  readonly route = '/websocket';
  readonly isReport = false;
  readonly #context: ProxyContext;
  readonly #request: WebSocketRequest;
  readonly #head: RequestHead;
  readonly #startMs: number;
  #inquiry: Inquiry | undefined;
  #decision: Decision | undefined;
  #pool: Pool | undefined;
  #seat: Seat | undefined;
  #upstream: string | undefined;
  #openedMs: number | undefined;
  #status = 0;
  #closed = false;
  #reported = false;

  constructor(context: ProxyContext, request: WebSocketRequest, requestId: string) {
    this.#context = context;
    this.#request = request;
    this.#startMs = context.clock.monoMs();
    this.#head = {
      method: request.method,
      target: request.target,
      fields: request.fields,
      peerAddress: request.peerAddress,
      scheme: 'http',
      listener: context.listener,
      requestId,
      forwardedByPeer: false,
    };
  }

  start(): void {
    this.#request.onClosed(this);
    if (this.#request.defect !== undefined) return this.#refuse({ reason: this.#request.defect, at: '' });
    decideLive(this.#head, this.#context.live(), this);
  }

  onFault(error: unknown): void {
    this.#context.observer.fault(error, this.#head.requestId);
    this.#refuse({ reason: 'internal_error', at: '' });
  }

  onDecided({ decision, inquiry }: Decided): void {
    this.#inquiry = inquiry;
    this.#decision = decision;
    if (this.#closed) {
      this.#settle();
      return this.#report('client_gone');
    }
    if (decision.decision === 'refuse') return this.#refuse(decision.refusal);
    // An upgrade that the zone serves as ordinary traffic would become a tunnel into a worker port.
    if (decision.workload !== 'websocket') return this.#refuse({ reason: 'upgrade_invalid', at: '' });
    this.zone = decision.zone;
    this.tenant = decision.tenant?.id ?? `zone:${decision.zone}`;
    this.#pool = this.#context.pools.get(decision.pool);
    const taken = this.#pool?.take(this);
    if (taken === undefined) this.#refuse({ reason: 'pool_down', at: '' });
    else if (taken.kind === 'seat') this.onSeat(taken);
    else if (taken.kind === 'refused') this.onRefused(taken);
  }

  onSeat(seat: Seat): void {
    const inquiry = this.#inquiry;
    const pool = this.#pool;
    if (inquiry === undefined || pool === undefined || this.#closed) return seat.release('unknown');
    this.#seat = seat;
    this.#upstream = seat.endpoint.url;
    const { path, query } = inquiry.known;
    this.#request.connect(
      {
        origin: seat.endpoint.url,
        target: query === undefined ? path : `${path}?${query}`,
        fields: upstreamFields(inquiry),
        connectTimeoutMs: pool.options.connectTimeoutMs,
        timeoutMs: pool.options.timeoutMs,
      },
      this,
    );
  }

  onRefused(refusal: PoolRefusal): void {
    this.#refuse({ reason: refusal.reason, at: '', retryAfterMs: refusal.retryAfterMs });
  }

  onOpen(): void {
    this.#status = 101;
    this.#openedMs = this.#context.clock.monoMs();
    this.#report(undefined);
  }

  onDeclined(status: number): void {
    this.#seat?.release('ok');
    this.#settle();
    this.#status = status;
    this.#report(undefined);
  }

  onFailure(failure: TunnelFailure): void {
    this.#seat?.release(tunnelOutcomes[failure]);
    this.#refuse({ reason: failureReasons[failure], at: '' });
  }

  onStalled(end: TunnelEnd): void {
    if (end === 'upstream') this.#seat?.release('unknown');
    this.#context.observer.tunnelEnded({
      decision: this.#decision,
      reason: stallReasons[end],
      requestId: this.#head.requestId,
      clientAddress: this.#inquiry?.facts?.clientAddress ?? this.#head.peerAddress,
      durationMs: this.#openMs(),
      upstream: this.#upstream,
    });
  }

  onClosed(): void {
    this.#closed = true;
    this.#pool?.leave(this);
    this.#seat?.release(this.#status === 101 ? 'ok' : 'unknown');
    this.#settle();
    this.#report('client_gone');
  }

  /** Gives slots back and pays for what was used. Bytes within a tunnel are not the gateway's to count. */
  #settle(): void {
    this.#inquiry?.settlement?.end({
      requestBytes: 0,
      responseBytes: 0,
      durationMs: this.#openMs(),
    });
  }

  #openMs(): number {
    return this.#openedMs === undefined ? 0 : this.#context.clock.monoMs() - this.#openedMs;
  }

  #refuse(refusal: Refusal): void {
    this.#settle();
    const answer = renderRefusal(refusal, {
      requestId: this.#head.requestId,
      style: 'problem',
      rpcId: null,
      zone: this.#inquiry?.zone?.name,
      limits: this.#inquiry?.limits ?? [],
    });
    this.#status = answer.status;
    this.#request.refuse(answer.status, answer.fields, answer.body);
    this.#report(refusal.reason);
  }

  #report(failure: Reason | undefined): void {
    if (this.#reported) return;
    this.#reported = true;
    const facts = this.#inquiry?.facts;
    this.#context.observer.finished({
      surface: 'websocket',
      decision: this.#decision,
      failure,
      requestId: this.#head.requestId,
      method: this.#head.method,
      host: facts?.host ?? '',
      path: facts?.path ?? '',
      clientAddress: facts?.clientAddress ?? this.#head.peerAddress,
      status: failure === 'client_gone' ? reasons.client_gone.status : this.#status,
      durationMs: this.#context.clock.monoMs() - this.#startMs,
      queueMs: 0,
      upstream: this.#upstream,
    });
  }
}
