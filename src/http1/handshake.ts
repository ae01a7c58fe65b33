import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { fieldValue } from '../core/fields.ts';
import { BodyBuffer } from './body-buffer.ts';
import { HeadFinder } from './head-finder.ts';
import { readOrigin } from './origin.ts';
import { requestHead } from './request-text.ts';
import { maxHeadBytes, readResponseHead } from './response-head.ts';
import { type AnswerSink, ResponseReader } from './response-reader.ts';

/** How connecting a tunnel ended without one. */
export type TunnelFailure = 'unreachable' | 'invalid' | 'timeout';

export interface TunnelTarget {
  /** `http://host:port`. */
  origin: string;
  /** Path and query. */
  target: string;
  /** Flat list, names in lower case, those of the handshake among them. */
  fields: readonly string[];
  connectTimeoutMs: number;
  /** Longest wait for the answer to the handshake. */
  timeoutMs: number;
}

export interface HandshakeListener {
  /** The upstream agreed; `early` is what it has said behind its answer. */
  onAgreed(fields: readonly string[], socket: Socket, early: Buffer): void;
  /** It answered with an ordinary response. */
  onDeclined(status: number, fields: readonly string[], body: Buffer): void;
  onFailure(failure: TunnelFailure): void;
}

const maxDeclinedBytes = 64 * 1024;
const maxInformational = 16;

/** One WebSocket handshake with an upstream (RFC 6455 §4.1), on a connection of its own. Tells one outcome, unless destroyed. */
export class Handshake implements AnswerSink {
  readonly #key: string;
  readonly #listener: HandshakeListener;
  readonly #socket: Socket;
  readonly #finder = new HeadFinder(maxHeadBytes);
  #held: BodyBuffer | undefined = new BodyBuffer(2 * maxHeadBytes);
  #informational = 0;
  #connected = false;
  #settled = false;
  #timer: NodeJS.Timeout | undefined;
  /** Of an answer that declines. */
  #reader: ResponseReader | undefined;
  #status = 0;
  #fields: string[] = [];
  readonly #body = new BodyBuffer(maxDeclinedBytes);

  constructor(target: TunnelTarget, key: string, listener: HandshakeListener) {
    this.#key = key;
    this.#listener = listener;
    const peer = readOrigin(target.origin);
    if (peer === undefined) throw new TypeError(`"${target.origin}" is no origin`);
    const socket = connect({ ...peer, noDelay: true });
    this.#socket = socket;
    socket.setTimeout(target.connectTimeoutMs);
    socket.on('connect', () => {
      this.#connected = true;
      socket.setTimeout(0);
      // From now on, and not from the last byte: an answer that drips has no more time.
      this.#timer = setTimeout(this.#onTimeout, target.timeoutMs).unref();
      const head = requestHead({ ...target, method: 'GET', body: undefined }, 'Upgrade');
      if (head === undefined) this.#fail('invalid');
      else socket.write(head, 'latin1');
    });
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('timeout', this.#onTimeout);
    socket.on('error', this.#onError);
  }

  /** Nobody waits for it any more. */
  destroy(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  onAnswer(status: number, fields: string[]): void {
    this.#status = status;
    this.#fields = fields;
  }

  onChunk(chunk: Buffer): void {
    // A copy is not needed: this socket reads into buffers of its own.
    if (!this.#body.append(chunk)) this.#fail('invalid');
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#reader !== undefined) return this.#readDeclined(this.#reader, bytes);
    if (this.#held?.append(bytes) !== true) return this.#fail('invalid');
    this.#readHead(this.#held.take());
  };

  #readHead(bytes: Buffer): void {
    const found = this.#finder.find(bytes, 0);
    if (found === 'incomplete' || found === 'nothing') return;
    const head =
      found === 'found'
        ? readResponseHead(bytes.toString('latin1', this.#finder.start, this.#finder.end), false)
        : undefined;
    if (head === undefined) return this.#fail('invalid');
    const rest = bytes.subarray(this.#finder.next);
    if (head.status === 101) return this.#agree(head.fields, rest);
    if (head.status >= 200) {
      // A refused upgrade ends as plain HTTP with a bounded body: never as a tunnel (Envoy CVE-2024-23326).
      this.#reader = new ResponseReader();
      this.#reader.expect(this, false);
      return this.#readDeclined(this.#reader, bytes);
    }
    if (++this.#informational > maxInformational) return this.#fail('invalid');
    this.#held = new BodyBuffer(2 * maxHeadBytes);
    if (rest.length > 0) this.#onData(rest);
  }

  /** RFC 6455 §4.1: the upstream must switch to `websocket` and prove that it read our key. */
  #agree(fields: readonly string[], early: Buffer): void {
    const expected = createHash('sha1')
      .update(`${this.#key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    if (
      fieldValue(fields, 'upgrade')?.toLowerCase() !== 'websocket' ||
      fieldValue(fields, 'sec-websocket-accept') !== expected
    ) {
      return this.#fail('invalid');
    }
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    socket.setTimeout(0);
    socket.off('data', this.#onData).off('end', this.#onEnd);
    socket.off('timeout', this.#onTimeout).off('error', this.#onError);
    this.#listener.onAgreed(fields, socket, early);
  }

  #readDeclined(reader: ResponseReader, bytes: Buffer): void {
    const reading = reader.read(bytes);
    if (reading === 'broken') this.#fail('invalid');
    else if (reading !== 'more') this.#decline();
  }

  #decline(): void {
    if (this.#settled) return;
    this.destroy();
    this.#listener.onDeclined(this.#status, this.#fields, this.#body.take());
  }

  #fail(failure: TunnelFailure): void {
    if (this.#settled) return;
    this.destroy();
    this.#listener.onFailure(failure);
  }

  readonly #onEnd = (): void => {
    if (this.#reader?.readEnd() === 'whole') this.#decline();
    else this.#fail('invalid');
  };

  readonly #onTimeout = (): void => this.#fail(this.#connected ? 'timeout' : 'unreachable');

  readonly #onError = (): void => this.#fail(this.#connected ? 'invalid' : 'unreachable');
}
