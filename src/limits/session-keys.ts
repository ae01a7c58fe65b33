// hot path: one digest and one look-up in a set for each request that is counted for its session.
import { LRUCache } from 'lru-cache';
import type { Bounded } from '../core/bounded.ts';
import type { Clock } from '../core/clock.ts';
import { Allowance } from './allowance.ts';
import { compileBucket } from './bucket.ts';
import { sessionKeyOf } from './key.ts';
import { RecentNames } from './recent-names.ts';

/** Sessions are known as long as they are among so many that were seen last; twice as many may be remembered. */
const rememberedAtLeast = 50_000;
/** So many new sessions at once, as after a start, and this many a second from then on have keys of their own. */
const newAtOnce = 10_000;
const newPerSecond = 20;
/** Of these, so many of one client: a whole company may sit behind one address. */
const newAtOnceOfClient = 2_000;
const newPerSecondOfClient = 2;
/** Clients whose new sessions are counted. */
const maxClients = 10_000;

/**
 * Whose budget the requests of an Odoo session are counted for. Whether a session exists is known to Odoo alone, so an id costs
 * an attacker nothing, and each one that is counted by itself takes memory here and in the store and finds a full budget. So only
 * so many new ones get keys of their own, and of one client only a part of these; the others are counted under the key of their
 * client, as if they had no session. One that was seen lately keeps its own throughout, from whatever address it comes.
 */
export class SessionKeys {
  readonly #clock: Clock;
  readonly #known = new RecentNames(rememberedAtLeast);
  readonly #newcomers = new Allowance(compileBucket(newPerSecond, 1_000_000, newAtOnce));
  readonly #bucketOfClient = compileBucket(newPerSecondOfClient, 1_000_000, newAtOnceOfClient);
  readonly #ofClients = new LRUCache<string, Allowance>({ max: maxClients });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The key for the limits of this session: its own, or that of its client. */
  keyOf(session: string, clientKey: string): string {
    const key = sessionKeyOf(session);
    if (this.#known.see(key)) return key;
    if (!this.#admitNew(clientKey)) return clientKey;
    this.#known.add(key);
    return key;
  }

  /** Bounded collections by name: the sessions that are known, and how much of the room for new ones is used up. */
  sizes(): Bounded[] {
    return [
      { name: 'known_sessions', size: this.#known.size, max: this.#known.max },
      { name: 'new_sessions', size: this.#newcomers.used(this.#nowUs()), max: newAtOnce },
    ];
  }

  #admitNew(clientKey: string): boolean {
    const nowUs = this.#nowUs();
    if (!this.#newcomers.hasRoom(nowUs)) return false;
    let ofClient = this.#ofClients.get(clientKey);
    if (ofClient === undefined) {
      ofClient = new Allowance(this.#bucketOfClient);
      this.#ofClients.set(clientKey, ofClient);
    }
    if (!ofClient.hasRoom(nowUs)) return false;
    ofClient.spend();
    this.#newcomers.spend();
    return true;
  }

  #nowUs(): number {
    return Math.floor(this.#clock.monoMs() * 1000);
  }
}
