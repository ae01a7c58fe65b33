import type { LeaseGrant } from './lease-call.ts';
import type { LeaseTuning } from './lease-tuning.ts';
import type { Wallet } from './wallet.ts';

/**
 * How often, and for how much, an instance asks a bucket from which more is wanted than it has. Asked at once whenever a
 * token may be there, such a bucket would cost a call and more for each token, and whoever asks most would get most. What waits in
 * the bucket is not lost as long as it does not fill up, so an instance asks the more seldom the longer this lasts, and then for all
 * that has come. Nothing here decides how much is admitted: the bucket does.
 */

/** A bucket is left alone for this part of the time that it has been empty: so much of what comes is late at most. */
const patience = 1 / 20;
/** Whoever gets less than this much of its part asks as often as ever, and as seldom as may be from the second figure on. */
const tooLittle = 0.85;
const content = 1;
/** What is left over after a question for more periods than these shows that the bucket has enough after all. */
const plentyPeriods = 1.5;
/** Demand that paused for longer is a new beginning. */
const forgottenMs = 100;

export interface PaceTerms {
  tuning: LeaseTuning;
  /** How many instances share the rate. */
  instances: number;
}

/** Learns what a wallet spends, and would spend more, from what it did since the last time; what is new counts most. */
export function measureDemand(wallet: Wallet, nowMs: number): void {
  const sinceMs = nowMs - wallet.rateAtMs;
  if (sinceMs <= 0) return;
  const weight = wallet.rate === 0 ? 1 : 1 - Math.exp(-sinceMs / 300);
  wallet.rate += ((wallet.spentSinceRate * 1000) / sinceMs - wallet.rate) * weight;
  wallet.unmetRate += ((wallet.refusedSinceRate * 1000) / sinceMs - wallet.unmetRate) * weight;
  wallet.rateAtMs = nowMs;
  wallet.spentSinceRate = 0;
  wallet.refusedSinceRate = 0;
}

/** Whether the bucket was empty when it was asked last, or its tokens are those that others wait for. */
export function isEmptied(wallet: Wallet): boolean {
  return wallet.emptySinceMs < Infinity;
}

/** What to ask an emptied bucket for: what is spent and refused in the longest pause, if it is there. */
export function pacedAsk(wallet: Wallet, terms: PaceTerms): number {
  const wanted = Math.floor(((wallet.rate + wallet.unmetRate) * longestPauseMs(wallet, terms)) / 1000);
  // As ever, what may lie in one wallet leaves the others their part twice over.
  return Math.min(wanted, Math.floor(wallet.limit.bucket.burst / (2 * terms.instances)));
}

/**
 * Takes note of an answer to a question for tokens; gives whether the bucket has to be left alone for a while. A grant that took
 * the last token says what the next question would: that there is none.
 */
export function noteRoom(wallet: Wallet, grant: LeaseGrant, terms: PaceTerms): boolean {
  const free = freeTokens(grant);
  if (grant.granted === 0 || free < 1) return true;
  const perPeriod = partPerMs(wallet, terms) * terms.instances * longestPauseMs(wallet, terms);
  const wanted = terms.instances > 1 && isEmptied(wallet) && wallet.unmetRate > 0;
  const ofOthers = wanted && free <= Math.max(1, plentyPeriods * perPeriod);
  if (!ofOthers) wallet.emptySinceMs = Infinity;
  return ofOthers;
}

/** How long to leave an emptied bucket alone, on average. */
export function pauseMs(
  wallet: Wallet,
  { grant, nowMs, terms }: { grant: LeaseGrant; nowMs: number; terms: PaceTerms },
): number {
  const longestMs = longestPauseMs(wallet, terms);
  const resumed = nowMs - wallet.deniedUntilMs > Math.max(forgottenMs, longestMs);
  if (resumed || !isEmptied(wallet)) wallet.emptySinceMs = nowMs;
  const patientMs = Math.min((nowMs - wallet.emptySinceMs) * patience, longestMs) * easeOf(wallet, terms);
  const leastMs = Math.min(terms.tuning.minProbeMs, wallet.limit.windowMs / 4);
  const waitMs = Math.max(leastMs, patientMs);
  // Nobody was refused yet: the next one may ask as soon as there is a token.
  return grant.granted > 0 && wallet.unmetRate * waitMs < 1000 ? 0 : waitMs;
}

/** Until there is a whole token; 0 or less when there is one. */
export function untilTokenMs(grant: LeaseGrant): number {
  return ((1 - freeTokens(grant)) * grant.unitsPerToken) / grant.leakPerUs / 1000;
}

/** 0 for an instance that gets too little: another one that asks more often would get ever more. 1 for one that gets its part. */
function easeOf(wallet: Wallet, terms: PaceTerms): number {
  if (terms.instances === 1) return 1;
  const got = wallet.rate / (1000 * partPerMs(wallet, terms));
  return Math.min(1, Math.max(0, (got - tooLittle) / (content - tooLittle)));
}

/** A few tokens of the own part are worth a call; more would be late, or overflow where bursts are small. */
function longestPauseMs(wallet: Wallet, terms: PaceTerms): number {
  const { minProbeMs, maxPauseMs, pauseTokens } = terms.tuning;
  const worthMs = Math.max(minProbeMs, pauseTokens / partPerMs(wallet, terms));
  return Math.min(worthMs, maxPauseMs, wallet.limit.windowMs / 4);
}

/** Tokens a millisecond that this instance gets when all want as much. */
function partPerMs({ limit }: Wallet, { instances }: PaceTerms): number {
  const { leakPerUs, unitsPerToken } = limit.bucket;
  return (leakPerUs * 1000) / unitsPerToken / instances;
}

function freeTokens({ burst, debt, unitsPerToken }: LeaseGrant): number {
  return burst - debt / unitsPerToken;
}
