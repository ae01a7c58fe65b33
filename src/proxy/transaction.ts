import type { AnswerObserver } from './answer-observer.ts';
import { findCallEntry } from '../core/method-pattern.ts';
import type { Inquiry } from '../decide/inquiry.ts';
import { type CallOutcome, outcomeBytes, readCallOutcome } from '../odoo/call-outcome.ts';
import type { OdooCall } from '../core/facts.ts';

/** What became of a business transaction; `refused`: the gateway did not let it through. */
export type TransactionOutcome = CallOutcome | 'refused';

/** The transaction that a request is, by what it calls; undefined when it is none. */
export function transactionOf({ snapshot, facts }: Inquiry): Transaction | undefined {
  const call = facts?.odoo;
  if (call === undefined || snapshot.transactions.length === 0) return undefined;
  const entry = findCallEntry(snapshot.transactions, call);
  return entry === undefined ? undefined : new Transaction(entry.name, call.protocol);
}

/** One order, picking or invoice on its way through Odoo. HTTP alone does not tell whether it succeeded, so its answer is looked at. */
export class Transaction implements AnswerObserver {
  readonly name: string;
  readonly #protocol: OdooCall['protocol'];
  #status: number | undefined;
  #start: Buffer = Buffer.alloc(0);
  #forwarded = false;
  #whole = false;

  constructor(name: string, protocol: OdooCall['protocol']) {
    this.name = name;
    this.#protocol = protocol;
  }

  /** Odoo is about to have the request. */
  onForward(): void {
    this.#forwarded = true;
  }

  onAnswer(status: number): void {
    this.#status = status;
  }

  onChunk(chunk: Buffer): void {
    const missing = outcomeBytes - this.#start.length;
    if (missing > 0) this.#start = Buffer.concat([this.#start, chunk.subarray(0, missing)]);
  }

  /** The answer is whole: one that breaks off says nothing, however it begins. */
  onEnd(): void {
    this.#whole = true;
  }

  get outcome(): TransactionOutcome {
    if (!this.#forwarded) return 'refused';
    if (!this.#whole || this.#status === undefined) return 'failed';
    return readCallOutcome(this.#protocol, this.#status, this.#start);
  }
}
