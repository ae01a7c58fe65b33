// hot path: one object per connection, and two calls per request.
import type { Socket } from 'node:net';
import type { Reason } from '../core/reason.ts';
import type { Exchange, ExchangeOwner } from './exchange.ts';
import { answerAndClose, closeLingering, type RawAnswer } from './raw-answer.ts';

/** What a connection needs of its server. */
export interface ConnectionServer {
  /** Whether answers end their connections. */
  readonly draining: boolean;
  onExchange(exchange: Exchange): void;
  onMalformed(reason: Reason, peerAddress: string): RawAnswer;
}

/** More requests than that ahead of their answers are not taken: the connection closes behind those that are. */
const maxWaiting = 16;
/** Whoever goes on after that many more gets no answer at all: each one costs 200 times its bytes in memory. */
const maxDropped = 100;

/**
 * One client connection. It hands out its requests one at a time in the order in which they came, so that answers keep that
 * order, nothing is told to an exchange whose turn has not come, and no request is taken from behind one that ends the
 * connection: what follows a framing error may be the body of an attacker's making (`node:http` parses on regardless).
 */
export class ClientConnection implements ExchangeOwner {
  readonly #socket: Socket;
  readonly #server: ConnectionServer;
  #current: Exchange | undefined;
  readonly #waiting: Exchange[] = [];
  /** Nothing that comes from now on is a request. */
  #sealed = false;
  #dropped = 0;
  /** What is wrong with the bytes behind the last request; told when its turn comes. */
  #malformed: Reason | undefined;

  constructor(socket: Socket, server: ConnectionServer) {
    this.#socket = socket;
    this.#server = server;
    // What `node:http` calls behind a last answer; its own would reset a client that still sends.
    socket.destroySoon = () => closeLingering(socket);
  }

  /** Whether no request is in progress. */
  get idle(): boolean {
    return this.#current === undefined;
  }

  get ending(): boolean {
    if (this.#server.draining) return true;
    return this.#sealed && this.#waiting.length === 0 && this.#malformed === undefined;
  }

  accept(exchange: Exchange): void {
    if (this.#sealed) {
      if (++this.#dropped > maxDropped) this.#socket.destroy();
      return;
    }
    if (this.#current === undefined) {
      this.#current = exchange;
      this.#server.onExchange(exchange);
      return;
    }
    this.#waiting.push(exchange);
    if (this.#waiting.length >= maxWaiting) this.#seal();
  }

  /** Bytes that are no request, or no body, or come too late. */
  fail(reason: Reason): void {
    if (this.#sealed) return;
    this.#seal();
    const last = this.#waiting.at(-1) ?? this.#current;
    if (last?.incomplete === true) last.breakBody();
    else if (last === undefined) this.#refuse(reason);
    else this.#malformed = reason;
  }

  /** The client said that its last request was the last; what it sends behind it does not matter. */
  ignoreRest(): void {
    this.#seal();
  }

  end(): void {
    this.#seal();
    this.#waiting.length = 0;
    this.#malformed = undefined;
  }

  onExchangeEnd(exchange: Exchange): void {
    if (exchange !== this.#current) return;
    this.#current = undefined;
    if (this.#socket.destroyed) return;
    const next = this.#waiting.shift();
    if (next !== undefined) {
      this.#current = next;
      this.#server.onExchange(next);
    } else if (this.#malformed !== undefined) {
      this.#refuse(this.#malformed);
    }
  }

  /** Gives the socket away for another protocol; undefined while an answer is due on it, which would be overtaken. */
  detach(): Socket | undefined {
    return this.#current === undefined && !this.#sealed ? this.#socket : undefined;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #seal(): void {
    this.#sealed = true;
    // A body that is still read resumes it.
    this.#socket.pause();
  }

  #refuse(reason: Reason): void {
    answerAndClose(this.#socket, this.#server.onMalformed(reason, this.#socket.remoteAddress ?? ''));
  }
}
