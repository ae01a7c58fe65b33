// hot path: whole numbers below 2^53 only, no allocation. `lease-script.ts` holds the same arithmetic in Lua.

/**
 * A token bucket told by its debt: one token is worth `unitsPerToken` units, a spent token adds that much debt, and debt
 * leaks away at `leakPerUs` units a microsecond. Debt 0 is a full bucket, debt `capacity` an empty one. Counting debt in
 * such units keeps every rate exact: 3 tokens an hour need no fraction anywhere.
 */
export interface Bucket {
  readonly unitsPerToken: number;
  readonly leakPerUs: number;
  /** Whole tokens that a full bucket holds, at least 1. */
  readonly burst: number;
  /** `burst * unitsPerToken`, at most `maxCapacity`. */
  readonly capacity: number;
}

/** Up to here sums of two debts are exact, and so are rounded quotients of a debt (2^53 would do for the first only). */
export const maxCapacity = 2 ** 52;

/** A bucket that gains `tokens` in each `periodUs` and holds `burst`. Exact only while `capacity` ≤ `maxCapacity`. */
export function compileBucket(tokens: number, periodUs: number, burst: number): Bucket {
  const divisor = greatestCommonDivisor(tokens, periodUs);
  const unitsPerToken = periodUs / divisor;
  return { unitsPerToken, leakPerUs: tokens / divisor, burst, capacity: burst * unitsPerToken };
}

/**
 * The debt now, given the debt at `atUs`. A clock that went back leaks nothing. Debt above the capacity, which a lowered
 * burst leaves behind, counts as an empty bucket.
 */
export function debtAt(bucket: Bucket, debt: number, atUs: number, nowUs: number): number {
  return leakedDebt(bucket, debt > bucket.capacity ? bucket.capacity : debt, atUs, nowUs);
}

/** The same for debt that stays owed above the capacity, where more was spent than there was. */
export function leakedDebt(bucket: Bucket, owed: number, atUs: number, nowUs: number): number {
  const elapsedUs = nowUs - atUs;
  if (elapsedUs <= 0) return owed;
  // Inexact above 2^53, but then surely larger than any debt.
  const leaked = bucket.leakPerUs * elapsedUs;
  return leaked >= owed ? 0 : owed - leaked;
}

/** Whether `cost` tokens can be spent on top of this debt. */
export function hasRoom(bucket: Bucket, debt: number, cost: number): boolean {
  return cost === 0 || debt + cost * bucket.unitsPerToken <= bucket.capacity;
}

/** Whole tokens that can be spent. */
export function tokensLeft(bucket: Bucket, debt: number): number {
  return Math.max(0, Math.floor((bucket.capacity - debt) / bucket.unitsPerToken));
}

/** Microseconds, rounded up, until `cost` tokens can be spent. Never ends for a cost above the burst. */
export function untilRoomUs(bucket: Bucket, debt: number, cost: number): number {
  if (cost > bucket.burst) return Infinity;
  const lacking = debt + cost * bucket.unitsPerToken - bucket.capacity;
  return lacking <= 0 ? 0 : Math.ceil(lacking / bucket.leakPerUs);
}

/** Microseconds, rounded up, until there is one whole token more; 0 for a full bucket. */
export function untilMoreUs(bucket: Bucket, debt: number): number {
  if (debt === 0) return 0;
  return Math.ceil((debt % bucket.unitsPerToken || bucket.unitsPerToken) / bucket.leakPerUs);
}

/** Microseconds, rounded up, until the bucket is full. */
export function untilFullUs(bucket: Bucket, debt: number): number {
  return Math.ceil(debt / bucket.leakPerUs);
}

/**
 * The same number of tokens in the units of another rate, at most one unit more: a reload that changes a rate keeps what
 * was spent. The product inside is inexact, so the result is rounded against the caller.
 */
export function convertDebt(debt: number, fromUnits: number, toUnits: number): number {
  if (fromUnits === toUnits) return debt;
  const tokens = Math.floor(debt / fromUnits);
  const rest = debt - tokens * fromUnits;
  return tokens * toUnits + (rest === 0 ? 0 : Math.floor((rest * toUnits) / fromUnits) + 1);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
