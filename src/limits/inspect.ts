import { type Bucket, tokensLeft, untilFullUs, untilRoomUs } from './bucket.ts';
import type { CompiledLimit, QuotaLimit } from './compile.ts';
import { leaseTuning } from './leases/lease-tuning.ts';

/** Who keeps a budget: Redis for all instances, the memory of this process, or, while Redis is away, this instance's share. */
export type Keeper = 'redis' | 'memory' | 'share';

/** What is known of a budget of any kind. Whole tokens (or slots) and milliseconds; safe to print. */
interface AnyBudget {
  keptBy: Keeper;
  /**
   * The figures that govern, as they would be configured (`50/s`, `200000/day`, `8`): those of the store, which may be of a
   * newer configuration than this process has.
   */
  figures: string;
  /** What a full budget holds. */
  burst: number;
  /** Tokens that nobody has taken; never below 0. */
  free: number;
  /** Tokens that this process can spend without asking. */
  held: number;
  /** Until this process admits a request that costs one token; 0 when it does now. */
  retryAfterMs: number;
  /** For so long this process refuses a request of one token by what it was told, without asking the store. */
  refusingMs: number;
}

export interface RateBudget extends AnyBudget {
  kind: 'rate';
  /** Tokens that instances have leased, this one included, and have neither given back nor reported as spent. */
  leased: number;
  /** Spent by this process while the store was away, and not told to it yet. */
  untold: number;
  /** Until nothing is owed. */
  fullAfterMs: number;
}

export interface QuotaBudget extends AnyBudget {
  kind: 'quota';
  /** Given out in this window, what instances hold included. */
  used: number;
  windowStartMs: number;
  windowEndMs: number;
}

export interface SlotBudget extends AnyBudget {
  kind: 'inFlight';
  /** Requests of this process that are in progress. */
  inUse: number;
  /** Slots that other processes have, in use or held free for a moment. */
  elsewhere: number;
}

/** One key's budget as an operator sees it. */
export type BudgetState = RateBudget | QuotaBudget | SlotBudget;

/** The longest time for which an instance refuses by what it was told: then it sees what was reset or granted elsewhere. */
export const forgetDenialsMs = Math.max(leaseTuning.maxProbeMs, leaseTuning.maxProbeAloneMs);

/** A store whose budgets can be looked at and credited, one key at a time. Rejects with `StoreError` when it gives no answer. */
export interface BudgetDesk<Limit extends CompiledLimit = CompiledLimit> {
  /** Looks, and changes nothing. */
  look(limit: Limit, key: string): Promise<BudgetState>;
  /**
   * Takes `tokens` off what is owed, never below what instances hold: a budget never gets fuller than full. `Infinity` takes
   * all. What this process held goes back first, and what it was told of a refusal is forgotten. Gives the state afterwards;
   * after a rejection nobody knows whether it was carried out.
   */
  credit(limit: Limit, key: string, tokens: number): Promise<BudgetState>;
  /** Gives back what this process holds of a key and forgets what it was told of a refusal, so that the next request asks. */
  settle(limit: Limit, key: string): Promise<void>;
  /** How many keys of a limit this process holds in memory. */
  keysOf(limit: Limit): number;
}

/** What a store knows of a key besides the figures of its bucket. */
export interface KnownRate {
  keptBy: Keeper;
  /** Leased tokens included; may be above the capacity. */
  debt: number;
  leased?: number;
  held?: number;
  untold?: number;
  refusingMs?: number;
}

/** Puts what a store knows into the words of an operator. */
export function describeRate(bucket: Bucket, known: KnownRate): RateBudget {
  const { keptBy, debt, leased = 0, held = 0, untold = 0, refusingMs = 0 } = known;
  const met = Math.max(0, debt - held * bucket.unitsPerToken);
  const roomMs = Math.ceil(untilRoomUs(bucket, met, 1) / 1000);
  return {
    kind: 'rate',
    keptBy,
    figures: renderRate(bucket),
    burst: bucket.burst,
    free: Math.max(0, tokensLeft(bucket, debt)),
    leased,
    held,
    untold,
    retryAfterMs: held > 0 ? 0 : Math.max(roomMs, Math.ceil(refusingMs)),
    fullAfterMs: Math.ceil(untilFullUs(bucket, debt) / 1000),
    refusingMs: Math.ceil(refusingMs),
  };
}

/** Puts what a store has counted in a window into the words of an operator. */
export function describeQuota(
  { burst, period }: Pick<QuotaLimit, 'burst' | 'period'>,
  known: Omit<QuotaBudget, 'kind' | 'figures' | 'burst' | 'free' | 'retryAfterMs'> & { nowMs: number },
): QuotaBudget {
  const { nowMs, ...rest } = known;
  const free = Math.max(0, burst - known.used);
  const resetMs = Math.max(0, Math.ceil(known.windowEndMs - nowMs));
  const waitMs = free > 0 ? known.refusingMs : Math.max(resetMs, known.refusingMs);
  return {
    kind: 'quota',
    figures: `${burst}/${period.unit}`,
    burst,
    free,
    retryAfterMs: known.held > 0 ? 0 : Math.ceil(waitMs),
    ...rest,
    refusingMs: Math.ceil(known.refusingMs),
  };
}

/** Puts what a store knows of slots into the words of an operator. When the next one is free, nobody knows. */
export function describeSlots(
  capacity: number,
  known: Pick<SlotBudget, 'keptBy' | 'inUse' | 'held' | 'elsewhere' | 'refusingMs'>,
): SlotBudget {
  const { inUse, held, elsewhere, refusingMs } = known;
  return {
    kind: 'inFlight',
    figures: String(capacity),
    burst: capacity,
    free: Math.max(0, capacity - inUse - held - elsewhere),
    retryAfterMs: held > 0 ? 0 : Math.ceil(refusingMs),
    ...known,
    refusingMs: Math.ceil(refusingMs),
  };
}

/** The figures of a limit as they are configured. */
export function renderFigures(limit: CompiledLimit): string {
  switch (limit.kind) {
    case 'rate':
      return renderRate(limit.bucket);
    case 'quota':
      return `${limit.burst}/${limit.period.unit}`;
    case 'inFlight':
      return String(limit.burst);
    default:
      return limit satisfies never;
  }
}

const periodsUs = [
  ['s', 1e6],
  ['m', 60e6],
  ['h', 3600e6],
  ['d', 86_400e6],
] as const;

/** A rate as it would be configured, with the shortest period in which whole tokens come back. */
export function renderRate({
  leakPerUs,
  unitsPerToken,
}: Pick<Bucket, 'leakPerUs' | 'unitsPerToken'>): string {
  for (const [letter, periodUs] of periodsUs) {
    const tokens = (leakPerUs * periodUs) / unitsPerToken;
    if (Number.isInteger(tokens)) return `${tokens}/${letter}`;
  }
  // A share of a limit may gain no whole token in a day.
  return `${Number(((leakPerUs * 86_400e6) / unitsPerToken).toPrecision(6))}/d`;
}
