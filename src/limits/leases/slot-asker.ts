import { randomBytes } from 'node:crypto';
import type { Scheduler } from '../../core/scheduler.ts';
import type { InFlightLimit } from '../compile.ts';
import type { LeaseClock } from './lease-clock.ts';
import type { LeaseTuning } from './lease-tuning.ts';
import type { SlotGrant, SlotRequest } from './slot-call.ts';
import { type Asker, type CountBackend, giveAllBack, joinWaiting, startCall } from './store-backend.ts';
import type { Lot, Wallet } from './wallet.ts';
import { WalletSweep } from './wallet-sweep.ts';

export type SlotWallet = Wallet<InFlightLimit>;

export interface SlotAskerOptions {
  backend: CountBackend;
  clock: LeaseClock;
  scheduler: Scheduler;
  instances: () => number;
  random: () => number;
  tuning: LeaseTuning;
}

/** What a call is for: slots; giving back those that were free for a while, or all; or only to be heard. */
type Purpose = 'lease' | 'surplus' | 'return' | 'renew';

/**
 * The calls of all wallets of in-flight limits. A slot that a request has left is used again without asking; what was free all
 * the time for a while goes back. In a wallet's one lot `left` are the free slots, `used` those in use.
 */
export class SlotAsker implements Asker<InFlightLimit> {
  readonly #options: SlotAskerOptions;
  readonly #clock: LeaseClock;
  /** A name that no other process has. */
  readonly #holder = randomBytes(9).toString('base64url');
  readonly #sweep: WalletSweep<SlotWallet>;
  #sequence = 0;

