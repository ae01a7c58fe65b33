// hot path: arithmetic on plain data; nothing here waits, and only a report allocates.
import { convertDebt } from '../bucket.ts';
import type { CompiledLimit, QuotaLimit, RateLimit } from '../compile.ts';
import type { LeaseGrant, LeaseReport, SeenBucket } from './lease-call.ts';
import type { QuotaView } from './quota-call.ts';
import type { SlotView } from './slot-call.ts';

/** Leased tokens of one epoch. Times are milliseconds of the lease clock, unless their name says monotonic. */
export interface Lot {
  epoch: number;
  left: number;
  /** Spent and not yet reported. */
  used: number;
  /** From here on `left` must not be spent. */
  deadlineMs: number;
}

/** What this instance holds of one budget, and knows of it; of a bucket, where nothing else is said. */
export interface Wallet<Limit extends CompiledLimit = RateLimit> {
  limit: Limit;
  readonly key: string;
  /** The bucket's name in the store. */
  readonly storeKey: string;
  version: number;
  /** Oldest first. */
  lots: Lot[];
  /** Monotonic: a lease clock that jumped ahead would tell the bucket of too long a refill. */
  lastSpentMonoMs: number;
  /** When the last answer came. */
  answeredMs: number;
  /** Nobody needs to ask for `deniedNeed` tokens or more before then. */
  deniedUntilMs: number;
  deniedNeed: number;
  seen: SeenBucket;
  /** The debt as far as known, in units of `limit`, and when. */
  knownDebt: number;
  knownAtMs: number;
  /** Of the connection that gave the last answer. */
  generation: number;
  /**
   * From here on nothing may be spent until the store has answered again: what others spend without it after that long
   * must not come on top of what lies here. Infinity where that does not matter.
   */
  spendUntilMs: number;
  /** Tokens spent without a lease; they leak away as debt does, by `owedTerms`. */
  owed: number;
  owedAtMonoMs: number;
  /** Tokens that go back to the bucket with the next call: taken, reported as spent, and not used after all. */
  refund: number;
  owedTerms: OwedTerms;
  /** Tokens a second, as far as known; drives how much is leased. */
  rate: number;
  spentSinceRate: number;
  /** Tokens a second that were wanted beyond that and refused; drives how a bucket is asked that has too few. */
  unmetRate: number;
  refusedSinceRate: number;
  /** Since when the bucket has been empty whenever it was asked; Infinity when it was not the last time. */
  emptySinceMs: number;
  rateAtMs: number;
  /** Fewer tokens than these, and more are asked for before they are missed. */
  lowWater: number;
  /** The call under way. */
  inflight: Promise<void> | undefined;
  /** What those who wait lack in sum, and the one who lacks least. */
  waitingSum: number;
  waitingLeast: number;
  /** No longer found by any request; whatever still arrives goes back. */
  evicted: boolean;
  older: Wallet<CompiledLimit> | undefined;
  newer: Wallet<CompiledLimit> | undefined;
  /** Of a quota: the window that the store last told. */
  window: QuotaView | undefined;
  /** Of slots: what the store last told. */
  slots: SlotView | undefined;
}

/** How what is owed leaks away until the store hears of it. */
export interface OwedTerms {
  /** Before, the store's own bucket was still leaking, and nothing leaks twice. */
  leaksFromMonoMs: number;
  /** How many instances share the rate. */
  parts: number;
}

/** What is owed stays owed. */
export const fixedTerms: OwedTerms = { leaksFromMonoMs: Infinity, parts: 1 };

export const nothingSeen: SeenBucket = { born: 0, debt: 0, atUs: 0, units: 1 };

export interface WalletStart<Limit extends CompiledLimit = RateLimit> {
  limit: Limit;
  key: string;
  storeKey: string;
  version: number;
  nowMs: number;
}

export function createWallet<Limit extends CompiledLimit>({
  limit,
  key,
  storeKey,
  version,
  nowMs,
}: WalletStart<Limit>): Wallet<Limit> {
  return {
    limit,
    key,
    storeKey,
    version,
    lots: [],
    lastSpentMonoMs: 0,
    answeredMs: nowMs,
    deniedUntilMs: 0,
    deniedNeed: 0,
    seen: nothingSeen,
    knownDebt: 0,
    knownAtMs: nowMs,
    generation: -1,
    spendUntilMs: Infinity,
    owed: 0,
    owedAtMonoMs: 0,
    refund: 0,
    owedTerms: fixedTerms,
    rate: 0,
    spentSinceRate: 0,
    unmetRate: 0,
    refusedSinceRate: 0,
    emptySinceMs: Infinity,
    rateAtMs: nowMs,
    lowWater: 0,
    inflight: undefined,
    waitingSum: 0,
    waitingLeast: Infinity,
    evicted: false,
    older: undefined,
    newer: undefined,
    window: undefined,
    slots: undefined,
  };
}

