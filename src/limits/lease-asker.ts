import type { Scheduler } from '../core/scheduler.ts';
import type { CompiledLimit } from './compile.ts';
import { convertDebt } from './bucket.ts';
import type { LeaseBackend, LeaseGrant, LeaseRequest } from './lease-call.ts';
import type { LeaseClock } from './lease-clock.ts';
import type { LeaseTuning } from './lease-tuning.ts';
import {
  addGrant,
  addOwed,
  heldTokens,
  isDenied,
  noteGrant,
  takeOwed,
  takeReports,
  unreportedTokens,
  type Wallet,
} from './wallet.ts';

export interface LeaseAskerOptions {
  backend: LeaseBackend;
  clock: LeaseClock;
  scheduler: Scheduler;
  instances: number;
  random: () => number;
  tuning: LeaseTuning;
}

/** What a call is for: tokens; giving all back; or only to tell what is held. */
type Purpose = 'lease' | 'return' | 'present';

/**
 * The calls of all wallets: at most one at a time for each, for everybody who waits by then. Decides how much to ask for,
 * and gives back what nobody used.
 */
export class LeaseAsker {
  readonly #backend: LeaseBackend;
  readonly #clock: LeaseClock;
  readonly #scheduler: Scheduler;
  readonly #instances: number;
  readonly #share: number;
  readonly #random: () => number;
  readonly #tuning: LeaseTuning;
  /** Wallets that may have something to give back, those looked at longest ago first. */
  readonly #holding = new Set<Wallet>();
  #cancelSweep: (() => void) | undefined;
  /** A slow call, roughly. */
  #slowCallMs = 1;
  #closed = false;

  constructor(options: LeaseAskerOptions) {
    this.#backend = options.backend;
    this.#clock = options.clock;
    this.#scheduler = options.scheduler;
    this.#instances = options.instances;
    // A grant leaves the others their part twice over, so that wallets shrink as the bucket runs empty.
    this.#share = 2 * options.instances;
    this.#random = options.random;
    this.#tuning = options.tuning;
  }

  /** Asks for `lacking` tokens more; resolves when the wallet's next answer is there, rejects when there is none. */
  ask(wallet: Wallet, lacking: number): Promise<void> {
    wallet.waitingSum += lacking;
    if (lacking < wallet.waitingLeast) wallet.waitingLeast = lacking;
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
    if (wallet.inflight === undefined) this.#giveBack(wallet);
  }

