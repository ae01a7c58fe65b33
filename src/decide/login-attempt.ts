import { Buffer } from 'node:buffer';
import type { Refusal } from '../core/decision.ts';
import { fieldValue } from '../core/fields.ts';
import type { Held, PenaltyBook, PenaltySubject } from '../limits/penalties/penalty-book.ts';
import { isOutcomeInBody, readLoginOutcome, type LoginOutcome } from '../odoo/login-outcome.ts';
import { findLoginRoute, type LoginRoute } from '../odoo/login-route.ts';
import { type LoginTry, maxLoginBytes, readLogin } from '../odoo/read-login.ts';
import { isForOdoo, penaltyBookOf, penaltyRefusal } from './failed-attempts.ts';
import type { Inquiry } from './inquiry.ts';

/** Sees a request whose answer tells whether a secret was right, and that answer. A surface that has one calls it in this order. */
export interface AnswerWatcher {
  /** With the whole body, before the request is forwarded; undefined for none, or one that is larger than `maxBytes`. */
  begin(body: Buffer | undefined): Refusal | undefined | Promise<Refusal | undefined>;
  /** Names in lower case. */
  onAnswer(status: number, fields: readonly string[]): void;
  onChunk(chunk: Buffer): void;
  /** The answer is whole. */
  onEnd(): void;
  /** There is no answer, or not all of it. Does nothing after `onEnd`. */
  onLost(): void;
  /** Largest body that `begin` wants to see. */
  readonly maxBytes: number;
}

/** A watcher for an allowed request that logs in at Odoo or proves there who it is; undefined for all others. */
export function watchLogin(inquiry: Inquiry): AnswerWatcher | undefined {
  const book = penaltyBookOf(inquiry);
  if (book === undefined) return undefined;
  const route = findLoginRoute(inquiry.known);
  if (route === undefined || (route === 'json-2' && !isForOdoo(inquiry))) return undefined;
  return new LoginAttempt(inquiry, book, route);
}

/**
 * One attempt, from its body to what Odoo says about it. A login is counted before Odoo sees it and taken back when it was right,
 * so that a thousand at once are no way around; other calls, of which there are many, are counted when they fail.
 */
class LoginAttempt implements AnswerWatcher {
  readonly maxBytes = maxLoginBytes;
  readonly #inquiry: Inquiry;
  readonly #book: PenaltyBook;
  readonly #route: LoginRoute;
  #trial: LoginTry | undefined;
  #address: PenaltySubject | undefined;
  #account: PenaltySubject | undefined;
  /** Digest of the secret, where one is known. */
  #digest: string | undefined;
  #counted = false;
  #status = 0;
  #location: string | undefined;
  /** How the answer begins; undefined when its content says nothing. */
  #head: Buffer[] | undefined;
  #bytes = 0;
  #settled = false;

  constructor(inquiry: Inquiry, book: PenaltyBook, route: LoginRoute) {
    this.#inquiry = inquiry;
    this.#book = book;
    this.#route = route;
  }

  begin(body: Buffer | undefined): Refusal | undefined | Promise<Refusal | undefined> {
    const { path, query, fields, clientAddress } = this.#inquiry.known;
    const trial = readLogin(this.#route, { path, query, body });
    if (trial === undefined) {
      this.#settled = true;
      return undefined;
    }
    this.#trial = trial;
    this.#address = this.#book.address(clientAddress);
    const { account } = trial;
    if (account !== undefined)
      this.#account = this.#book.account(account.database ?? this.#database(), account.name);
    const secret = this.#route === 'json-2' ? fieldValue(fields, 'authorization') : trial.secret;
    if (secret !== undefined) {
      this.#digest = this.#book.rightSecrets.digest(this.#account?.key ?? this.#database(), secret);
      // Who knows the secret is not held back by the guesses of others, and is judged by Odoo as always.
      if (this.#book.rightSecrets.has(this.#digest)) return undefined;
    }
    if (trial.kind !== 'login') return this.#judge(this.#book.heldHere(this.#subjects()));
    const held = this.#book.begin(this.#subjects());
    if (held instanceof Promise) return held.then((late) => this.#judgeBegun(late));
    return this.#judgeBegun(held);
  }

  onAnswer(status: number, fields: readonly string[]): void {
    this.#status = status;
    let encoded = false;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i];
      if (name === 'location') this.#location = fields[i + 1];
      else if (name === 'content-encoding') encoded = true;
    }
    if (!encoded && isOutcomeInBody(this.#route)) this.#head = [];
  }

  onChunk(chunk: Buffer): void {
    const left = maxLoginBytes - this.#bytes;
    this.#bytes += chunk.length;
    // A copy: its owner uses the bytes again.
    if (this.#head !== undefined && left > 0) this.#head.push(Buffer.from(chunk.subarray(0, left)));
  }

  onEnd(): void {
    if (this.#settled || this.#trial === undefined) return;
    this.#settle(
      readLoginOutcome(this.#route, this.#trial, {
        status: this.#status,
        location: this.#location,
        head: this.#head === undefined ? undefined : Buffer.concat(this.#head).toString(),
        whole: this.#bytes <= maxLoginBytes,
      }),
    );
  }

  onLost(): void {
    if (!this.#settled) this.#settle('unknown');
  }

  #judge(held: Held | undefined): Refusal | undefined {
    if (held === undefined) return undefined;
    this.#settled = true;
    return penaltyRefusal(held, this.#inquiry.governing.bruteForce.at);
  }

  #judgeBegun(held: Held | undefined): Refusal | undefined {
    this.#counted = held === undefined;
    // The client may have gone while the store was asked.
    if (this.#settled && this.#counted) this.#book.forgive(this.#subjects());
    return this.#judge(held);
  }

  #settle(outcome: LoginOutcome): void {
    this.#settled = true;
    const { rightSecrets } = this.#book;
    if (outcome === 'denied') {
      if (this.#digest !== undefined) rightSecrets.delete(this.#digest);
      return this.#book.fail(this.#subjects(), {
        zone: this.#inquiry.governing.name,
        kind: this.#route === 'json-2' ? 'api_key' : this.#trial?.kind === 'login' ? 'login' : 'rpc',
        counted: this.#counted,
      });
    }
    if (outcome === 'accepted') {
      if (this.#digest !== undefined) rightSecrets.add(this.#digest);
      // Not by a secret that was known, with which nothing was counted: a program that logs in all the time would clear the way for
      // a guesser. And not all of the address: who has an account of his own could guess at others for ever.
      if (this.#counted && this.#account !== undefined) this.#book.clear(this.#account);
      if (this.#counted && this.#address !== undefined) this.#book.forgive([this.#address]);
      return;
    }
    if (this.#counted) this.#book.forgive(this.#subjects());
  }

  #subjects(): PenaltySubject[] {
    return [this.#address, this.#account].filter((subject) => subject !== undefined);
  }

  /** What an account name is looked up in where the request names no database. */
  #database(): string {
    return this.#inquiry.tenant?.database ?? `host:${this.#inquiry.known.host}`;
  }
}