  constructor(options: SlotAskerOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#sweep = new WalletSweep({
      scheduler: options.scheduler,
      tuning: options.tuning,
      look: (wallet) => this.#lookAt(wallet),
    });
  }

  ask(wallet: SlotWallet, lacking: number): Promise<void> {
    joinWaiting(wallet, lacking);
    return wallet.inflight ?? this.#start(wallet, 'lease');
  }

  /** A slot is not used up, so none is asked for before it is missed. */
  prefetch(): void {}

  dismiss(wallet: SlotWallet): void {
    wallet.evicted = true;
    if (wallet.inflight === undefined) this.#giveBack(wallet);
  }

  adopt(wallet: SlotWallet, limit: InFlightLimit, version: number): void {
    wallet.limit = limit;
    if (wallet.version === version) return;
    wallet.version = version;
    wallet.deniedUntilMs = 0;
    if (wallet.inflight === undefined) this.#giveBack(wallet);
  }

  /** Puts slots in use that nobody granted: the store learns of them when it answers again. */
  force(wallet: SlotWallet, slots: number): void {
    lotOf(wallet).used += slots;
    this.#sweep.add(wallet);
  }

  /** Ends the use of slots. */
  release(wallet: SlotWallet, slots: number): void {
    const lot = lotOf(wallet);
    const ended = Math.min(slots, lot.used);
    lot.used -= ended;
    const over = Math.min(ended, wallet.slots?.excess ?? 0);
    if (wallet.slots !== undefined) wallet.slots.excess -= over;
    // What is void, or above a lowered capacity, does not become free here.
    if (!wallet.evicted && this.#clock.read() < lot.deadlineMs) lot.left += ended - over;
    else if (wallet.evicted && wallet.inflight === undefined) this.#giveBack(wallet);
    this.#sweep.add(wallet);
  }

  present(): void {
    for (const wallet of this.#sweep) {
      if (wallet.inflight === undefined) void this.#start(wallet, 'renew');
    }
  }

  async close(): Promise<void> {
    const given = giveAllBack(this.#sweep, (wallet) => this.#giveBack(wallet));
    this.#sweep.close();
    await given;
  }

  /** A call that only looks. */
  composePeek(wallet: SlotWallet): SlotRequest {
    const { left, used } = lotOf(wallet);
    const { limit, version } = wallet;
    return {
      ...this.#question(limit, version),
      sequence: this.#sequence,
      keep: left + used,
      write: false,
    };
  }

  /** A grant leaves the others their part twice over. */
  #share(): number {
    return 2 * this.#options.instances();
  }

  #start(wallet: SlotWallet, purpose: Purpose): Promise<void> {
    return startCall(wallet, () => this.#call(wallet, purpose), {
      // What is given back must not be spent meanwhile.
      atOnce: purpose === 'return' || purpose === 'surplus',
      after: () => wallet.evicted && this.#isTellDue(wallet) && this.#giveBack(wallet),
    });
  }

  #giveBack(wallet: SlotWallet): void {
    const { left, used } = lotOf(wallet);
    if (left + used > 0 || this.#isTellDue(wallet)) void this.#start(wallet, 'return');
  }

  /** Whether the store believes that more is held than is. */
  #isTellDue(wallet: SlotWallet): boolean {
    const { left, used } = lotOf(wallet);
    return (wallet.slots?.noted ?? 0) > left + used;
  }

  async #call(wallet: SlotWallet, purpose: Purpose): Promise<void> {
    const sentMs = this.#clock.read();
    const request = this.#compose(wallet, purpose);
    let grant: SlotGrant;
    try {
      grant = await this.#options.backend.callSlots(wallet.storeKey, request);
    } catch (error) {
      const { others = 0, capacity = wallet.limit.burst, excess = 0 } = wallet.slots ?? {};
      wallet.slots = {
        others,
        capacity,
        excess,
        leastFree: 0,
        // It may have been carried out.
        noted: request.keep + request.want,
        renewAtMs: this.#clock.read() + retryMs,
      };
      this.#sweep.add(wallet);
      throw error;
    }
    this.#settle(wallet, request, { grant, sentMs });
  }

  #compose(wallet: SlotWallet, purpose: Purpose): SlotRequest {
    const lot = lotOf(wallet);
    if (purpose === 'return' || this.#clock.nowMs >= lot.deadlineMs) lot.left = 0;
    else if (purpose === 'surplus') lot.left -= Math.min(lot.left, wallet.slots?.leastFree ?? 0);
    const { limit, version } = wallet;
    const request = this.#question(limit, version);
    request.keep = lot.used + lot.left;
    if (purpose === 'lease' || wallet.waitingSum > 0) {
      request.need = wallet.waitingSum > 0 ? wallet.waitingLeast : 1;
      request.ask = Math.min(Math.max(wallet.waitingSum, request.need), limit.burst);
      // Where there are many, an eighth more than are in use spares the next request its question.
      const more = limit.burst < 8 * this.#share() ? 0 : Math.ceil(lot.used / 8);
      request.want = request.ask + more;
    }
    wallet.waitingSum = 0;
    wallet.waitingLeast = Infinity;
    return request;
  }

  #question(limit: InFlightLimit, version: number): SlotRequest {
    return {
      holder: this.#holder,
      sequence: ++this.#sequence,
      keep: 0,
      need: 0,
      ask: 0,
      want: 0,
      share: this.#share(),
      capacity: limit.burst,
      version,
      ttlMs: this.#options.tuning.slotTtlMs,
      write: true,
    };
  }

  #settle(
    wallet: SlotWallet,
    request: SlotRequest,
    { grant, sentMs }: { grant: SlotGrant; sentMs: number },
  ): void {
    const { driftPart, slackMs, slotTtlMs, minProbeMs } = this.#options.tuning;
    const nowMs = this.#clock.read();
    const lot = lotOf(wallet);
    lot.left += grant.granted;
    lot.deadlineMs = sentMs + slotTtlMs * (1 - driftPart) - slackMs;
    const noted = request.keep + grant.granted;
    const renewAtMs = sentMs + slotTtlMs / 3;
    wallet.slots = {
      others: grant.others,
      capacity: grant.capacity,
      excess: Math.max(0, grant.others + noted - grant.capacity),
      noted,
      leastFree: lot.left,
      renewAtMs,
    };
    wallet.answeredMs = nowMs;
    // What was given back is there for whoever asks next, this instance included.
    if (grant.granted > 0 || (request.need === 0 && grant.others + noted < grant.capacity))
      wallet.deniedUntilMs = 0;
    else if (request.need > 0) {
      // Where all slots are here, the next one becomes free here, too.
      const probeMs = minProbeMs * (0.5 + this.#options.random());
      wallet.deniedUntilMs = grant.others > 0 ? nowMs + probeMs : renewAtMs;
      wallet.deniedNeed = request.need;
    }
    if (noted > 0) this.#sweep.add(wallet);
  }

  #lookAt(wallet: SlotWallet): boolean {
    const nowMs = this.#clock.read();
    if (wallet.inflight !== undefined) return true;
    const lot = lotOf(wallet);
    const { slots } = wallet;
    if (lot.used + lot.left === 0 && (slots?.noted ?? 0) === 0) return false;
    if (slots === undefined || nowMs >= slots.renewAtMs) void this.#start(wallet, 'renew');
    else if (nowMs - wallet.answeredMs >= this.#options.tuning.idleMs) {
      if (slots.leastFree > 0 || this.#isTellDue(wallet)) void this.#start(wallet, 'surplus');
      else {
        wallet.answeredMs = nowMs;
        slots.leastFree = lot.left;
      }
    }
    return true;
  }
}

/** How long after a failed call the store is told again. */
const retryMs = 1000;

/** The one lot of a wallet of slots. */
export function lotOf(wallet: SlotWallet): Lot {
  const [lot] = wallet.lots;
  if (lot !== undefined) return lot;
  const made: Lot = { epoch: 0, left: 0, used: 0, deadlineMs: 0 };
  wallet.lots.push(made);
  return made;
}

/** Puts free slots in use. */
export function useSlots(wallet: SlotWallet, slots: number): void {
  const lot = lotOf(wallet);
  lot.left -= slots;
  lot.used += slots;
  if (wallet.slots !== undefined && lot.left < wallet.slots.leastFree) wallet.slots.leastFree = lot.left;
}
