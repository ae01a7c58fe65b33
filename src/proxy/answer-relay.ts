// hot path: an answer passes piece by piece; only one that may hold a traceback is looked at first.
import { fieldValue } from '../core/fields.ts';
import { BodyBuffer } from '../http1/body-buffer.ts';
import type { Exchange } from '../http1/exchange.ts';
import {
  beginsError,
  type ErrorForm,
  errorFormOf,
  tellingBytes,
  withoutTraceback,
} from '../odoo/traceback.ts';
import { type FoundAnswer, isUnchanged } from './static-cache.ts';
import { type AnsweredRequest, answerFields } from './answer-fields.ts';

/** Errors of Odoo are some kilobytes; a larger one would have to pass with its traceback. */
const maxErrorBytes = 1024 * 1024;

/** What is called at the end of an answer. */
export interface RelayOwner {
  /** The client is about to have its last byte: with it, it may try again. Called once. */
  onLastByte(): void;
}

/** Whether an answer goes on, has to wait for its client, or must not pass. */
export type Passing = 'on' | 'wait' | 'invalid';

/** The way of one answer from Odoo to the client. */
export class AnswerRelay {
  readonly #exchange: Exchange;
  readonly #owner: RelayOwner;
  status = 0;
  /** Of the content, as Odoo gave it. */
  bytes = 0;
  /** Whether the client has a part of the answer, or will have. */
  begun = false;
  #fields: string[] = [];
  /** Bytes that are to come; NaN when the length is not told. */
  #dueBytes = NaN;
  #ended = false;
  /** Set while it is not known that the answer may pass as it is. */
  #form: ErrorForm | undefined;
  #held: BodyBuffer | undefined;
  #heldBytes = 0;
  #isError = false;

  constructor(exchange: Exchange, owner: RelayOwner) {
    this.#exchange = exchange;
    this.#owner = owner;
  }

  /** Throws `UnwritableHeadError` for a status or a field that must not be written; nothing is sent then. */
  begin(status: number, upstream: string[], request: AnsweredRequest): void {
    this.status = status;
    this.#dueBytes = Number(fieldValue(upstream, 'content-length') ?? NaN);
    this.#fields = answerFields(upstream, request);
    if (request.policy?.hideTracebacks === true && this.#dueBytes !== 0 && this.#exchange.method !== 'HEAD') {
      // What is compressed cannot be read; Odoo itself does not compress.
      const coded = fieldValue(upstream, 'content-encoding') !== undefined;
      this.#form = coded ? undefined : errorFormOf(status, fieldValue(upstream, 'content-type'));
    }
    if (this.#form === undefined) this.#start(this.#fields);
    else this.#held = new BodyBuffer(maxErrorBytes);
  }

  /** Gives an answer that is here already; tells its status. */
  answer({ answer, ageS }: FoundAnswer, request: AnsweredRequest): number {
    const unchanged = isUnchanged(this.#exchange.fields, answer.fields);
    this.status = unchanged ? 304 : 200;
    this.bytes = unchanged ? 0 : answer.body.length;
    const fields = answerFields(answer.fields, request).filter(
      (_, i, all) => all[i - (i % 2)] !== 'content-length' && all[i - (i % 2)] !== 'age',
    );
    if (!unchanged) fields.push('content-length', String(answer.body.length));
    this.#start([...fields, 'age', String(ageS)]);
    this.#finish(unchanged ? undefined : answer.body);
    return this.status;
  }

  pass(chunk: Buffer): Passing {
    this.bytes += chunk.length;
    this.#dueBytes -= chunk.length;
    if (this.#held !== undefined) return this.#hold(this.#held, chunk);
    // The last bytes and the end go out together: one system call less for each small answer.
    if (this.#dueBytes === 0) this.#finish(chunk);
    else if (!this.#exchange.sendChunk(chunk)) return 'wait';
    return 'on';
  }

  /** The client learns what there is by now, when more of it takes its time. */
  flush(): void {
    if (this.begun) this.#exchange.flushAnswer();
  }

  end(): Passing {
    if (this.#ended) return 'on';
    if (this.#held !== undefined) return this.#conclude(this.#held);
    this.#finish(undefined);
    return 'on';
  }

  #start(fields: string[]): void {
    this.#exchange.startAnswer(this.status, fields);
    this.begun = true;
  }

  #finish(last: Buffer | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.onLastByte();
    this.#exchange.finishAnswer(last);
  }

  #hold(held: BodyBuffer, chunk: Buffer): Passing {
    // A copy: the upstream reads into the same buffer again.
    if (!held.append(Buffer.from(chunk))) return 'invalid';
    this.#heldBytes += chunk.length;
    if (this.#dueBytes === 0) return this.#conclude(held);
    if (this.#isError || this.#heldBytes < tellingBytes) return 'on';
    this.#isError = this.#beginsError(held);
    return this.#isError ? 'on' : this.#letGo(held);
  }

  #conclude(held: BodyBuffer): Passing {
    if (this.#heldBytes === 0 || (!this.#isError && !this.#beginsError(held))) {
      const passing = this.#letGo(held);
      if (passing !== 'invalid') this.#finish(undefined);
      return passing;
    }
    const text = this.#form === undefined ? undefined : withoutTraceback(this.#form, held.take());
    if (text === undefined) return 'invalid';
    const body = Buffer.from(text);
    const fields = this.#fields.filter((_, i) => this.#fields[i - (i % 2)] !== 'content-length');
    this.#held = undefined;
    this.#start([...fields, 'content-length', String(body.length)]);
    this.#finish(body);
    return 'on';
  }

  /** It is no error: from here on it passes as it is. */
  #letGo(held: BodyBuffer): Passing {
    this.#held = undefined;
    this.#start(this.#fields);
    return this.#exchange.sendChunk(held.take()) ? 'on' : 'wait';
  }

  #beginsError(held: BodyBuffer): boolean {
    return this.#form !== undefined && beginsError(this.#form, this.status, held.take());
  }
}
