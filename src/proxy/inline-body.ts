// hot path: a request without a body costs one object.
import type { Reason } from '../core/reason.ts';
import type { BodyReading, RequestBody } from '../core/request-head.ts';
import type { BodySource } from '../http1/body-source.ts';
import type { BodyFailure, Exchange } from '../http1/exchange.ts';
import { readBody } from '../http1/read-body.ts';

/** The body of one request. The bytes that are judged are those that go on to Odoo. */
export class InlineBody implements RequestBody {
  readonly #exchange: Exchange;
  /** As far as it is known; undefined when there is none, or it was not asked for yet. */
  content: Buffer | BodySource | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get length(): number | undefined {
    return this.#exchange.bodyLength;
  }

  /** Of the body, as far as they have come. */
  get bytes(): number | undefined {
    const { content } = this;
    return this.#exchange.bodyLength ?? (Buffer.isBuffer(content) ? content.length : content?.received);
  }

  /** For a decision that depends on it. */
  read(bounds: { maxBytes: number; keepBytes: number }): BodyReading | Promise<BodyReading> {
    // One that is too large to be read is collected when it is known where it goes.
    return readBody(this.#exchange, bounds, (body) => (this.content = body));
  }

  /** For its pool: whole, or as it comes. Calls back once, with why there is no such body or undefined. */
  obtain(
    { requestBody, maxBytes }: { requestBody: 'collect' | 'stream'; maxBytes: number },
    onDone: (failure: BodyFailure | undefined) => void,
  ): void {
    const exchange = this.#exchange;
    if (!exchange.hasBody) return onDone(undefined);
    if (this.content !== undefined) {
      // Read for the decision already.
      return onDone((this.content.length ?? 0) > maxBytes ? 'body_too_large' : undefined);
    }
    if (requestBody === 'stream') {
      if ((exchange.bodyLength ?? 0) > maxBytes) return onDone('body_too_large');
      this.content = exchange.streamBody(maxBytes);
      return onDone(undefined);
    }
    exchange.collectBody({ maxBytes }, (result) => {
      if (typeof result === 'string') return onDone(result);
      this.content = result;
      onDone(undefined);
    });
  }

  /** Why a body that was on its way came to nothing: its client, or the file that it was in. */
  get failure(): Reason {
    const { content } = this;
    return content === undefined || Buffer.isBuffer(content)
      ? 'internal_error'
      : (content.failure ?? 'internal_error');
  }

  /** Nobody needs it any more. */
  discard(): void {
    if (this.content !== undefined && !Buffer.isBuffer(this.content)) this.content.stop();
  }
}
