import type { Clock } from '../core/clock.ts';
import type { Decision, Refusal } from '../core/decision.ts';
import { canonicalIp, containsIp } from '../core/ip.ts';
import type { RequestHead } from '../core/request-head.ts';
import { newRequestId } from '../core/request-id.ts';
import type { Decided } from '../decide/decide.ts';
import { pushIdentityFields } from '../decide/identity-fields.ts';
import type { Inquiry } from '../decide/inquiry.ts';
import { type DecisionListener, decideLive, type Live } from '../decide/live.ts';
import { renderRefusal } from '../decide/refusal-answer.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { HttpServerHandlers } from '../http1/server.ts';
import { answerStyleOf } from '../odoo/protocol.ts';
import type { Observer } from '../telemetry/observer.ts';
import { readForwardedHead } from './forwarded-head.ts';

/** What the ForwardAuth surface stands on. */
export interface ForwardAuthContext {
  live(): Live;
  observer: Observer;
  clock: Clock;
  listener: string;
}

/**
 * The ForwardAuth surface: Traefik asks whether a request may pass and sends it to Odoo itself. The decision is the inline
 * one; what needs the request's body or answer (queues, seats, size bounds) is Traefik's to do here. The path cannot be
 * rewritten, so one that is not canonical is refused.
 */
export function createForwardAuth(context: ForwardAuthContext): HttpServerHandlers {
  return {
    onExchange: (exchange) => new Question(context, exchange, newRequestId()).start(),
    onMalformed: (reason, peerAddress) => {
      const requestId = newRequestId();
      context.observer.malformed({ reason, peerAddress, requestId });
      return renderRefusal(
        { reason, at: '' },
        { requestId, style: 'problem', rpcId: null, zone: undefined, limits: [] },
      );
    },
  };
}

/** One question, from its head to its answer. */
class Question implements DecisionListener {
  readonly #context: ForwardAuthContext;
  readonly #exchange: Exchange;
  readonly #requestId: string;
  readonly #startMs: number;
  #head: RequestHead | undefined;
  #inquiry: Inquiry | undefined;
  #decision: Decision | undefined;

  constructor(context: ForwardAuthContext, exchange: Exchange, requestId: string) {
    this.#context = context;
    this.#exchange = exchange;
    this.#requestId = requestId;
    this.#startMs = context.clock.monoMs();
  }

  start(): void {
    const { defect, peerAddress } = this.#exchange;
    if (defect !== undefined) return this.#refuse({ reason: defect, at: '' });
    const live = this.#context.live();
    const peer = canonicalIp(peerAddress);
    // Anybody else could ask about a request of their own making, and learn or spend what is not theirs.
    if (peer === undefined || !containsIp(live.snapshot.trustedProxies, peer)) {
      return this.#refuse({
        reason: 'address_not_allowed',
        at: '',
        detail: 'Only a trusted proxy may ask here.',
      });
    }
    this.#head = readForwardedHead(this.#exchange, {
      listener: this.#context.listener,
      requestId: this.#requestId,
    });
    if (this.#head === undefined) {
      return this.#refuse({
        reason: 'header_invalid',
        at: '',
        detail: 'X-Forwarded-Method, -Proto, -Host, -Uri and -For are needed, each once.',
      });
    }
    decideLive(this.#head, live, this);
  }

  onFault(error: unknown): void {
    this.#context.observer.fault(error, this.#requestId);
    this.#refuse({ reason: 'internal_error', at: '' });
  }

  onDecided({ decision, inquiry }: Decided): void {
    this.#inquiry = inquiry;
    this.#decision = decision;
    if (decision.decision === 'refuse') return this.#refuse(decision.refusal);
    const fields = ['x-bulkhead-pool', decision.pool];
    pushIdentityFields(fields, inquiry);
    this.#exchange.answer(200, fields, undefined);
    this.#report(200, undefined);
  }

  #refuse(refusal: Refusal): void {
    const answer = renderRefusal(refusal, {
      requestId: this.#requestId,
      style: answerStyleOf(this.#inquiry?.facts?.path ?? '', this.#exchange.fields),
      rpcId: null,
      zone: this.#inquiry?.zone?.name,
      limits: this.#inquiry?.limits ?? [],
    });
    this.#exchange.answer(answer.status, answer.fields, answer.body);
    this.#report(answer.status, refusal);
  }

  #report(status: number, refusal: Refusal | undefined): void {
    const facts = this.#inquiry?.facts;
    this.#context.observer.finished({
      surface: 'forward-auth',
      decision: this.#decision,
      failure: refusal?.reason,
      requestId: this.#requestId,
      method: this.#head?.method ?? this.#exchange.method,
      host: facts?.host ?? '',
      path: facts?.path ?? '',
      clientAddress: facts?.clientAddress ?? this.#exchange.peerAddress,
      status,
      durationMs: this.#context.clock.monoMs() - this.#startMs,
      queueMs: 0,
      upstream: undefined,
    });
  }
}
