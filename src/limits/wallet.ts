// hot path: arithmetic on plain data; nothing here waits, and only a report allocates.
import { convertDebt } from './bucket.ts';
import type { CompiledLimit } from './compile.ts';
import type { LeaseGrant, LeaseReport, SeenBucket } from './lease-call.ts';

/** Leased tokens of one epoch. Times are milliseconds of the lease clock, unless their name says monotonic. */
export interface Lot {
  epoch: number;
  left: number;
  /** Spent and not yet reported. */
  used: number;
  /** From here on `left` must not be spent. */
  deadlineMs: number;
}

/** What this instance holds of one bucket, and knows of it. */
export interface Wallet {
  limit: CompiledLimit;
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
  /** Tokens spent without a lease; they leak away as debt does, at this instance's part of the rate. */
  owed: number;
  owedAtMonoMs: number;
  /** Tokens a second, as far as known; drives how much is leased. */
  rate: number;
  spentSinceRate: number;
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
  older: Wallet | undefined;
  newer: Wallet | undefined;
}

export const nothingSeen: SeenBucket = { born: 0, debt: 0, atUs: 0, units: 1 };

export interface WalletStart {
  limit: CompiledLimit;
  key: string;
  storeKey: string;
  version: number;
  nowMs: number;
}

export function createWallet({ limit, key, storeKey, version, nowMs }: WalletStart): Wallet {
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
    owed: 0,
    owedAtMonoMs: 0,
    rate: 0,
    spentSinceRate: 0,
    rateAtMs: nowMs,
    lowWater: 0,
    inflight: undefined,
    waitingSum: 0,
    waitingLeast: Infinity,
    evicted: false,
    older: undefined,
    newer: undefined,
  };
}

/** Tokens that may be spent now. */
export function heldTokens(wallet: Wallet, nowMs: number): number {
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

/** Whether the store said lately that so many more tokens are not there. */
export function isDenied(wallet: Wallet, lacking: number, nowMs: number): boolean {
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

/** Adds tokens that were spent without a lease, after what leaked since. `parts` is how many instances share the rate. */
export function addOwed(wallet: Wallet, tokens: number, monoMs: number, parts: number): void {
  wallet.owed = owedNow(wallet, monoMs, parts) + tokens;
  wallet.owedAtMonoMs = monoMs;
}

/** Whole tokens, rounded up. */
export function takeOwed(wallet: Wallet, monoMs: number, parts: number): number {
  const owed = Math.ceil(owedNow(wallet, monoMs, parts));
  wallet.owed = 0;
  return owed;
}

function owedNow({ owed, owedAtMonoMs, limit }: Wallet, monoMs: number, parts: number): number {
  if (owed === 0) return 0;
  const { leakPerUs, unitsPerToken } = limit.bucket;
  const leaked = ((leakPerUs * 1000) / unitsPerToken / parts) * (monoMs - owedAtMonoMs);
  return Math.max(0, owed - leaked);
}
