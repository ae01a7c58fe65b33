// One long file: what is asked, when, and what an answer changes is one story. Pace, debts and arithmetic stand beside it.
import type { Scheduler } from '../../core/scheduler.ts';
import type { RateLimit } from '../compile.ts';
import { convertDebt } from '../bucket.ts';
import type { LeaseBackend, LeaseGrant, LeaseRequest } from './lease-call.ts';
import type { LeaseClock } from './lease-clock.ts';
import { LeaseDebts, type Outage } from './lease-debts.ts';
import {
  isEmptied,
  measureDemand,
  noteRoom,
  pacedAsk,
  type PaceTerms,
  pauseMs,
  untilTokenMs,
} from './lease-pace.ts';
import type { LeaseTuning } from './lease-tuning.ts';
import { giveAllBack, joinWaiting, startCall } from './store-backend.ts';
import {
  addGrant,
  addOwed,
  fixedTerms,
  isDenied,
  leasedTokens,
  noteGrant,
  type OwedTerms,
  takeOwed,
  takeReports,
  unreportedTokens,
  unspendTokens,
  type Wallet,
} from './wallet.ts';
import { WalletSweep } from './wallet-sweep.ts';

export interface LeaseAskerOptions {
  backend: LeaseBackend;
  clock: LeaseClock;
  scheduler: Scheduler;
  /** How many instances share the limits. */
  instances: () => number;
  random: () => number;
  tuning: LeaseTuning;
}

/** What a call is for: tokens; giving all back; or only to tell what is held. */
type Purpose = 'lease' | 'return' | 'present';

/** A bucket that keeps tokens for others after an outage is asked again as soon. */
const spareProbeMs = 100;

/** Tokens that an operator takes off what a bucket owes; the answer to the call that did so. */
interface Credit {
  readonly tokens: number;
  grant: LeaseGrant | undefined;
}

/**
 * The calls of all wallets: at most one at a time for each, for everybody who waits by then. Decides how much to ask for,
 * and gives back what nobody used.
 */
export class LeaseAsker {
  readonly #backend: LeaseBackend;
  readonly #clock: LeaseClock;
  readonly #instances: () => number;
  readonly #random: () => number;
  readonly #tuning: LeaseTuning;
  /** Wallets that may have something to give back. */
  readonly #holding: WalletSweep<Wallet>;
  readonly #debts: LeaseDebts;
  /** Debts are being told; ends with a call that fails. */
  #repaying = false;
  /** A slow call, roughly. */
  #slowCallMs = 1;

