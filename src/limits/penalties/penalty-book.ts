import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Bounded } from '../../core/bounded.ts';
import type { Clock } from '../../core/clock.ts';
import { limitKeyOfIp } from '../../core/ip.ts';
import type { PenaltyAction, PenaltyRule, Standing } from './penalty.ts';
import type { PenaltyRules } from './penalty-options.ts';
import type { PenaltyStore } from './penalty-store.ts';
import { RightSecrets } from './right-secrets.ts';

/** What was tried: a login, an RPC call with a password, an API key at Odoo, a token or a certificate at the gateway. */
export type AttemptKind = 'login' | 'rpc' | 'api_key' | 'token' | 'certificate';

/** Somebody whose failures are counted. */
export interface PenaltySubject {
  readonly kind: 'address' | 'account';
  /** Holds no name and no secret. */
  readonly key: string;
  readonly rule: PenaltyRule;
}

/** Who is held back, and for how long. */
export interface Held {
  kind: PenaltySubject['kind'];
  waitMs: number;
}

export interface PenaltyBookOptions {
  store: PenaltyStore;
  rules: PenaltyRules;
  clock: Clock;
  /** Key under which account names are hashed; all instances that share a store need the same one. */
  accountKey: string | Buffer;
  /** Under which key an address is counted; without this each under its own. */
  clientKey?: (address: string) => string;
  onFailure: (zone: string, kind: AttemptKind) => void;
  /** A failure was too many and is followed by a penalty. */
  onPenalty: (zone: string, subject: PenaltySubject['kind']) => void;
}

/** The key that instances with the same store agree on without being told one; without a store one of this process. */
export function deriveAccountKey(
  configured: string | undefined,
  storeSecret: string | undefined,
): string | Buffer {
  if (configured !== undefined) return configured;
  if (storeSecret === undefined) return randomBytes(32);
  return createHash('sha256').update(`bulkhead account names\0${storeSecret}`).digest();
}

/** Failed attempts of addresses and accounts, over all protocols together, and who is held back for them. */
export class PenaltyBook {
  /** Secrets that were right lately: who has one is not held back. */
  readonly rightSecrets: RightSecrets;
  readonly #options: PenaltyBookOptions;

  constructor(options: PenaltyBookOptions) {
    this.#options = options;
    this.rightSecrets = new RightSecrets({ clock: options.clock });
  }

  /** Whether nobody can be held back. */
  get quiet(): boolean {
    return this.#options.store.quiet;
  }

  /** Undefined for an address that is exempt. */
  address(clientAddress: string): PenaltySubject | undefined {
    const { rules, clientKey = limitKeyOfIp } = this.#options;
    if (rules.isExempt(clientAddress)) return undefined;
    return { kind: 'address', key: `address:${clientKey(clientAddress)}`, rule: rules.address };
  }

  /** `database` is what Odoo looks the name up in; letter case of the name does not count. */
  account(database: string, name: string): PenaltySubject {
    const { rules, accountKey } = this.#options;
    const digest = createHmac('sha256', accountKey)
      .update(`${database}\0${name.trim().toLowerCase()}`)
      .digest('base64url');
    return { kind: 'account', key: `account:${digest.slice(0, 22)}`, rule: rules.account };
  }

  /** Who of these is held back as far as this process knows. */
  heldHere(subjects: readonly PenaltySubject[]): Held | undefined {
    const { store } = this.#options;
    return longest(
      subjects.map((subject) => ({ kind: subject.kind, waitMs: store.heldMs(subject.key, subject.rule) })),
    );
  }

  /** Whether this one is held back, by all that share the store. */
  look(subject: PenaltySubject): Held | undefined | Promise<Held | undefined> {
    const judge = (standing: Standing): Held | undefined =>
      standing.passed ? undefined : { kind: subject.kind, waitMs: standing.waitMs };
    const found = this.#act('look', subject);
    return found instanceof Promise ? found.then(judge) : judge(found);
  }

  /** Counts an attempt of all of these before its outcome is known, or of none when one is held back. */
  begin(subjects: readonly PenaltySubject[]): Held | undefined | Promise<Held | undefined> {
    const standings = subjects.map((subject) => this.#act('try', subject));
    const judge = (settled: readonly Standing[]): Held | undefined => {
      const held = longest(
        subjects.map(({ kind }, i) => ({
          kind,
          waitMs: settled[i]?.passed === false ? settled[i].waitMs : 0,
        })),
      );
      if (held !== undefined) this.forgive(subjects.filter((_, i) => settled[i]?.passed === true));
      return held;
    };
    const known: Standing[] = [];
    for (const standing of standings) if (!(standing instanceof Promise)) known.push(standing);
    if (known.length === standings.length) return judge(known);
    return Promise.all(standings.map((standing) => Promise.resolve(standing))).then(judge);
  }

  /** An attempt failed. `counted` says that `begin` has counted it. */
  fail(
    subjects: readonly PenaltySubject[],
    { zone, kind, counted }: { zone: string; kind: AttemptKind; counted: boolean },
  ): void {
    const { onFailure, onPenalty } = this.#options;
    onFailure(zone, kind);
    for (const subject of subjects) {
      const tell = ({ waitMs }: Standing): void => {
        if (waitMs > 0) onPenalty(zone, subject.kind);
      };
      const standing = this.#act(counted ? 'look' : 'fail', subject);
      if (standing instanceof Promise) void standing.then(tell);
      else tell(standing);
    }
  }

  /** Takes back what `begin` counted: the attempt was no failure. */
  forgive(subjects: readonly PenaltySubject[]): void {
    for (const subject of subjects) this.#drop('forgive', subject);
  }

  /** Forgets the failures of an account whose owner has shown the right secret. */
  clear(subject: PenaltySubject): void {
    this.#drop('clear', subject);
  }

  sizes(): Bounded[] {
    const { store } = this.#options;
    return [
      { name: 'penalties', size: store.size, max: store.maxKeys },
      { name: 'right_secrets', size: this.rightSecrets.size, max: this.rightSecrets.maxKeys },
    ];
  }

  #act(action: PenaltyAction, { key, rule }: PenaltySubject): Standing | Promise<Standing> {
    return this.#options.store.act(action, key, rule);
  }

  /** A store answers or counts by itself; its promises do not reject. */
  #drop(action: 'forgive' | 'clear', subject: PenaltySubject): void {
    void this.#act(action, subject);
  }
}

function longest(found: readonly Held[]): Held | undefined {
  let held: Held | undefined;
  for (const one of found) if (one.waitMs > 0 && one.waitMs > (held?.waitMs ?? 0)) held = one;
  return held;
}