/** Tokens that may be spent now. */
export function heldTokens(wallet: Wallet<CompiledLimit>, nowMs: number): number {
  return nowMs < wallet.spendUntilMs ? leasedTokens(wallet, nowMs) : 0;
}

/** Tokens whose lease has not ended. */
export function leasedTokens(wallet: Wallet<CompiledLimit>, nowMs: number): number {
  let tokens = 0;
  const { lots } = wallet;
  for (let i = 0; i < lots.length; i++) {
    const lot = lots[i]!;
    if (nowMs < lot.deadlineMs) tokens += lot.left;
  }
  return tokens;
}

/** One instant on both clocks. */
export interface Moment {
  /** Of the lease clock. */
  nowMs: number;
  monoMs: number;
}

/** Spends tokens that `heldTokens` has shown to be there, oldest first; `held` is what it said. */
export function spendTokens(wallet: Wallet, cost: number, held: number, { nowMs, monoMs }: Moment): void {
  if (cost === 0) return;
  let due = cost;
  let outstanding = held;
  const { lots } = wallet;
  for (let i = 0; i < lots.length; i++) {
    const lot = lots[i]!;
    outstanding += lot.used;
    if (due === 0 || nowMs >= lot.deadlineMs) continue;
    const part = lot.left < due ? lot.left : due;
    lot.left -= part;
    lot.used += part;
    due -= part;
  }
  // The bucket, told later, lets nothing refill that was outstanding until now.
  wallet.knownDebt = debtNow(wallet, outstanding, nowMs);
  wallet.knownAtMs = nowMs;
  wallet.lastSpentMonoMs = monoMs;
  wallet.spentSinceRate += cost;
}

/** Spends tokens of a quota that `heldTokens` has shown to be there. */
export function spendLots(wallet: Wallet<QuotaLimit>, cost: number, { nowMs, monoMs }: Moment): void {
  let due = cost;
  for (const lot of wallet.lots) {
    if (due === 0 || nowMs >= lot.deadlineMs) continue;
    const part = lot.left < due ? lot.left : due;
    lot.left -= part;
    due -= part;
  }
  wallet.lastSpentMonoMs = monoMs;
  wallet.spentSinceRate += cost;
}

/** Takes back that tokens were spent, as far as that was not reported yet; gives how many. */
export function unspendTokens(wallet: Wallet, tokens: number, nowMs: number): number {
  let due = tokens;
  for (const lot of wallet.lots) {
    if (nowMs >= lot.deadlineMs) continue;
    const part = lot.used < due ? lot.used : due;
    lot.used -= part;
    lot.left += part;
    due -= part;
  }
  return tokens - due;
}

/** Whether the store said lately that so many more tokens are not there. */
export function isDenied(wallet: Wallet<CompiledLimit>, lacking: number, nowMs: number): boolean {
  return nowMs < wallet.deniedUntilMs && lacking >= wallet.deniedNeed;
}

/**
 * The debt of the bucket less the tokens in this wallet: what a request of this instance meets. A guess between two calls:
 * other instances are not heard.
 */
export function debtMet(wallet: Wallet, held: number, nowMs: number): number {
  const { unitsPerToken, capacity } = wallet.limit.bucket;
  const debt = debtNow(wallet, held, nowMs) - held * unitsPerToken;
  return debt > capacity ? capacity : debt;
}

/** The debt that leaked since it was known, but never below the tokens that are outstanding. */
function debtNow(wallet: Wallet, outstanding: number, nowMs: number): number {
  const { unitsPerToken, leakPerUs } = wallet.limit.bucket;
  const leaked = wallet.knownDebt - leakPerUs * Math.floor((nowMs - wallet.knownAtMs) * 1000);
  const least = outstanding * unitsPerToken;
  return leaked > least ? leaked : least;
}

/** How much earlier than counted a lease ends here. */
export interface LeaseMargin {
  /** Part of any time span by which two machines may disagree. */
  driftPart: number;
  slackMs: number;
}