  constructor(options: LeaseAskerOptions) {
    this.#backend = options.backend;
    this.#clock = options.clock;
    this.#instances = options.instances;
    this.#random = options.random;
    this.#tuning = options.tuning;
    this.#debts = new LeaseDebts(options.clock);
    this.#holding = new WalletSweep({
      scheduler: options.scheduler,
      tuning: options.tuning,
      before: () => this.#beforeSweep(),
      look: (wallet) => this.#lookAt(wallet),
    });
  }

  /** Asks for `lacking` tokens more; resolves when the wallet's next answer is there, rejects when there is none. */
  ask(wallet: Wallet, lacking: number): Promise<void> {
    joinWaiting(wallet, lacking);
    return wallet.inflight ?? this.#start(wallet, 'lease');
  }

  /** Asks before tokens are missed. */
  prefetch(wallet: Wallet): void {
    if (wallet.inflight !== undefined || isDenied(wallet, 1, this.#clock.nowMs)) return;
    void this.#start(wallet, 'lease');
  }

  /** A wallet that nobody will find again. */
  dismiss(wallet: Wallet): void {
    wallet.evicted = true;
    this.#holding.delete(wallet);
    // Should the key come back meanwhile, a second wallet's debt leaks for both.
    this.#debts.fix(wallet);
    if (wallet.inflight === undefined) this.#giveBack(wallet);
  }

  /** Puts a wallet under a limit that was loaded anew. */
  adopt(wallet: Wallet, limit: RateLimit, version: number): void {
    const { unitsPerToken, leakPerUs, burst } = wallet.limit.bucket;
    const { bucket } = limit;
    wallet.limit = limit;
    if (wallet.version === version) return;
    wallet.version = version;
    const same = bucket.unitsPerToken === unitsPerToken && bucket.leakPerUs === leakPerUs;
    if (same && bucket.burst === burst) return;
    wallet.knownDebt = convertDebt(wallet.knownDebt, unitsPerToken, limit.bucket.unitsPerToken);
    wallet.deniedUntilMs = 0;
    wallet.emptySinceMs = Infinity;
    wallet.rate = 0;
    wallet.unmetRate = 0;
    wallet.lowWater = 0;
    if (wallet.inflight === undefined && leasedTokens(wallet, this.#clock.nowMs) > 0) this.#giveBack(wallet);
  }

  /**
   * Reports and gives back everything, and takes `tokens` off what the bucket owes, in one call; what others hold stays
   * owed. Rejects as every call does: then nobody knows whether it was carried out.
   */
  async credit(wallet: Wallet, tokens: number): Promise<LeaseGrant> {
    const credit: Credit = { tokens, grant: undefined };
    // oxlint-disable-next-line no-await-in-loop -- a wallet has one call at a time
    while (wallet.inflight !== undefined) await wallet.inflight.catch(() => undefined);
    await this.#start(wallet, 'return', credit);
    // Who asked in the meantime was refused by what held before.
    wallet.deniedUntilMs = 0;
    if (credit.grant === undefined) throw new TypeError('"#call" resolves with a grant');
    return credit.grant;
  }

  /** Tells of every wallet that holds something, or owes. */
  present(): void {
    for (const wallet of this.#holding) {
      if (wallet.inflight === undefined) void this.#start(wallet, 'present');
    }
    this.#repaySome();
  }

  /** Adds to what a wallet owes the store. */
  owe(wallet: Wallet, tokens: number, terms: OwedTerms): void {
    this.#debts.add(wallet, tokens, terms);
  }

  /** Tokens that a request turned out to cost beyond those that it found: the bucket learns of them at once. */
  charge(wallet: Wallet, tokens: number): void {
    this.owe(wallet, tokens, fixedTerms);
    if (wallet.inflight === undefined) void this.#start(wallet, 'present');
  }

  /** Tokens that a request took and turned out not to cost; those that cannot be spent again here go back with the next call. */
  refund(wallet: Wallet, tokens: number): void {
    wallet.refund += tokens - unspendTokens(wallet, tokens, this.#clock.nowMs);
    wallet.deniedUntilMs = 0;
  }

  startOutage(outage: Outage): void {
    this.#debts.startOutage(outage);
  }

  /** The store answers again: everything that is owed is told now. */
  endOutage(): void {
    this.#debts.endOutage();
    this.#repaySome();
  }

  /** Some wallets; the rest has its turn later, so that nothing stalls requests. */
  #repaySome(): void {
    this.#repaying = this.#debts.size > 0;
    for (const wallet of this.#debts.next(this.#tuning.sweepMax)) {
      if (wallet.inflight === undefined) void this.#start(wallet, 'present');
    }
    if (this.#repaying) this.#holding.later();
  }

  /** Resolves when everything that is held was given back, or could not be. */
  async close(): Promise<void> {
    const wallets = [...this.#holding, ...this.#debts.next(Infinity)];
    const given = giveAllBack(wallets, (wallet) => this.#giveBack(wallet));
    this.#holding.close();
    this.#debts.clear();
    await given;
  }

  #start(wallet: Wallet, purpose: Purpose, credit?: Credit): Promise<void> {
    return startCall(wallet, () => this.#call(wallet, purpose, credit), {
      // Giving back must not leave time to spend.
      atOnce: purpose === 'return',
      after: () => wallet.evicted && this.#giveBack(wallet),
    });
  }

  #giveBack(wallet: Wallet): void {
    const worthIt =
      leasedTokens(wallet, this.#clock.read()) > 0 || wallet.owed > 0 || this.#isReportDue(wallet);
    if (worthIt) void this.#start(wallet, 'return');
  }

  /** Spent tokens that nobody reported keep the bucket from refilling, for other instances; a few do no harm. */
  #isReportDue(wallet: Wallet): boolean {
    return this.#instances() > 1 && unreportedTokens(wallet) * 8 >= wallet.limit.bucket.burst;
  }

  async #call(wallet: Wallet, purpose: Purpose, credit?: Credit): Promise<void> {
    const sentMs = this.#clock.read();
    const { generation } = this.#backend;
    const request = this.#compose(wallet, purpose);
    const { owe } = request;
    request.owe -= wallet.refund;
    wallet.refund = 0;
    // The script adds what is owed and lets no debt fall below the tokens in wallets: a credit is a debt below nothing.
    if (credit !== undefined) request.owe -= credit.tokens;
    try {
      const grant = await this.#backend.call(wallet.storeKey, request);
      if (credit !== undefined) credit.grant = grant;
      this.#settle(wallet, request, { grant, sentMs, generation });
    } catch (error) {
      // Tokens of unknown fate are given up, a debt of unknown fate is not.
      if (owe > 0) addOwed(wallet, { tokens: owe, monoMs: this.#clock.monoMs, terms: wallet.owedTerms });
      this.#repaying = false;
      throw error;
    }
  }

  #compose(wallet: Wallet, purpose: Purpose): LeaseRequest {
    const { nowMs, monoMs } = this.#clock;
    const { bucket } = wallet.limit;
    const sinceSpentMs = (monoMs - wallet.lastSpentMonoMs) * (1 - this.#tuning.driftPart);
    const [first, second] = takeReports(wallet, purpose === 'return', nowMs);
    let need = 0;
    let ask = 0;
    let want = 0;
    if (purpose === 'lease' || wallet.waitingSum > 0) {
      need = wallet.waitingSum > 0 ? wallet.waitingLeast : 1;
      measureDemand(wallet, nowMs);
      const chunk = this.#chunkOf(wallet);
      const useful = isEmptied(wallet)
        ? pacedAsk(wallet, this.#terms())
        : Math.max(wallet.waitingSum, this.#soonSpent(wallet, chunk));
      ask = Math.min(Math.max(need, useful), bucket.burst);
      want = Math.max(ask, chunk);
    }
    wallet.waitingSum = 0;
    wallet.waitingLeast = Infinity;
    return {
      leakPerUs: bucket.leakPerUs,
      unitsPerToken: bucket.unitsPerToken,
      burst: bucket.burst,
      version: wallet.version,
      need,
      ask,
      want,
      // A grant leaves the others their part twice over, so that wallets shrink as the bucket runs empty.
      share: this.#share(),
      // Nobody decided by a share of the others.
      spare: wallet.limit.onStoreFailure === 'share' ? this.#debts.spareOf(bucket, need) : 0,
      write: true,
      first,
      second,
      ageUs: Math.max(0, Math.floor(sinceSpentMs * 1000)),
      owe: takeOwed(wallet, monoMs),
      held: leasedTokens(wallet, nowMs),
      seen: wallet.seen,
      suspect: wallet.generation !== this.#backend.generation,
    };
  }

  /** A call that only looks, with the reports that the next real one will bring. */
  composePeek(wallet: Wallet, { limit, version }: { limit: RateLimit; version: number }): LeaseRequest {
    this.#clock.read();
    const lots = wallet.lots.map((lot) => ({ ...lot }));
    const request = this.#compose({ ...wallet, limit, version, lots, waitingSum: 0 }, 'present');
    return { ...request, owe: request.owe - wallet.refund, write: false };
  }

  #terms(): PaceTerms {
    return { tuning: this.#tuning, instances: this.#instances() };
  }

  #share(): number {
    return 2 * this.#instances();
  }

  /** Tokens that last for a while at the rate at which they are spent. */
  #chunkOf(wallet: Wallet): number {
    const { burst } = wallet.limit.bucket;
    // In a small bucket a chunk is all there is; each request then asks for itself, and nothing lies about.
    if (burst < 8 * this.#share()) return 0;
    wallet.lowWater = Math.min((wallet.rate * this.#slowCallMs * 2) / 1000, burst / 8);
    return Math.min(Math.ceil((wallet.rate * this.#tuning.chunkMs) / 1000), Math.floor(burst / 4));
  }

  /** What is spent until a refusing bucket is asked again counts as wanted now: else a nearly empty one is asked for crumbs. */
  #soonSpent(wallet: Wallet, chunk: number): number {
    const soon = Math.floor((wallet.rate * this.#tuning.minProbeMs) / 1000);
    return Math.min(soon, chunk, Math.floor(wallet.limit.bucket.burst / (2 * this.#share())));
  }

  #settle(
    wallet: Wallet,
    request: LeaseRequest,
    answer: { grant: LeaseGrant; sentMs: number; generation: number },
  ): void {
    const { grant, sentMs, generation } = answer;
    const nowMs = this.#clock.read();
    const tookMs = nowMs - sentMs;
    this.#slowCallMs += (tookMs - this.#slowCallMs) * (tookMs > this.#slowCallMs ? 0.5 : 0.02);
    const { driftPart, slackMs } = this.#tuning;
    addGrant(wallet, grant, { sentMs, nowMs, driftPart, slackMs });
    noteGrant(wallet, grant, nowMs);
    wallet.generation = generation;
    wallet.spendUntilMs = wallet.limit.onStoreFailure === 'share' ? sentMs + this.#tuning.holdMs : Infinity;
    this.#debts.noteTold(wallet);
    if (request.need > 0) {
      if (noteRoom(wallet, grant, this.#terms())) this.#deny(wallet, request, grant, nowMs);
      else wallet.deniedUntilMs = 0;
    } else if (nowMs < wallet.deniedUntilMs) {
      // What was told now may have put the next token off.
      const tokenMs = nowMs + Math.min(untilTokenMs(grant), this.#tuning.maxProbeMs);
      wallet.deniedUntilMs = Math.max(wallet.deniedUntilMs, tokenMs);
    }
    if (wallet.lots.length > 0 && !wallet.evicted) this.#holding.add(wallet);
  }

  #deny(wallet: Wallet, request: LeaseRequest, grant: LeaseGrant, nowMs: number): void {
    const { maxProbeMs, maxProbeAloneMs } = this.#tuning;
    // Instances that ask in step would find the bucket full or empty always in the same order.
    const leastMs = pauseMs(wallet, { grant, nowMs, terms: this.#terms() }) * (0.5 + this.#random());
    let mostMs = grant.outstanding > request.held + grant.granted ? maxProbeMs : maxProbeAloneMs;
    // What is left for others after an outage is less as soon as it is over.
    if (request.spare > 0) mostMs = Math.min(mostMs, spareProbeMs);
    const tokenMs = grant.granted > 0 ? untilTokenMs(grant) : grant.retryUs / 1000;
    wallet.deniedUntilMs = nowMs + Math.min(Math.max(tokenMs, leastMs), mostMs);
    wallet.deniedNeed = grant.granted > 0 ? 1 : request.need;
  }

  #beforeSweep(): boolean {
    this.#clock.read();
    if (this.#repaying) this.#repaySome();
    return this.#repaying;
  }

  #lookAt(wallet: Wallet): boolean {
    const { nowMs, monoMs } = this.#clock;
    const { idleMs } = this.#tuning;
    const held = leasedTokens(wallet, nowMs);
    if (held + unreportedTokens(wallet) === 0) return false;
    // What has just come is waited for by somebody who may still wait for another wallet.
    const fresh = nowMs - wallet.answeredMs < idleMs;
    if (fresh || wallet.lastSpentMonoMs > monoMs - idleMs || wallet.inflight !== undefined) return true;
    if (held > 0 || this.#isReportDue(wallet)) void this.#start(wallet, 'return');
    return false;
  }
}
