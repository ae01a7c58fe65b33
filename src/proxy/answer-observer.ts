/** Looks at an answer of Odoo as it passes, also when its client has gone. */
export interface AnswerObserver {
  /** Names in lower case. */
  onAnswer(status: number, fields: readonly string[]): void;
  /** A view that is valid during the call only. */
  onChunk(chunk: Buffer): void;
  /** The answer is whole, and the client is about to have its last byte. May be called again. */
  onEnd(): void;
}
