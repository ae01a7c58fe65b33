import type { Scheduler } from '../../core/scheduler.ts';
import type { QuotaLimit } from '../compile.ts';
import type { LeaseClock } from './lease-clock.ts';
import type { LeaseTuning } from './lease-tuning.ts';
import type { QuotaGrant, QuotaRequest } from './quota-call.ts';
import { QuotaWindows } from './quota-windows.ts';
import { type Asker, type CountBackend, giveAllBack, joinWaiting, startCall } from './store-backend.ts';
import { heldTokens, isDenied, type Wallet } from './wallet.ts';
import { WalletSweep } from './wallet-sweep.ts';

type QuotaWallet = Wallet<QuotaLimit>;

export interface QuotaAskerOptions {
  backend: CountBackend;
  clock: LeaseClock;
  /** The wall clock, for a first guess at the server's. */
  wallMs: () => number;
  scheduler: Scheduler;
  instances: () => number;
  tuning: LeaseTuning;
}

const quietMs = 1000;

/** What a call is for: tokens; giving back all that is held; or only to tell what was seen. */
type Purpose = 'lease' | 'return' | 'present';

/**
 * The calls of all wallets of calendar quotas. Tokens that were given out are good to the end of their window and no longer, by
 * the server's clock; those that nobody used for a while go back, so that the last of a quota do not lie about.
 */
export class QuotaAsker implements Asker<QuotaLimit> {
  /** What the wallets know of their windows. */
  readonly windows: QuotaWindows;
  readonly #options: QuotaAskerOptions;
  readonly #clock: LeaseClock;
  readonly #sweep: WalletSweep<QuotaWallet>;
  /** A slow call, roughly. */
  #slowCallMs = 1;
  /** After a failed call nothing is told on its own until then: there may be very many wallets. */
  #quietUntilMs = 0;

