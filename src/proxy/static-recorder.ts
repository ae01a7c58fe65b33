import type { AnswerObserver } from './answer-observer.ts';
import { BodyBuffer } from '../http1/body-buffer.ts';
import { freshMsOf, maxCachedBytes, type StaticCache } from './static-cache.ts';

/** Keeps one answer of Odoo on its way, when it is one that may be given again. */
export class StaticRecorder implements AnswerObserver {
  readonly #cache: StaticCache;
  readonly #key: string;
  #fields: string[] = [];
  #freshMs = 0;
  #body: BodyBuffer | undefined;

  constructor(cache: StaticCache, key: string) {
    this.#cache = cache;
    this.#key = key;
  }

  onAnswer(status: number, fields: readonly string[]): void {
    this.#freshMs = freshMsOf(status, fields);
    if (this.#freshMs === 0) return;
    this.#fields = [...fields];
    this.#body = new BodyBuffer(maxCachedBytes);
  }

  onChunk(chunk: Buffer): void {
    // A copy: the upstream reads into the same buffer again.
    if (this.#body?.append(Buffer.from(chunk)) === false) this.#body = undefined;
  }

  /** The answer is whole. */
  onEnd(): void {
    const body = this.#body;
    this.#body = undefined;
    if (body === undefined) return;
    this.#cache.store(this.#key, { fields: this.#fields, body: body.take(), freshMs: this.#freshMs });
  }
}
