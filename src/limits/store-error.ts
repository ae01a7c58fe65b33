/** Why the store gave no answer: it was too slow, cannot be reached, or answered with an error. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: 'timeout' | 'connection' | 'reply';

  constructor(code: StoreError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