  /** Puts a wallet under a limit that was loaded anew. */
  adopt(wallet: Wallet, limit: CompiledLimit, version: number): void {
    const { unitsPerToken } = wallet.limit.bucket;
    wallet.limit = limit;
    if (wallet.version === version) return;
    wallet.version = version;
    wallet.knownDebt = convertDebt(wallet.knownDebt, unitsPerToken, limit.bucket.unitsPerToken);
    wallet.deniedUntilMs = 0;
    wallet.rate = 0;
    wallet.lowWater = 0;
    if (wallet.inflight === undefined && heldTokens(wallet, this.#clock.nowMs) > 0) this.#giveBack(wallet);
  }

  /** Tells of every wallet that holds something. */
  present(): void {
    for (const wallet of this.#holding) {
      if (wallet.inflight === undefined) void this.#start(wallet, 'present');
    }
  }

  /** Resolves when everything that is held was given back, or could not be. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelSweep?.();
    const last: Promise<unknown>[] = [];
    for (const wallet of this.#holding) {
      wallet.evicted = true;
      if (wallet.inflight === undefined) this.#giveBack(wallet);
      if (wallet.inflight !== undefined) last.push(wallet.inflight);
    }
    this.#holding.clear();
    await Promise.allSettled(last);
  }

  #start(wallet: Wallet, purpose: Purpose): Promise<void> {
    // A turn later, so that all who wait by then are asked for together; giving back must not leave time to spend.
    const call =
      purpose === 'return'
        ? this.#call(wallet, purpose)
        : Promise.resolve().then(() => this.#call(wallet, purpose));
    wallet.inflight = call;
    // Whoever waits learns of a failure; a call that nobody waits for may fail in silence.
    call.catch(() => undefined);
    return call;
  }

  #giveBack(wallet: Wallet): void {
    const worthIt =
      heldTokens(wallet, this.#clock.read()) > 0 || wallet.owed > 0 || this.#isReportDue(wallet);
    if (worthIt) void this.#start(wallet, 'return');
  }

  /** Spent tokens that nobody reported keep the bucket from refilling, for other instances; a few do no harm. */
  #isReportDue(wallet: Wallet): boolean {
    return this.#instances > 1 && unreportedTokens(wallet) * 8 >= wallet.limit.bucket.burst;
  }

  async #call(wallet: Wallet, purpose: Purpose): Promise<void> {
    const sentMs = this.#clock.read();
    const { generation } = this.#backend;
    const request = this.#compose(wallet, purpose);
    try {
      const grant = await this.#backend.call(wallet.storeKey, request);
      this.#settle(wallet, request, { grant, sentMs, generation });
    } catch (error) {
      // Tokens of unknown fate are given up, a debt of unknown fate is not.
      if (request.owe > 0) addOwed(wallet, request.owe, this.#clock.monoMs, this.#instances);
      throw error;
    } finally {
      wallet.inflight = undefined;
      // Those who still lack something say so again.
      wallet.waitingSum = 0;
      wallet.waitingLeast = Infinity;
    }
    if (wallet.evicted) this.#giveBack(wallet);
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
      const chunk = this.#chunkOf(wallet, nowMs);
      ask = Math.min(Math.max(wallet.waitingSum, need, this.#soonSpent(wallet, chunk)), bucket.burst);
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
      share: this.#share,
      write: true,
      first,
      second,
      ageUs: Math.max(0, Math.floor(sinceSpentMs * 1000)),
      owe: takeOwed(wallet, monoMs, this.#instances),
      held: heldTokens(wallet, nowMs),
      seen: wallet.seen,
      suspect: wallet.generation !== this.#backend.generation,
    };
  }

  /** A call that only looks, with the reports that the next real one will bring. */
  composePeek(wallet: Wallet, { limit, version }: { limit: CompiledLimit; version: number }): LeaseRequest {
    this.#clock.read();
    const lots = wallet.lots.map((lot) => ({ ...lot }));
    const request = this.#compose({ ...wallet, limit, version, lots, waitingSum: 0 }, 'present');
    return { ...request, write: false };
  }

  /** Tokens that last for a while at the rate at which they are spent. */
  #chunkOf(wallet: Wallet, nowMs: number): number {
    const { burst } = wallet.limit.bucket;
    // In a small bucket a chunk is all there is; each request then asks for itself, and nothing lies about.
    if (burst < 8 * this.#share) return 0;
    const sinceMs = nowMs - wallet.rateAtMs;
    if (sinceMs > 0) {
      const rate = (wallet.spentSinceRate * 1000) / sinceMs;
      const weight = wallet.rate === 0 ? 1 : 1 - Math.exp(-sinceMs / 300);
      wallet.rate += (rate - wallet.rate) * weight;
      wallet.rateAtMs = nowMs;
      wallet.spentSinceRate = 0;
    }
    wallet.lowWater = Math.min((wallet.rate * this.#slowCallMs * 2) / 1000, burst / 8);
    return Math.min(Math.ceil((wallet.rate * this.#tuning.chunkMs) / 1000), Math.floor(burst / 4));
  }

  /** What is spent until a refusing bucket is asked again counts as wanted now: else a nearly empty one is asked for crumbs. */
  #soonSpent(wallet: Wallet, chunk: number): number {
    const soon = Math.floor((wallet.rate * this.#tuning.minProbeMs) / 1000);
    return Math.min(soon, chunk, Math.floor(wallet.limit.bucket.burst / (2 * this.#share)));
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
    if (grant.granted > 0) wallet.deniedUntilMs = 0;
    else if (request.need > 0) this.#deny(wallet, request, grant, nowMs);
    if (wallet.lots.length > 0 && !wallet.evicted) {
      this.#holding.add(wallet);
      this.#sweepLater();
    }
  }

  #deny(wallet: Wallet, request: LeaseRequest, grant: LeaseGrant, nowMs: number): void {
    const { minProbeMs, maxProbeMs, maxProbeAloneMs } = this.#tuning;
    // Instances that ask in step would find the bucket full or empty always in the same order.
    const leastMs = Math.min(minProbeMs * (0.5 + this.#random()), wallet.limit.windowMs / 4);
    const mostMs = grant.outstanding > request.held ? maxProbeMs : maxProbeAloneMs;
    wallet.deniedUntilMs = nowMs + Math.min(Math.max(grant.retryUs / 1000, leastMs), mostMs);
    wallet.deniedNeed = request.need;
  }

  #sweepLater(): void {
    if (this.#closed || this.#cancelSweep !== undefined) return;
    this.#cancelSweep = this.#scheduler.after(this.#tuning.sweepMs, () => {
      this.#cancelSweep = undefined;
      this.#sweep();
      if (this.#holding.size > 0) this.#sweepLater();
    });
  }

  /** One look at some wallets; the rest has its turn later, so that no sweep stalls requests. */
  #sweep(): void {
    const nowMs = this.#clock.read();
    const { idleMs } = this.#tuning;
    const idleSinceMs = this.#clock.monoMs - idleMs;
    let left = Math.min(this.#holding.size, this.#tuning.sweepMax);
    for (const wallet of this.#holding) {
      if (left-- === 0) break;
      this.#holding.delete(wallet);
      const held = heldTokens(wallet, nowMs);
      if (held + unreportedTokens(wallet) === 0) continue;
      // What has just come is waited for by somebody who may still wait for another wallet.
      const fresh = nowMs - wallet.answeredMs < idleMs;
      const idle = wallet.lastSpentMonoMs <= idleSinceMs && !fresh && wallet.inflight === undefined;
      if (!idle) this.#holding.add(wallet);
      else if (held > 0 || this.#isReportDue(wallet)) void this.#start(wallet, 'return');
    }
  }
}