  constructor(options: QuotaAskerOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.windows = new QuotaWindows(options.clock, options.wallMs());
    this.#sweep = new WalletSweep({
      scheduler: options.scheduler,
      tuning: options.tuning,
      look: (wallet) => this.#lookAt(wallet),
    });
  }

  ask(wallet: QuotaWallet, lacking: number): Promise<void> {
    joinWaiting(wallet, lacking);
    return wallet.inflight ?? this.#start(wallet, 'lease');
  }

  prefetch(wallet: QuotaWallet): void {
    if (wallet.inflight !== undefined || isDenied(wallet, 1, this.#clock.nowMs)) return;
    void this.#start(wallet, 'lease');
  }

  dismiss(wallet: QuotaWallet): void {
    wallet.evicted = true;
    this.#sweep.delete(wallet);
    if (wallet.inflight === undefined) this.#giveBack(wallet);
  }

  adopt(wallet: QuotaWallet, limit: QuotaLimit, version: number): void {
    wallet.limit = limit;
    if (wallet.version === version) return;
    wallet.version = version;
    wallet.deniedUntilMs = 0;
    if (wallet.window !== undefined) wallet.window.quota = limit.burst;
    if (wallet.inflight === undefined) this.#giveBack(wallet);
  }

  present(): void {
    for (const wallet of this.#sweep) {
      if (wallet.inflight === undefined) void this.#start(wallet, 'present');
    }
  }

  /** Adds tokens that were spent without a grant, or with a negative number takes off some that were granted and not used. */
  owe(wallet: QuotaWallet, tokens: number): void {
    this.windows.viewOf(wallet);
    wallet.owed += tokens;
    if (tokens < 0) wallet.deniedUntilMs = 0;
    this.#sweep.add(wallet);
  }

  /**
   * Gives back everything, and takes `tokens` off what counts as used, in one call. Rejects as every call does: then nobody
   * knows whether it was carried out.
   */
  async credit(wallet: QuotaWallet, tokens: number): Promise<void> {
    // oxlint-disable-next-line no-await-in-loop -- a wallet has one call at a time
    while (wallet.inflight !== undefined) await wallet.inflight.catch(() => undefined);
    await this.#start(wallet, 'return', tokens);
    // By the server's clock it was another window: the call did nothing but tell which one it is.
    if (wallet.window?.born === 0) await this.#start(wallet, 'return', tokens);
    // Who asked in the meantime was refused by what held before.
    wallet.deniedUntilMs = 0;
  }

  async close(): Promise<void> {
    const given = giveAllBack(this.#sweep, (wallet) => this.#giveBack(wallet));
    this.#sweep.close();
    await given;
  }

  /** Looks into the store without changing it; what it says is known of the wallet's window afterwards. */
  async look(wallet: QuotaWallet): Promise<QuotaGrant> {
    for (;;) {
      const sentMs = this.#clock.read();
      const lots = wallet.lots.map((lot) => ({ ...lot }));
      const request = { ...this.#compose({ ...wallet, lots, waitingSum: 0 }, 'present'), write: false };
      // oxlint-disable-next-line no-await-in-loop -- the first answer may only tell which window it is
      const grant = await this.#options.backend.callQuota(wallet.storeKey, request);
      this.#clock.read();
      if (this.windows.learn(wallet, grant, sentMs)) return grant;
    }
  }

  /** A grant leaves the others their part twice over. */
  #share(): number {
    return 2 * this.#options.instances();
  }

  #start(wallet: QuotaWallet, purpose: Purpose, credit = 0): Promise<void> {
    return startCall(wallet, () => this.#call(wallet, purpose, credit), {
      atOnce: purpose === 'return',
      after: () => wallet.evicted && this.#giveBack(wallet),
    });
  }

  #giveBack(wallet: QuotaWallet): void {
    this.#clock.read();
    if (heldTokens(wallet, this.#clock.nowMs) > 0 || wallet.owed !== 0) void this.#start(wallet, 'return');
  }

  async #call(wallet: QuotaWallet, purpose: Purpose, credit: number): Promise<void> {
    const sentMs = this.#clock.read();
    const request = this.#compose(wallet, purpose);
    const { owe } = request;
    // The script takes nothing off what was not given out.
    request.owe -= credit;
    wallet.owed = 0;
    let grant: QuotaGrant;
    try {
      grant = await this.#options.backend.callQuota(wallet.storeKey, request);
    } catch (error) {
      // Tokens of unknown fate are given up, a debt of unknown fate is not.
      wallet.answeredMs = this.#clock.read();
      this.#quietUntilMs = wallet.answeredMs + quietMs;
      if (owe > 0 && wallet.window?.window.startMs === request.startMs) wallet.owed += owe;
      throw error;
    }
    const nowMs = this.#clock.read();
    const tookMs = nowMs - sentMs;
    this.#slowCallMs += (tookMs - this.#slowCallMs) * (tookMs > this.#slowCallMs ? 0.5 : 0.02);
    if (this.windows.learn(wallet, grant, sentMs)) this.#settle(wallet, request, { grant, sentMs });
  }

  #compose(wallet: QuotaWallet, purpose: Purpose): QuotaRequest {
    const { nowMs } = this.#clock;
    const view = this.windows.viewOf(wallet);
    const { startMs, endMs } = view.window;
    let back = 0;
    const kept = [];
    for (const lot of wallet.lots) {
      // Tokens of a window that is over are void everywhere.
      if (lot.epoch !== startMs || lot.left === 0) continue;
      if (nowMs < lot.deadlineMs && purpose !== 'return') kept.push(lot);
      else back += lot.left;
    }
    wallet.lots = kept;
    let need = 0;
    let ask = 0;
    let want = 0;
    if (purpose === 'lease' || wallet.waitingSum > 0) {
      need = wallet.waitingSum > 0 ? wallet.waitingLeast : 1;
      ask = Math.min(Math.max(wallet.waitingSum, need), wallet.limit.burst);
      want = Math.max(ask, this.#chunkOf(wallet));
    }
    wallet.waitingSum = 0;
    wallet.waitingLeast = Infinity;
    return {
      startMs,
      endMs,
      quota: wallet.limit.burst,
      version: wallet.version,
      need,
      ask,
      want,
      share: this.#share(),
      write: true,
      lifeMs: this.#options.tuning.quotaLifeMs,
      back,
      backIn: startMs,
      owe: view.owedIn === startMs ? wallet.owed : 0,
      seenIn: view.born === 0 ? 0 : startMs,
      seenGranted: view.granted,
      seenReturned: view.returned,
      seenBorn: view.born,
    };
  }

  /** Tokens that last for a while at the rate at which they are spent; of a small quota none beyond what is asked for. */
  #chunkOf(wallet: QuotaWallet): number {
    const { nowMs } = this.#clock;
    const { burst } = wallet.limit;
    if (burst < 8 * this.#share()) return 0;
    const sinceMs = nowMs - wallet.rateAtMs;
    if (sinceMs > 0) {
      const rate = (wallet.spentSinceRate * 1000) / sinceMs;
      wallet.rate += (rate - wallet.rate) * (wallet.rate === 0 ? 1 : 1 - Math.exp(-sinceMs / 300));
      wallet.rateAtMs = nowMs;
      wallet.spentSinceRate = 0;
    }
    wallet.lowWater = Math.min((wallet.rate * this.#slowCallMs * 2) / 1000, burst / 8);
    return Math.min(Math.ceil((wallet.rate * this.#options.tuning.chunkMs) / 1000), Math.floor(burst / 4));
  }

  #settle(
    wallet: QuotaWallet,
    request: QuotaRequest,
    { grant, sentMs }: { grant: QuotaGrant; sentMs: number },
  ): void {
    const { driftPart, slackMs, maxProbeMs, maxProbeAloneMs } = this.#options.tuning;
    const { nowMs } = this.#clock;
    const view = this.windows.viewOf(wallet);
    wallet.answeredMs = nowMs;
    if (wallet.lots[0] !== undefined && wallet.lots[0].epoch !== grant.startMs) wallet.lots = [];
    const deadlineMs = sentMs + grant.lifeMs * (1 - driftPart) - slackMs;
    const [lot] = wallet.lots;
    if (lot === undefined) wallet.lots = [{ epoch: grant.startMs, left: grant.granted, used: 0, deadlineMs }];
    else {
      lot.left += grant.granted;
      // Good to the end of the window like all its tokens; a fresh look at the server's clock tells better when that is.
      lot.deadlineMs = deadlineMs;
    }
    if (deadlineMs <= nowMs) {
      // The window is about to end: what it still gives could not be used, and asking again would give no more.
      wallet.deniedUntilMs = view.endsAtMs;
      wallet.deniedNeed = 1;
    } else if (grant.granted > 0) wallet.deniedUntilMs = 0;
    else if (request.need > 0) {
      // Only what others give back can help before the window ends.
      const mostMs = this.#options.instances() > 1 ? maxProbeMs : maxProbeAloneMs;
      wallet.deniedUntilMs = Math.min(view.endsAtMs, nowMs + mostMs);
      wallet.deniedNeed = request.need;
    }
    if (!wallet.evicted && grant.granted > 0) this.#sweep.add(wallet);
  }

  #lookAt(wallet: QuotaWallet): boolean {
    const nowMs = this.#clock.read();
    if (wallet.inflight !== undefined || nowMs < this.#quietUntilMs) return true;
    const { idleMs } = this.#options.tuning;
    const held = heldTokens(wallet, nowMs);
    if (held === 0 && wallet.owed === 0) return false;
    const idle = held === 0 || this.#clock.monoMs - wallet.lastSpentMonoMs >= idleMs;
    if (idle && nowMs - wallet.answeredMs >= idleMs) void this.#start(wallet, 'return');
    return true;
  }
}