/** Adds a grant. `sentMs` is from before the call was sent: the tokens were leased later, so they die later than counted. */
export function addGrant(
  wallet: Wallet,
  grant: LeaseGrant,
  times: LeaseMargin & { sentMs: number; nowMs: number },
): void {
  const { sentMs, nowMs, driftPart, slackMs } = times;
  const deadlineMs = sentMs + (grant.lifeUs / 1000) * (1 - driftPart) - slackMs;
  if (grant.repaired) relabel(wallet, { epoch: grant.epoch, left: 0, used: 0, deadlineMs }, nowMs);
  if (grant.granted === 0) return;
  const last = wallet.lots.at(-1);
  if (last !== undefined && last.epoch === grant.epoch && nowMs < last.deadlineMs) {
    last.left += grant.granted;
    if (deadlineMs < last.deadlineMs) last.deadlineMs = deadlineMs;
    return;
  }
  wallet.lots.push({ epoch: grant.epoch, left: grant.granted, used: 0, deadlineMs });
}

/** After a repair all that is held counts as leased in the epoch of the repair. */
function relabel(wallet: Wallet, lot: Lot, nowMs: number): void {
  for (const { left, used, deadlineMs } of wallet.lots) {
    lot.used += used;
    if (nowMs >= deadlineMs) continue;
    lot.left += left;
    if (deadlineMs < lot.deadlineMs) lot.deadlineMs = deadlineMs;
  }
  wallet.lots = lot.left + lot.used > 0 ? [lot] : [];
}

/** What is remembered of an answer. */
export function noteGrant(wallet: Wallet, grant: LeaseGrant, nowMs: number): void {
  const { debt, atUs, born, unitsPerToken } = grant;
  wallet.seen = { born, debt, atUs, units: unitsPerToken };
  wallet.knownDebt = convertDebt(debt, unitsPerToken, wallet.limit.bucket.unitsPerToken);
  wallet.knownAtMs = nowMs;
  wallet.answeredMs = nowMs;
}

const noReport: LeaseReport = { epoch: 0, used: 0, returned: 0 };

/**
 * Takes what was spent, and with `giveBack` all that is left, out of the wallet to be reported once. Whether the report
 * arrives is not known to the wallet ever after: one that is lost costs tokens, one that came twice would make some.
 */
export function takeReports(wallet: Wallet, giveBack: boolean, nowMs: number): [LeaseReport, LeaseReport] {
  const reports: LeaseReport[] = [];
  const kept: Lot[] = [];
  for (const lot of wallet.lots) {
    const alive = nowMs < lot.deadlineMs;
    const returned = giveBack && alive ? lot.left : 0;
    if (lot.used + returned > 0) reports.push({ epoch: lot.epoch, used: lot.used, returned });
    lot.used = 0;
    if (alive && lot.left > 0 && !giveBack) kept.push(lot);
    else lot.left = 0;
  }
  wallet.lots = kept;
  // A bucket knows two epochs; older ones are void there.
  return [reports.at(-1) ?? noReport, reports.at(-2) ?? noReport];
}

/** Tokens spent and not reported. */
export function unreportedTokens(wallet: Wallet): number {
  let used = 0;
  for (const lot of wallet.lots) used += lot.used;
  return used;
}

/** Adds tokens that were spent without a lease, after what leaked since; all of them leak by these terms from here on. */
export function addOwed(
  wallet: Wallet,
  { tokens, monoMs, terms }: { tokens: number; monoMs: number; terms: OwedTerms },
): void {
  wallet.owed = owedNow(wallet, monoMs) + tokens;
  wallet.owedAtMonoMs = monoMs;
  wallet.owedTerms = terms;
}

/** Whole tokens, rounded up. */
export function takeOwed(wallet: Wallet, monoMs: number): number {
  const owed = Math.ceil(owedNow(wallet, monoMs));
  wallet.owed = 0;
  return owed;
}

function owedNow({ owed, owedAtMonoMs, owedTerms, limit }: Wallet, monoMs: number): number {
  const { leaksFromMonoMs, parts } = owedTerms;
  const sinceMs = monoMs - Math.max(owedAtMonoMs, leaksFromMonoMs);
  if (owed === 0 || sinceMs <= 0) return owed;
  const { leakPerUs, unitsPerToken } = limit.bucket;
  return Math.max(0, owed - ((leakPerUs * 1000) / unitsPerToken / parts) * sinceMs);
}
